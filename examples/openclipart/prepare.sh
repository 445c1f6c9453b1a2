#!/bin/sh
# prepare.sh DIR: turns Debian's openclipart packages into a collection that warifu ingests.
#
#   DIR/items.jsonl                             one item a line: {"id", "image", "text", "labels": {"keyword": [...]}}
#   DIR/splits/{query,database,train}.txt       ids; query and database share no item, train lies inside database
#
# A picture counts once, with the keywords of all its names. Its text is its title and its keywords;
# its labels are those keywords that at least 40 pictures carry. So text -> picture on this collection is words to
# keywords: it measures whether a picture is found by words that describe it, not whether sentences are understood.
# Icon sets, stars, jigsaw pieces and "special" are left out: hundreds of near-identical pictures.
#
# The pictures stay where they are. Same packages -> the same files, byte for byte.
set -eu
export LC_ALL=C
out=${1:?usage: prepare.sh DIR}
clipart=${OPENCLIPART:-/usr/share/openclipart}
minimum=40
queries=500
train=2500

command -v xmlstarlet >/dev/null || { echo "prepare.sh: xmlstarlet is missing: apt-get install -y xmlstarlet" >&2; exit 1; }
for folder in "$clipart/svg" "$clipart/png"; do
  [ -d "$folder" ] || {
    echo "prepare.sh: no folder $folder: apt-get install -y openclipart-png openclipart-svg" >&2
    exit 1
  }
done
mkdir -p "$out/splits"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Every name of a picture and the one file behind it: the package links 1,221 pictures into a second folder.
(cd "$clipart/png" && find . -name '*.png' | sed 's|^\./||; s|\.png$||' |
  grep -Ev '^(computer/icons|shapes/stars|shapes/jigsaw|special)/' | sort) >"$work/names"
(cd "$clipart/png" && sed 's|$|.png|' "$work/names" | xargs realpath --relative-to=. | sed 's|\.png$||') >"$work/files"
paste "$work/names" "$work/files" >"$work/file_of_name"

# One line a drawing: path, title, author, then its keywords, separated by tabs. A drawing that is not XML is left out.
(cd "$clipart/svg" && sed 's|$|.svg|' "$work/names" | xargs -n 500 xmlstarlet sel -T \
  -N dc=http://purl.org/dc/elements/1.1/ -N rdf=http://www.w3.org/1999/02/22-rdf-syntax-ns# \
  -t -f -o '	' -v 'normalize-space((//*[local-name()="Work"]/dc:title)[1])' \
  -o '	' -v 'normalize-space((//dc:creator//dc:title)[1])' \
  -m '//dc:subject//rdf:li' -o '	' -v 'normalize-space(.)' -b -n) >"$work/metadata" 2>/dev/null || true

awk -F '\t' -v minimum="$minimum" -v png="$clipart/png" -v query_count="$queries" -v train_count="$train" -v out="$out" '
  # Keywords that say nothing of the picture: a broken export, a folder name, the author.
  function is_noise(word, author) { return word == "" || word == "unsorted" || word ~ /^hash(\(|$)/ || word == author }
  function words(text) { gsub(/[_\-]+/, " ", text); gsub(/[[:cntrl:]]+/, " ", text); return text }
  function json(text) { gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); return "\"" text "\"" }
  # A number from an id and a seed: the order in which items are dealt to the splits.
  function number_of(id,   i, hash) {
    hash = 1719
    for (i = 1; i <= length(id); i++) hash = (hash * 69069 + code[substr(id, i, 1)] + 1) % 2147483648
    return hash
  }
  BEGIN { for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i }
  FNR == NR { file_of[$1] = $2; next }
  {
    sub(/\.svg$/, "", $1); id = file_of[$1]; author = tolower($3)
    if (!(id in title)) { order[++items] = id; title[id] = $2 }
    for (i = 4; i <= NF; i++) {
      word = tolower($i)
      if (is_noise(word, author) || (id, word) in seen) continue
      seen[id, word] = 1; carried[word]++; keywords[id] = keywords[id] "\t" word
    }
  }
  END {
    for (i = 1; i <= items; i++) {
      id = order[i]; label_list = ""; text = words(title[id])
      count = split(substr(keywords[id], 2), list, "\t")
      for (k = 1; k <= count; k++) {
        text = text (text == "" ? "" : ", ") words(list[k])
        if (carried[list[k]] < minimum) continue
        label_list = label_list (label_list == "" ? "" : ",") json(list[k]); label_total++
        if (!(list[k] in used)) { used[list[k]] = 1; labels++ }
      }
      if (label_list == "") continue
      printf "{\"id\":%s,\"image\":%s,\"text\":%s,\"labels\":{\"keyword\":[%s]}}\n", \
        json(id), json(png "/" id ".png"), json(text), label_list > (out "/items.jsonl")
      printf "%010d %s\n", number_of(id), id > (out "/order.tmp")
      kept++
    }
    if (!kept) { print "prepare.sh: no picture has a usable keyword: is openclipart-svg complete?" > "/dev/stderr"; exit 1 }
    printf "%d pictures, %d labels, %.1f labels a picture\n", kept, labels, label_total / kept
  }' "$work/file_of_name" "$work/metadata"

sort "$out/order.tmp" | cut -d ' ' -f 2- >"$work/order"
rm "$out/order.tmp"
head -n "$queries" "$work/order" | sort >"$out/splits/query.txt"
tail -n "+$((queries + 1))" "$work/order" | sort >"$out/splits/database.txt"
tail -n "+$((queries + 1))" "$work/order" | head -n "$train" | sort >"$out/splits/train.txt"
echo "splits: $(wc -l <"$out/splits/query.txt") query, $(wc -l <"$out/splits/database.txt") database, of which $(wc -l <"$out/splits/train.txt") train"
