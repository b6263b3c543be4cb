"""The recommender tried on real outcomes of several models, beside simple rules and published routers.

Prints the tables of docs/backtest.md. The data are those of MODELSCOUT_SHARED_DATA (default ../shared/data beside
the repository); a set that is absent is skipped. Exits with 1 where more than 5 % of the switches lose more than the
margin on held-out items, sampling error allowed for.
Run: python benchmarks/bench_backtest.py [--seeds N]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from decimal import Decimal
from pathlib import Path

import numpy as np

from modelscout.recommender.backtest import Plan
from modelscout.recommender.backtest_report import Report, Totals, backtest
from modelscout.recommender.outcomes import TaskOutcomes, read_outcomes
from modelscout.recommender.routing import Curve, route_by_task

DATA = Path(os.environ.get("MODELSCOUT_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
STRONG, WEAK = "gpt-4-1106-preview", "mistralai/Mixtral-8x7B-Instruct-v0.1"
SETS: tuple[tuple[str, dict[str, Decimal], str, float], ...] = (
    ("frugalml_apis/outcomes.csv.gz", {}, "cost", 0.03),
    ("llmdrift/outcomes.csv", {}, "cost", 0.03),
    ("routellm/outcomes.csv", {STRONG: Decimal(25), WEAK: Decimal(1)}, "cost", 0.03),
    ("routellm/outcomes.csv", {STRONG: Decimal(25), WEAK: Decimal(1)}, "cost", 0.10),
    ("mmlu_pro/outcomes.csv.gz", {}, "quality", 0.03),
)
PUBLISHED = (
    ("RouteLLM similarity-weighted ranking", 35.40, 71.55, 0.603),
    ("RouteLLM matrix factorisation", 35.46, 71.40, 0.597),
    ("RouteLLM causal LLM", 35.49, 70.31, 0.600),
    ("random", 50.07, 79.93, 0.500),
)
"""MMLU, RouteLLM paper, table 3 and text: CPT50 and CPT80 in percent, APGR."""
LABELS = (200, 500, 1500, 3000)
ALLOWED = 0.05


def main() -> int:
    """Run what there is; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    seeds = parser.parse_args().seeds
    beyond = 0.0
    for name, costs, objective, margin in SETS:
        if not (DATA / name).is_file():
            print(f"{name}: skipped, {DATA / name} is absent")
            continue
        tasks = read_outcomes(DATA / name, costs)
        began = time.monotonic()
        report = backtest(tasks, Plan(margin, range(seeds), objective=objective))
        print_report(name, report, time.monotonic() - began)
        beyond = max(beyond, recommender(report).violation_share or 0.0)
        if name.startswith("llmdrift"):
            print_drift(report)
        if name.startswith("routellm") and margin == 0.03:
            print_routing([t for t in tasks if t.task != "gsm8k"], seeds)
    print(f"largest share of switches surely beyond the margin: {beyond:.2%}, allowed {ALLOWED:.0%}")
    return int(beyond > ALLOWED)


def recommender(report: Report) -> Totals:
    totals = report.summary["recommender"]
    assert isinstance(totals, Totals)
    return totals


def print_report(name: str, report: Report, seconds: float) -> None:
    s = report.summary
    print(f"\n### {name}, margin {100 * s['margin']:g} points, objective {s['objective']}")
    print(
        f"{s['tasks']} tasks, {s['items']:,} items, {s['models']} models, {s['incumbents']} in use, {s['seeds']} "
        f"seeds: {seconds:.0f} s. Verdicts: {s['verdicts']}. Power: {s['power']}."
    )
    for what in ("promised_quality_change", "promised_saving_fraction"):
        print(f"{what}: {s[what]}")
    print("| rule | saving | quality change | switches | beyond the margin | surely beyond |")
    print("|---|---|---|---|---|---|")
    for rule, t in {"recommender": s["recommender"], **s["baselines"]}.items():
        print(
            f"| {rule} | {_percent(t.saving_fraction)} | {100 * t.quality_change:+.2f} | {t.switches:,} | "
            f"{_percent(t.exceeding_share)} | {_percent(t.violation_share)} |"
        )


def print_drift(report: Report) -> None:
    wrong = [
        s
        for run in report.runs
        for s in run.switches
        if s.task == "prime" and run.incumbent == "openaichat/gpt-4-0314" and s.to == "openaichat/gpt-4-0613"
    ]
    print(f"switches of `prime` from gpt-4-0314 to the cheaper, faster, wrong gpt-4-0613: {len(wrong)}")


def print_routing(tasks: list[TaskOutcomes], seeds: int) -> None:
    print("\n| MMLU router | labels | CPT50 | CPT80 | APGR |")
    print("|---|---|---|---|---|")
    for name, cpt50, cpt80, apgr in PUBLISHED:
        print(f"| {name} | | {cpt50:.1f} | {cpt80:.1f} | {apgr:.3f} |")
    for labels in LABELS:
        curves = [route_by_task(tasks, STRONG, WEAK, labels=labels, seed=seed) for seed in range(seeds)]
        print(f"| ours, per subject | {labels:,} | {_mean(curves, 'cpt50')} | {_mean(curves, 'cpt80')} | "
              f"{np.mean([c.apgr for c in curves]):.3f} ± {np.std([c.apgr for c in curves]):.3f} |")  # fmt: skip


def _mean(curves: list[Curve], name: str) -> str:
    return f"{100 * np.mean([getattr(c, name) for c in curves]):.1f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"


if __name__ == "__main__":
    sys.exit(main())
