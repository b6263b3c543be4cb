"""The optimal mix of 200 features x 60 models, beside PuLP with CBC on the same programmes.

Drawn with fixed seeds: prices over two and a half decades, quality that rises with price and scatters by model and
feature, latency limits that keep out a part. Seconds are those of one processor, so that a busy machine counts for
nothing; ours from the question to the answer, the peer's over building and solving the programme that is left when
the requirements were applied. Exits with 1 where our mix is worse than the peer's, the peer's by more than its own
tolerance worse than ours, or where ours takes 2 seconds or more.
Run: python benchmarks/bench_mix.py
"""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "peers"))

from environment import HERE, environment  # noqa: E402

from modelscout.recommender.mix import best_mix  # noqa: E402
from modelscout.recommender.mix_model import rules_of, slots_of, solve  # noqa: E402
from modelscout.recommender.mix_program import PENALTY_SCALE  # noqa: E402
from modelscout.recommender.mix_question import MixQuestion, Need, Objective  # noqa: E402
from modelscout.recommender.questions import Measure, Option, Requirements, Source  # noqa: E402

FEATURES, MODELS, PROVIDERS = 200, 60, 6
SEEDS = (1, 2, 3)
BUDGETS_USD = (20_000, 60_000)
MAXIMUM_PROVIDERS = (None, 3)
WANTED_SECONDS = 2.0
RUNS = 3
OURS_WITHIN = 1e-10
PEER_WITHIN = 1e-5
"""CBC stops at gaps that it counts as none."""


def draw(seed: int, budget_usd: int, maximum_providers: int | None) -> MixQuestion:
    rng = random.Random(seed)
    models = [
        (f"p{i % PROVIDERS}/m{i:02}", 10 ** rng.uniform(-4.5, -2), rng.gauss(0, 1)) for i in range(MODELS)
    ]
    needs = tuple(
        Need(
            feature=f"f{number:03}",
            requests_per_month=Decimal(int(10 ** rng.uniform(2, 6))),
            options=tuple(option(rng, *model) for model in models),
            asks=Requirements(maximum_latency_ms=2000.0),
        )
        for number in range(FEATURES)
    )
    return MixQuestion(needs, Objective.QUALITY, Decimal(budget_usd), maximum_providers)


def option(rng: random.Random, name: str, usd: float, skill: float) -> Option:
    worth = 1.2 + 0.5 * math.log10(usd / 1e-3) + 0.4 * skill + 0.4 * rng.gauss(0, 1)
    quality, latency = 1 / (1 + math.exp(-worth)), rng.lognormvariate(6.7, 0.6)
    return Option(
        model=name,
        provider=name.partition("/")[0],
        usd_per_request=Decimal(str(round(usd * rng.uniform(0.5, 2), 8))),
        quality=Measure(quality, quality, quality, 100, Source.GIVEN),
        latency_ms=Measure(latency, latency, latency, 100, Source.GIVEN),
    )


def as_program(question: MixQuestion) -> dict[str, Any]:
    """What the peer gets: penalty as HiGHS gets it, USD and provider of every model that will do."""
    return {
        "budget_usd": float(rules_of(question).budget_usd or 0),
        "maximum_providers": question.maximum_providers,
        "slots": [
            [
                (PENALTY_SCALE * choice.penalty, float(choice.usd), choice.option.provider)
                for choice in slot.choices
            ]
            for slot in slots_of(question)
        ],
    }


def timed(question: MixQuestion) -> tuple[float, float]:
    """The least penalty, and the best of some runs in seconds."""
    seconds, penalty = [], 0.0
    for _ in range(RUNS):
        began = time.process_time()
        found = solve(question)
        seconds.append(time.process_time() - began)
        if found is None:
            raise SystemExit("a drawn question has no answer")
        penalty = found.penalty
    return penalty, min(seconds)


def ask_peer(questions: list[MixQuestion]) -> list[dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mixes.jsonl"
        file.write_text("".join(json.dumps(as_program(q)) + "\n" for q in questions))
        command = [environment("mix"), HERE / "mix_peer.py", file]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in printed.splitlines()]


def main() -> int:
    """Measure; returns the exit code."""
    cases = [(s, b, k) for s in SEEDS for b in BUDGETS_USD for k in MAXIMUM_PROVIDERS]
    questions = [draw(*case) for case in cases]
    solve(questions[0])  # Loads scipy.
    ours = [timed(question) for question in questions]
    peers = ask_peer(questions)
    failed = False
    print(f"{FEATURES} features x {MODELS} models, seconds")
    print("seed  budget  providers    ours  PuLP/CBC  same optimum")
    for (seed, budget, limit), (penalty, seconds), peer in zip(cases, ours, peers, strict=True):
        theirs = peer["penalty"] / PENALTY_SCALE
        same = penalty <= theirs + OURS_WITHIN and theirs <= penalty + PEER_WITHIN
        failed |= not same or seconds >= WANTED_SECONDS
        print(
            f"{seed:4} {budget:7} {limit or 'any':>10} {seconds:7.2f} {peer['seconds']:9.2f}  "
            f"{'yes' if same else 'NO'} ({penalty:.9f}, {theirs:.9f})"
        )
    began = time.perf_counter()
    answer = best_mix(questions[0])
    count = len(answer.bindings.relaxations) if answer.bindings else 0
    print(f"the first with what binds ({count} relaxations, re-solved): {time.perf_counter() - began:.2f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
