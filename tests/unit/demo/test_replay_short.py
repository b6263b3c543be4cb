"""The replay in short: a few items over HTTP, the fixed models against those that the demo's nights recommend.

The whole, with a night before it, is tests/e2e/test_replay_whole.py.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from emulator_thread import served
from modelscout.catalog.loader import load_catalog
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import Verdict
from modelscout.costs.price_book import price_rows
from modelscout.costs.prices import PriceRow
from modelscout.demo.launcher import BASE_PATHS
from modelscout.demo.profile import MODELS, emulator_profile
from modelscout.demo.replay import Pair, Selected, replay
from modelscout.demo.replay_faults import item_faults
from modelscout.demo.replay_report import comparisons
from modelscout.demo.samples import DemoSample, answer_entries, samples
from modelscout.demo.scenario import (
    ASSIGNMENTS,
    FEATURES,
    MARGIN,
    ORGANIZATIONS,
    Assignment,
    control_token,
    demo_keys,
    organization,
    secret_reference,
)
from modelscout.emulator.answers import AnswerItem, AnswerKey
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import parse_profile
from modelscout.providers.limits import forget_limits
from modelscout.selection import AdaptiveOptions, AsyncAdaptiveService, ModelSelector
from modelscout.selection.plan import NEVER_S, Feature, Model
from modelscout.selection.planner import Planner
from modelscout.selection.rows import FeatureRow, OrganizationRow
from modelscout.selection.selector import FixedSnapshot
from modelscout.selection.snapshot import SnapshotBuilder

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
IDS = {key: str(uuid.uuid5(uuid.UUID(int=1), key)) for key in MODELS}
PATIENCE_S = 30.0
FEATURES_PLAYED = (("bloom", "photo_tagging"), ("bloom", "chat"), ("civic", "descriptions"))
ITEMS = 20
LATENCY_SCALE = 0.05


def _app(keys: Mapping[str, str]) -> Any:
    answers = AnswerKey([AnswerItem(**asdict(entry)) for entry in answer_entries()])
    return create_app(parse_profile(emulator_profile(NOW, keys, latency_scale=LATENCY_SCALE)), answers)


def recommended(assignment: Assignment) -> str:
    """The model in use once what the demo plants was adopted."""
    if assignment.expected not in {Verdict.SWITCH, Verdict.MIGRATE}:
        return assignment.incumbent.key
    models = organization(assignment.organization).models()
    return next(m.key for m in models if m.model == assignment.expected_models[0])


def snapshot() -> FixedSnapshot:
    """What an application's selector holds after the adoption."""
    models = {
        IDS[key]: Model(
            id=IDS[key], provider=key.partition("/")[0], name=key.partition("/")[2],
            retires_at_s=NEVER_S, verified=frozenset({str(c) for c in MODELS[key].capabilities}),
            contradicted=frozenset(), scores={}, usd_per_million_tokens=None,
        )
        for key in MODELS
    }  # fmt: skip
    features = {
        f.id: Feature(f.id, str(f.use_case), frozenset(map(str, f.required_capabilities))) for f in FEATURES
    }
    builder = SnapshotBuilder(Planner(models, features))
    for org in ORGANIZATIONS:
        usable = ",".join(IDS[m.key] for m in org.models() if m.model != "claude-opus-4-1")
        builder.add_organization(OrganizationRow(str(org.id), org.slug, usable, None, None, None))
    for used in ASSIGNMENTS:
        assigned = IDS[recommended(used)]
        builder.add_feature(
            FeatureRow(str(organization(used.organization).id), used.feature, assigned=assigned)
        )
    return FixedSnapshot(builder.build(NOW.timestamp()))


class ListPrices:
    """The price book's rows, the same for everybody."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], list[PriceRow]] = {}
        for row in price_rows(load_catalog().models):
            self._rows.setdefault((row.provider, row.model_id), []).append(row)

    def rows(self, organization_id: str, provider: str, model: str) -> Sequence[PriceRow]:
        return self._rows.get((provider, model), ())


def chosen_items() -> list[DemoSample]:
    """The first of each feature, those before them whose fixed model fails at its first call; none that hangs."""
    found: list[DemoSample] = []
    for name in FEATURES_PLAYED:
        own = [s for s in samples() if (s.assignment.organization, s.assignment.feature) == name]
        quick = [s for s in own if all(fault["kind"] == "http" for fault in item_faults([s]))]
        found += sorted(quick, key=lambda sample: not _first_call_fails(sample))[:ITEMS]
    return found


def _first_call_fails(sample: DemoSample) -> bool:
    model = sample.assignment.incumbent.model
    return any(fault["model"] == model for fault in item_faults([sample]))


async def _play(urls: tuple[str, str], keys: Mapping[str, str], items: Sequence[DemoSample]) -> list[Pair]:
    from replay_application import Application

    slugs = {str(org.id): org.slug for org in ORGANIZATIONS}

    def credential(side: int, slug: str, provider: str) -> ProviderCredential:
        return ProviderCredential(
            provider, keys[secret_reference(slug, provider)], urls[side] + BASE_PATHS[provider]
        )

    headers = {"Authorization": f"Bearer {control_token(keys)}"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as client:
        for url in urls:
            for fault in item_faults(items):
                (await client.post(f"{url}/control/faults", json=fault)).raise_for_status()
    prices = ListPrices()
    options = AdaptiveOptions(prices=prices, clock=lambda: NOW)
    selector = ModelSelector(snapshot(), clock=NOW.timestamp)
    async with (
        AsyncAdaptiveService(selector, lambda o, p: credential(1, slugs[o], p), options) as service,
        Application(lambda s, p: credential(0, s, p), prices.rows, NOW, patience_s=PATIENCE_S) as fixed,
    ):
        return await replay(
            [(s, False) for s in items], fixed, Selected(service, patience_s=PATIENCE_S), per_second=40
        )


def test_selection_is_cheaper_as_good_and_fails_less_than_the_fixed_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    forget_limits()
    items, keys = chosen_items(), demo_keys(tmp_path)
    with served(_app(keys)) as first, served(_app(keys)) as second:
        pairs = asyncio.run(_play((first, second), keys, items))
    found = {c.name: c for c in comparisons(pairs)}
    whole = found["all"]
    assert whole.requests == len(items)
    assert whole.saving is not None
    assert whole.saving > 0.2
    assert whole.quality_change is not None
    assert whole.quality_change > -MARGIN
    retired = found["civic descriptions"]
    assert retired.fixed.failures_per_1000 == {"retired": 1000.0}
    assert retired.selected.all_failures_per_1000 == 0
    # Google's SDK repeats nothing; OpenAI's does, so that only what goes on failing fails there.
    assert found["bloom photo_tagging"].fixed.all_failures_per_1000 > 0
    assert found["all but the retired model"].selected.all_failures_per_1000 == 0
