#!/usr/bin/env python3
"""What do ccl, dmmh and dlch reach on Fashion? Makes the rows of the tables in their READMEs, one run a line.

  bench/fashion.py --warifu build/warifu --data FASHION --work DIR METHOD [--seed N] [--bits LIST] [--set NAME=VALUE]...

FASHION holds pairs.csv, splits/, image_mobilenetv2.npy (features of the pictures in the order of pairs.csv) and, for ccl
with --image-weights, images/. DIR keeps a workspace for the next run. Prints "method seed settings measure value...".
dlch learns the 60 article types that are not --later first, then those in three updates, then all 75 at once.
Runs in turns with --threads 1 may share DIR once its workspace is there.
"""
import argparse
import collections
import csv
import json
import pathlib
import random
import subprocess


class Runs:
    def __init__(self, o):
        self.o = o
        self.settings = ",".join(([f"later={o.later}"] if o.method == "dlch" else []) + ([f"bits={o.bits}"] if o.bits else []) + o.set +
                                 [f"update:{s}" for s in o.update_set])
        self.name = f"{o.method}-{o.seed}-{self.settings}".rstrip("-").replace("=", ".").replace(",", "-").replace(":", "_")
        self.workspace = o.work / ("pictures" if o.image_weights else "features")
        self.rows = list(csv.DictReader(open(o.data / "pairs.csv", newline="", encoding="utf-8")))

    def say(self, measure, *values):
        shown = [f"{v:.3f}" if isinstance(v, float) else str(v) for v in values]
        print("\t".join([self.o.method, str(self.o.seed), self.settings or "as shipped", measure, *shown]), flush=True)

    def warifu(self, *arguments):
        command = [self.o.warifu, "--workspace", self.workspace, "--threads", self.o.threads, "--progress", "none",
                   *arguments, "--output", "json"]
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def later_types(self, later):
        """The 15 article types that come after the first 60."""
        count = collections.Counter(row["articleType"] for row in self.rows)
        if later == "alphabet":
            return sorted(count)[-15:]
        if later == "rarest":
            return sorted(sorted(count), key=lambda t: count[t])[:15]
        return random.Random(int(later.removeprefix("random"))).sample(sorted(count), 15)

    def ingest(self):
        if (self.workspace / "catalog.db").exists():
            return
        splits = self.o.work / "splits"
        splits.mkdir(parents=True, exist_ok=True)
        for file in (self.o.data / "splits").glob("*.txt"):
            (splits / file.name).write_bytes(file.read_bytes())
        kind = {row["id"]: row["articleType"] for row in self.rows}
        queries = (splits / "query.txt").read_text().split()
        for later in ("alphabet", "rarest", "random1", "random2", "random3"):
            new = set(self.later_types(later))
            (splits / f"new_{later}.txt").write_text("".join(q + "\n" for q in queries if kind[q] in new))
            (splits / f"old_{later}.txt").write_text("".join(q + "\n" for q in queries if kind[q] not in new))
        features = [] if self.o.image_weights else ["--image-features", self.o.data / "image_mobilenetv2.npy"]
        self.warifu("ingest", self.o.data / "pairs.csv", "--label-columns", "articleType,baseColour", "--splits", splits, *features)

    def train(self, space, labels, *more):
        sets = [part for setting in self.o.set for part in ("--set", setting)]
        towers = ["--image-encoder", "mobilenet_v2", "--image-weights", self.o.image_weights] if self.o.image_weights else []
        bits = ["--bits", self.o.bits] if self.o.bits else []
        report = self.warifu("train", "--method", self.o.method, "--space", space, "--labels", labels, "--seed", self.o.seed,
                             *towers, *bits, *sets, *more)
        for length, value in report.get("validation_by_bits", {}).items():
            self.say("validation " + length, value)
        self.say("trained, seconds", report["train_seconds"], report["seconds"], "validation", report["validation_score"])
        return report

    def evaluate(self, measure, space, *more):
        found = collections.defaultdict(list)
        for result in self.warifu("evaluate", "--space", space, "--bootstrap-samples", 0, *more)["results"]:
            found[result["bits"]].append(result["map"])
        for bits, values in found.items():
            self.say(f"{measure} {bits or ''}".strip(), *values)

    def ccl(self):
        self.train(self.name, "articleType")
        self.evaluate("real", self.name, "--real", "--relevance", "any:articleType")
        self.warifu("index", "--space", self.name)
        self.evaluate("codes", self.name, "--relevance", "any:articleType")

    def dmmh(self):
        relevance = ["--relevance", "all:articleType,baseColour", "--database", "both"]
        self.train(self.name, "articleType,baseColour")
        for measure, missing in (("both", "text:0"), ("half the texts", "text:0.5"), ("picture alone", "text:1"), ("text alone", "image:1")):
            self.evaluate(measure, self.name, *relevance, "--missing", missing)

    def dlch(self):
        later = self.later_types(self.o.later)
        first = sorted({row["articleType"] for row in self.rows} - set(later))

        def measure(when, space):
            for known in ("old", "new"):
                if (self.o.work / "splits" / f"{known}_{self.o.later}.txt").stat().st_size:
                    self.evaluate(f"{when}: {known}", space, "--relevance", "any:articleType", "--query-split", f"{known}_{self.o.later}")

        self.train(self.name, "articleType", "--only-labels", ",".join(first))
        self.warifu("index", "--space", self.name)
        measure("first", self.name)
        for at in range(0, 15, 5):
            report = self.warifu("update", "--space", self.name, "--new-labels", ",".join(later[at:at + 5]), "--seed", self.o.seed,
                                 *[part for s in self.o.update_set for part in ("--set", s)])
            self.say(f"update {at // 5 + 1}: seconds, all seconds, changed, old before, after", report["train_seconds"], report["seconds"],
                     report["old_codes_changed"], report["map_old_before"], report["map_old_after"])
        measure("updated", self.name)
        whole = self.train(self.name + "-whole", "articleType")
        index = self.warifu("index", "--space", self.name + "-whole")
        self.say("whole: train, with encoding", whole["train_seconds"], whole["seconds"], index.get("seconds", ""))
        measure("whole", self.name + "-whole")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("method", choices=("ccl", "dmmh", "dlch"))
    p.add_argument("--warifu", type=pathlib.Path, default="build/warifu")
    p.add_argument("--data", type=pathlib.Path, required=True)
    p.add_argument("--work", type=pathlib.Path, required=True)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--bits", default="")
    p.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of training")
    p.add_argument("--update-set", action="append", default=[], metavar="NAME=VALUE", help="of dlch's updates")
    p.add_argument("--image-weights", type=pathlib.Path, help="of mobilenet_v2: features come from the pictures, with patches")
    p.add_argument("--later", default="alphabet", choices=("alphabet", "rarest", "random1", "random2", "random3"))
    p.add_argument("--threads", type=int, default=2)
    runs = Runs(p.parse_args())
    runs.ingest()
    getattr(runs, runs.o.method)()


if __name__ == "__main__":
    main()
