"""fastText: `supervised` with its defaults and tuned, and the tuned one with its vocabulary cut by `quantize -cutoff`."""

import os
import tempfile
import time

import fasttext
import numpy as np
from corpus import folds
from results import ALL, Result

DEFAULT = (100, 5, 0.1)
DIMENSIONS = [100, 10]
EPOCHS = [5, 25, 50]
LEARNING_RATES = [0.1, 0.5, 1.0]
CUTOFFS = [1000, 5000]
QUANTIZE = [
    ("", {}),
    (" -retrain", {"retrain": True}),
    (" -qnorm", {"qnorm": True}),
    (" -retrain -qnorm", {"retrain": True, "qnorm": True}),
]


def write(path, split, rows):
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            # Labels are numbers: fastText ends them at a space.
            file.write(f"__label__{split.classes[row]} {' '.join(split.texts[row])}\n")


def train(path, dimension, epochs, rate):
    return fasttext.train_supervised(
        path, dim=dimension, epoch=epochs, lr=rate, wordNgrams=1, minCount=1, thread=1, verbose=0
    )


def accuracy(model, split, rows):
    texts = [" ".join(split.texts[row]) for row in rows]
    labels, _ = model.predict(texts)
    # -1 is the class of a label that the training file does not have.
    predicted = np.array([int(found[0].removeprefix("__label__")) if found else -2 for found in labels])
    return float(np.mean(predicted == split.classes[rows]))


def size(model, folder):
    path = os.path.join(folder, "model")
    model.save_model(path)
    return os.path.getsize(path)


def tuned(task, dimension, path):
    """The epochs and the learning rate with the best accuracy on a fifth of the training file."""
    fitting, held = folds(task.train.classes, 1)[0]
    write(path, task.train, fitting)
    settings = [(epochs, rate) for epochs in EPOCHS for rate in LEARNING_RATES]
    return max(settings, key=lambda setting: accuracy(train(path, dimension, *setting), task.train, held))


def run(task, budgets, options):
    rows = np.arange(len(task.test.texts))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "train")
        validation = os.path.join(folder, "validation")
        write(path, task.train, range(len(task.train.texts)))

        def result(peer, setting, model, began, note):
            right = accuracy(model, task.test, rows)
            return Result(peer, setting, None, size(model, folder), right, time.time() - began, note)

        if ("fastText, defaults", ALL) not in options.done:
            began = time.time()
            dimension, epochs, rate = DEFAULT
            model = train(path, *DEFAULT)
            yield result("fastText, defaults", ALL, model, began, f"dim={dimension} epoch={epochs} lr={rate}")
        for dimension in DIMENSIONS:
            name = f"fastText -dim {dimension}"
            if (name, ALL) in options.done:
                continue
            began = time.time()
            epochs, rate = tuned(task, dimension, validation)
            note = f"epoch={epochs} lr={rate}"
            # Vocabularies no larger than the cutoff are not cut, and nothing is trained again.
            for cutoff in [cutoff for cutoff in CUTOFFS if cutoff < len(task.features) - 1]:
                for flags, arguments in QUANTIZE:
                    began_one = time.time()
                    model = train(path, dimension, epochs, rate)
                    model.quantize(path, cutoff=cutoff, thread=1, verbose=0, **arguments)
                    yield result(f"{name} quantize", f"-cutoff {cutoff}{flags}", model, began_one, note)
            began_one = time.time()
            model = train(path, dimension, epochs, rate)
            model.quantize(path, thread=1, verbose=0, qnorm=True)
            yield result(f"{name} quantize", "-qnorm", model, began_one, note)
            # Last, as a sign that the ones before are done.
            yield result(name, ALL, train(path, dimension, epochs, rate), began, note)
