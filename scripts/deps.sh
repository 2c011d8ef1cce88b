#!/usr/bin/env bash
# Installs what building and testing halfbyte needs: packages of Debian 12, and nothing else. Their versions are those of
# the release; what comes from PyPI and crates.io later is pinned by hash where it is used.
# Quick, quiet and offline when everything is there; otherwise it says what it installs.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache pkg-config git              # build
  libfmt-dev libboost1.81-dev libboost-json1.81-dev        # text, JSON
  libcli11-dev libedit-dev libutf8proc-dev libpcre2-dev    # command line, Unicode, patterns
  libssl-dev                                               # TLS
  libgtest-dev libonig-dev libbenchmark-dev valgrind       # tests, micro-benchmarks, instruction counts
  python3 python3-dev python3-venv ca-certificates         # the Python module, test tools; fetching models
  clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev llvm-19  # fuzzing, format, lint
)

# Any cargo from 1.88 on will do; Debian's own for the Rust crate is cargo-web.
cargo_is_recent() {
  local version
  version=$(cargo --version 2>/dev/null | cut -d' ' -f2) || return 1
  [ -n "$version" ] && printf '1.88.0\n%s\n' "${version%%-*}" | sort -VC
}
cargo_is_recent || packages+=(cargo-web rustc-web)

if ! command -v dpkg-query >/dev/null; then
  echo "deps: this is not a Debian system; install the counterparts of: ${packages[*]}" >&2
  exit 1
fi

installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' | sed -n 's/^ii //p')
mapfile -t missing < <(printf '%s\n' "${packages[@]}" | grep -vxF -f <(printf '%s\n' "$installed") || true)
if [ "${#missing[@]}" -eq 0 ]; then
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "deps: run as root, or install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "deps: installing Debian packages: ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${missing[@]}"
hash -r
cargo_is_recent || { echo "deps: cargo 1.88 or later is needed; found: $(cargo --version 2>&1 || true)" >&2; exit 1; }
