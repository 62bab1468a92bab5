#!/usr/bin/env python3
"""Runs paring's peers on the same files and features, and prints accuracy by nonzeros and bytes.

python run.py --data job-titles=train.tsv:test.tsv --peers liblinear,dense,fasttext
"""

import argparse
import importlib
import os
import sys
from pathlib import Path

# Before numpy and jax are loaded: every peer runs on one thread.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

import corpus
import results

# Each peer is a function (task, budgets, options) that yields results; loaded when asked for.
PEERS = {
    "dense": ("linear", "dense"),
    "liblinear": ("linear", "liblinear"),
    "saga": ("linear", "saga"),
    "descent": ("linear", "descent"),
    "fasttext": ("fasttext_peer", "run"),
    "keras": ("keras_peer", "plain"),
    "keras-mask": ("keras_peer", "mask"),
    "keras-mask-l1": ("keras_peer", "mask_and_l1"),
    "skscope-splicing": ("skscope_peer", "splicing"),
    "skscope-omp": ("skscope_peer", "omp"),
    "paring": ("paring_peer", "run"),
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", required=True, action="append", metavar="NAME=TRAIN.tsv:TEST.tsv",
        help="files with a header line and the columns label and text; may be repeated",
    )  # fmt: skip
    parser.add_argument("--peers", default=",".join(PEERS), help="default: %(default)s; none: print what is there")
    parser.add_argument("--again", action="store_true", help="run also what has a result")
    parser.add_argument("--budgets", default="50,200,500,1000,2000,5000,all")
    parser.add_argument("--minutes", type=float, default=10.0, help="limit on one skscope fit (default 10)")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", metavar="FOLDER")
    parser.add_argument("--cache", type=Path, default=Path(__file__).parent / ".cache", metavar="FOLDER")
    options = parser.parse_args()
    options.peers = [] if options.peers == "none" else options.peers.split(",")
    unknown = set(options.peers) - set(PEERS)
    if unknown:
        parser.error(f"unknown peers {sorted(unknown)}: expected some of {sorted(PEERS)}")
    options.budgets = [int(b) if b.isdigit() else b for b in options.budgets.split(",")]
    return options


def main():
    options = parse_arguments()
    for data in options.data:
        name, _, files = data.partition("=")
        train, _, test = files.partition(":")
        if options.peers:
            task = corpus.load(name, train, test)
        path = options.results / f"{name}.tsv"
        for peer in options.peers:
            module, function = PEERS[peer]
            run = getattr(importlib.import_module(module), function)
            options.done = set() if options.again else set(map(results.key, results.read(path)))
            for result in run(task, options.budgets, options):
                # After each result: a long run that is stopped keeps what it has.
                results.append(path, result)
                print(f"{name}: {result}", file=sys.stderr, flush=True)
        found = results.read(path)
        print(f"## {name}\n\n{results.accuracy_table(found)}\n\n{results.bytes_table(found)}\n")


if __name__ == "__main__":
    main()
