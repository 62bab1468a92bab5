"""Linear peers over word counts: L1 by LIBLINEAR and by saga, their refits, and dense L2."""

import pickle
import time
import warnings
import zlib
from dataclasses import dataclass

import numpy as np
from corpus import SEED, folds
from results import ALL, Result
from scipy import sparse
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

warnings.filterwarnings("ignore", category=ConvergenceWarning)

L1_GRID = [0.3, 1.0, 3.0, 10.0]
SMALLEST_C = 1e-3
DENSE_GRID = [0.3, 1.0, 3.0, 10.0, 30.0]
# From the strongest on: each refit starts from the one before.
REFIT_L2_GRID = [10.0, 3.0, 1.0, 0.3, 0.1, 0.01, 0.001]


def model_bytes(task, weights):
    """Bytes of the nonzeros as a zlib-compressed pickle: words kept, labels, CSC in f32."""
    kept = np.flatnonzero(weights.any(axis=1))
    matrix = sparse.csc_matrix(weights[kept].T.astype(np.float32))
    arrays = [matrix.indptr.astype(np.uint32), matrix.indices.astype(np.uint16), matrix.data]
    words = [task.features[row] for row in kept]
    return len(zlib.compress(pickle.dumps([words, task.labels, *arrays]), 9))


def result(task, peer, budget, weights, seconds, note):
    nonzeros = int(np.count_nonzero(weights))
    bytes_ = model_bytes(task, weights)
    return Result(peer, budget, nonzeros, bytes_, task.accuracy(weights), seconds, note)


def by_class(rows, classes, n_classes):
    """Weights of shape (features, classes) from scikit-learn's for `classes`; of two it has the second's alone."""
    weights = np.zeros((len(rows[0]), n_classes))
    weights[:, classes[-len(rows) :]] = np.transpose(rows)
    return weights


def liblinear_l1(counts, classes, n_classes, c, start):
    """One-vs-rest; the intercept is a column of `counts`, so it is penalised and counted."""
    binary = LogisticRegression(C=c, l1_ratio=1.0, solver="liblinear", fit_intercept=False, random_state=SEED)
    fitted = OneVsRestClassifier(binary).fit(counts, classes)
    return by_class([estimator.coef_[0] for estimator in fitted.estimators_], fitted.classes_, n_classes)


def saga_l1(counts, classes, n_classes, c, start):
    """Multinomial, warm-started from the weights of the fit nearest in C."""
    model = LogisticRegression(
        C=c, l1_ratio=1.0, solver="saga", fit_intercept=False, random_state=SEED,
        max_iter=200, tol=1e-3, warm_start=True,
    )  # fmt: skip
    if start is not None:
        model.coef_ = start.T[-1:].copy() if n_classes == 2 else start.T.copy()
    return by_class(model.fit(counts, classes).coef_, model.classes_, n_classes)


def loss_and_residual(x, weights, classes, rows):
    """The multinomial log loss, and probabilities less the truth."""
    scores = x @ weights
    scores -= scores.max(axis=1, keepdims=True)
    right = scores[rows, classes].sum()
    np.exp(scores, out=scores)
    total = scores.sum(axis=1, keepdims=True)
    scores /= total
    scores[rows, classes] -= 1.0
    return np.log(total).sum() - right, scores


def descent_l1(counts, classes, n_classes, c, start):
    """Multinomial, by accelerated proximal gradient (FISTA with restarts) over features scaled to length one, and over
    those features alone that are not at zero or would not stay there."""
    limit = 1.0 / c
    lengths = np.sqrt(np.maximum(np.asarray(counts.power(2).sum(axis=0)).ravel(), 1e-12))
    rows = np.arange(len(classes))
    full = np.zeros((counts.shape[1], n_classes)) if start is None else start.copy()
    by_feature = counts.tocsc()
    active = full.any(axis=1)
    for step in range(20):
        kept = np.flatnonzero(full.any(axis=1))
        _, residual = loss_and_residual(by_feature[:, kept], full[kept], classes, rows)
        beyond = (np.abs(by_feature.T @ residual) > limit * 1.001).any(axis=1) & ~active
        if step and not beyond.any():
            break
        active |= beyond
        if not active.any():
            break
        features = np.flatnonzero(active)
        scales = lengths[features, None]
        x = (by_feature[:, features] @ sparse.diags(1.0 / scales[:, 0])).tocsr()
        x_transposed = x.T.tocsr()
        penalty = limit / scales
        weights = full[features] * scales
        ahead, momentum, steepness = weights, 1.0, 1.0
        value = loss_and_residual(x, weights, classes, rows)[0] + (penalty * np.abs(weights)).sum()
        calm = 0
        for _ in range(2000):
            at, residual = loss_and_residual(x, ahead, classes, rows)
            gradient = x_transposed @ residual
            steepness *= 0.9
            while True:
                moved = ahead - gradient / steepness
                moved = np.sign(moved) * np.maximum(np.abs(moved) - penalty / steepness, 0.0)
                change = moved - ahead
                loss, _ = loss_and_residual(x, moved, classes, rows)
                bound = at + (gradient * change).sum() + 0.5 * steepness * (change * change).sum()
                if loss <= bound + 1e-9 * abs(at):
                    break
                steepness *= 1.5
            moved_value = loss + (penalty * np.abs(moved)).sum()
            if moved_value > value:
                # The momentum has overshot: again from the last point, without it.
                if momentum == 1.0:
                    break
                ahead, momentum = weights, 1.0
                continue
            calm = calm + 1 if value - moved_value < 1e-6 * value else 0
            next_momentum = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum * momentum))
            ahead = moved + (momentum - 1.0) / next_momentum * (moved - weights)
            weights, momentum, value = moved, next_momentum, moved_value
            if calm >= 5:
                break
        full = np.zeros_like(full)
        full[features] = weights / scales
    return full


def dense_l2(counts, classes, n_classes, c, start):
    model = LogisticRegression(C=c, fit_intercept=False, max_iter=300, tol=1e-3)
    return by_class(model.fit(counts, classes).coef_, model.classes_, n_classes)


@dataclass
class Part:
    """Texts to fit on and texts to validate on."""

    counts: sparse.csr_matrix
    classes: np.ndarray
    held_counts: sparse.csr_matrix
    held_classes: np.ndarray

    def accuracy(self, weights):
        return float(np.mean((self.held_counts @ weights).argmax(axis=1) == self.held_classes))


def parts(task, n_folds):
    """Stratified folds of the training file."""
    train = task.train
    return [
        Part(train.counts[fitting], train.classes[fitting], train.counts[held], train.classes[held])
        for fitting, held in folds(train.classes, n_folds)
    ]


class L1Path:
    """Fits by C, each computed once and kept in the file `cache`, searched for the most nonzeros within a budget."""

    def __init__(self, fit, texts, n_classes, cache):
        self.fit, self.texts, self.n_classes, self.cache = fit, texts, n_classes, cache
        self.fits = pickle.loads(cache.read_bytes()) if cache.exists() else {}

    def at(self, c):
        if c not in self.fits:
            near = min(self.fits, key=lambda other: abs(np.log(other / c)), default=None)
            start = None if near is None else self.fits[near].toarray()
            weights = self.fit(self.texts.counts, self.texts.classes, self.n_classes, c, start)
            self.fits[c] = sparse.csr_matrix(weights)
            self.cache.parent.mkdir(parents=True, exist_ok=True)
            partial = self.cache.with_suffix(".partial")
            partial.write_bytes(pickle.dumps(self.fits))
            partial.replace(self.cache)
        return self.fits[c]

    def within(self, budget, largest, tries, close):
        """The C, up to `largest`, of the fit with the most nonzeros up to `budget`: a search by interpolation that ends
        at a fit with at least `close` times the budget, or after `tries`."""
        c = SMALLEST_C
        while self.at(c).nnz > budget:
            c /= 3
        while self.at(c).nnz <= budget and c < largest:
            c = min(3 * c, largest)
        if self.at(c).nnz <= budget:
            return c
        for _ in range(tries):
            low = max(c for c, weights in self.fits.items() if weights.nnz <= budget and c <= largest)
            high = min(c for c, weights in self.fits.items() if weights.nnz > budget and c > low)
            if self.at(low).nnz >= close * budget:
                break
            at_low, aim, at_high = np.log1p([self.at(low).nnz, (1 + close) / 2 * budget, self.at(high).nnz])
            share = np.clip((aim - at_low) / (at_high - at_low), 0.1, 0.9)
            self.at(float(low * (high / low) ** share))
        return max(c for c, weights in self.fits.items() if weights.nnz <= budget and c <= largest)


def refit(counts, classes, start, l2):
    """Multinomial logistic regression on the nonzeros of `start` alone, from there."""
    support = start != 0
    columns = np.flatnonzero(support.any(axis=1))
    mask = support[columns]
    x = counts[:, columns].tocsr()
    x_transposed = x.T.tocsr()
    rows = np.arange(len(classes))
    weights = np.zeros_like(mask, dtype=np.float64)

    def loss(free):
        weights[mask] = free
        value, residual = loss_and_residual(x, weights, classes, rows)
        return value + 0.5 * l2 * free @ free, (x_transposed @ residual)[mask] + l2 * free

    found = minimize(loss, start[columns][mask], jac=True, method="L-BFGS-B", options={"maxiter": 150})
    refitted = np.zeros_like(start)
    weights[mask] = found.x
    refitted[columns] = weights
    return refitted


def refit_scores(paths, parts, c):
    """The mean accuracy over folds of refits by L2, the supports selected within each fold."""
    scores = np.zeros(len(REFIT_L2_GRID))
    for path, part in zip(paths, parts, strict=True):
        weights = path.at(c).toarray()
        if not weights.any():
            continue
        for i, l2 in enumerate(REFIT_L2_GRID):
            weights = refit(part.counts, part.classes, np.where(path.at(c).toarray(), weights, 0), l2)
            scores[i] += part.accuracy(weights)
    return scores / len(paths)


def l1_and_refit(name, short, fit, n_folds, tries, close):
    def run(task, budgets, options):
        refit_name = f"{name}, refit"
        cache = options.cache / task.name
        n_classes = len(task.labels)
        path = L1Path(fit, task.train, n_classes, cache / f"{short}.pickle")
        held = parts(task, n_folds)
        paths = [L1Path(fit, part, n_classes, cache / f"{short}-{i}.pickle") for i, part in enumerate(held)]

        def score(c):
            return np.mean([part.accuracy(each.at(c).toarray()) for each, part in zip(paths, held, strict=True)])

        for budget in budgets:
            if {(name, budget), (refit_name, budget)} <= options.done:
                continue
            began = time.time()
            if budget == ALL:
                c = max(L1_GRID, key=score)
            else:
                c = path.within(budget, max(L1_GRID), tries, close)
            weights = path.at(c).toarray()
            yield result(task, name, budget, weights, time.time() - began, f"C={c:.5g}")
            # Without a limit, the C that is best for the refit need not be the one that is best without.
            found = {each: refit_scores(paths, held, each) for each in (L1_GRID if budget == ALL else [c])}
            c = max(found, key=lambda each: found[each].max())
            l2 = REFIT_L2_GRID[found[c].argmax()]
            weights = path.at(c).toarray()
            if weights.any():
                weights = refit(task.train.counts, task.train.classes, weights, l2)
            yield result(task, refit_name, budget, weights, time.time() - began, f"C={c:.5g} L2={l2:g}")

    return run


def dense(task, budgets, options):
    """Multinomial logistic regression with L2: the line that no limit on nonzeros would give."""
    name = "dense multinomial L2"
    if ALL not in budgets or (name, ALL) in options.done:
        return
    began = time.time()
    n_classes = len(task.labels)
    held = parts(task, 3)

    def score(c):
        return np.mean([part.accuracy(dense_l2(part.counts, part.classes, n_classes, c, None)) for part in held])

    c = max(DENSE_GRID, key=score)
    weights = dense_l2(task.train.counts, task.train.classes, n_classes, c, None)
    yield result(task, name, ALL, weights, time.time() - began, f"C={c:g}")


liblinear = l1_and_refit("LIBLINEAR L1 one-vs-rest", "liblinear", liblinear_l1, n_folds=3, tries=15, close=1.0)
# One fold, and counts up to 2 % below the budget: a fit takes half a minute.
saga = l1_and_refit("multinomial L1 (saga)", "saga", saga_l1, n_folds=1, tries=6, close=0.98)
descent = l1_and_refit("multinomial L1 (FISTA)", "descent", descent_l1, n_folds=3, tries=15, close=1.0)
