"""fastText: `supervised`, as it is and with its vocabulary cut by `quantize -cutoff`."""

import os
import tempfile
import time

import fasttext
import numpy as np
from corpus import folds
from results import ALL, Result

EPOCHS = [5, 25]
LEARNING_RATES = [0.1, 0.5]
CUTOFFS = [1000, 5000]


def write(path, split, rows, labels):
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            # Labels are numbers: fastText ends them at a space.
            file.write(f"__label__{split.classes[row]} {' '.join(split.texts[row])}\n")


def train(path, epochs, rate):
    return fasttext.train_supervised(path, epoch=epochs, lr=rate, minCount=1, thread=1, verbose=0)


def accuracy(model, split, rows):
    texts = [" ".join(split.texts[row]) for row in rows]
    labels, _ = model.predict(texts)
    predicted = np.array([int(found[0].removeprefix("__label__")) if found else -1 for found in labels])
    return float(np.mean(predicted == split.classes[rows]))


def size(model, folder):
    path = os.path.join(folder, "model")
    model.save_model(path)
    return os.path.getsize(path)


def run(task, budgets, options):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "train")
        fitting, held = folds(task.train.classes, 1)[0]
        write(path, task.train, fitting, task.labels)
        settings = [(epochs, rate) for epochs in EPOCHS for rate in LEARNING_RATES]
        epochs, rate = max(settings, key=lambda setting: accuracy(train(path, *setting), task.train, held))
        write(path, task.train, range(len(task.train.texts)), task.labels)
        rows = np.arange(len(task.test.texts))
        note = f"epoch={epochs} lr={rate}"
        for cutoff in [None, *CUTOFFS]:
            began = time.time()
            model = train(path, epochs, rate)
            if cutoff is not None:
                model.quantize(path, cutoff=cutoff, retrain=True, qnorm=True, verbose=False)
            name = "fastText" if cutoff is None else "fastText quantize"
            setting = ALL if cutoff is None else f"-cutoff {cutoff}"
            bytes_ = size(model, folder)
            right = accuracy(model, task.test, rows)
            yield Result(name, setting, None, bytes_, right, time.time() - began, note)
