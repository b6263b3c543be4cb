"""The questions of the capability probes: cheap, with known answers, several per capability.

One right answer verifies a capability. Several wrong ones are needed to contradict it, so that a model that
slips once is not accused.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelscout.benchmarks.cases import Case
from modelscout.benchmarks.padding import gate_log
from modelscout.benchmarks.photos import PhotoSpec, Shapes, draw_photo
from modelscout.core.types import Capability
from modelscout.providers.protocol import Tool

PROBED = (
    Capability.TEXT_GENERATION,
    Capability.IMAGE_ANALYSIS,
    Capability.STRUCTURED_OUTPUT,
    Capability.TOOL_USE,
    Capability.STREAMING,
    Capability.COMPLEX_REASONING,
    Capability.LARGE_CONTEXT,
)
"""In the order in which they are asked: the dearest last. Fast processing is decided by the speed suite: beside other
calls a clock shows how busy this machine is, not how fast the model."""

MAX_OUTPUT_TOKENS = 64
LARGE_CONTEXT_TOKENS = 48_000
"""About so many tokens the long prompt has: far beyond what a small window takes, and still affordable."""

_WEATHER_TOOL = Tool(
    name="look_up_weather",
    description="Current weather of a city.",
    parameters={
        "type": "object",
        "additionalProperties": False,
        "required": ["city"],
        "properties": {"city": {"type": "string"}},
    },
)
_PARCEL_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "pieces"],
    "properties": {"name": {"type": "string"}, "pieces": {"type": "integer"}},
}


@dataclass(frozen=True, slots=True)
class ProbeItem:
    """One question of one probe."""

    capability: Capability
    case: Case
    tool: Tool | None = None
    stream: bool = False
    for_concepts: bool = False
    """For models that only turn images into concepts."""


def items_for(capability: Capability, *, concepts: bool) -> tuple[ProbeItem, ...]:
    """The questions of one capability; none where such a model cannot be asked."""
    return tuple(
        item for item in probe_items() if item.capability is capability and item.for_concepts is concepts
    )


@functools.lru_cache(maxsize=1)
def probe_items() -> tuple[ProbeItem, ...]:
    """Every question of every probe."""
    return (
        *_text_items(),
        *_image_items(),
        *_structured_items(),
        *_tool_items(),
        *_streaming_items(),
        *_reasoning_items(),
        *_context_items(),
    )


def _case(capability: Capability, key: str, prompt: str, reference: Any, *wrong: str, **more: Any) -> Case:
    return Case(
        case_key=key,
        feature_id=f"capability:{capability.value}",
        prompt=prompt,
        reference=reference,
        wrong_answers=wrong,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        **more,
    )


def _text_items() -> tuple[ProbeItem, ...]:
    kind = Capability.TEXT_GENERATION
    questions = (
        ("sum", "What is 17 plus 26? Answer with the number only.", 43, "41"),
        ("legs", "How many legs do three spiders have together? Answer with the number only.", 24, "18"),
        ("week", "How many days are three weeks? Answer with the number only.", 21, "24"),
    )
    return tuple(
        ProbeItem(kind, _case(kind, key, prompt, truth, wrong, grader="numeric"))
        for key, prompt, truth, wrong in questions
    )


def _image_items() -> tuple[ProbeItem, ...]:
    kind = Capability.IMAGE_ANALYSIS
    items = [
        ProbeItem(
            kind,
            _case(
                kind,
                f"number_{number}",
                "Which number does the picture show? Answer with the number only.",
                number,
                "I cannot see a picture.",
                "111",
                grader="numeric",
                image=draw_photo(PhotoSpec(text=str(number), background=background)),
                image_media_type="image/png",
            ),
        )
        for number, background in ((384, "white"), (927, "yellow"), (506, "blue"))
    ]
    for shape, colour in (("circle", "red"), ("star", "blue"), ("triangle", "green")):
        photo = draw_photo(PhotoSpec(shapes=(Shapes(shape, colour),), background="grey", size_px=256))
        truth = [shape, "shape", "symbol", "illustration", "graphic", colour]
        case = _case(
            kind,
            f"concepts_{shape}",
            "Tag the picture.",
            truth,
            '["people", "landscape"]',
            grader="any_tag",
            image=photo,
            image_media_type="image/png",
        )
        items.append(ProbeItem(kind, case, for_concepts=True))
    return tuple(items)


def _structured_items() -> tuple[ProbeItem, ...]:
    kind = Capability.STRUCTURED_OUTPUT
    return tuple(
        ProbeItem(
            kind,
            _case(
                kind,
                f"order_{name}",
                f"An order says: {pieces} pieces for {name.capitalize()}. Give name and pieces.",
                {"name": name.capitalize(), "pieces": pieces},
                f"The order is for {name.capitalize()}.",
                grader="json_fields",
                json_schema=_PARCEL_SCHEMA,
            ),
        )
        for name, pieces in (("maria", 12), ("oskar", 7), ("leila", 30))
    )


def _tool_items() -> tuple[ProbeItem, ...]:
    kind = Capability.TOOL_USE
    return tuple(
        ProbeItem(
            kind,
            _case(
                kind,
                f"weather_{city.lower()}",
                f"Use the tool to look up the weather in {city}.",
                {"city": city},
                "I do not know the weather.",
                grader="json_fields",
            ),
            tool=_WEATHER_TOOL,
        )
        for city in ("Lisbon", "Oslo", "Quito")
    )


def _streaming_items() -> tuple[ProbeItem, ...]:
    kind = Capability.STREAMING
    return tuple(
        ProbeItem(
            kind,
            _case(
                kind,
                f"count_to_{last}",
                f"Count from 1 to {last} in digits, separated by commas, and write nothing else.",
                ", ".join(str(number) for number in range(1, last + 1)),
                "One.",
                grader="normalised",
            ),
            stream=True,
        )
        for last in (12, 15, 18)
    )


def _reasoning_items() -> tuple[ProbeItem, ...]:
    kind = Capability.COMPLEX_REASONING
    questions = (
        (
            "ages",
            "Mira is twice as old as Jon was when she was as old as Jon is now. Together they are 63. How old is Mira?",
            36,
            "42",
        ),
        (
            "tanks",
            "One pipe fills a tank in 6 hours, a second in 4 hours, and a drain empties it in 12 hours. The tank is "
            "empty and all three are open. After how many hours is it full?",
            3,
            "4",
        ),
        (
            "calendar",
            "A leap year starts on a Monday. How many of its months begin on a Sunday?",
            2,
            "1",
        ),
    )
    return tuple(
        ProbeItem(
            kind,
            _case(kind, key, f"{question} Answer with the number only.", truth, wrong, grader="numeric"),
        )
        for key, question, truth, wrong in questions
    )


def _context_items() -> tuple[ProbeItem, ...]:
    kind = Capability.LARGE_CONTEXT
    return tuple(
        ProbeItem(
            kind,
            _case(kind, f"locker_{place}", _long_prompt(code, share), code, "1111", grader="numeric"),
        )
        for place, code, share in (("middle", 4827, 0.5), ("early", 6093, 0.1), ("late", 3518, 0.9))
    )


def _long_prompt(code: int, share: float) -> str:
    """A long log with one line that matters, after `share` of it."""
    lines = gate_log(LARGE_CONTEXT_TOKENS, seed=code)
    lines.insert(int(share * len(lines)), f"Note: the code of the blue locker is {code}.")
    return "\n".join([*lines, "", "What is the code of the blue locker? Answer with the number only."])


def tool_call_text(name: str, arguments: Mapping[str, Any]) -> str:
    """A tool call as the text that is graded: the arguments, nothing where another tool was called."""
    return json.dumps(dict(arguments)) if name == _WEATHER_TOOL.name else ""
