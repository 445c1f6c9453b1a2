#!/usr/bin/python3
"""Do one-word Japanese queries find their picture? Over Debian's tuxpaint-stamps-default: 950 pictures, one sentence each.

  bench/japanese.py prepare FOLDER            writes FOLDER/stamps.csv from the installed package
  warifu --workspace FOLDER/ws ingest FOLDER/stamps.csv
  warifu --workspace FOLDER/ws train --method contrastive --bits 64 && warifu --workspace FOLDER/ws index
  bench/japanese.py measure FOLDER WARIFU     100 queries: by both channels, by codes alone, by keywords alone

A query is one word of an item's text, drawn by seed 1 among words that at most ten items have: a word that eleven
items have cannot put all of them into the first ten. Words are runs of kanji or katakana of two characters or more.
"""
import csv, glob, json, os, random, re, subprocess, sys

STAMPS = "/usr/share/tuxpaint/stamps"


def prepare(folder):
    os.makedirs(folder, exist_ok=True)
    rows = []
    for path in sorted(glob.glob(STAMPS + "/**/*.png", recursive=True)):
        text = path[:-4] + ".txt"
        if path.endswith("_mirror.png") or not os.path.exists(text):
            continue
        for line in open(text, encoding="utf-8"):
            if line.startswith("ja.utf8="):
                rows.append([os.path.relpath(path, STAMPS), path, line[len("ja.utf8="):].strip()])
    with open(os.path.join(folder, "stamps.csv"), "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "image", "text"])
        writer.writerows(rows)
    print(len(rows), "items")


def measure(folder, warifu):
    items = list(csv.DictReader(open(os.path.join(folder, "stamps.csv"), encoding="utf-8")))
    words = re.compile(r"[一-鿿]{2,}|[ァ-ヶー]{2,}|[ぁ-ん]{3,}")
    pairs = []
    for item in items:
        for word in sorted(set(words.findall(item["text"]))):
            if sum(word in other["text"] for other in items) <= 10:
                pairs.append((word, item["id"]))
    random.Random(1).shuffle(pairs)
    pairs = pairs[:100]
    queries = os.path.join(folder, "queries.jsonl")
    with open(queries, "w", encoding="utf-8") as out:
        for i, (word, _) in enumerate(pairs):
            out.write(json.dumps({"id": str(i), "text": word}, ensure_ascii=False) + "\n")
    for name, flags in (("both channels", []), ("codes alone", ["--word-weight", "0"]),
                        ("keywords alone", ["--code-weight", "0"])):
        lines = subprocess.run([warifu, "--workspace", os.path.join(folder, "ws"), "search", "--queries", queries,
                                "-k", "10", "--output", "jsonl"] + flags, capture_output=True, text=True).stdout
        found = {(hit["query"], hit["id"]) for hit in map(json.loads, lines.splitlines())}
        right = sum((str(i), id) in found for i, (_, id) in enumerate(pairs))
        print(f"{name:16} {right} of {len(pairs)} queries find their picture in the first 10")


if len(sys.argv) == 3 and sys.argv[1] == "prepare":
    prepare(sys.argv[2])
elif len(sys.argv) == 4 and sys.argv[1] == "measure":
    measure(sys.argv[2], sys.argv[3])
else:
    sys.exit(__doc__)
