#!/bin/bash
# Configures and builds the release preset; build/warifu is the program. Quiet when there is nothing to do.
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)}

mkdir -p build
log=build/configure.log
if ! cmake --preset release >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
if [[ ! -x build/release/bin/warifu ]]; then
  echo "Building Warifu with $jobs jobs (about 10 minutes from nothing on 2 cores) ..."
fi
cmake --build --preset release --target warifu -- -j "$jobs"
ln -sfn release/bin/warifu build/warifu
