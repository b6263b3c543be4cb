"""The whole replay: a night on the demo, every seeded item twice; and the real outcomes, where they are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modelscout.demo.replay_report import TRIALS_COUNTED

pytestmark = [pytest.mark.verify, pytest.mark.timeout(1800)]
ROOT = Path(__file__).parents[2]
OUTCOMES = ROOT.parent / "shared" / "data" / "frugalml_apis" / "outcomes.csv.gz"


def bench(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "benchmarks" / "bench_replay.py"), "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1700, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_the_demo_saves_what_it_should() -> None:
    demo = bench("--only", "demo", "--unseen", "20")["demo"]
    missed = {name for name, met in demo["goals"].items() if not met}
    # One feature's verdict is `trial`: it names a model that nobody should adopt before it is proven.
    assert missed <= {TRIALS_COUNTED}, demo["goals"]
    adopted = {v: tuple(counts) for v, counts in demo["adopted"].items() if v != "trial"}
    assert all(uses == named for uses, named in adopted.values()), adopted
    rest = next(c for c in demo["comparisons"] if c["name"] == "all but the retired model")
    before, after = (sum(rest[side]["failures_per_1000"].values()) for side in ("fixed", "selected"))
    assert after < 0.4 * before


@pytest.mark.skipif(not OUTCOMES.is_file(), reason=f"{OUTCOMES} is absent")
def test_selection_saves_on_real_apis_and_no_switch_loses_more_than_the_margin() -> None:
    found = bench("--only", "outcomes", "--seeds", "3")["outcomes"]["all models"]
    fixed, selected = (sum(r[side] for r in found) for side in ("fixed_usd", "selected_usd"))
    assert selected < 0.8 * fixed
    switches = [r for r in found if r["selected"] != r["incumbent"]]
    assert switches
    losing = sum(r["quality_change"] < -0.03 for r in switches)
    assert losing <= 0.05 * len(switches)
