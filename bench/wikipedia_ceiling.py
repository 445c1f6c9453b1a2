#!/usr/bin/env python3
"""How well could texts find pictures on Wikipedia's features, by plain classifiers?

  bench/wikipedia_ceiling.py WIKIPEDIA/prepared

Pictures (SIFT histograms of 128 words) are ordered by the class shares that a classifier gives them, texts by those of a
logistic regression on tf-idf, or with their true class: what no text side can surpass. Trained on the train split, measured
among the 693 of database_test, and by threefold cross-validation within train. Needs Debian's python3-sklearn.
"""
import sys

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import additive_chi2_kernel, chi2_kernel
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def class_shares(x, y, other):
    """Of each classifier: its shares for the rows of `other`."""
    roots, other_roots = np.sqrt(x), np.sqrt(other)
    gamma = 1 / np.mean(-additive_chi2_kernel(x))
    shares = {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        .fit(roots, y).predict_proba(other_roots),
        "chi-square SVM": SVC(kernel="precomputed", probability=True, random_state=0)
        .fit(chi2_kernel(x, gamma=gamma), y).predict_proba(chi2_kernel(other, x, gamma=gamma)),
        "random forest": RandomForestClassifier(1000, min_samples_leaf=2, random_state=0).fit(x, y).predict_proba(other),
        "extra trees": ExtraTreesClassifier(1000, min_samples_leaf=2, random_state=0).fit(x, y).predict_proba(other),
        "five networks": np.mean([make_pipeline(StandardScaler(), MLPClassifier((256,), alpha=3, early_stopping=True, random_state=s))
                                  .fit(roots, y).predict_proba(other_roots) for s in range(5)], axis=0)}
    product = np.exp(np.mean([np.log(p + 1e-6) for p in shares.values()], axis=0))
    return shares | {"all of them": product / product.sum(axis=1, keepdims=True)}


def mean_average_precision(queries, answers, labels):
    total = 0
    for scores, label in zip(queries @ answers.T, labels):
        hits = labels[np.argsort(-scores, kind="stable")] == label
        total += (np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()
    return total / len(labels)


def measure(image, text, y, train, test):
    words = LogisticRegression(C=30, max_iter=2000).fit(text[train], y[train]).predict_proba(text[test])
    for name, shares in class_shares(image[train], y[train], image[test]).items():
        yield name, np.array([np.mean(shares.argmax(axis=1) == y[test]),
                              mean_average_precision(shares, words, y[test]),
                              mean_average_precision(words, shares, y[test]),
                              mean_average_precision(np.eye(words.shape[1])[y[test]], shares, y[test])])


def main(folder):
    ids = {name: i for i, name in enumerate(open(f"{folder}/ids.txt").read().split("\n"))}
    image, text = (np.load(f"{folder}/{name}.npy").astype(float) for name in ("image_sift128", "text_tfidf1000"))
    y = np.unique([line.strip() for line in open(f"{folder}/labels.txt") if line.strip()], return_inverse=True)[1]
    split = {name: np.array([ids[line.strip()] for line in open(f"{folder}/splits/{name}.txt") if line.strip()])
             for name in ("train", "database_test")}
    print("picture classifier    right   image->text   text->image   with the text's true class")
    folds = [{name: row for name, row in measure(image, text, y, split["train"][a], split["train"][b])}
             for a, b in StratifiedKFold(3, shuffle=True, random_state=0).split(split["train"], y[split["train"]])]
    for where, found in (("held out", {n: np.mean([f[n] for f in folds], axis=0) for n in folds[0]}),
                         ("database_test", dict(measure(image, text, y, split["train"], split["database_test"])))):
        print(f"-- {where}")
        for name, (right, i2t, t2i, true) in found.items():
            print(f"{name:20} {right:6.3f} {i2t:10.3f} {t2i:13.3f} {true:13.3f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
