"""Linear peers over word counts: L1 by LIBLINEAR and by saga, their refits, and dense L2."""

import pickle
import time
import warnings
import zlib

import numpy as np
from corpus import SEED, folds
from results import ALL, Result
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

warnings.filterwarnings("ignore", category=ConvergenceWarning)

BISECTIONS = 12
L1_GRID = [0.3, 1.0, 3.0, 10.0]
L2_GRID = [0.3, 1.0, 3.0, 10.0, 30.0]
REFIT_L2_GRID = [1e-3, 0.1, 1.0]


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


def liblinear_l1(counts, classes, n_classes, c, start):
    """One-vs-rest; the intercept is a column of `counts`, so it is penalised and counted."""
    binary = LogisticRegression(C=c, l1_ratio=1.0, solver="liblinear", fit_intercept=False, random_state=SEED)
    fitted = OneVsRestClassifier(binary).fit(counts, classes)
    weights = np.zeros((counts.shape[1], n_classes))
    for k, estimator in zip(fitted.classes_, fitted.estimators_, strict=True):
        weights[:, k] = estimator.coef_[0]
    return weights


def saga_l1(counts, classes, n_classes, c, start):
    """Multinomial, warm-started from the weights of the fit nearest in C."""
    model = LogisticRegression(
        C=c, l1_ratio=1.0, solver="saga", fit_intercept=False, random_state=SEED,
        max_iter=200, tol=1e-3, warm_start=True,
    )  # fmt: skip
    if start is not None:
        model.coef_ = start.T.copy()
    return model.fit(counts, classes).coef_.T


def validated(fit, grid, train, n_classes, n_folds=1):
    """The grid value with the best accuracy over stratified folds of the training data."""
    scores = np.zeros(len(grid))
    for fitting, held in folds(train.classes, n_folds):
        start = None
        for i, value in enumerate(grid):
            start = fit(train.counts[fitting], train.classes[fitting], n_classes, value, start)
            scores[i] += np.mean((train.counts[held] @ start).argmax(1) == train.classes[held])
    return grid[int(scores.argmax())]


class L1Path:
    """Fits by C, each computed once, searched for the most nonzeros within a budget."""

    def __init__(self, fit, task):
        self.fit, self.task, self.fits = fit, task, {}

    def at(self, c):
        if c not in self.fits:
            near = min(self.fits, key=lambda other: abs(np.log(other / c)), default=None)
            start = None if near is None else self.fits[near].toarray()
            train = self.task.train
            weights = self.fit(train.counts, train.classes, len(self.task.labels), c, start)
            self.fits[c] = sparse.csr_matrix(weights)
        return self.fits[c]

    def within(self, budget, largest):
        """The fit with the most nonzeros up to `budget`, C at most `largest`; its C."""
        if self.at(largest).nnz <= budget:
            return largest
        low, high = 1e-5, largest
        for c, weights in self.fits.items():
            if weights.nnz <= budget:
                low = max(low, c)
        for c, weights in self.fits.items():
            if weights.nnz > budget and c > low:
                high = min(high, c)
        for _ in range(BISECTIONS):
            if self.at(low).nnz == budget:
                break
            middle = float(np.sqrt(low * high))
            if self.at(middle).nnz <= budget:
                low = middle
            else:
                high = middle
        return low


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
        scores = x @ weights
        log_total = logsumexp(scores, axis=1)
        value = log_total.sum() - scores[rows, classes].sum() + 0.5 * l2 * free @ free
        residual = np.exp(scores - log_total[:, None])
        residual[rows, classes] -= 1.0
        return value, (x_transposed @ residual)[mask] + l2 * free

    found = minimize(loss, start[columns][mask], jac=True, method="L-BFGS-B", options={"maxiter": 150})
    refitted = np.zeros_like(start)
    weights[mask] = found.x
    refitted[columns] = weights
    return refitted


def refit_validated(task, start):
    """The refit, its L2 chosen on a held-out fold. (The support itself has seen that fold.)"""
    train = task.train

    def fit(counts, classes, _n_classes, l2, _start):
        return refit(counts, classes, start, l2)

    l2 = validated(fit, REFIT_L2_GRID, train, len(task.labels))
    return refit(train.counts, train.classes, start, l2), l2


def l1_and_refit(name, fit):
    def run(task, budgets, options):
        path = L1Path(fit, task)
        largest = validated(fit, L1_GRID, task.train, len(task.labels))
        for budget in budgets:
            began = time.time()
            limit = np.inf if budget == ALL else budget
            c = path.within(limit, largest)
            weights = path.at(c).toarray()
            seconds = time.time() - began
            yield result(task, name, budget, weights, seconds, f"C={c:.5g}")
            l2 = 0.0
            if weights.any():
                weights, l2 = refit_validated(task, weights)
            seconds = time.time() - began
            yield result(task, f"{name}, refit", budget, weights, seconds, f"C={c:.5g} L2={l2:g}")

    return run


def dense_l2(task, budgets, options):
    """Multinomial logistic regression with L2: the line that no limit on nonzeros would give."""
    if ALL not in budgets:
        return
    began = time.time()

    def fit(counts, classes, n_classes, c, start):
        model = LogisticRegression(C=c, fit_intercept=False, max_iter=300, tol=1e-3)
        return model.fit(counts, classes).coef_.T

    c = validated(fit, L2_GRID, task.train, len(task.labels), n_folds=3)
    weights = fit(task.train.counts, task.train.classes, len(task.labels), c, None)
    yield result(task, "dense multinomial L2", ALL, weights, time.time() - began, f"C={c:g}")


liblinear = l1_and_refit("LIBLINEAR L1 one-vs-rest", liblinear_l1)
saga = l1_and_refit("multinomial L1 (saga)", saga_l1)
