#!/bin/sh
# queries.sh DIR: six queries for `warifu search --queries`, from what prepare.sh left in DIR: three in words, which find
# pictures, and three held-out pictures (the first query items of three keywords), which find words.
set -eu
export LC_ALL=C
dir=${1:?usage: queries.sh DIR}

for words in "fruit" "flag of a country in europe" "animal with four legs"; do
  printf '{"id":"%s","text":"%s","find":"image"}\n' "$words" "$words"
done

# The lines of items.jsonl whose id is in the query split, then the first one of each keyword.
awk -v keywords="fruit flag animal" '
  FNR == NR { asked["\"id\":\"" $0 "\""] = 1; next }
  {
    match($0, /"id":"[^"]*"/)
    if (!(substr($0, RSTART, RLENGTH) in asked)) next
    match($0, /"image":"[^"]*"/); image = substr($0, RSTART + 9, RLENGTH - 10)
    match($0, /"keyword":\[.*\]/); labels = substr($0, RSTART, RLENGTH)
    count = split(keywords, keyword, " ")
    for (i = 1; i <= count; i++)
      if (!(i in shown) && index(labels, "\"" keyword[i] "\"")) {
        shown[i] = 1
        printf "{\"id\":\"picture of %s\",\"image\":\"%s\",\"find\":\"text\"}\n", keyword[i], image
        next
      }
  }' "$dir/splits/query.txt" "$dir/items.jsonl"
