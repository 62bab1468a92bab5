"""skscope's solvers of sparsity-constrained optimisation, on the multinomial problem with all weights in one vector.

What the problem's shape allows is done for it: the objective, its gradient and the solver of the problem on a support,
all three of which skscope lets its users give, work on sparse counts. What is left to it is the choice of the support.
Candidates are the weights with the largest gradients when all are zero. A fit that takes longer than `--minutes` is stopped, and so are the larger ones of its solver."""

import multiprocessing
import queue
import time

import numpy as np
from corpus import folds
from linear import model_bytes
from results import ALL, Result
from scipy.optimize import minimize
from skscope import OMPSolver, ScopeSolver

SOLVERS = {"splicing": ScopeSolver, "omp": OMPSolver}
# Splicing keeps a matrix of candidates by candidates.
CANDIDATES = 10_000
L2_GRID = [1.0, 0.1]
# The number of nonzeros at which L2 is chosen, for all others.
CHOSEN_AT = 200


class Problem:
    """Log loss over the weights of the candidates, with a little L2."""

    def __init__(self, counts, classes, n_classes, l2):
        self.classes, self.l2 = classes, l2
        self.rows = np.arange(len(classes))
        scores = np.zeros((len(classes), n_classes))
        self.residual(scores)
        gradient = np.abs(counts.T @ scores)
        flat = np.sort(np.argsort(-gradient, axis=None, kind="stable")[:CANDIDATES])
        # The features with a candidate; the place of each candidate among them, and its label.
        features, self.columns = np.divmod(flat, n_classes)
        self.features, self.places = np.unique(features, return_inverse=True)
        self.by_feature = counts[:, self.features].tocsc()
        self.transposed = self.by_feature.T
        self.shape = (len(self.features), n_classes)
        self.full_shape = (counts.shape[1], n_classes)

    def residual(self, scores):
        """The loss, and what is left in place of the scores: probabilities less the truth."""
        scores -= scores.max(axis=1, keepdims=True)
        right = scores[self.rows, self.classes].sum()
        np.exp(scores, out=scores)
        total = scores.sum(axis=1, keepdims=True)
        scores /= total
        scores[self.rows, self.classes] -= 1.0
        return np.log(total).sum() - right

    def scores(self, free):
        weights = np.zeros(self.shape)
        weights[self.places, self.columns] = free
        kept = np.flatnonzero(weights.any(axis=1))
        return self.by_feature[:, kept] @ weights[kept]

    def objective(self, free, data=None):
        return self.residual(self.scores(free)) + 0.5 * self.l2 * free @ free

    def gradient(self, free, data=None):
        scores = self.scores(free)
        self.residual(scores)
        return (self.transposed @ scores)[self.places, self.columns] + self.l2 * free

    def solve_on(self, objective, value_and_gradient, start, support, data):
        """skscope's `numeric_solver`: the best weights on `support`."""
        columns = self.columns[support]
        kept, places = np.unique(self.places[support], return_inverse=True)
        counts = self.by_feature[:, kept].tocsr()
        transposed = counts.T.tocsr()
        weights = np.zeros((len(kept), self.shape[1]))

        def loss(free):
            weights[places, columns] = free
            scores = counts @ weights
            value = self.residual(scores) + 0.5 * self.l2 * free @ free
            return value, (transposed @ scores)[places, columns] + self.l2 * free

        found = minimize(loss, start[support], jac=True, method="L-BFGS-B")
        free = np.zeros_like(start)
        free[support] = found.x
        return found.fun, free

    def weights(self, free):
        full = np.zeros(self.full_shape)
        full[self.features[self.places], self.columns] = free
        return full


def solve(solver, train, n_classes, budget, l2, answers):
    problem = Problem(*train, n_classes, l2)
    scope = SOLVERS[solver](len(problem.places), sparsity=budget, numeric_solver=problem.solve_on)
    free = scope.solve(problem.objective, gradient=problem.gradient)
    answers.put(problem.weights(np.asarray(free)))


def solved(solver, train, n_classes, budget, l2, minutes):
    """The weights, or None if it takes more than `minutes`: in a process, as it cannot be stopped otherwise."""
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    process = spawn.Process(target=solve, args=(solver, train, n_classes, budget, l2, answers))
    process.start()
    ends = time.time() + 60 * minutes
    while time.time() < ends:
        try:
            weights = answers.get(timeout=1)
        except queue.Empty:
            if process.exitcode is not None:
                raise RuntimeError(f"skscope {solver} ended with {process.exitcode}") from None
        else:
            process.join()
            return weights
    process.kill()
    process.join()
    return None


def run_solver(solver):
    name = f"skscope {solver}"

    def run(task, budgets, options):
        train, n_classes = task.train, len(task.labels)
        chosen = options.cache / task.name / f"skscope-{solver}.txt"

        def validated(l2):
            fitting, held = folds(train.classes, 1)[0]
            part = train.counts[fitting], train.classes[fitting]
            weights = solved(solver, part, n_classes, CHOSEN_AT, l2, options.minutes)
            if weights is None:
                return 0.0
            return float(np.mean((train.counts[held] @ weights).argmax(axis=1) == train.classes[held]))

        if not chosen.exists():
            l2 = max(L2_GRID, key=validated)
            chosen.parent.mkdir(parents=True, exist_ok=True)
            chosen.write_text(str(l2))
        l2 = float(chosen.read_text())
        for budget in budgets:
            if budget == ALL or (name, budget) in options.done:
                continue
            began = time.time()
            weights = solved(solver, (train.counts, train.classes), n_classes, budget, l2, options.minutes)
            seconds = time.time() - began
            if weights is None:
                yield Result(name, budget, None, None, None, seconds, f"stopped after {options.minutes:g} min")
                break
            nonzeros, bytes_ = int(np.count_nonzero(weights)), model_bytes(task, weights)
            yield Result(name, budget, nonzeros, bytes_, task.accuracy(weights), seconds, f"L2={l2:g} candidates={CANDIDATES}")

    return run


splicing = run_solver("splicing")
omp = run_solver("omp")
