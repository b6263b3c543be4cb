"""What kind of work requests are, from their sizes and number."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from modelscout.core.errors import ConfigurationError
from modelscout.selection import Request, Workload, analyze_workload


def photo(width: int, height: int) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, height)).save(content, "JPEG")
    return content.getvalue()


def test_photos_by_content_file_and_size(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(photo(640, 480))
    found = analyze_workload([photo(640, 480), tmp_path / "photo.jpg", (640, 480)], "photo_tagging")
    assert found == Workload(
        complexity="low", volume="light", urgency="near-real-time", requires=frozenset({"image_analysis"}),
        requests=3, input_tokens=640 * 480 // 750 + 1,
    )  # fmt: skip
    assert analyze_workload([(6000, 4000)], "photo_tagging").complexity == "medium"


def test_what_is_no_image_has_an_unknown_size(tmp_path: Path) -> None:
    for broken in (b"not an image", tmp_path / "missing.jpg"):
        found = analyze_workload([broken], "photo_tagging")
        assert (found.input_tokens, found.requires) == (None, {"image_analysis"})


@pytest.mark.parametrize(
    ("number", "deadline_s", "volume", "urgency"),
    [
        (1, None, "light", "real-time"),
        (10, 5.0, "light", "real-time"),
        (11, 60.0, "moderate", "near-real-time"),
        (101, None, "moderate", "batch"),
        (1001, 7200.0, "heavy", "batch"),
    ],
)
def test_number_and_deadline(number: int, deadline_s: float | None, volume: str, urgency: str) -> None:
    found = analyze_workload(["Hello?"] * number, "chat", deadline_s=deadline_s)
    assert (found.volume, found.urgency, found.requests) == (volume, urgency, number)
    assert found.deadline_ms == (None if urgency == "batch" or deadline_s is None else 1000 * deadline_s)


@pytest.mark.parametrize(
    ("request_", "complexity", "requires"),
    [
        (Request("Hi"), "low", set()),
        (Request("x" * 6_000), "medium", set()),
        (Request("x" * 32_000, structured=True), "high", {"structured_output"}),
        (Request(images=[(100, 100)] * 3, tools=True), "medium", {"image_analysis", "tool_use"}),
        (Request("x" * 900_000), "medium", {"large_context"}),
    ],
)
def test_the_hardest_request_decides(request_: Request, complexity: str, requires: set[str]) -> None:
    found = analyze_workload([Request("easy"), request_], "search", accuracy="high", cost_sensitivity="low")
    assert (found.complexity, found.requires) == (complexity, requires)
    assert (found.accuracy, found.cost_sensitivity) == ("high", "low")


def test_sizes_are_unknown_where_pillow_is_not_installed() -> None:
    program = (
        "import sys; sys.modules['PIL'] = None\n"
        "from modelscout.selection import analyze_workload\n"
        "print(analyze_workload([b'x'], 'photo_tagging').input_tokens)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"complexity": "huge"}, "workload.complexity='huge': give one of low, medium, high"),
        ({"requests": 0}, "workload.requests=0"),
        ({"deadline_ms": 0.0}, "workload.deadline_ms"),
    ],
)
def test_a_workload_names_what_is_wrong(values: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Workload(**values)  # type: ignore[arg-type]
