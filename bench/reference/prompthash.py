#!/usr/bin/env python3
"""Strict PromptHash, a plain reference: model, training step, expected mAP. Python 3, numpy, PyTorch >= 1.13.

Written from formulas: Zou et al., "PromptHash", CVPR 2025 (prompts, gated SSM + Transformer fusion, PACL); Gu and Dao,
"Mamba", 2023 (selective scan); Jiang and Li, "Asymmetric Deep Supervised Hashing", AAAI 2018 (likelihood against
buffers); Hoe et al., "One Loss for All" (OrthoHash), NeurIPS 2021, and Yuan et al., "Central Similarity Quantization",
CVPR 2020 (class code words). In mode `strict` the image code is a function of the one image, the text code of the one
text; nothing of the batch, the pair or the labels is seen while encoding.

SHAPES  B items, T tokens an item and modality, d width, M concepts (label values), k bits, L tokens of a sequence.

1 token maker, one a modality m in {v, t}
    X   = Dropout(GELU(LN(reshape(W_m Dropout(x) + b_m, [T, d]) + pos_m)))            x standardised, 1280 or 1000 wide
2 affinity prompt; E [M, d] concepts and ctx [T, d] shared by the modalities
    a   = softmax(A_m mean_tokens(X) + c_m)                          [M]   predicted; mode oracle: the item's own labels
    P   = ctx + 1 (a E)                                           [T, d]
    Z   = LN(PromptTransformer([X; P]));  X' = first T, P' = last T          pre-norm blocks, GELU, FFN 2d, no positions
    Y   = X' * (1 + P'),  p = pool(P')                           the 1 keeps a path for X' while P' is still noise
3 fusion F over the tokens of ONE item: [Y_v; Y_t] (pair), [Y_v; null_t] (image alone), [null_v; Y_t] (text alone)
    S   = W_s Z                                                                                       short-cut
    X1  = SiLU(GRN(W_1 Z))
    O   = tau (M(X1) + flip M(flip X1))                                  M a Mamba v1 block, flip reverses the tokens
    w   = sigmoid(mean_l cos(O_l, X1_l))                                                       one gate an item
    m   = SiLU(GRN(W_2 (g w O + (1 - w) X1)))
    u   = GRN2((W_o GRN1(m) + S) / 2)
    F   = rms-normalise(TransformerEncoderLayer(u))                  post-norm, ReLU, over the item's tokens only
    GRN(x) = gamma x N + beta + x with N = ||x|| / (||x|| + 1e-6): an affine map, as released
4 codes; one residual MLP and one set of heads for image, text, both and prompt
    r_m = MLP(pool(Y_m / 2 + F_m / 2)),  r_b = MLP of the mean of the two pooled halves of the pair's F
    MLP: twice r <- r + W_b Dropout(GELU(W_a LN(r)));  h^k = tanh(H_k r + b_k),  code = sign(h^k)
5 selective scan, a channel c and a state n: D_l = softplus(dt_l + b);  s_l = exp(D_l A) s_{l-1} + D_l B_l x_l;
    y_l = C_l . s_l + Dskip x_l;  x first through a causal depth-wise convolution of width 4 and SiLU; out W(y SiLU(z))

LOSSES
    class     CE(y, softmax_c(s <h, C_c> / k)) for image, text and both; C [M, k] fixed code words (code_words below)
    Psi       mean[softplus(q) - S q], q = clamp(U h^T, -64, 64) / 2 against buffers U (image), V (text) of train items;
              intra: U with image, V with text; inter: crosswise
    quantise  ||h - B||^2 / k, B = sign(U + V + both), recomputed after each epoch
    rebuild   ||dec_k(h^k) - B^aux||^2 / 256, dec_k = tanh(W2 ReLU(W1 h))
    PACL      global: contrast of r_v with r_t; local: of r_v with r_p(text), r_t with r_p(image), temperature
              tau / (1 + JSD), JSD detached; targets q_ij = S_ij / sum_j S_ij (an item of the same label is no negative)
    affinity  CE(y, a)

Modes: strict; oracle (labels as affinities, also in the query: not retrieval); paper (paired input for query and
database, scan and attention across the batch, as released: not cross-modal).
"""
import argparse
import collections
import csv
import ctypes
import math
import re
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


# ---------------------------------------------------------------------------------------------------------- data
def split_words(text):
    return re.findall(r"\w+(?:['.]\w+)*", text.lower())


def bag_of_words(texts, train, size):
    """Binary entries for the `size` words found in most training texts (ties in ascending order)."""
    counts = collections.Counter(w for i in train for w in set(split_words(texts[i])))
    ranked = sorted(counts.items(), key=lambda e: (-e[1], e[0]))[:size]
    column = {w: j for j, (w, _) in enumerate(ranked)}
    out = np.zeros((len(texts), len(column)), np.float32)
    for i, text in enumerate(texts):
        for w in split_words(text):
            if w in column:
                out[i, column[w]] = 1
    return out


def standardise(values, train, floor, cut):
    """(x - mean) / (spread + floor * mean spread), cut to [-cut, cut]; statistics of train."""
    mean, spread = values[train].mean(0), values[train].std(0)
    return np.clip((values - mean) / (spread + floor * spread.mean() + 1e-8), -cut, cut).astype(np.float32)


class Data:
    def __init__(self, o):
        texts = None
        if o.pairs:
            rows = list(csv.DictReader(open(o.pairs, newline="", encoding="utf-8")))
            ids, texts = [r["id"] for r in rows], [r["text"] for r in rows]
            labels = [[r[o.label_column]] for r in rows]
        else:
            lines = lambda path: [l.rstrip("\n") for l in open(path, encoding="utf-8")]
            ids, labels = lines(o.ids), [l.split("|") if l else [] for l in lines(o.labels)]
            texts = lines(o.texts) if o.texts else None
        at = {x: i for i, x in enumerate(ids)}
        split = {n: np.array([at[l.strip()] for l in open(f"{o.splits}/{f}.txt") if l.strip()])
                 for n, f in (("train", "train"), ("query", "query"), ("database", o.database))}
        # The held-out items: by a seed, never in the loss.
        order = np.random.RandomState(o.split_seed).permutation(split["train"])
        held = 700 if o.cut == "validation" else 500
        self.held, self.train = order[:held], order[held:]
        if o.cut == "validation":
            self.query, self.database = self.held, self.train
        else:
            self.query, self.database = split["query"], split["database"]
        names = sorted({x for i in self.train for x in labels[i]})
        every = sorted({x for row in labels for x in row})
        hot = lambda vocabulary: torch.tensor([[float(x in row) for x in vocabulary] for row in labels])
        self.y, self.relevance = hot(names), hot(every)  # learnt from / measured with
        image = np.load(o.image).astype(np.float32)
        text = np.load(o.text).astype(np.float32) if o.text else bag_of_words(texts, self.train, o.words)
        self.image = torch.from_numpy(standardise(image, self.train, o.spread_floor, o.cut_at))
        self.text = torch.from_numpy(standardise(text, self.train, o.spread_floor, o.cut_at))


# -------------------------------------------------------------------------------------------------------- metric
def expected_map(query, database, relevant):
    """Mean expected average precision over all orders of tied items. query, database: +-1; relevant [Q, N] in {0, 1}.

    In a tie of n items, r of them relevant, after N items, R of them relevant, the expected sum of precisions is
    r/n sum_{j=1..n} (R + 1 + (j - 1)(r - 1)/(n - 1)) / (N + j), summed by harmonic numbers. Queries without any
    relevant item do not count."""
    bits = query.shape[1]
    harmonic = torch.cat([torch.zeros(1), 1 / torch.arange(1, len(database) + 1, dtype=torch.float64)]).double().cumsum(0)
    total, count = 0.0, 0
    for q, rel in zip(query.split(256), relevant.split(256)):
        distance = ((bits - q @ database.t()) / 2).round().long()
        n = torch.zeros(len(q), bits + 1).scatter_add_(1, distance, torch.ones_like(rel)).double()
        r = torch.zeros(len(q), bits + 1).scatter_add_(1, distance, rel).double()
        before, hits = n.cumsum(1) - n, r.cumsum(1) - r
        a = torch.where(n > 1, (r - 1) / (n - 1).clamp(min=1), torch.zeros_like(n))
        part = harmonic[(before + n).long()] - harmonic[before.long()]
        sums = r / n.clamp(min=1) * (a * n + (hits + 1 - a * (before + 1)) * part)
        found = r.sum(1) > 0
        total += (sums.sum(1)[found] / r.sum(1)[found]).sum().item()
        count += int(found.sum())
    return total / max(count, 1)


# ---------------------------------------------------------------------------------------------------- code words
def class_likeness(features, y):
    """[M, M] cosine of the class means of standardised features."""
    mean = F.normalize(y.t() @ features / y.sum(0)[:, None].clamp(min=1), dim=1)
    return mean @ mean.t()


def code_words(y, likeness, bits, sharpness, seed, rounds=4000, swaps=20000):
    """[M, bits] of +-1: words far from each other (max-min distance by redrawing the worst word), then dealt to the
    classes so that alike classes have near words: swaps, annealed, lower sum_cc' n_c^.5 n_c'^.5 e^(sharpness
    likeness) distance(C_c, C_c'). A wrong but likely class then still stands early in the ranking."""
    rng = np.random.RandomState(seed)
    m = y.shape[1]
    words = rng.randint(0, 2, (m, bits)) * 2.0 - 1
    for _ in range(rounds):
        like = words @ words.T
        np.fill_diagonal(like, -bits - 1)
        worst = like.max(1).argmax()
        drawn = rng.randint(0, 2, (64, bits)) * 2.0 - 1
        against = drawn @ words.T
        against[:, worst] = -bits - 1
        best = against.max(1).argmin()
        if against[best].max() <= like[worst].max():
            words[worst] = drawn[best]
    if sharpness <= 0 or m < 2:
        return torch.tensor(words, dtype=torch.float32)
    count = y.sum(0).double().numpy() ** 0.5
    pull = np.exp(sharpness * likeness.double().numpy()) * count[:, None] * count[None]
    np.fill_diagonal(pull, 0)
    distance = (bits - words @ words.T) / (2 * bits)
    place = np.arange(m)
    heat = (pull * distance).sum() * 2e-4
    for it in range(swaps):
        i, j = rng.randint(0, m, 2)
        if i == j:
            continue
        w = pull[i] - pull[j]
        w[i] = w[j] = 0
        change = 2 * (w * (distance[place[j]][place] - distance[place[i]][place])).sum()
        if change < 0 or rng.rand() < math.exp(-change / (heat * (1 - it / swaps) + 1e-12)):
            place[i], place[j] = place[j], place[i]
    return torch.tensor(words[place], dtype=torch.float32)


# --------------------------------------------------------------------------------------------------------- model
class Grn(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.zeros(d)), nn.Parameter(torch.zeros(d))

    def forward(self, x):
        n = x.norm(dim=-1, keepdim=True)
        return self.gamma * x * (n / (n + 1e-6)) + self.beta + x


def selective_scan(x, dt, a, b, c):
    """Equation 5, the plain loop: x, dt [B, L, I]; a [N, I]; b, c [B, L, N] -> y [B, L, I]."""
    h, y = 0, []
    for l in range(x.shape[1]):
        h = torch.exp(dt[:, l, None, :] * a) * h + (dt[:, l] * x[:, l])[:, None, :] * b[:, l, :, None]
        y.append(torch.bmm(c[:, l, None, :], h)[:, 0])
    return torch.stack(y, 1)


class SelectiveScan(torch.autograd.Function):
    """The same loop in blocks of 32 rows (work that stays in the cache) with its gradient written out: with
    G_l = C_l dy_l + exp(D_{l+1} A) G_{l+1}:  dC_l = s_l dy_l, dB_l = G_l (D_l x_l), d(D_l A) = G_l s_{l-1} exp(D_l A)."""

    ROWS = 32

    @staticmethod
    def forward(ctx, x, dt, a, b, c):
        rows, length, inner = x.shape
        states, y = [x.new_empty(rows, a.shape[0], inner) for _ in range(length)], torch.empty_like(x)
        for r in range(0, rows, SelectiveScan.ROWS):
            k = slice(r, r + SelectiveScan.ROWS)
            for l in range(length):
                h = torch.mul((dt[k, l] * x[k, l])[:, None, :], b[k, l, :, None], out=states[l][k])
                if l:
                    h.addcmul_((dt[k, l, None, :] * a).exp_(), states[l - 1][k])
                y[k, l] = torch.bmm(c[k, l, None, :], h)[:, 0]
        ctx.save_for_backward(x, dt, a, b, c, *states)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, dt, a, b, c, *states = ctx.saved_tensors
        dx, ddt, da, db, dc = (torch.zeros_like(t) for t in (x, dt, a, b, c))
        for r in range(0, x.shape[0], SelectiveScan.ROWS):
            k = slice(r, r + SelectiveScan.ROWS)
            g = None
            for l in reversed(range(x.shape[1])):
                new = c[k, l, :, None] * dy[k, l, None, :]
                g = new if g is None else g.add_(new)
                dc[k, l] = torch.bmm(states[l][k], dy[k, l, :, None])[..., 0]
                db[k, l] = torch.bmm(g, (dt[k, l] * x[k, l])[:, :, None])[..., 0]
                du = torch.bmm(b[k, l, None, :], g)[:, 0]
                dx[k, l], ddt[k, l] = du * dt[k, l], du * x[k, l]
                if l:
                    g.mul_((dt[k, l, None, :] * a).exp_())
                    e = g * states[l - 1][k]
                    ddt[k, l] += (e * a).sum(1)
                    da += e.mul_(dt[k, l, None, :]).sum(0)
        return dx, ddt, da, db, dc


class Mamba(nn.Module):
    """Mamba v1 block: [B, L, d] -> [B, L, d]."""

    def __init__(self, d, state=16, conv=4, expand=2):
        super().__init__()
        inner, self.rank, self.state, self.conv_width = expand * d, math.ceil(d / 16), state, conv
        self.in_proj = nn.Linear(d, 2 * inner, bias=False)
        self.conv = nn.Conv1d(inner, inner, conv, groups=inner)
        self.x_proj = nn.Linear(inner, self.rank + 2 * state, bias=False)
        self.dt_proj = nn.Linear(self.rank, inner)
        self.out_proj = nn.Linear(inner, d, bias=False)
        self.a_log = nn.Parameter(torch.arange(1, state + 1).float().log().repeat(inner, 1))
        self.skip = nn.Parameter(torch.ones(inner))
        nn.init.uniform_(self.dt_proj.weight, -self.rank ** -0.5, self.rank ** -0.5)
        dt = torch.exp(torch.rand(inner) * (math.log(1e-1) - math.log(1e-3)) + math.log(1e-3)).clamp(min=1e-4)
        self.dt_proj.bias.data = dt + torch.log(-torch.expm1(-dt))  # softplus^-1

    def forward(self, tokens):
        length = tokens.shape[1]
        x, z = self.in_proj(tokens).chunk(2, -1)
        padded = F.pad(x, (0, 0, self.conv_width - 1, 0))  # causal depth-wise convolution, a sum of shifts
        x = self.conv.bias + sum(self.conv.weight[:, 0, i] * padded[:, i:i + length] for i in range(self.conv_width))
        x = F.silu(x)
        dt, b, c = self.x_proj(x).split([self.rank, self.state, self.state], -1)
        dt = F.softplus(self.dt_proj(dt))
        a = -torch.exp(self.a_log).t()  # [state, inner]: the long axis last, for speed
        y = SelectiveScan.apply(x, dt, a.contiguous(), b, c) + self.skip * x
        return self.out_proj(y * F.silu(z))


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, d, heads, dropout):
        super().__init__()
        self.n1, self.n2, self.heads = nn.LayerNorm(d), nn.LayerNorm(d), heads
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.ff = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * d, d))
        self.drop = nn.Dropout(dropout)

    def attend(self, x):
        b, l, d = x.shape
        q, k, v = self.qkv(x).view(b, l, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-1, -2) * (d // self.heads) ** -0.5).softmax(-1)
        return self.out((a @ v).transpose(1, 2).reshape(b, l, d))

    def forward(self, x):
        x = x + self.drop(self.attend(self.n1(x)))
        return x + self.drop(self.ff(self.n2(x)))


class Fusion(nn.Module):
    """Gated selection of SSM and Transformer, [B, L, d] -> [B, L, d], over the L tokens of an item."""

    def __init__(self, d, heads, dropout, ssm=True):
        super().__init__()
        self.short, self.w1, self.w2, self.wo = (nn.Linear(d, d) for _ in range(4))
        self.grn_in, self.grn_out, self.grn1, self.grn2 = (Grn(d) for _ in range(4))
        self.mamba = Mamba(d) if ssm else None
        self.tau = nn.Parameter(torch.randn(1).abs())
        self.g = nn.Parameter(torch.randn(1).abs())
        self.encoder = nn.TransformerEncoderLayer(d, heads, 2 * d, dropout, batch_first=True)

    def forward(self, z):
        short = self.short(z)
        x1 = F.silu(self.grn_in(self.w1(z)))
        if self.mamba is None:
            mixed = x1
        else:
            o = self.mamba(torch.cat([x1, x1.flip(1)]))
            o = self.tau * (o[:len(x1)] + o[len(x1):].flip(1))
            w = torch.sigmoid(F.cosine_similarity(o, x1, dim=-1).mean(1))[:, None, None]
            mixed = self.g * w * o + (1 - w) * x1
        m = F.silu(self.grn_out(self.w2(mixed)))
        y = self.encoder(self.grn2(0.5 * self.wo(self.grn1(m)) + 0.5 * short))
        return y * (y.shape[-1] ** 0.5 / (y.norm(dim=-1, keepdim=True) + 1e-6))


class BatchFusion(nn.Module):
    """As released: a, b [B, d]; scan and attention run ACROSS THE BATCH. Mode paper only."""

    def __init__(self, d, heads, ssm=True):
        super().__init__()
        self.short, self.wo, self.w1, self.w2 = (nn.Linear(d, d) for _ in range(4))
        self.grn_in, self.grn_out, self.grn1, self.grn2 = Grn(d), Grn(d), Grn(d), Grn(2 * d)
        self.mamba = Mamba(d) if ssm else None
        self.tau, self.g = nn.Parameter(torch.randn(1).abs()), nn.Parameter(torch.randn(1).abs())
        self.encoder = nn.TransformerEncoderLayer(2 * d, heads, 4 * d, 0.1, batch_first=True)

    def forward(self, a, b):
        x = torch.stack([a, b])
        n, d = a.shape
        x1 = F.silu(self.grn_in(self.w1(x)))
        mixed = x1
        if self.mamba is not None:
            r = x1.reshape(2, d, n).transpose(1, 2)  # a reinterpretation, as released
            views = torch.cat([r, r.flip(2), r.flip(1), r.flip(1, 2)])
            p, q, s, t = self.mamba(views).split(2)
            o = self.tau * (p + q.flip(2) + s.flip(1) + t.flip(1, 2))
            o = o.transpose(1, 2).reshape(2, n, d)
            w = torch.sigmoid(F.cosine_similarity(o, x1, dim=-1).mean(0))[:, None]
            mixed = self.g * w * o + (1 - w) * x1
        m = F.silu(self.grn_out(self.w2(mixed)))
        u = 0.5 * self.wo(self.grn1(m)) + 0.5 * self.short(x)
        y = self.encoder(self.grn2(torch.cat([u[0], u[1]], -1))[None])[0]
        y = y * ((2 * d) ** 0.5 / y.norm(dim=-1, keepdim=True))
        return y[:, :d], y[:, d:]


class TokenMaker(nn.Module):
    """One feature vector [B, n] dilated to T tokens, or tower tokens [B, T, n] mapped to width d."""

    def __init__(self, n, tokens, d, drop_in, dropout, single=True):
        super().__init__()
        self.tokens, self.d, self.single = tokens, d, single
        self.linear = nn.Linear(n, tokens * d if single else d)
        self.pos = nn.Parameter(torch.randn(tokens, d) * 0.02)
        self.norm = nn.LayerNorm(d)
        self.drop_in, self.drop = nn.Dropout(drop_in), nn.Dropout(dropout)

    def forward(self, x):
        z = self.linear(self.drop_in(x))
        z = z.view(len(x), self.tokens, self.d) if self.single else z
        return self.drop(F.gelu(self.norm(z + self.pos[:z.shape[1]])))


class PromptHash(nn.Module):
    def __init__(self, image_width, text_width, concepts, o):
        super().__init__()
        d, t = o.width, o.tokens
        self.o, self.bits, self.all_bits = o, o.bits, o.bits + [o.aux]
        self.make = nn.ModuleDict({"v": TokenMaker(image_width, t, d, o.drop_image, o.dropout),
                                   "t": TokenMaker(text_width, t, d, o.drop_text, o.dropout)})
        pooled = t * d if o.pool == "concat" else d
        if o.prompts:
            self.concept = nn.Parameter(torch.randn(concepts, d) * o.concept_spread)
            self.context = nn.Parameter(torch.randn(t, d) * 0.02)
            self.affinity = nn.ModuleDict({m: nn.Linear(pooled, concepts) for m in "vt"})
            self.prompter = nn.Sequential(*[Block(d, o.heads, o.drop_block) for _ in range(o.prompt_blocks)])
            self.prompt_norm = nn.LayerNorm(d)
        if o.mode == "paper":
            self.fusion = BatchFusion(pooled, o.heads, o.ssm)
        elif o.fusion:
            self.fusion = Fusion(d, o.heads, o.drop_block, o.ssm)
            self.null = nn.ParameterDict({m: nn.Parameter(torch.randn(1, d) * 0.02) for m in "vt"})
        self.mlp = nn.ModuleList([nn.Sequential(nn.LayerNorm(pooled), nn.Linear(pooled, o.mlp * pooled), nn.GELU(),
                                                nn.Dropout(o.drop_mlp), nn.Linear(o.mlp * pooled, pooled))
                                  for _ in range(o.mlp_blocks)])
        self.head = nn.Linear(pooled, sum(self.all_bits))
        self.decoder = nn.ModuleList([nn.Sequential(nn.Linear(k, o.aux), nn.ReLU(), nn.Linear(o.aux, o.aux), nn.Tanh())
                                      for k in self.bits])

    def pool(self, tokens):
        return tokens.flatten(1) if self.o.pool == "concat" else tokens.mean(1)

    def prompted(self, m, x, labels):
        """-> tokens [B, T, d], pooled prompt [B, width] or None, affinity logits or None."""
        tokens = self.make[m](x)
        if not self.o.prompts or (m == "v" and not self.o.image_prompt):
            return tokens, None, None
        logits = self.affinity[m](self.pool(tokens))
        a = logits.softmax(-1) if labels is None else labels / labels.sum(1, keepdim=True).clamp(min=1)
        prompt = self.context + (a @ self.concept)[:, None]
        z = self.prompt_norm(self.prompter(torch.cat([tokens, prompt], 1)))
        own, p = z[:, :tokens.shape[1]], z[:, tokens.shape[1]:]
        return own * (1 + p), self.pool(p), logits

    def residual(self, r):
        for block in self.mlp:
            r = r + block(r)
        return r

    def alone(self, m, y):
        """Pooled feature of one half, the other one unknown."""
        if not self.o.fusion:
            return self.pool(y)
        null = self.null["t" if m == "v" else "v"].expand(len(y), -1, -1)
        t = y.shape[1]
        f = self.fusion(torch.cat([y, null] if m == "v" else [null, y], 1))
        return self.pool(0.5 * y + 0.5 * (f[:, :t] if m == "v" else f[:, -t:]))

    def together(self, v, t):
        if not self.o.fusion:
            return 0.5 * (self.pool(v) + self.pool(t))
        f = self.fusion(torch.cat([v, t], 1))
        n = v.shape[1]
        return 0.5 * (self.pool(0.5 * v + 0.5 * f[:, :n]) + self.pool(0.5 * t + 0.5 * f[:, n:]))

    def forward(self, image, text, labels=None):
        """-> dict of residual features r: v, t, b (both), pv, pt (prompts) and affinity logits av, at."""
        out = {}
        yv, pv, out["av"] = self.prompted("v", image, labels)
        yt, pt, out["at"] = self.prompted("t", text, labels)
        if self.o.mode == "paper":
            v, t = self.pool(yv), self.pool(yt)
            v1, t1 = self.fusion(v, t)
            v2, p1 = self.fusion(v1, pt if pt is not None else t)
            v, t, pt = 0.5 * v + 0.5 * v2, 0.5 * t + 0.5 * t1, None if pt is None else 0.5 * pt + 0.5 * p1
            both, pv = 0.5 * (v + t), None
        else:
            n = math.ceil(len(image) * (self.o.pair_share if self.training else 1))  # the batch's order is drawn anyway
            v, t, both = self.alone("v", yv), self.alone("t", yt), self.together(yv[:n], yt[:n])
        named = {"v": v, "t": t, "b": both, "pv": pv, "pt": pt}
        names = [n for n in named if named[n] is not None]
        parts = self.residual(torch.cat([named[n] for n in names])).split([len(named[n]) for n in names])
        out.update(zip(names, parts))  # one pass through the MLP
        return out

    def codes(self, r):
        return torch.tanh(self.head(r)).split(self.all_bits, -1)

    @torch.no_grad()
    def encode(self, m, image=None, text=None, labels=None):
        """Signs of one half ('v', 't') or of both ('b'); rows are independent in modes strict and oracle."""
        self.eval()
        if self.o.mode == "paper":
            r = self(image, text, labels)[m]
        elif m == "b":
            r = self.residual(self.together(self.prompted("v", image, labels)[0], self.prompted("t", text, labels)[0]))
        else:
            r = self.residual(self.alone(m, self.prompted(m, image if m == "v" else text, labels)[0]))
        return [torch.where(h >= 0, 1.0, -1.0) for h in self.codes(r)]


# -------------------------------------------------------------------------------------------------------- losses
def psi(buffer, h, same):
    s = 0.5 * (buffer @ h.t()).clamp(-64, 64)
    return (F.softplus(s) - same * s).mean()


def soft_contrast(a, b, target, temperature):
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).t() / temperature
    forth, back = logits.log_softmax(1), logits.t().log_softmax(1)
    return -0.5 * ((target * forth).sum(1).mean() + (target.t() * back).sum(1).mean())


def affinity_temperature(a, b, temperature):
    """temperature / (1 + Jensen-Shannon divergence of the two distributions), no gradient."""
    with torch.no_grad():
        p, q = F.normalize(a, dim=1).softmax(1), F.normalize(b, dim=1).softmax(1)
        m = (0.5 * (p + q)).log()
        jsd = 0.5 * ((p * (p.log() - m)).sum(1) + (q * (q.log() - m)).sum(1)).mean()
    return temperature / (1 + jsd.item())


class Trainer:
    def __init__(self, data, o):
        self.d, self.o = data, o
        torch.manual_seed(o.seed)
        self.rng = np.random.RandomState(o.seed)
        self.model = PromptHash(data.image.shape[1], data.text.shape[1], data.y.shape[1], o)
        train = torch.from_numpy(data.train)
        y = data.y[train]
        like = class_likeness(data.image[train], y)
        if o.likeness == "both":
            like = 0.5 * (like + class_likeness(data.text[train], y))
        self.words = [code_words(y, like, k, o.sharpness, o.seed) for k in self.model.all_bits]
        decay = [p for p in self.model.parameters() if p.dim() > 1]
        plain = [p for p in self.model.parameters() if p.dim() <= 1]
        self.optimiser = torch.optim.AdamW([{"params": decay, "weight_decay": o.weight_decay},
                                            {"params": plain, "weight_decay": 0.0}], lr=o.rate, betas=(0.9, 0.98))
        n = len(data.train)
        self.row = torch.full((len(data.y),), -1, dtype=torch.long)
        self.row[train] = torch.arange(n)
        self.train_y = y
        self.buffer = {m: [torch.zeros(n, k) for k in self.model.all_bits] for m in "vtb"}
        self.target = [torch.sign(torch.randn(n, k)) for k in self.model.all_bits]
        self.step_number, self.steps = 0, o.epochs * math.ceil(n / o.batch)

    def loss(self, items, final=False):
        o, model = self.o, self.model
        image, text, y = self.d.image[items], self.d.text[items], self.d.y[items]
        if o.noise:
            image = image + o.noise * torch.randn_like(image)
        out = model(image, text, y if o.mode == "oracle" else None)
        codes = {m: model.codes(out[m]) for m in "vtb"}
        rows = self.row[items]
        share = y / y.sum(1, keepdim=True).clamp(min=1)
        goal = (1 - o.smoothing) * share + o.smoothing / y.shape[1]
        sample = torch.from_numpy(self.rng.choice(len(self.train_y), min(o.buffer, len(self.train_y)), False))
        same_buffer = ((self.train_y[sample] @ y.t()) > 0).float()
        parts = collections.Counter()
        lengths = len(model.all_bits)
        for i, k in enumerate(model.all_bits):
            weight = (o.aux_weight if i == lengths - 1 else 1.0) / lengths
            for m in "vtb":
                self.buffer[m][i][rows[:len(codes[m][i])]] = codes[m][i].detach()
            hv, ht, hb = (codes[m][i] for m in "vtb")
            for m, w in (("v", 1.0), ("t", 1.0), ("b", o.both)):
                h = codes[m][i]
                if o.w_class:
                    score = (o.scale / k * (h @ self.words[i].t())).log_softmax(1)
                    parts["class"] -= o.w_class * weight * w * (goal[:len(h)] * score).sum(1).mean()
                if o.w_quant:
                    parts["quant"] += o.w_quant * weight * w * (h - self.target[i][rows[:len(h)]]).pow(2).mean()
            if o.w_psi:
                u, v = self.buffer["v"][i][sample], self.buffer["t"][i][sample]
                parts["psi"] += o.w_psi * weight * (psi(u, ht, same_buffer) + psi(v, hv, same_buffer))
                if o.intra:
                    parts["psi"] += o.w_psi * o.intra * weight * (psi(u, hv, same_buffer) + psi(v, ht, same_buffer))
            if o.w_rebuild and i < lengths - 1:
                aux = self.target[-1][rows]
                for h in (hv, ht):
                    parts["rebuild"] += o.w_rebuild * weight * (model.decoder[i](h) - aux).pow(2).mean()
        if o.pacl:
            same = ((y @ y.t()) > 0).float().fill_diagonal_(1)
            q = same / same.sum(1, keepdim=True)
            parts["global"] = o.w_global * soft_contrast(out["v"], out["t"], q, o.temperature)
            for a, b in (("v", "pt"), ("t", "pv")):
                if b in out:
                    tau = affinity_temperature(out[a], out[b], o.temperature)
                    parts["local"] += o.w_local * soft_contrast(out[a], out[b], q, tau)
        if o.w_affinity:
            for name in ("av", "at"):
                if out[name] is not None:
                    parts["affinity"] -= o.w_affinity * (goal * out[name].log_softmax(1)).sum(1).mean()
        return parts

    def step(self, items):
        o = self.o
        x = self.step_number / self.steps
        self.step_number += 1
        rate = o.rate * min(1.0, x / o.warm_up if o.warm_up else 1.0) * 0.5 * (1 + math.cos(math.pi * x))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        parts = self.loss(items)
        total = sum(parts.values())
        self.optimiser.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), o.clip)
        self.optimiser.step()
        return {n: float(p) for n, p in parts.items()}

    def epoch(self):
        self.model.train()
        mean = collections.Counter()
        order = torch.from_numpy(self.rng.permutation(self.d.train))
        batches = order.split(self.o.batch)
        for items in batches:
            for name, value in self.step(items).items():
                mean[name] += value / len(batches)
        for i in range(len(self.target)):  # B = sign(U + V + both), once an epoch
            s = sum(self.buffer[m][i] for m in "vtb")
            self.target[i] = torch.where(s >= 0, 1.0, -1.0)
        return mean

    def encode(self, m, items):
        o, out = self.o, []
        for part in torch.as_tensor(items).split(128):
            y = self.d.y[part] if o.mode == "oracle" else None
            out.append(self.model.encode(m, self.d.image[part], self.d.text[part], y))
        return [torch.cat(h) for h in zip(*out)]

    def evaluate(self, query, database):
        rel = ((self.d.relevance[query] @ self.d.relevance[database].t()) > 0).float()
        q, d = {m: self.encode(m, query) for m in "vtb"}, {m: self.encode(m, database) for m in "vtb"}
        return {name: [expected_map(q[a][i], d[b][i], rel) for i in range(len(self.model.bits))]
                for name, a, b in (("i2t", "v", "t"), ("t2i", "t", "v"), ("b2b", "b", "b"))}


def options():
    p = argparse.ArgumentParser(description="Strict PromptHash reference.")
    a = p.add_argument
    flag = lambda name, default: a(name, type=lambda s: s not in ("0", "false"), default=default)
    a("--pairs", help="CSV with id, text and the label column")
    a("--label-column", default="articleType")
    a("--ids"), a("--labels", help="one line an item, labels split by |"), a("--texts", help="one line an item")
    a("--image", required=True, help="NPY [N, n]")
    a("--text", help="NPY [N, n]; without it a bag of words is learnt from train")
    a("--splits", required=True, help="folder with train.txt, query.txt, database.txt")
    a("--database", default="database", help="name of the database's split file")
    a("--cut", choices=["validation", "final"], default="validation",
      help="validation: 700 train items query the rest; final: the given queries and database, 500 train items held out")
    a("--split-seed", type=int, default=0), a("--seed", type=int, default=1), a("--threads", type=int, default=1)
    a("--mode", choices=["strict", "paper", "oracle"], default="strict")
    a("--pair-share", type=float, default=0.5, help="share of a batch that is also fused as pairs")
    flag("--prompts", True), flag("--image-prompt", True), flag("--ssm", True), flag("--fusion", True), flag("--pacl", True)
    a("--bits", type=lambda s: [int(x) for x in s.split(",")], default=[16, 32, 64, 128])
    a("--aux", type=int, default=256)
    a("--words", type=int, default=1000), a("--spread-floor", type=float, default=0.2), a("--cut-at", type=float, default=8)
    a("--tokens", type=int, default=4), a("--width", type=int, default=128), a("--heads", type=int, default=4)
    a("--pool", choices=["concat", "mean"], default="concat")
    a("--prompt-blocks", type=int, default=1), a("--concept-spread", type=float, default=0.1)
    a("--mlp", type=int, default=1), a("--mlp-blocks", type=int, default=1)
    a("--drop-image", type=float, default=0.6), a("--drop-text", type=float, default=0.3)
    a("--dropout", type=float, default=0.5), a("--drop-block", type=float, default=0.1), a("--drop-mlp", type=float, default=0.5)
    a("--noise", type=float, default=0.0)
    a("--epochs", type=int, default=15), a("--batch", type=int, default=128), a("--rate", type=float, default=2e-3)
    a("--warm-up", type=float, default=0.05), a("--weight-decay", type=float, default=1e-2), a("--clip", type=float, default=5.0)
    a("--scale", type=float, default=8.0), a("--smoothing", type=float, default=0.1)
    a("--sharpness", type=float, default=4.0), a("--likeness", choices=["image", "both"], default="image")
    a("--buffer", type=int, default=256, help="buffer rows drawn for Psi in a step")
    a("--both", type=float, default=0.5), a("--aux-weight", type=float, default=1.0)
    a("--w-class", type=float, default=5.0), a("--w-psi", type=float, default=0.1), a("--intra", type=float, default=0.001)
    a("--w-quant", type=float, default=0.1), a("--w-rebuild", type=float, default=0.005)
    a("--w-global", type=float, default=0.2), a("--w-local", type=float, default=0.2), a("--temperature", type=float, default=0.2)
    a("--w-affinity", type=float, default=0.5)
    a("--quiet", action="store_true")
    return p.parse_args()


def keep_memory():
    """glibc: freed tensors stay with the process. A step frees and takes hundreds of MB; where page faults are dear
    (virtual machines) handing them back costs several times the arithmetic."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD
    except OSError:
        pass


def main():
    o = options()
    keep_memory()
    torch.set_num_threads(o.threads)
    data = Data(o)
    begin, cpu = time.time(), time.process_time()
    trainer = Trainer(data, o)
    ready = time.process_time()
    for e in range(o.epochs):
        mean = trainer.epoch()
        if not o.quiet and (e % 5 == 4 or e == o.epochs - 1):
            print(f"epoch {e + 1} cpu {time.process_time() - cpu:.0f}s", {n: round(v, 4) for n, v in mean.items()}, flush=True)
    spent = time.process_time() - ready
    note = {"strict": "", "paper": " PAIRED INPUT, not cross-modal", "oracle": " LABELS IN THE QUERY"}[o.mode]
    score = trainer.evaluate(data.query, data.database)
    count = sum(p.numel() for p in trainer.model.parameters())
    print(f"{o.cut} {o.mode}{note} seed {o.seed}: parameters {count}, code words {ready - cpu:.1f} cpu s, "
          f"{spent / trainer.steps:.3f} cpu s/step, {trainer.steps} steps, {spent:.0f} cpu s, {time.time() - begin:.0f} s")
    for name in ("i2t", "t2i", "b2b"):
        print(" ", name, " ".join(f"{k}:{x:.4f}" for k, x in zip(o.bits, score[name])), flush=True)


if __name__ == "__main__":
    main()
