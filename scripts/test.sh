#!/bin/bash
# Every test, in the order of what breaks most often: the release build and all its tests, the same code under address and
# undefined-behaviour sanitizers (unit tests, fuzzers, bad input on the command line), then lint.
# Goes on after a failure, so that one run tells everything. Ends with "N passed, N failed, N skipped".
# shellcheck disable=SC2317  # stage calls the functions
set -uo pipefail
cd "$(dirname "$0")/.." || exit
jobs=${JOBS:-$(nproc)}
status=0
declare -A took
logs=()

# stage NAME COMMAND...: runs it, says how long it took.
stage() {
  local name=$1 started=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  "$@" || { status=1; echo "== $name: FAILED" >&2; }
  took[$name]=$((SECONDS - started))
}

build() {
  local preset=$1
  mkdir -p build
  cmake --preset "$preset" >"build/configure-$preset.log" 2>&1 || { cat "build/configure-$preset.log" >&2; return 1; }
  cmake --build --preset "$preset" -- -j "$jobs"
}

run_tests() {
  local preset=$1 tree=$2
  local log=$tree/Testing/Temporary/LastTest.log
  rm -f "$log"
  ctest --preset "$preset" -j "$jobs"
  local result=$?
  cp "$log" "build/tests-$preset.log" && logs+=("build/tests-$preset.log")
  return "$result"
}

stage "release: build" build release-tests
stage "release: every test" run_tests release-tests build/release
stage "sanitizers: build" build dev
stage "sanitizers: unit tests, fuzzers, bad input" run_tests dev build/dev
stage "lint" scripts/lint.sh

printf '\n== summary\n'
for name in "release: build" "release: every test" "sanitizers: build" "sanitizers: unit tests, fuzzers, bad input" "lint"; do
  printf '%5d s  %s\n' "${took[$name]}" "$name"
done
scripts/count_tests.sh "${logs[@]:-/dev/null}" || status=1
exit "$status"
