#!/usr/bin/env python3
"""DMMH, a plain reference of the reconstruction: model, training step, expected mAP. Python 3, numpy, PyTorch >= 1.13.

Written from the same formulas as the product's own (src/methods/dmmh/README.md), to time it against and to check its
results; the product does not use it. The Mamba block and the metric are those of prompthash.py beside this file.

  map        u = Dropout(tanh(LN(W Dropout(x))))                                              of each half
  dilation   Z = reshape(D u, [T, d]) + position,   Z <- Z + Mamba(LN(Z))                     of each half
  fusion     Z = g Z_v + (1 - g) Z_t, g = sigmoid(a_v u_v + c_v - a_t u_t - c_t); Z_m of a half alone
  codes      r = tanh(LN(grouped 1x1 convolution of flatten(Z), T groups)); h^k = tanh(grouped convolution, gcd(T, k))
  loss       mean over lengths k, of both + w_v image + w_t text:  10 mean (cos(h_i, h_j) - A_ij)^2 + 100 mean
             (sigmoid(W h) - y)^2 + cross-entropy of cos(h, word) in each label column + .1 mean (|h| - 1)^2
"""
import argparse
import csv
import math
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from prompthash import Mamba, bag_of_words, expected_map, keep_memory, standardise


class Half(nn.Module):
    def __init__(self, n, o, drop_in):
        super().__init__()
        self.o = o
        self.drop_in, self.drop = nn.Dropout(drop_in), nn.Dropout(o.dropout)
        self.map, self.norm = nn.Linear(n, o.hidden), nn.LayerNorm(o.hidden)
        self.dilation = nn.Linear(o.hidden, o.tokens * o.width)
        self.position = nn.Parameter(torch.randn(o.tokens, o.width) * 0.02)
        self.block_norm, self.block = nn.LayerNorm(o.width), Mamba(o.width)
        self.gate = nn.Linear(o.hidden, 1)

    def forward(self, x):
        u = self.drop(torch.tanh(self.norm(self.map(self.drop_in(x)))))
        z = self.dilation(u).view(-1, self.o.tokens, self.o.width) + self.position
        return (z + self.block(self.block_norm(z))).flatten(1), self.gate(u)


class Dmmh(nn.Module):
    def __init__(self, image_width, text_width, values, o):
        super().__init__()
        self.image, self.text = Half(image_width, o, o.drop_image), Half(text_width, o, o.drop_text)
        channels, squeezed = o.tokens * o.width, o.tokens * (o.width // 2)
        self.convolution, self.norm = nn.Conv1d(channels, squeezed, 1, groups=o.tokens), nn.LayerNorm(squeezed)
        self.heads = nn.ModuleList(nn.Conv1d(squeezed, k, 1, groups=math.gcd(o.tokens, k)) for k in o.bits)
        self.classifiers = nn.ModuleList(nn.Linear(k, values) for k in o.bits)
        self.words = nn.ParameterList(nn.Parameter(torch.randn(values, k)) for k in o.bits)

    def codes(self, z):
        r = torch.tanh(self.norm(self.convolution(z[..., None])[..., 0]))
        return [torch.tanh(head(r[..., None])[..., 0]) for head in self.heads]

    def forward(self, image, text, alone=True):
        (zv, gv), (zt, gt) = self.image(image), self.text(text)
        g = torch.sigmoid(gv - gt)
        both = g * zv + (1 - g) * zt
        if not alone:
            return self.codes(both)
        lengths = [h.split(len(image)) for h in self.codes(torch.cat([both, zv, zt]))]
        return [[h[m] for h in lengths] for m in range(3)]


def loss_of(model, codes, y, affinity, columns, o):
    total = 0
    for i, h in enumerate(codes):
        unit = F.normalize(h, dim=1)
        loss = o.w_similarity * (unit @ unit.t() - affinity).pow(2).mean()
        loss = loss + o.w_classifier * (torch.sigmoid(model.classifiers[i](h)) - y).pow(2).mean()
        logits = o.scale * unit @ F.normalize(model.words[i], dim=1).t()
        entropy, count = 0, 0
        for values in columns:
            labels = y[:, values]
            known = labels.sum(1) > 0
            goal = (1 - o.smoothing) * labels / labels.sum(1, keepdim=True).clamp(min=1) + o.smoothing / len(values)
            entropy = entropy - ((goal * logits[:, values].log_softmax(1)).sum(1) * known).sum()
            count = count + known.sum()
        loss = loss + o.w_words * entropy / count.clamp(min=1)
        total = total + loss + o.w_quantization * (h.abs() - 1).pow(2).mean()
    return total / len(codes)


def options():
    p = argparse.ArgumentParser(description="DMMH reference.")
    a = p.add_argument
    a("--pairs", required=True, help="CSV with id, text and the label columns")
    a("--label-columns", type=lambda s: s.split(","), default=["articleType", "baseColour"])
    a("--image", required=True, help="NPY [N, n]"), a("--splits", required=True)
    a("--seed", type=int, default=1), a("--threads", type=int, default=1)
    a("--bits", type=lambda s: [int(x) for x in s.split(",")], default=[16, 32, 64, 128])
    a("--hidden", type=int, default=512), a("--tokens", type=int, default=16), a("--width", type=int, default=64)
    a("--drop-image", type=float, default=0.5), a("--drop-text", type=float, default=0.0), a("--dropout", type=float, default=0.1)
    a("--epochs", type=int, default=20), a("--batch", type=int, default=128), a("--rate", type=float, default=2e-3)
    a("--warm-up", type=float, default=0.05), a("--weight-decay", type=float, default=1e-2)
    a("--image-weight", type=float, default=1.0), a("--text-weight", type=float, default=0.5)
    a("--scale", type=float, default=8.0), a("--smoothing", type=float, default=0.1)
    a("--w-similarity", type=float, default=10.0), a("--w-classifier", type=float, default=100.0)
    a("--w-words", type=float, default=1.0), a("--w-quantization", type=float, default=0.1)
    a("--quiet", action="store_true", help="no evaluation")
    return p.parse_args()


def main():
    o = options()
    keep_memory()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    rows = list(csv.DictReader(open(o.pairs, newline="", encoding="utf-8")))
    at = {r["id"]: i for i, r in enumerate(rows)}
    split = {n: np.array([at[line.strip()] for line in open(f"{o.splits}/{n}.txt") if line.strip()])
             for n in ("train", "query", "database")}
    train = np.random.RandomState(o.seed).permutation(split["train"])[500:]
    image = torch.from_numpy(standardise(np.load(o.image).astype(np.float32), train, 0.2, 8))
    text = torch.from_numpy(standardise(bag_of_words([r["text"] for r in rows], train, 1000), train, 0.2, 8))
    values = sorted({(c, r[c]) for r in rows for c in o.label_columns})
    place = {v: i for i, v in enumerate(values)}
    y = torch.zeros(len(rows), len(values))
    for i, r in enumerate(rows):
        for c in o.label_columns:
            y[i, place[c, r[c]]] = 1
    columns = [torch.tensor([i for i, v in enumerate(values) if v[0] == c]) for c in o.label_columns]
    model = Dmmh(image.shape[1], text.shape[1], len(values), o)
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    plain = [p for p in model.parameters() if p.dim() < 2]
    adam = torch.optim.AdamW([{"params": decayed, "weight_decay": o.weight_decay}, {"params": plain, "weight_decay": 0.0}],
                             lr=o.rate)
    rng = np.random.RandomState(o.seed)
    steps, step, begin = o.epochs * -(-len(train) // o.batch), 0, time.time()
    for _ in range(o.epochs):
        model.train()
        for part in np.array_split(rng.permutation(train), -(-len(train) // o.batch)):
            items, x = torch.from_numpy(part), step / steps
            for group in adam.param_groups:
                group["lr"] = o.rate * min(1.0, x / o.warm_up) * 0.5 * (1 + math.cos(math.pi * x))
            labels = y[items]
            affinity = 2 * torch.sigmoid(labels @ labels.t()) - 1
            both, of_image, of_text = model(image[items], text[items])
            loss = loss_of(model, both, labels, affinity, columns, o)
            loss = loss + o.image_weight * loss_of(model, of_image, labels, affinity, columns, o)
            loss = loss + o.text_weight * loss_of(model, of_text, labels, affinity, columns, o)
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            adam.step()
            step += 1
    spent = time.time() - begin
    print(f"seed {o.seed}: {step} steps, {1000 * spent / step:.1f} ms a step")
    if o.quiet:
        return
    model.eval()
    with torch.no_grad():
        codes = {n: [torch.cat(h) for h in zip(*[[torch.where(h >= 0, 1.0, -1.0) for h in model(image[i], text[i], False)]
                                                 for i in torch.from_numpy(split[n]).split(512)])]
                 for n in ("query", "database")}
    q, d = torch.from_numpy(split["query"]), torch.from_numpy(split["database"])
    relevant = ((y[q] @ y[d].t()) == len(columns)).float()
    print("both", " ".join(f"{k}:{expected_map(a, b, relevant):.4f}"
                           for k, a, b in zip(o.bits, codes["query"], codes["database"])), flush=True)


if __name__ == "__main__":
    main()
