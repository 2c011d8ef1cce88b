#!/usr/bin/env bash
# Installs the Debian packages that something needs and that are missing: deps.sh [PURPOSE...], purposes program, python, test, bench
# and lint (which reads everything); without one, all. Their versions are those of Debian 12; what comes from PyPI and crates.io later is pinned by hash where it
# is used. Quick, quiet and offline when everything is there; otherwise it says what it installs, and on a terminal how far it is.
set -euo pipefail

program=(
  g++ cmake ninja-build pkg-config                         # build
  libfmt-dev libboost1.81-dev libboost-json1.81-dev        # text, JSON
  libcli11-dev libedit-dev libutf8proc-dev libpcre2-dev    # command line, Unicode, patterns
  libssl-dev                                               # TLS
  python3 python3-venv ca-certificates                     # fetching models
)
python=(python3-dev)                                       # the extension module
test=(
  ccache git libgtest-dev libonig-dev                      # what is built again and again, the tests
  clang-19 libclang-rt-19-dev llvm-19                      # fuzz targets
  valgrind                                                 # instruction counts
)
bench=(libbenchmark-dev)
lint=(clang-19 clang-format-19 clang-tidy-19)

# Any cargo from 1.88 on will do; Debian's own for the Rust crate is cargo-web.
cargo_is_recent() {
  local version
  version=$(cargo --version 2>/dev/null | cut -d' ' -f2) || return 1
  [ -n "$version" ] && printf '1.88.0\n%s\n' "${version%%-*}" | sort -VC
}
cargo_is_recent || program+=(cargo-web rustc-web)

packages=("${program[@]}")
for purpose in "${@:-all}"; do
  case $purpose in
    program) ;;
    python) packages+=("${python[@]}") ;;
    test) packages+=("${python[@]}" "${test[@]}" "${bench[@]}") ;; # all that is built, benchmarks too
    bench) packages+=("${bench[@]}") ;;
    lint | all) packages+=("${python[@]}" "${test[@]}" "${bench[@]}" "${lint[@]}") ;;
    *)
      echo "deps.sh: unknown purpose '$purpose': expected program, python, test, bench or lint" >&2
      exit 2
      ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  echo "deps: this is not a Debian system; install the counterparts of: ${packages[*]}" >&2
  exit 1
fi

installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' | sed -n 's/^ii //p')
mapfile -t missing < <(printf '%s\n' "${packages[@]}" | sort -u | grep -vxF -f <(printf '%s\n' "$installed") || true)
if [ "${#missing[@]}" -eq 0 ]; then
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "deps: run as root, or install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi

# apt's account of itself, shown when something fails.
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# The share done, from apt's status lines ("pmstatus:g++:42.5:Installing"), on one line of a terminal.
show_progress() {
  local kind name share what
  while IFS=: read -r kind name share what; do
    case $kind in
      dlstatus | pmstatus) [ ! -t 2 ] || printf '\rdeps: %s %3.0f %%\033[K' "$([ "$kind" = dlstatus ] && echo fetching || echo installing)" "$share" >&2 ;;
    esac
  done
  [ ! -t 2 ] || printf '\r\033[K' >&2
}

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -o APT::Status-Fd=3 "$@" >>"$log" 2>&1 </dev/null
}

begin=$SECONDS
echo "deps: installing Debian packages: ${missing[*]}" >&2
if ! { { apt update && apt install -y --no-install-recommends "${missing[@]}"; } 3>&1 >&2 | show_progress; }; then
  tail -n 20 "$log" >&2
  echo "deps: apt-get failed" >&2
  exit 1
fi
echo "deps: installed in $((SECONDS - begin)) s" >&2
hash -r
cargo_is_recent || { echo "deps: cargo 1.88 or later is needed; found: $(cargo --version 2>&1 || true)" >&2; exit 1; }
