"""Solves the mixes of bench_mix.py with PuLP and its CBC, in the peers' own environment."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

import pulp


def seconds() -> float:
    """Of this process and of the CBC processes that it waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def solve(mix: dict[str, Any]) -> tuple[float, float]:
    """The least penalty and the processor seconds that building and solving took."""
    began = seconds()
    problem = pulp.LpProblem("mix", pulp.LpMinimize)
    slots = [
        [(pulp.LpVariable(f"x_{i}_{j}", cat="Binary"), *choice) for j, choice in enumerate(slot)]
        for i, slot in enumerate(mix["slots"])
    ]
    every = [choice for slot in slots for choice in slot]
    problem += pulp.lpSum(penalty * x for x, penalty, _, _ in every)
    for slot in slots:
        problem += pulp.lpSum(x for x, *_ in slot) == 1
    problem += pulp.lpSum(usd * x for x, _, usd, _ in every) <= mix["budget_usd"]
    if mix["maximum_providers"] is not None:
        names = sorted({provider for *_, provider in every})
        opened = {name: pulp.LpVariable(f"z_{name}", cat="Binary") for name in names}
        problem += pulp.lpSum(opened.values()) <= mix["maximum_providers"]
        for slot in slots:
            for name in names:
                problem += pulp.lpSum(x for x, _, _, provider in slot if provider == name) <= opened[name]
    problem.solve(pulp.PULP_CBC_CMD(msg=False, gapRel=0, gapAbs=1e-9, threads=1))
    return float(pulp.value(problem.objective)), seconds() - began


def main() -> None:
    """Read mixes as JSON lines and print a penalty and seconds for each."""
    for line in Path(sys.argv[1]).read_text().splitlines():
        penalty, seconds = solve(json.loads(line))
        print(json.dumps({"penalty": penalty, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
