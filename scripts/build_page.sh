#!/bin/bash
# build_page.sh FOLDER: builds web/ into FOLDER/dist. The sources are copied there, so that what npm installs (FOLDER/node_modules) lies
# outside the source tree; build trees share one FOLDER, and npm works again only where package-lock.json changed.
set -euo pipefail
cd "$(dirname "$0")/.."
source=$PWD/web
folder=$1

# Everything in the folder is ours to replace: one that somebody else filled is left alone.
if [[ -d $folder && ! -e $folder/lock && -n $(ls -A "$folder") ]]; then
  echo "warifu: $folder is not empty and not a folder of page builds; name another by -DWARIFU_PAGE_FOLDER" >&2
  exit 1
fi
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9

sources() { (cd "$source" && find . \( -name node_modules -o -name dist -o -name check \) -prune -o -type f -print0 | LC_ALL=C sort -z); }
state=$( (cd "$source" && sources | xargs -0 sha256sum && node --version) | sha256sum | cut -c 1-64)
if [[ -e $folder/dist/index.html && $(cat "$folder/built" 2>/dev/null) == "$state" ]]; then
  exit 0
fi

find "$folder" -mindepth 1 -maxdepth 1 ! -name node_modules ! -name installed ! -name lock -exec rm -rf {} +
(cd "$source" && sources | tar -c --null -T -) | tar -x -C "$folder"
cd "$folder"
log=$folder/npm.log
packages=$( (cat package-lock.json && node --version) | sha256sum | cut -c 1-64)
if [[ $(cat installed 2>/dev/null) != "$packages" ]]; then
  echo "Installing what builds the page (npm) ..."
  rm -f installed
  if ! npm ci --ignore-scripts --no-audit --no-fund --prefer-offline >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "warifu: npm could not install what web/package-lock.json lists. Without a network: fill npm's cache once where there is one" >&2
    echo "        (npm ci in web/), or build without the page: cmake --preset release -DWARIFU_PAGE=OFF" >&2
    exit 1
  fi
  echo "$packages" >installed
fi
if ! npm run --silent build >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
echo "$state" >built
