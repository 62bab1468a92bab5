#!/usr/bin/env python3
"""Makes two more data sets of what a Debian machine has: data that `paring` was not made on.

python more_data.py FOLDER

`unicode`: names of Unicode characters, to be told their general category. 3,000 training texts.
`debian`: one-line descriptions of packages, to be told the section of the archive (`apt-cache`). 24,000 training texts.

Texts with the same words are taken once; classes with few texts are left out. What it makes depends on the versions: the results
are of Python 3.11, which has Unicode 14.0, and of Debian 12.
"""

import argparse
import random
import re
import subprocess
import unicodedata
from collections import Counter
from pathlib import Path

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


def write(folder, name, records, train, test, least):
    """Writes `train` and `test` records drawn at random, of classes that have at least `least`."""
    distinct = {}
    for label, text in records:
        words = " ".join(re.findall(r"\w+", text.lower()))
        if words:
            distinct.setdefault(words, (label, " ".join(text.split())))
    counts = Counter(label for label, _ in distinct.values())
    drawn = [record for record in distinct.values() if counts[record[0]] >= least]
    random.Random(1).shuffle(drawn)
    if len(drawn) < train + test:
        raise SystemExit(f"{name}: found {len(drawn)} distinct texts, expected {train + test} or more")
    for part, rows in [("train", drawn[:train]), ("test", drawn[train : train + test])]:
        lines = "".join(f"{label}\t{text}\n" for label, text in rows)
        (folder / f"{name}.{part}.tsv").write_text("label\ttext\n" + lines, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, "unicode", unicode_names(), 3_000, 6_000, least=40)
    write(folder, "debian", debian_descriptions(), 24_000, 8_000, least=150)


if __name__ == "__main__":
    main()
