#!/bin/bash
# lint.sh [--all]: layout (clang-format), mistakes and names (clang-tidy), scripts (shellcheck).
# Without --all, clang-tidy reads the rooms that every other stands on (base, codes, segments, index, evaluate, search), which take two
# minutes; the rest takes from half a minute to several a file (JSON, libtorch).
# A file that passed is not read again until it, a header or .clang-tidy changes (build/tidy/passed).
set -euo pipefail
cd "$(dirname "$0")/.."
all=${1:-}
jobs=${JOBS:-$(nproc)}
fail=0

mapfile -t sources < <(find src bench fuzz tests cmake -name '*.h' -o -name '*.cc' -o -name '*.cu' | sort)
echo "clang-format: ${#sources[@]} files"
if ! clang-format-14 --dry-run --Werror "${sources[@]}"; then
  echo "lint: run 'make format'" >&2
  fail=1
fi

mapfile -t shell_scripts < <(grep -rlE '^#!/bin/(ba)?sh' .ci scripts examples tests --include='*' | sort)
echo "shellcheck: ${#shell_scripts[@]} scripts"
shellcheck --severity=style "${shell_scripts[@]}" || fail=1

# A tree of its own: clang cannot read the precompiled header of g++.
tree=build/tidy
mkdir -p "$tree/passed"
if ! cmake --preset tidy >"$tree/configure.log" 2>&1; then
  cat "$tree/configure.log" >&2
  exit 1
fi

# One "file<TAB>torch|plain" a line, from the compiler's own list.
units() {
  sed -n 's/^ *"command": "\(.*\)",\{0,1\}$/\1/p' "$tree/compile_commands.json" |
    awk -v root="$PWD/" '{ torch = index($0, "torch/csrc/api/include") ? "torch" : "plain"; file = $NF
                           sub(root, "", file); print file "\t" torch }' | sort -u
}
if [[ $all == --all ]]; then
  mapfile -t files < <(units | grep -v '^cmake/' | cut -f 1)
else
  mapfile -t files < <(units | awk -F '\t' '$1 !~ /_test\.cc$/ && $1 ~ /^src\/(base|codes|segments|index|evaluate|search)\// { print $1 }')
fi

shared=$({ cat .clang-tidy; find src bench fuzz tests -name '*.h' | sort | xargs cat; } | sha256sum | cut -c 1-64)
pending=()
for file in "${files[@]}"; do
  stamp=$tree/passed/$(cat <(echo "$shared $file") "$file" | sha256sum | cut -c 1-64)
  [[ -e $stamp ]] || pending+=("$file" "$stamp")
done
echo "clang-tidy: ${#files[@]} files, $((${#pending[@]} / 2)) to read"

# shellcheck disable=SC2016  # expanded by the inner shell
if ((${#pending[@]})) && ! printf '%s\0' "${pending[@]}" | xargs -0 -n 2 -P "$jobs" bash -c '
  if output=$(clang-tidy-19 -p build/tidy --quiet --extra-arg-before=-Wno-unknown-warning-option "$1" 2>&1); then
    touch "$2"
  else
    # What was found, without the count of findings suppressed in system headers.
    printf "%s\n" "$output" | grep -vE "^[0-9]+ warnings?( and [0-9]+ errors?)? generated|^Suppressed|^Use -header" >&2
    exit 1
  fi' tidy; then
  fail=1
fi

if ((fail)); then
  echo "lint: failed" >&2
  exit 1
fi
echo "lint: clean"
