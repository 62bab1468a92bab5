"""skscope's solvers of sparsity-constrained optimisation, on the multinomial problem with all weights in one vector.

They keep a dense gradient and refit all of the support at every step, so that the whole problem is out of their reach:
candidates are screened to the weights with the largest gradients at the start, and a fit that takes longer than
`--minutes` is stopped."""

import multiprocessing
import time

import jax.numpy as jnp
import numpy as np
from jax.experimental import sparse as jax_sparse
from results import ALL, Result
from linear import model_bytes
from skscope import OMPSolver, ScopeSolver

CANDIDATES = 2000
SOLVERS = {"skscope splicing": ScopeSolver, "skscope OMP": OMPSolver}


def candidates(task):
    """The (feature, class) places whose log loss has the largest gradient when all weights are zero."""
    counts, classes = task.train.counts, task.train.classes
    n_classes = len(task.labels)
    residual = np.full((counts.shape[0], n_classes), 1.0 / n_classes)
    residual[np.arange(len(classes)), classes] -= 1.0
    gradient = np.abs(counts.T @ residual)
    flat = np.argsort(-gradient, axis=None, kind="stable")[:CANDIDATES]
    return np.unravel_index(flat, gradient.shape)


def solve(name, task, budget, answers):
    rows, columns = candidates(task)
    counts = jax_sparse.BCOO.from_scipy_sparse(task.train.counts.astype(np.float32))
    classes = jnp.array(task.train.classes)
    shape = (task.train.counts.shape[1], len(task.labels))

    def loss(free):
        weights = jnp.zeros(shape).at[rows, columns].set(free)
        scores = counts @ weights
        top = scores.max(axis=1, keepdims=True)
        total = jnp.log(jnp.exp(scores - top).sum(axis=1)) + top[:, 0]
        return jnp.sum(total - scores[jnp.arange(len(classes)), classes])

    free = SOLVERS[name](len(rows), sparsity=budget).solve(loss, jit=True)
    weights = np.zeros(shape)
    weights[rows, columns] = free
    answers.put(weights)


def run(task, budgets, options):
    spawn = multiprocessing.get_context("spawn")
    for name in SOLVERS:
        for budget in budgets:
            if budget == ALL or budget >= CANDIDATES:
                continue
            began = time.time()
            answers = spawn.Queue()
            process = spawn.Process(target=solve, args=(name, task, budget, answers))
            process.start()
            try:
                weights = answers.get(timeout=60 * options.minutes)
            except Exception:
                process.kill()
                note = f"stopped after {options.minutes:g} min"
                yield Result(name, budget, None, None, None, time.time() - began, note)
                break
            process.join()
            note = f"{CANDIDATES} candidates"
            nonzeros, bytes_ = int(np.count_nonzero(weights)), model_bytes(task, weights)
            yield Result(name, budget, nonzeros, bytes_, task.accuracy(weights), time.time() - began, note)
