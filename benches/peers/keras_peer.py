"""The schedule that users write first: an embedding with a score for every class, mean pooling, Adam, and the smallest
weights zeroed between rounds of training, ever more of them."""

import time

import keras
import numpy as np
from linear import model_bytes
from results import ALL, Result

ROUNDS = 16
EPOCHS = 8
RATE = 0.1
BATCH = 512
L1 = 1e-4
# Name, whether what was zeroed stays zero, and the L1 strength.
VARIANTS = [
    ("Keras, magnitude schedule", False, 0.0),
    ("Keras, magnitude schedule with mask", True, 0.0),
    ("Keras, magnitude schedule with mask and L1", True, L1),
]


class Masked(keras.constraints.Constraint):
    def __init__(self, mask):
        self.mask = mask

    def __call__(self, weights):
        return weights * self.mask


def padded(split, index):
    """Word numbers, 0 for padding, of shape (texts, longest text)."""
    rows = [[index[token] for token in tokens if token in index] for tokens in split.texts]
    longest = max(map(len, rows))
    matrix = np.zeros((len(rows), max(longest, 1)), dtype=np.int32)
    for at, row in enumerate(rows):
        matrix[at, : len(row)] = row
    return matrix


def build(task, mask, l1):
    words = keras.Input((None,), dtype="int32")
    scores = keras.layers.Embedding(
        len(task.features),
        len(task.labels),
        embeddings_regularizer=keras.regularizers.L1(l1) if l1 else None,
        embeddings_constraint=mask,
    )(words)
    mean = keras.layers.GlobalAveragePooling1D()(scores)
    model = keras.Model(words, keras.layers.Softmax()(mean))
    model.compile(keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy")
    return model


def weights_of(model, task):
    """As the other peers' weights: of shape (features, labels), without an intercept."""
    table = np.array(model.get_weights()[0])
    # Number 0 is padding: with it, the mean over a padded text is shifted by what padding scores.
    return np.vstack([table[1:], np.zeros((1, table.shape[1]))]), table


def run(task, budgets, options):
    index = {word: number + 1 for number, word in enumerate(task.features[:-1])}
    texts = padded(task.train, index)
    tests = padded(task.test, index)
    possible = len(task.features) * len(task.labels)
    for name, is_masked, l1 in VARIANTS:
        for budget in budgets:
            if budget == ALL:
                continue
            began = time.time()
            keras.utils.set_random_seed(1)
            constraint = Masked(np.ones((len(task.features), len(task.labels)), dtype=np.float32))
            for step in range(1, ROUNDS + 1):
                kept = int(round(possible * (budget / possible) ** (step / ROUNDS)))
                model = build(task, constraint if is_masked else None, l1)
                if step > 1:
                    model.set_weights([table])
                model.fit(texts, task.train.classes, batch_size=BATCH, epochs=EPOCHS, verbose=0)
                table = np.array(model.get_weights()[0])
                threshold = np.sort(np.abs(table), axis=None)[-kept]
                mask = np.abs(table) >= max(threshold, 1e-30)
                table = table * mask
                constraint = Masked(mask.astype(np.float32))
            model.set_weights([table])
            predicted = model.predict(tests, batch_size=4096, verbose=0).argmax(axis=1)
            accuracy = float(np.mean(predicted == task.test.classes))
            nonzeros = int(np.count_nonzero(table))
            note = f"{ROUNDS} rounds of {EPOCHS} epochs"
            bytes_ = model_bytes(task, table)
            yield Result(name, budget, nonzeros, bytes_, accuracy, time.time() - began, note)
