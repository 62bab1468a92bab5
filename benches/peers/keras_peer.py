"""The schedule that users write first: an embedding with a score for every class, mean pooling, Adam, and the smallest
weights zeroed between rounds of training, ever more of them."""

import time

import keras
import numpy as np
from corpus import folds
from linear import model_bytes
from results import ALL, Result

ROUNDS = 16
EPOCHS = 8
BATCH = 512
RATES = [0.1, 0.01, 0.001]
L1_SETTINGS = [(rate, l1) for rate in (0.1, 0.01) for l1 in (1e-4, 1e-5, 1e-6)]
# The numbers of nonzeros at which the rate and the L1 strength are chosen: the first for less than 1000, and the other.
CHOSEN_AT = (200, 2000)
# Name, whether what was zeroed stays zero, and the rates and L1 strengths to choose from.
VARIANTS = {
    "plain": ("Keras, magnitude schedule", False, [(rate, 0.0) for rate in RATES]),
    "mask": ("Keras, magnitude schedule with mask", True, [(rate, 0.0) for rate in RATES]),
    "l1": ("Keras, magnitude schedule with mask and L1", True, L1_SETTINGS),
}


class Scores(keras.layers.Embedding):
    """An embedding, masked: number 0 is padding, which the mean leaves out."""

    def __init__(self, features, labels, l1):
        regularizer = keras.regularizers.L1(l1) if l1 else None
        super().__init__(features, labels, mask_zero=True, embeddings_regularizer=regularizer)

    def build(self, shape=None):
        super().build(shape)
        self.kept = self.add_weight(name="kept", shape=self.embeddings.shape, initializer="ones", trainable=False)

    def call(self, words):
        return keras.ops.take(self.embeddings * self.kept, words, axis=0)


def padded(texts, index):
    """Word numbers, 0 for padding, of shape (texts, longest text)."""
    rows = [[index[token] for token in tokens if token in index] for tokens in texts]
    matrix = np.zeros((len(rows), max(1, *map(len, rows))), dtype=np.int32)
    for at, row in enumerate(rows):
        matrix[at, : len(row)] = row
    return matrix


def fit(words, classes, shape, budget, is_masked, rate, l1):
    """The model, and the table of its scores after the last round. No budget: no weight is zeroed."""
    keras.utils.set_random_seed(1)
    texts = keras.Input((words.shape[1],), dtype="int32")
    scores = Scores(*shape, l1)
    mean = keras.layers.GlobalAveragePooling1D()(scores(texts))
    model = keras.Model(texts, keras.layers.Softmax()(mean))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    # Padding is no feature.
    possible = (shape[0] - 1) * shape[1]
    for step in range(1, ROUNDS + 1):
        model.fit(words, classes, batch_size=BATCH, epochs=EPOCHS, verbose=0)
        table = np.array(scores.embeddings) * np.array(scores.kept)
        table[0] = 0.0
        if budget != ALL:
            kept = int(round(possible * (budget / possible) ** (step / ROUNDS)))
            threshold = np.sort(np.abs(table), axis=None)[-kept]
            # A weight that L1 has left next to nothing of is not zero yet, but no more than rounding.
            mask = np.abs(table) >= max(threshold, 1e-12)
            table *= mask
            if is_masked:
                scores.kept.assign(mask)
        scores.embeddings.assign(table)
    return model, table


def accuracy(model, words, classes):
    return float(np.mean(model.predict(words, batch_size=1024, verbose=0).argmax(axis=1) == classes))


def run_variant(variant):
    name, is_masked, settings = VARIANTS[variant]

    def run(task, budgets, options):
        index = {word: number + 1 for number, word in enumerate(task.features[:-1])}
        words = padded(task.train.texts, index)
        tests = padded(task.test.texts, index)
        classes = task.train.classes
        shape = (len(task.features), len(task.labels))

        def validated(setting, at, chosen):
            fitting, held = folds(classes, 1)[0]
            model, _ = fit(words[fitting], classes[fitting], shape, at, is_masked, *setting)
            right = accuracy(model, words[held], classes[held])
            with chosen.open("a") as file:
                print(*setting, right, file=file)
            return right

        for budget in budgets:
            if (name, budget) in options.done:
                continue
            began = time.time()
            at = CHOSEN_AT[budget == ALL or budget >= 1000]
            chosen = options.cache / task.name / f"keras-{variant}-{at}.txt"
            scores = {}
            if chosen.exists():
                for line in chosen.read_text().splitlines():
                    rate, l1, right = map(float, line.split())
                    scores[rate, l1] = right
            chosen.parent.mkdir(parents=True, exist_ok=True)
            for setting in settings:
                if setting not in scores:
                    scores[setting] = validated(setting, at, chosen)
            rate, l1 = max(settings, key=scores.get)
            model, table = fit(words, classes, shape, budget, is_masked, rate, l1)
            right = accuracy(model, tests, task.test.classes)
            nonzeros = int(np.count_nonzero(table))
            note = f"{ROUNDS} rounds of {EPOCHS} epochs, lr={rate:g}" + (f" L1={l1:g}" if l1 else "")
            bytes_ = model_bytes(task, np.vstack([table[1:], np.zeros((1, shape[1]))]))
            yield Result(name, budget, nonzeros, bytes_, right, time.time() - began, note)

    return run


plain = run_variant("plain")
mask = run_variant("mask")
mask_and_l1 = run_variant("l1")
