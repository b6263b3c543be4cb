"""Partial pooling on worlds whose truth is known: how far intervals cover it, who sees what, what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from estimate_simulation import World, simulate_world
from modelscout.core.errors import ConfigurationError
from modelscout.recommender.artifact import dump_version, load_version
from modelscout.recommender.calibration import expect, widening
from modelscout.recommender.judging import TargetErrors, verdict_on
from modelscout.recommender.moments import Array
from modelscout.recommender.own_answers import (
    Posterior,
    group_codes,
    intervals,
    own_effects,
    posterior,
)
from modelscout.recommender.pooling import PooledModel, fit, widened
from modelscout.recommender.ridge import ridge
from modelscout.recommender.shrunken_means import ShrunkenMeans
from modelscout.recommender.training_data import TARGETS, Mask


def trained(world: World, target: str, seed: int = 1) -> PooledModel:
    """Fitted on the earlier days, calibrated on the later ones: as a training does it."""
    data = world.data
    earlier = data.cells(target, data.shares & (data.period == 0))
    later = data.cells(target, data.shares & (data.period > 0))
    model = fit(target, earlier, data.names, seed=seed)
    return widened(model, widening(model, earlier, later, data.names, seed=seed))


def asked(world: World, model: PooledModel, *, with_own: bool = True) -> Posterior:
    """Every cell, with the own answers of the earlier days or with none."""
    data = world.data
    own = data.cells(model.target, (data.period == 0) & with_own)
    accuracy = np.full(len(world.answers), 0.5)
    groups = group_codes(world.codes, data.names)
    return posterior(model, world.codes, accuracy, groups, own_effects(model, own, data.names))


def covered(world: World, target: str) -> Mask:
    """Whether the 90 % interval of each cell holds its truth."""
    model = trained(world, target)
    truth = world.truth[target] if target == "quality" else np.exp(world.truth[target])
    ends = np.asarray([(i.low, i.high) for i in intervals(model, asked(world, model))])
    return np.asarray((ends[:, 0] <= truth) & (truth <= ends[:, 1]))


def share_covered(worlds: Sequence[World], target: str) -> Mapping[str, float]:
    """Of all cells, and of those with own answers, of new cells, and of organizations without any."""
    inside = np.concatenate([covered(w, target) for w in worlds])
    answers = np.concatenate([w.answers for w in worlds])
    is_new = np.concatenate([_of_new_organizations(w) for w in worlds])
    groups = {"all": answers >= 0, "own": answers > 0, "new cell": (answers == 0) & ~is_new, "new": is_new}
    return {name: float(inside[chosen].mean()) for name, chosen in groups.items()}


def _of_new_organizations(world: World) -> Mask:
    organization = world.codes["organization_id"]
    return np.asarray(np.bincount(organization, world.answers)[organization] == 0)


# Calibration


def test_ninety_percent_intervals_cover_about_ninety_percent() -> None:
    worlds = [simulate_world(100, organizations=60)]
    for target in TARGETS:
        assert 0.85 <= share_covered(worlds, target)["all"] <= 0.95, target


@pytest.mark.verify
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("target", TARGETS)
def test_between_87_and_93_percent_are_covered(target: str) -> None:
    found = share_covered([simulate_world(seed) for seed in range(30)], target)
    print(target, {name: round(share, 3) for name, share in found.items()})
    assert all(0.87 <= share <= 0.93 for share in found.values()), found


def test_intervals_that_later_days_belie_are_widened() -> None:
    """Every cell moves between the earlier and the later days by more than its noise."""
    world = simulate_world(3)
    data = world.data
    moved = np.where(data.period > 0, np.random.default_rng(1).normal(0.0, 0.4, size=len(data.period)), 0.0)
    sums = data.sums["latency"]
    shifted = sums._replace(
        ny=sums.ny + moved * sums.n, nyy=sums.nyy + 2 * moved * sums.ny + moved**2 * sums.n
    )
    restless = replace(world, data=replace(data, sums={**data.sums, "latency": shifted}))
    assert trained(world, "latency").widening["own"] < 1.3
    assert trained(restless, "latency").widening["own"] > 2.0


# Pooling


def test_many_own_answers_end_with_the_own_mean_and_none_with_what_is_pooled() -> None:
    world = simulate_world(4)
    model = trained(world, "quality")
    with_own, without = asked(world, model), asked(world, model, with_own=False)
    data = world.data
    own = data.cells("quality", data.period == 0)
    means = dict(zip(group_codes(own.codes, data.names).tolist(), own.sums.mean.tolist(), strict=True))
    groups = group_codes(world.codes, data.names)
    many = np.flatnonzero(world.answers > 3000)
    mean = np.asarray([means[g] for g in groups[many].tolist()])
    assert np.abs(with_own.mean[many] - mean).mean() < 0.2 * np.abs(without.mean[many] - mean).mean()
    none = world.answers == 0
    assert (with_own.mean[none] == without.mean[none]).all()
    assert with_own.variance[many].max() < without.variance[many].min()


@pytest.mark.parametrize("target", TARGETS)
def test_it_is_closer_to_the_truth_than_the_shrunken_mean(target: str) -> None:
    world = simulate_world(5)
    data = world.data
    earlier, later = (data.cells(target, data.period == p) for p in (0, 2))
    model = trained(world, target)

    def error(expected: Array) -> float:
        return float((later.sums.n * (expected - later.sums.mean) ** 2).sum())

    baseline = ShrunkenMeans.fit(target, earlier, data.names).expected(later, data.names)
    assert error(expect(model, later, earlier, data.names).mean) < 0.5 * error(baseline)


def test_an_organizations_figures_reach_no_other_where_fewer_than_three_make_a_figure() -> None:
    """Two organizations alone, then four; a new one asks."""
    two, four = (simulate_world(6, organizations=n, used=1.0) for n in (2, 4))
    alone, crowd = (expected_by_a_new_organization(w) for w in (two, four))
    assert (alone == 0.5).all()
    assert crowd.std() > 0.02


def test_what_the_platform_measured_is_nobodys_secret() -> None:
    """Beside one organization it is what others see; that one moves only how much answers are taken to vary."""
    world = simulate_world(7, organizations=2, used=1.0)
    names = {**world.data.names, "organization_id": ("platform", "organization-1")}
    public = replace(world, data=replace(world.data, names=names))
    sums = public.data.sums["quality"]
    theirs = public.data.codes["organization_id"] == 1
    failing = sums._replace(ny=np.where(theirs, 0.0, sums.ny), nyy=np.where(theirs, 0.0, sums.nyy))
    changed = replace(public, data=replace(public.data, sums={**public.data.sums, "quality": failing}))
    before, after = expected_by_a_new_organization(public), expected_by_a_new_organization(changed)
    assert before.std() > 0.02
    assert np.abs(after - before).max() < 0.02


def expected_by_a_new_organization(world: World) -> Array:
    """Quality of every feature and model."""
    data = world.data
    model = fit("quality", data.cells("quality", data.period >= 0), data.names, seed=1)
    codes = {**world.codes, "organization_id": np.full(len(world.answers), -1)}
    return model.expected(codes, np.full(len(world.answers), 0.5)).mean


def test_the_solution_is_that_of_scikit_learns_ridge() -> None:
    rng = np.random.default_rng(1)
    matrix = sparse.random_array((300, 80), density=0.1, rng=rng, format="csr")
    goals, weights = rng.normal(size=(300, 3)), rng.uniform(0.1, 100.0, size=300)
    scales = rng.uniform(0.01, 2.0, size=80)
    theirs = Ridge(alpha=1.0, fit_intercept=False, solver="cholesky")
    theirs.fit(matrix.toarray() * scales, goals, sample_weight=weights)
    assert ridge(sparse.csr_matrix(matrix), goals, weights, scales) == pytest.approx(
        theirs.coef_.T, rel=1e-3, abs=1e-3
    )


# What is stored


class Foreign:
    """A type that we never write."""


def test_an_artifact_with_unknown_types_is_refused() -> None:
    import skops.io

    with pytest.raises(ConfigurationError, match=r"unknown types .*Foreign.*: train again"):
        load_version(skops.io.dumps(Foreign()))
    with pytest.raises(ConfigurationError, match=r"another format.*train again"):
        load_version(skops.io.dumps({"names": {}}))


def test_an_artifact_expects_what_the_model_did() -> None:
    world = simulate_world(8, organizations=20)
    version = {target: trained(world, target) for target in TARGETS}
    copy = load_version(dump_version(version))
    for target, model in version.items():
        for what in (world, simulate_world(9, organizations=30, models=12)):
            assert intervals(copy[target], asked(what, copy[target])) == intervals(model, asked(what, model))


# Whether to publish


def errors(
    quality: float, latency: float | None = None, *, in_use: float | None = None
) -> dict[str, TargetErrors]:
    """Each target's error where that of the shrunken mean is 1."""
    found = {"quality": TargetErrors(quality, 1.0, quality if in_use else None, in_use)}
    return found | ({"latency": TargetErrors(latency, 1.0)} if latency else {})


@pytest.mark.parametrize(
    ("found", "is_first", "published", "reason"),
    [
        (errors(0.5), True, True, "better than the shrunken mean (quality 0.500000 against 1.000000)"),
        (errors(1.0), True, False, "not better than the shrunken mean"),
        (errors(0.5, 1.04), True, True, "better than the shrunken mean"),
        (errors(0.5, 1.06), True, False, "latency 1.060000 against 1.000000"),
        (errors(1.01, 0.5), True, True, "better than the shrunken mean"),
        (errors(0.5), False, False, "no judged day since the version in use was trained"),
        (errors(0.5, in_use=0.4), False, False, "not better than the version in use"),
        (errors(0.5, in_use=0.5), False, True, "better than the shrunken mean"),
        ({}, True, False, "nothing to compare"),
    ],
)
def test_a_version_is_published_only_if_it_is_better(
    found: dict[str, TargetErrors], is_first: bool, published: bool, reason: str
) -> None:
    verdict, words = verdict_on(found, is_first=is_first)
    assert verdict is published
    assert reason in words
