"""Ridge regressions on sparse columns of very different sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modelscout.recommender.moments import Array

if TYPE_CHECKING:
    from scipy import sparse

TOLERANCE = 1e-4
MOST_STEPS = 1000
_TINY = 1e-300


def ridge(
    matrix: sparse.csr_matrix, goals: Array, weights: Array, scales: Array, start: Array | None = None
) -> Array:
    """Effects in units of their scales (columns by goals) that minimise the weighted squares plus their own.

    Conjugate gradients for all goals at once, preconditioned with the diagonal: a column that thousands of cells share
    beside one that a single cell has needs thousands of steps without. scikit-learn's Ridge takes no preconditioner;
    a test holds both equal.
    """
    from scipy import sparse

    scaled = sparse.csr_matrix(matrix @ sparse.diags_array(scales))
    transposed = sparse.csr_matrix(scaled.T)
    inverse = 1.0 / (1.0 + transposed.power(2) @ weights)[:, None]
    goal = transposed @ (weights[:, None] * goals)
    enough = TOLERANCE**2 * (goal**2 * inverse).sum(axis=0)
    found = np.zeros_like(goal) if start is None else start.copy()
    left = goal - found - transposed @ (weights[:, None] * (scaled @ found))
    direction = inverse * left
    size = (left * direction).sum(axis=0)
    for _ in range(MOST_STEPS):
        if (size <= enough).all():
            break
        image = direction + transposed @ (weights[:, None] * (scaled @ direction))
        step = size / np.maximum((direction * image).sum(axis=0), _TINY)
        # In place: these are the largest arrays of a training.
        found += step * direction
        image *= step
        left -= image
        conditioned = inverse * left
        new = (left * conditioned).sum(axis=0)
        direction *= new / np.maximum(size, _TINY)
        direction += conditioned
        size = new
    return found
