#!/bin/bash
# comparison.sh FOLDER SPACE...: one table from FOLDER/SPACE.evaluate.json and FOLDER/SPACE.train.json of each space.
set -euo pipefail
folder=$1
shift

# shellcheck disable=SC2016  # $names below are jq's
row='def three: . * 1000 | round | "\(. / 1000 | floor).\(. % 1000 + 1000 | tostring | .[1:])";
def measured($r): if $r then "\($r.map | three) [\($r.ci95[0] | three) \($r.ci95[1] | three)]" else "-" end;'

{
  printf 'method\tbits\twords to pictures\tpictures to words\tcodes of one half\tlearnt in\n'
  # shellcheck disable=SC2016
  jq -r "$row"' . as $e | def by($d): [.random[] | select(.direction == $d) | .map | three][0] // "-";
    ["random order", "-", by("t2i"), by("i2t"), "-", "-"] | @tsv' "$folder/$1.evaluate.json"
  for space in "$@"; do
    # shellcheck disable=SC2016
    jq -r --arg space "$space" --slurpfile train "$folder/$space.train.json" "$row"' . as $e
      | ($train[0].seconds | ceil | tostring + " s") as $seconds
      | (.results | map(.bits) | unique)[] as $bits
      | def by($d): measured([$e.results[] | select(.direction == $d and .bits == $bits)][0]);
      [$space, $bits, by("t2i"), by("i2t"),
       "\($e.storage.code_bytes_per_item[$bits | tostring] * $e.database_items / 1000 * 10 | round / 10) kB", $seconds]
      | @tsv' "$folder/$space.evaluate.json"
  done
} | column -t -s $'\t'
