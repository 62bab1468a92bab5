"""The data and the features that every peer gets: paring's tokens, counted."""

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import StratifiedKFold

INTERCEPT = "(intercept)"
SEED = 1
MAX_TOKEN_BYTES = 256
UNSPACED_SCRIPTS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
ASCII_RUNS = re.compile(r"[A-Za-z0-9_]+")


def is_word_character(character):
    return character.isalnum() or character == "_" or unicodedata.category(character)[0] == "M"


@lru_cache(maxsize=None)
def is_unspaced(character):
    return character >= "\u0e00" and unicodedata.name(character, "").startswith(UNSPACED_SCRIPTS)


def normalise(run):
    if len(run.encode()) > MAX_TOKEN_BYTES:
        return ""
    if run.isascii():
        return run.lower()
    return "".join(filter(is_word_character, unicodedata.normalize("NFKC", run).lower()))


def tokenise(text):
    """The tokens of `text`, in order; see `src/text/tokenize.rs` for the definition."""
    if text.isascii():
        runs = ASCII_RUNS.findall(text)
    else:
        spaced = (f" {c} " if is_unspaced(c) else c if is_word_character(c) else " " for c in text)
        runs = "".join(spaced).split()
    return [token for token in map(normalise, runs) if token]


@dataclass
class Split:
    """One file: its tokens, and its counts, of shape (texts, features), the last the intercept."""

    texts: list[list[str]]
    counts: sparse.csr_matrix
    classes: np.ndarray


@dataclass
class Task:
    """A training file and a test file over the training file's words and labels."""

    name: str
    train: Split
    test: Split
    features: list[str]
    labels: list[str]
    train_path: str
    test_path: str

    def accuracy(self, weights):
        """Held-out accuracy of a dense matrix of shape (features, labels)."""
        return float(np.mean((self.test.counts @ weights).argmax(axis=1) == self.test.classes))


def read_tsv(path):
    with Path(path).open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    header = rows[0]
    label, text = header.index("label"), header.index("text")
    return [row[label] for row in rows[1:]], [tokenise(row[text]) for row in rows[1:]]


def load(name, train_path, test_path):
    train_labels, train_texts = read_tsv(train_path)
    test_labels, test_texts = read_tsv(test_path)
    labels = sorted(set(train_labels))
    index = {label: i for i, label in enumerate(labels)}
    vectorizer = CountVectorizer(analyzer=lambda tokens: tokens, dtype=np.float64)

    def split(texts, names, words):
        ones = sparse.csr_matrix(np.ones((len(texts), 1)))
        counts = sparse.hstack([words, ones], format="csr")
        # A test label that training never saw is a class that no model can give.
        return Split(texts, counts, np.array([index.get(name, -1) for name in names]))

    train = split(train_texts, train_labels, vectorizer.fit_transform(train_texts))
    test = split(test_texts, test_labels, vectorizer.transform(test_texts))
    features = [*vectorizer.get_feature_names_out(), INTERCEPT]
    return Task(name, train, test, features, labels, train_path, test_path)


def folds(classes, count):
    """The first `count` of five stratified folds, as (fit, validate) pairs of row numbers."""
    splitter = StratifiedKFold(5, shuffle=True, random_state=SEED)
    return list(splitter.split(np.zeros(len(classes)), classes))[:count]
