"""Every fault through the adaptive service: what its caller sees, as docs/adaptive.md says."""

from __future__ import annotations

import re
from pathlib import Path

from emulator_support import RunningEmulator
from failover_matrix import PLAYED, WAYS, markdown, play

PAGE = Path("docs/adaptive.md")
NOT_REPEATED = {
    "500",
    "503",
    "529 overloaded",
    "read timeout",
    "malformed JSON",
    "empty body",
    "wrong content type",
    "200 with an error inside",
}
"""After these a model may have worked on the request."""
NO_FAULT = {"unknown fields", "served by another model"}


def documented() -> str:
    found = re.search(r"<!-- faults -->\n(.*?)\n<!-- end -->", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found.group(1)


async def test_what_the_caller_sees(emulator: RunningEmulator) -> None:
    table = await play(emulator)
    assert set(table) == {case.name for case in PLAYED}
    for name, ways in table.items():
        assert set(ways) == set(WAYS)
        if name in NO_FAULT:
            continue
        assert ways["next"].result == "answered by the next", name
        assert ways["once"].result.startswith("answered") == (name not in NOT_REPEATED), name
        assert (ways["once"].calls == 1) == (name in NOT_REPEATED or name == "connection refused"), name
        assert ways["all"].result.startswith("`"), name
    assert documented() == markdown(table), "tests/unit/selection/failover_matrix.py prints the table"
