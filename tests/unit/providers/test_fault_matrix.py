"""Every fault for every provider: what the caller sees, after how many attempts and how long a wait."""

from __future__ import annotations

import re
from pathlib import Path

from emulator_support import EVERYONE, RunningEmulator
from fault_matrix import CASES, Outcome, markdown, play

PAGE = Path("docs/providers.md")
FINAL = {
    "400 bad request": "bad_request",
    "401 key refused": "authentication_failed",
    "402 no money": "quota_exhausted",
    "403 not permitted": "permission_denied",
    "404 retired model": "model_not_found",
    "413 too large": "bad_request",
    "429, quota spent": "quota_exhausted",
}
"""What must not be tried again: one attempt, no wait."""
RETRIED = {
    "500": "provider_unavailable",
    "503": "provider_unavailable",
    "529 overloaded": "provider_unavailable",
    "connection refused": "provider_unavailable",
    "first token too late": "provider_unavailable",
    "read timeout": "provider_unavailable",
    "200 with an error inside": "provider_unavailable",
    "error in place of the first token": "provider_unavailable",
    "stream cut in the middle": "malformed_answer",
    "malformed JSON": "malformed_answer",
    "malformed JSON in a stream": "malformed_answer",
    "empty body": "malformed_answer",
    "wrong content type": "malformed_answer",
}
"""What another try may mend: three attempts, half a second and a second apart."""
EXPECTED = {
    **{name: Outcome(error, 1, 0.0) for name, error in FINAL.items()},
    **{name: Outcome(error, 3, 1.0) for name, error in RETRIED.items()},
    "429, Retry-After 2 s": Outcome("rate_limited", 3, 2.0),
    # The wait would pass the deadline: the caller hears of it at once.
    "429, Retry-After 60 s": Outcome("rate_limited", 1, 0.0),
    "429 without Retry-After": Outcome("rate_limited", 3, 1.0),
    "slow first token": Outcome("answered", 1, 0.0),
    "unknown fields": Outcome("answered", 1, 0.0),
    "unknown events in a stream": Outcome("answered", 1, 0.0),
    "served by another model": Outcome("answered by another-model", 1, 0.0),
}


def documented() -> str:
    found = re.search(r"<!-- faults -->\n(.*?)\n<!-- end -->", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found.group(1)


async def test_what_the_caller_sees(emulator: RunningEmulator) -> None:
    table = await play(emulator)
    assert set(table) == {case.name for case in CASES}
    wrong = {
        (name, provider): outcome
        for name, row in table.items()
        for provider, outcome in row.items()
        if outcome != EXPECTED[name]
    }
    assert wrong == {}
    assert all(set(row) == set(EVERYONE) for row in table.values())
    assert documented() == markdown(table), "python tests/unit/providers/fault_matrix.py prints the table"
