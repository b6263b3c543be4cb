"""10,000 features with 20 candidates each, 160 items a candidate: evidence and verdicts of one night.

In memory, as the nightly publish holds them after its query. Exits with 1 above 60 s.
Run: python benchmarks/bench_decisions.py [--features N]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from datetime import date
from decimal import Decimal

import numpy as np

from modelscout.recommender.betting import Streams
from modelscout.recommender.candidates import Tried, candidates
from modelscout.recommender.case import FeatureCase
from modelscout.recommender.decide import decide
from modelscout.recommender.evidence import Evidence, weigh_many
from modelscout.recommender.moments import PairSums
from modelscout.recommender.spending import error_share

CANDIDATES, ITEMS, MARGIN = 20, 160, 0.05
ALLOWED_SECONDS = 60.0
TODAY = date(2026, 11, 25)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=int, default=10_000)
    features = parser.parse_args().features
    count = features * CANDIDATES
    rng = np.random.default_rng(11)
    effects = np.repeat(rng.normal(-0.03, 0.08, size=count), ITEMS)
    uniform = rng.random(count * ITEMS)
    values = (uniform > 0.92 - effects / 2).astype(np.float64) - (uniform < 0.08 - effects / 2)
    streams = Streams(values, np.arange(count + 1) * ITEMS)
    began = time.perf_counter()
    evidence = weigh_many(streams, margins=[MARGIN] * count, alphas=[error_share(1, CANDIDATES)] * count)
    weighed = time.perf_counter()
    verdicts = Counter(
        decide(case_of(evidence[i : i + CANDIDATES], i), today=TODAY, horizon_days=30).verdict.value
        for i in range(0, count, CANDIDATES)
    )
    seconds = time.perf_counter() - began
    print(
        f"{features:,} features x {CANDIDATES} candidates x {ITEMS} items: evidence {weighed - began:.1f} s, with "
        f"verdicts {seconds:.1f} s, allowed {ALLOWED_SECONDS:.0f} s; {dict(verdicts)}"
    )
    return int(seconds > ALLOWED_SECONDS)


def case_of(evidence: list[Evidence], number: int) -> FeatureCase:
    tried = [
        Tried(
            model_id=str(i),
            provider="p",
            model=str(i),
            evidence=e,
            scores=PairSums(
                e.n, 0.9 * e.n + (e.effect or 0.0) * e.n, 0.9 * e.n, 0.9 * e.n, 0.9 * e.n, 0.82 * e.n
            ),
            costs=PairSums(e.n, 0.01 * e.n, 0.02 * e.n, 0.0001 * e.n, 0.0004 * e.n, 0.0002 * e.n),
            cost_per_item_usd=0.01,
            expected_quality=0.9,
        )
        for i, e in enumerate(evidence)
    ]
    return FeatureCase(
        organization_id=str(number),
        organization=str(number),
        feature_id="f",
        objective="cost",
        margin=MARGIN,
        switching_cost_usd=Decimal(0),
        current_model_id="incumbent",
        current_model="incumbent",
        current_status="active",
        retires_on=None,
        catalog_successor=None,
        successor_model_id=None,
        requests_per_month=Decimal(10_000),
        cost_per_request_usd=Decimal("0.01"),
        exposure_usd_per_day=None,
        current_quality=None,
        current_mean_ms=None,
        samples=ITEMS,
        data_window=None,
        unpriced_requests=0,
        candidates=candidates(tried),
    )


if __name__ == "__main__":
    sys.exit(main())
