#!/usr/bin/env python3
"""Few texts of training files: draws them, and shows what `paring` and its peers make of them on average.

python few_texts.py draw FOLDER NAME=TRAIN.tsv
python run.py --data NAME-300-1=FOLDER/NAME-300-1.train.tsv:FOLDER/NAME-300-1.test.tsv --results RESULTS
python few_texts.py show RESULTS

Of each file 300 and 1,000 texts are drawn four times, and up to 6,000 others to test on: no test file takes part.
"""

import argparse
import random
from collections import defaultdict
from pathlib import Path
from statistics import mean

import results

SIZES = (300, 1000)
DRAWS = (1, 2, 3, 4)
MOST_TESTED = 6000


def draw(folder, name, train):
    with train.open(encoding="utf-8", newline="\n") as file:
        header, *records = (record.rstrip("\r\n") + "\n" for record in file)
    for size in SIZES:
        for number in DRAWS:
            drawn = records.copy()
            random.Random(1000 * number + size).shuffle(drawn)
            parts = {"train": drawn[:size], "test": drawn[size : size + MOST_TESTED]}
            for part, lines in parts.items():
                path = folder / f"{name}-{size}-{number}.{part}.tsv"
                path.write_text(header + "".join(lines), encoding="utf-8")


def show(folder):
    """A row for each file, number of texts and budget: `paring`, and the peer that is best on average over the draws."""
    found = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.glob("*-*-*.tsv")):
        name, size, _ = path.stem.rsplit("-", 2)
        for result in results.read(path):
            if result.accuracy is not None:
                found[int(size), name, result.budget][result.peer].append(result.accuracy)
    rows = []
    for (size, name, budget), by_peer in found.items():
        means = {peer: mean(accuracies) for peer, accuracies in by_peer.items()}
        own = means.pop("paring")
        best = max(means, key=means.get)
        rows.append([name, str(size), str(budget), f"{own:.3f}", f"{means[best]:.3f} {best}"])
    print(results.markdown_table(["data", "texts", "nonzeros", "paring", "best peer"], rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    drawing = verbs.add_parser("draw")
    drawing.add_argument("folder", type=Path)
    drawing.add_argument("data", nargs="+", metavar="NAME=TRAIN.tsv")
    verbs.add_parser("show").add_argument("folder", type=Path)
    options = parser.parse_args()
    if options.verb == "show":
        show(options.folder)
    else:
        options.folder.mkdir(parents=True, exist_ok=True)
        for data in options.data:
            name, _, train = data.partition("=")
            draw(options.folder, name, Path(train))


if __name__ == "__main__":
    main()
