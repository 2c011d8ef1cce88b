#!/usr/bin/env bash
# Builds and runs test stages in the order given: test.sh STAGE..., stages fuzz, sanitized, tsan, release, counts, wheel.
# Stops at the first stage that fails. Real models come from HALFBYTE_MODELS; the fuzz targets run FUZZ_SECONDS each (60).
set -euo pipefail
cd "$(dirname "$0")/.."

jobs=$(nproc)

# Timed, so that whoever waits sees where the time goes.
step() {
  local name=$1 begin=$SECONDS
  shift
  echo "== $name"
  "$@"
  echo "== $name: $((SECONDS - begin)) s"
}

# Each target starts from the seeds that the good- and bad-file generators wrote, in its own folder, all at once.
run_fuzz_targets() {
  local seconds=${FUZZ_SECONDS:-60} target name corpus running=() failed=0
  for target in build-fuzz/bin/*_fuzz; do
    name=$(basename "$target" _fuzz)
    corpus=build-fuzz/corpus/$name
    mkdir -p "$corpus"
    if [ -x "build-fuzz/bin/${name}_seeds" ]; then
      "build-fuzz/bin/${name}_seeds" "$corpus"
    fi
    echo "fuzzing $name for $seconds s from $(find "$corpus" -type f | wc -l) seeds"
    "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -artifact_prefix="build-fuzz/$name-" -print_final_stats=1 \
      "$corpus" >"build-fuzz/$name.log" 2>&1 &
    running+=("$!:$name")
  done
  for job in "${running[@]}"; do
    name=${job#*:}
    if wait "${job%%:*}"; then
      grep -E 'number_of_executed_units|peak_rss_mb' "build-fuzz/$name.log"
    else
      echo "fuzz target $name failed:"
      tail -n 40 "build-fuzz/$name.log"
      failed=1
    fi
  done
  return "$failed"
}

# Sanitized code is slow: the real models get their prompts and the first tokens of the long text. Without detect_stack_use_after_return:
# GCC 12's fake stack is not aligned for 64-byte vectors.
run_sanitized_tests() {
  HALFBYTE_TEST_QUICK=1 ASAN_OPTIONS=strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 \
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 \
    ctest --test-dir "$1" --output-on-failure --no-tests=error -j "$jobs"
}

# As a user would: into a clean environment, and used from another folder, so that nothing of the tree is found by chance.
run_installed_package() {
  local environment=$PWD/build/wheel-test
  python3 -m venv --clear "$environment"
  CMAKE_BUILD_PARALLEL_LEVEL=$jobs "$environment/bin/pip" install --quiet --disable-pip-version-check . </dev/null
  (cd / && "$environment/bin/halfbyte" version && "$environment/bin/python" - <<'PY'
from halfbyte.inference import EngineBackend

with EngineBackend("smollm2:135m", template=True) as backend:
    print("".join(backend.stream("Why is the sky blue?", max_new_tokens=32, temperature=0.0)))
PY
  )
}

for stage in "$@"; do
  case $stage in
    fuzz)
      step "build fuzz targets" scripts/build.sh fuzz $(basename -s .cpp -a tests/fuzz/*.cpp)
      step "fuzz" run_fuzz_targets
      ;;
    sanitized)
      step "build with ASan and UBSan" scripts/build.sh asan
      step "tests with ASan and UBSan" run_sanitized_tests build-asan
      ;;
    tsan)
      step "build with TSan" scripts/build.sh tsan
      step "tests with TSan" run_sanitized_tests build-tsan
      ;;
    release)
      step "build" scripts/build.sh release
      echo "== tests"
      ctest --test-dir build --output-on-failure --no-tests=error -j "$jobs"
      ;;
    counts)
      step "build what is counted" scripts/build.sh release counted_run
      step "instruction counts" bench/instruction_counts.py
      ;;
    wheel)
      step "pip install" run_installed_package
      ;;
    *)
      echo "test.sh: unknown stage '$stage': expected fuzz, sanitized, tsan, release, counts or wheel" >&2
      exit 2
      ;;
  esac
done
