#!/bin/bash
# The demonstration behind make demo: an open collection of clip art, two methods, one honest table, one page to look at.
# Everything lies in build/demo; what is there already is not done again.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh demo

warifu=$PWD/build/warifu
demo=${DEMO:-build/demo}
export WARIFU_WORKSPACE=$demo/workspace
bits=16,32,64,128
mkdir -p "$demo/measured"

step() { printf '\n\033[1m%s\033[0m\n' "$1" | if [[ -t 1 ]]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi; }
say() { printf '  %s\n' "$@" | sed 's/ *$//'; }
# Keeps a result only when it is whole, so that an interrupted run leaves nothing half-done behind.
keep() { "${@:2}" >"$1.part" && mv "$1.part" "$1"; }

step "1/6  The collection"
if [[ ! -e $demo/collection ]]; then  # moved there when all of it is made
  keep "$demo/collection" examples/openclipart/prepare.sh "$demo/openclipart"
fi
say "Open Clip Art from Debian's packages, public domain: $(head -n 1 "$demo/collection")."
say "$(sed -n 2p "$demo/collection"). Queries are in neither of the other two."

step "2/6  Reading pictures and words into a workspace (half a minute the first time)"
say "The pictures stay where they are; the workspace keeps where, and a fingerprint."
keep "$demo/measured/ingest.json" "$warifu" ingest "$demo/openclipart/items.jsonl" --splits "$demo/openclipart/splits" \
  --output json
say "$(jq -r '"\(.items) items: \(.added) new, \(.unchanged) were there already"' "$demo/measured/ingest.json")"
say "$(jq -r '[.rejections[].reason | select(test("megapixels"))] | length' "$demo/measured/ingest.json") pictures of more than 60 megapixels are left out: a limit against files made to exhaust a machine." \
  "Each is listed with its reason by: build/warifu status --rejected --workspace $WARIFU_WORKSPACE"

step "3/6  Learning codes"
# learn SPACE METHOD PICTURES TEXTS WHAT
learn() {
  local space=$1 method=$2 pictures=$3 texts=$4 what=$5
  say "$space: $what"
  if [[ -e $demo/measured/$space.train.json ]] && "$warifu" status --output json |
    jq -e --arg space "$space" 'any(.spaces[]; .name == $space and .problem == "")' >/dev/null; then
    say "  trained already, in $(jq -r '.seconds | ceil' "$demo/measured/$space.train.json") s"
    return
  fi
  keep "$demo/measured/$space.train.json" "$warifu" train --method "$method" --space "$space" --bits $bits \
    --image-encoder "$pictures" --text-encoder "$texts" --seed 1 --output json
  say "  trained in $(jq -r '.seconds | ceil' "$demo/measured/$space.train.json") s"
}
learn cca-itq cca-itq classic bow \
  "colours, edges and shape of a picture, words of a text, joined by linear algebra (seconds)"
learn contrastive contrastive classic bow \
  "the same features, joined by two small networks that learn which picture and text belong together (a minute)"

step "4/6  Encoding every item"
for space in cca-itq contrastive; do
  keep "$demo/measured/$space.index.json" "$warifu" index --space $space --output json
  say "$space: $(jq -r '"\(.encoded | add) new codes, \(.bytes / 1000 | ceil) kB of codes for all lengths and halves"' "$demo/measured/$space.index.json")"
done

step "5/6  Measuring"
for space in cca-itq contrastive; do
  keep "$demo/measured/$space.evaluate.json" "$warifu" evaluate --space $space --relevance any:keyword --output json
done
say "$(jq -r '"Each of \(.query_items) held-out items asks \(.database_items) items of the other kind. An answer is right if it shares a keyword."' "$demo/measured/contrastive.evaluate.json")"
say "mAP: 1 is a perfect order of all answers; ties between equal codes are averaged over. [95% interval over queries]" \
  "The words of an item contain its keywords, so this is words to keywords and not sentences to pictures." ""
scripts/comparison.sh "$demo/measured" cca-itq contrastive | sed 's/^/  /'
keep "$demo/measured/contrastive.calibrate.json" "$warifu" calibrate --space contrastive --relevance any:keyword --output json
say "" "How sure a hit is was learnt from $(jq -r .queries "$demo/measured/contrastive.calibrate.json") searches with pairs that training held out: the page says it in words."

step "6/6  Looking"
examples/openclipart/queries.sh "$demo/openclipart" >"$demo/queries.jsonl"
for space in cca-itq contrastive; do
  for sheet in html png; do
    "$warifu" search --space $space --bits 64 -k 8 --queries "$demo/queries.jsonl" --sheet "$demo/found-$space.$sheet" \
      --output jsonl >"$demo/found-$space.jsonl"
  done
done
say "Three searches by words and three by a picture that was never seen, best answers first. Open in a browser:" "" \
  "  $demo/found-contrastive.html" "  $demo/found-cca-itq.html" "" "or look at the .png beside each."

step "Next"
say "Ask for something yourself, on the command line:" "" \
  "  build/warifu search --workspace $WARIFU_WORKSPACE --space contrastive --text \"flag with a star\"" "" \
  "or with words and pictures on the page: type this, then open http://127.0.0.1:8080 in a browser" "" \
  "  build/warifu serve --workspace $WARIFU_WORKSPACE --space contrastive" ""
