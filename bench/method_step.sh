#!/bin/bash
# How long does a training step of a method take, beside the Python reference of the same model?
#
#   bench/method_step.sh prompthash|dmmh WARIFU PAIRS_CSV IMAGE_NPY SPLITS [ROUNDS]
#
# Both learn the same pairs with the same sizes, in turns, each for 1 and for 3 epochs; the difference is two epochs
# without start-up. Prints milliseconds a step of wall clock and of processor time for each round. Ours includes a
# validation and a checkpoint an epoch.
set -euo pipefail
method=$1 warifu=$(realpath "$2") pairs=$(realpath "$3") image=$(realpath "$4") splits=$(realpath "$5") rounds=${6:-3}
reference=$(realpath "$(dirname "$0")/reference/$method.py")
case $method in
  prompthash) labels=articleType reference_flags=(--cut final) ;;
  dmmh) labels=articleType,baseColour reference_flags=() ;;
  *) echo "no reference of '$method'" >&2; exit 64 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$warifu" --workspace "$work" ingest "$pairs" --label-columns "$labels" --image-features "$image" --splits "$splits" \
  --progress none --output json >/dev/null
batches=$("$warifu" --workspace "$work" train --method "$method" --epochs 1 --space count --progress none --output json |
  python3 -c 'import json, math, sys; print(math.ceil(json.load(sys.stdin)["train_items"] / 128))')

# seconds: wall and processor
measure() {
  local TIMEFORMAT='%R %U %S' spent
  spent=$({ time "$@" >/dev/null 2>"$work/errors"; } 2>&1) || { cat "$work/errors" >&2; exit 1; }
  awk '{print $1, $2 + $3}' <<<"$spent"
}
ours() { measure "$warifu" --workspace "$work" train --method "$method" --epochs "$1" --space step --progress none; }
theirs() {
  measure python3 "$reference" --pairs "$pairs" --image "$image" --splits "$splits" "${reference_flags[@]}" \
    --epochs "$1" --quiet --threads "$2"
}

for ((round = 0; round < rounds; ++round)); do
  for ((i = 1; i <= 3; i += 2)); do
    spent=$(ours "$i") && echo "ours $i $spent"
    spent=$(theirs "$i" 1) && echo "reference-1-thread $i $spent"
    spent=$(theirs "$i" 2) && echo "reference-2-threads $i $spent"
  done
done | awk -v steps="$((2 * batches))" '
  $2 == 1 { wall[$1] = $3; cpu[$1] = $4 }
  $2 == 3 {
    w = ($3 - wall[$1]) / steps; c = ($4 - cpu[$1]) / steps
    printf "%-20s %6.1f ms a step, %6.1f ms of processors\n", $1, 1000 * w, 1000 * c
    if ($1 == "ours") own = w; else { printf "%-20s takes %.2f times as long\n", "", w / own }
  }'
