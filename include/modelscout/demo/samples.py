"""The organizations' own work: items with a known answer, and what the model in use made of them."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

from modelscout.benchmarks.answer_key import AnswerKeyEntry, case_entry
from modelscout.benchmarks.cases import Case
from modelscout.benchmarks.graders import answer_of, grade
from modelscout.benchmarks.photos import COLOURS, SHAPES, PhotoSpec, Shapes, draw_photo
from modelscout.core.fingerprint import content_fingerprint
from modelscout.core.types import Provider, TokenUsage
from modelscout.demo.profile import ITEM_CORRELATION, MODELS, SEED, Swap, quality
from modelscout.demo.scenario import ASSIGNMENTS, SAMPLES_PER_FEATURE, Assignment, ModelRef

VOCABULARY_FILE = Path(__file__).parent / "vocabulary.json"
CONTENT_SEED = 20261123
PHOTO_SIZE_PX = 96
EXPIRES_AFTER_DAYS = 90
NEWEST_DAYS_AGO = 6
"""Before claude-opus-4-1 went, so that every item was answered by the model in use."""
OLDEST_DAYS_AGO = 28
CHARACTERS_PER_TOKEN = 4
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class DemoSample:
    """One item of one feature of one organization."""

    assignment: Assignment
    index: int
    case: Case

    @property
    def fingerprint(self) -> str:
        """Of its prompt and image."""
        return content_fingerprint(self.case.prompt, self.case.images)

    def sampled_at(self, now: datetime) -> datetime:
        """When it was served, spread evenly over the weeks before."""
        span = OLDEST_DAYS_AGO - NEWEST_DAYS_AGO
        part = (self.index + 0.5) / self.assignment.samples
        return now - timedelta(days=OLDEST_DAYS_AGO - span * part)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the model in use made of an item."""

    score: float
    usage: Mapping[str, Any]
    """Token counts by the names of `TokenUsage`, with processing, served_model and duration_ms."""


@lru_cache(maxsize=1)
def samples() -> tuple[DemoSample, ...]:
    """All items of all organizations, the same in every process. No two have the same content."""
    return tuple(
        DemoSample(assignment, index, case)
        for assignment in ASSIGNMENTS
        for index, case in enumerate(_cases(assignment))
    )


def unseen_samples(per_feature: int) -> tuple[DemoSample, ...]:
    """The items that come next from the same makers and seeds: nobody has been shown them, no seed was chosen by them.

    Features with few items of their own have none.
    """
    return tuple(
        DemoSample(assignment, index, case)
        for assignment in ASSIGNMENTS
        if assignment.samples == SAMPLES_PER_FEATURE
        for index, case in enumerate(_cases(replace(assignment, samples=assignment.samples + per_feature)))
        if index >= assignment.samples
    )


def answer_entries(items: Iterable[DemoSample] | None = None) -> list[AnswerKeyEntry]:
    """Right and wrong answers of `items`, by default of all seeded ones, for the emulator."""
    return [case_entry(sample.case) for sample in (samples() if items is None else items)]


def baseline(sample: DemoSample, swap: Swap | None = None) -> Baseline:
    """The incumbent's answer, scored by the item's own grader, by the same rule as the emulator's."""
    incumbent = sample.assignment.incumbent
    right = difficulty(sample.fingerprint, incumbent) < quality(
        incumbent.key, sample.assignment.feature, swap
    )
    case = sample.case
    answer = answer_of(case.grader, case.reference) if right else case.wrong_answers[0]
    return Baseline(grade(case.grader, answer, case.reference), _usage(incumbent, case, answer))


def difficulty(fingerprint: str, model: ModelRef) -> float:
    """How hard an item is for a model, uniform from 0 to 1: right where it lies below the quality."""
    shared = _NORMAL.inv_cdf(uniform(SEED, fingerprint))
    own = _NORMAL.inv_cdf(uniform(SEED, fingerprint, model.key))
    return _NORMAL.cdf(math.sqrt(ITEM_CORRELATION) * shared + math.sqrt(1 - ITEM_CORRELATION) * own)


def uniform(*parts: object) -> float:
    """Between 0 and 1, the same for the same parts in every process."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    # The half keeps the value off 0 and 1, where the normal quantile is infinite.
    return ((int.from_bytes(digest, "big") >> 11) + 0.5) / 2**53


def _usage(model: ModelRef, case: Case, answer: str) -> dict[str, Any]:
    settings = MODELS[model.key]
    images = len(case.images)
    if model.provider == Provider.CLARIFAI:
        usage = TokenUsage(image_count=images, operations=images)
        text_tokens = 0
    else:
        image_tokens = settings.image_tokens * images
        text_tokens = math.ceil(_tokens(answer) * settings.verbosity)
        usage = TokenUsage(
            input_tokens=_tokens(case.prompt) + image_tokens,
            output_tokens=text_tokens + settings.reasoning_tokens,
            reasoning_tokens=settings.reasoning_tokens,
            image_tokens=image_tokens,
            image_count=images,
        )
    waited = (text_tokens + usage.reasoning_tokens) * settings.speed.output_token_ms
    return {
        **asdict(usage),
        "processing": "standard",
        "served_model": model.model,
        "duration_ms": round(settings.speed.time_to_first_token_ms + waited),
    }


def _tokens(text: str) -> int:
    return max(1, math.ceil(len(text) / CHARACTERS_PER_TOKEN))


def _cases(assignment: Assignment) -> Iterator[Case]:
    """Different items until there are enough; the seed is the assignment's name."""
    rng = random.Random(f"{CONTENT_SEED}/{assignment.organization}/{assignment.feature}")
    make = _MAKERS[assignment.feature]
    seen: set[str] = set()
    while len(seen) < assignment.samples:
        case = make(assignment, rng, len(seen))
        fingerprint = content_fingerprint(case.prompt, case.images)
        if fingerprint not in seen:
            seen.add(fingerprint)
            yield case


@lru_cache(maxsize=1)
def _vocabulary() -> Mapping[str, Any]:
    content: dict[str, Any] = json.loads(VOCABULARY_FILE.read_text(encoding="utf-8"))
    return content


def _key(assignment: Assignment, index: int) -> str:
    return f"{assignment.feature}-{index:04d}"


def _photo(assignment: Assignment, rng: random.Random, index: int) -> Case:
    background, *colours = rng.sample(sorted(COLOURS), 6)
    groups = [(colour, rng.choice(SHAPES)) for colour in colours[: rng.choice((2, 3))]]
    spec = PhotoSpec(
        shapes=tuple(Shapes(shape, colour, rng.randint(1, 3)) for colour, shape in groups),
        background=background,
        size_px=PHOTO_SIZE_PX,
    )
    truth = [f"{colour} {shape}" for colour, shape in groups]
    others = [colour for colour in sorted(COLOURS) if colour not in {background, *colours}]
    misread = [f"{rng.choice(others)} {shape}" for _, shape in groups]
    mixed_up = [f"{background} {_other(rng, SHAPES, shape)}" for _, shape in groups]
    return Case(
        case_key=_key(assignment, index),
        feature_id=assignment.feature,
        prompt=(
            f"Tag this photo for {assignment.organization}'s catalogue: one tag per kind of object, its "
            'colour and its shape, such as "red circle". Answer with a JSON array of tags alone.'
        ),
        image=draw_photo(spec),
        image_media_type="image/png",
        grader="set_f1",
        reference=sorted(truth),
        wrong_answers=(json.dumps(sorted(set(misread))), json.dumps(sorted(set(mixed_up)))),
    )


def _record(assignment: Assignment, rng: random.Random, index: int) -> Case:
    words = _vocabulary()["records"][assignment.organization]
    fields: dict[str, list[Any]] = words["fields"]
    truth = {name: rng.choice(options) for name, options in fields.items()}
    facts = [f"{name.replace('_', ' ')} {value}" for name, value in truth.items()]
    rng.shuffle(facts)

    def misread() -> str:
        wrong = set(rng.sample(sorted(fields), len(fields) - 1))
        card = {n: _other(rng, fields[n], v) if n in wrong else v for n, v in truth.items()}
        return json.dumps(card)

    return Case(
        case_key=_key(assignment, index),
        feature_id=assignment.feature,
        prompt=f"{words['intro']} {', '.join(facts)}. Reference {rng.randint(1000, 9999)}.",
        json_schema=_schema(truth),
        grader="json_fields",
        reference=truth,
        wrong_answers=(misread(), misread(), misread()),
    )


def _schema(record: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {name: "integer" if isinstance(v, int) else "string" for name, v in record.items()}
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in kinds.items()},
        "required": list(record),
        "additionalProperties": False,
    }


def _order(assignment: Assignment, rng: random.Random, index: int) -> Case:
    article = rng.choice(_vocabulary()["orders"][assignment.organization])
    count, cents, postage = rng.randint(2, 40), rng.randint(150, 4_995), rng.choice((390, 490, 690, 990))
    total = count * cents + postage
    wrong = (total - postage, total + cents, total - 100 * count)
    return Case(
        case_key=_key(assignment, index),
        feature_id=assignment.feature,
        prompt=(
            f"A customer asks: I would like {count} {article} at ${cents / 100:.2f} each, and postage is "
            f"${postage / 100:.2f} per order. What do I pay in all? Answer with the amount in dollars alone."
        ),
        grader="numeric",
        reference={"value": total / 100, "tolerance": 0.005},
        wrong_answers=tuple(f"{amount / 100:.2f}" for amount in wrong),
    )


def _search(assignment: Assignment, rng: random.Random, index: int) -> Case:
    words = _vocabulary()["catalogue"]
    titles = [f"{a} {n}" for a in words["adjectives"] for n in words["nouns"]]
    hits = dict(zip(rng.sample(range(100, 1000), 5), rng.sample(titles, 5), strict=True))
    best = rng.choice(sorted(hits))
    listing = "; ".join(f"P{number}: {title} at dusk, wide" for number, title in hits.items())
    return Case(
        case_key=_key(assignment, index),
        feature_id=assignment.feature,
        prompt=(
            f"Somebody searches for: a picture of a {hits[best]}. Results: {listing}. "
            "Which one fits best? Answer with its id alone."
        ),
        grader="exact",
        reference=f"P{best}",
        wrong_answers=tuple(f"P{number}" for number in hits if number != best)[:3],
    )


def _comment(assignment: Assignment, _rng: random.Random, index: int) -> Case:
    text, label = _vocabulary()["comments"][index]
    return Case(
        case_key=_key(assignment, index),
        feature_id=assignment.feature,
        prompt=f"Is this comment fine, an insult or spam? Answer with one word.\n\n{text}",
        grader="normalised",
        reference=label,
        wrong_answers=tuple(other for other in ("fine", "insult", "spam") if other != label),
    )


def _other(rng: random.Random, options: Any, value: Any) -> Any:
    return rng.choice([option for option in options if option != value])


_MAKERS: Mapping[str, Callable[[Assignment, random.Random, int], Case]] = {
    "photo_tagging": _photo,
    "descriptions": _record,
    "chat": _order,
    "search": _search,
    "moderation": _comment,
}
