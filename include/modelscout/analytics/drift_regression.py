"""The linear model behind the test for drift: daily figures of many streams on what is not drift, whitened.

Arrays of S streams at P points, aligned left; `weight` is the inverse of a point's least variance, 0 where there is
no point. Formulas: see drift_evidence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
CLIP = 4.5
"""Standard deviations beyond which a point counts no more: one bad day is an incident, two are a change."""
MOST_AUTOCORRELATED = 0.7
"""Autocorrelation of the days' own deviations, apart from the noise of their requests."""


def make_columns(
    weekend: Array,
    size: Array,
    filled: npt.NDArray[np.bool_],
    reference: npt.NDArray[np.bool_],
    weight: Array,
) -> Array:
    """S x P x 3: intercept, weekend and size, made orthonormal under `weight`; what never varies is 0."""
    count = np.maximum(reference.sum(axis=1, keepdims=True), 1)
    centred = size - (size * reference).sum(axis=1, keepdims=True) / count
    columns = np.stack([np.ones_like(size), weekend, centred], axis=2) * filled[:, :, None]
    values, vectors = np.linalg.eigh(columns.transpose(0, 2, 1) @ (weight[:, :, None] * columns))
    varies = values > 1e-10 * np.maximum(values[:, -1:], 1e-300)
    scale = np.where(varies, 1.0 / np.sqrt(np.where(varies, values, 1.0)), 0.0)
    return np.asarray(columns @ (vectors * scale[:, None, :]))


def clip(y: Array, weight: Array, columns: Array, reference: npt.NDArray[np.bool_]) -> Array:
    """`y` with every point at most CLIP standard deviations from what the reference lets expect."""
    w = weight * reference
    weighted = (w[:, :, None] * columns).transpose(0, 2, 1)
    gram = weighted @ columns
    # Within the reference a column may not vary though it does later.
    inverse = np.linalg.pinv(gram, rcond=1e-10, hermitian=True)
    rank = np.rint(np.einsum("sij,sji->s", inverse, gram))
    fitted = (columns @ (inverse @ (weighted @ y[:, :, None])))[:, :, 0]
    freedom = np.maximum(reference.sum(axis=1) - rank, 1.0)
    dispersion = np.maximum(1.0, (w * (y - fitted) ** 2).sum(axis=1) / freedom)
    limit = CLIP * np.sqrt(dispersion[:, None] / np.where(weight > 0, weight, 1.0))
    return np.asarray(fitted + np.clip(y - fitted, -limit, limit))


class Projection(NamedTuple):
    """y and the steps that begin at each point, whitened by one autocorrelation, after the columns."""

    steps: Array
    """S x P: residual sum of squares of the step."""
    along: Array
    """S x P: product of the step with y."""
    rss: Array
    """S: residual sum of squares of y; less than the requests' own noise leaves is not believed."""
    freedom: Array
    """S."""
    log_likelihood: Array
    """S: of no shift, up to a term that all autocorrelations share."""


def project(y: Array, weight: Array, columns: Array, filled: npt.NDArray[np.bool_], rho: Array) -> Projection:
    """`rho` (S): autocorrelation by which each stream is whitened. `columns` as make_columns gives them."""
    root = np.sqrt(weight)
    x = _whiten(root[:, :, None] * columns, rho, filled)
    step, z = _whiten(root, rho, filled), _whiten(root * y, rho, filled)
    # A column that never varies is 0: its 1 on the diagonal changes nothing.
    varies = (columns != 0).any(axis=1)
    gram = x.transpose(0, 2, 1) @ x + np.eye(3) * ~varies[:, None, :]
    inverse = np.linalg.inv(gram)
    residual = z - (x @ (inverse @ (x.transpose(0, 2, 1) @ z[:, :, None])))[:, :, 0]
    count = filled.sum(axis=1)
    freedom = np.maximum(count - varies.sum(axis=1), 1.0)
    # The noise of the requests themselves is independent and of variance 1 at least: of the variance, the share
    # rho / MOST_AUTOCORRELATED at most can belong to days that resemble each other.
    floor = 1.0 / (1.0 - rho / MOST_AUTOCORRELATED)
    rss = np.maximum((residual**2).sum(axis=1), floor * freedom)
    # A step's products are sums from its point to the right; at its point nothing is taken off.
    begins = root / np.sqrt(1.0 - rho**2)[:, None]
    rest = begins - step
    products = _from_right(step[:, :, None] * x) + rest[:, :, None] * x
    squares = _from_right(step**2) - step**2 + begins**2
    log_likelihood = -0.5 * (
        np.log1p(-(rho**2)) * (count - 1) + np.linalg.slogdet(gram)[1] + freedom * np.log(rss)
    )
    return Projection(
        steps=np.maximum(squares - ((products @ inverse) * products).sum(axis=2), 0.0),
        along=_from_right(step * residual) + rest * residual,
        rss=rss,
        freedom=freedom,
        log_likelihood=log_likelihood,
    )


def _whiten(values: Array, rho: Array, filled: npt.NDArray[np.bool_]) -> Array:
    """`values` (S x P or S x P x C) with what each point shares with the one before taken off."""
    by_stream = rho.reshape(rho.shape + (1,) * (values.ndim - 1))
    result = values.copy()
    result[:, 1:] -= by_stream * values[:, :-1]
    result[:, 1:] /= np.sqrt(1.0 - by_stream**2)
    return result * filled.reshape(filled.shape + (1,) * (values.ndim - 2))


def _from_right(values: Array) -> Array:
    return np.flip(np.cumsum(np.flip(values, axis=1), axis=1), axis=1)
