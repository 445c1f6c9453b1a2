#!/bin/bash
# screenshots.sh [WORKSPACE SPACE WORDS PICTURE]: the pictures of the README, docs/images/*.png, from a served workspace.
# Without arguments: what make demo left in build/demo. The workspace itself is not changed: a copy is served.
set -euo pipefail
cd "$(dirname "$0")/.."
demo=${DEMO:-build/demo}
workspace=${1:-$demo/workspace}
space=${2:-contrastive}
words=${3:-flag of a country in europe}
picture=${4:-}
warifu=${WARIFU:-build/warifu}
export NODE_PATH=${NODE_PATH:-$PWD/build/web/node_modules}

if [[ ! -d $workspace ]]; then
  echo "screenshots: there is no workspace at $workspace; 'make demo' makes one" >&2
  exit 66
fi
if [[ -z $picture ]]; then  # one of those that make demo asks with: training never saw it
  picture=$(jq -r 'select(.image) | .image' "$demo/queries.jsonl" | head -n 1)
fi

folder=$(mktemp -d)
server=
stop() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" || true
  fi
  rm -rf "$folder"
}
trap stop EXIT
cp -a "$workspace" "$folder/workspace"

"$warifu" serve --workspace "$folder/workspace" --space "$space" --port 0 --output jsonl >"$folder/serving" &
server=$!
until [[ -s $folder/serving ]]; do
  kill -0 "$server"  # it ended: it has said why
  sleep 0.2
done

node scripts/screenshots.mjs "$(jq -r .url "$folder/serving")" "$folder" "$words" "$picture"
mkdir -p docs/images
for file in "$folder"/*.png; do
  # 256 colours: text stays sharp, and a picture takes a third.
  vips pngsave "$file" "docs/images/${file##*/}" --palette --Q 90 --dither 0.6 --effort 10 --compression 9 --strip
  echo "docs/images/${file##*/}  $(($(stat -c %s "docs/images/${file##*/}") / 1000)) kB"
done
