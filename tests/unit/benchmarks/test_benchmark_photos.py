from __future__ import annotations

import hashlib
import io
import itertools
import re
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont, ImageStat
from pydantic import ValidationError

from modelscout.benchmarks import photos
from modelscout.benchmarks.charts import Chart, axis_step
from modelscout.benchmarks.graders import answer_of, grade
from modelscout.benchmarks.photos import (
    COLOURS,
    PLACES,
    SAMPLES,
    SIZES,
    PhotoSpec,
    Placed,
    Shapes,
    draw_photo,
)
from modelscout.benchmarks.schema import PhotoEntry
from modelscout.benchmarks.suites import Suite, load_suites
from modelscout.core.errors import ConfigurationError

SUITES = {suite.feature_id: suite for suite in load_suites()}
WITH_PHOTOS = ("photo_tagging", "descriptions")
BAR = Chart("bar", ("B", "C", "D"), (20, 60, 40), ("red", "green", "blue"), show_values=False)


def _pixels(spec: PhotoSpec) -> Image.Image:
    with Image.open(io.BytesIO(draw_photo(spec))) as image:
        return image.convert("RGB")


def _counts(image: Image.Image) -> dict[Any, int]:
    """Pixels by colour."""
    return {colour: pixels for pixels, colour in image.getcolors(maxcolors=1 << 20) or []}


@pytest.mark.parametrize(
    ("spec", "digest"),
    [
        (PhotoSpec(shapes=(Shapes("star", "red"),), background="grey", low_light=True), "82da491ee99a1160"),
        (PhotoSpec(shapes=(Shapes("circle", "orange", 2), Shapes("square", "purple"))), "652f943bf8971075"),
    ],
)
def test_photos_of_stored_results_keep_their_pixels(spec: PhotoSpec, digest: str) -> None:
    assert hashlib.sha256(_pixels(spec).tobytes()).hexdigest()[:16] == digest


def test_text_keeps_its_size_and_place() -> None:
    drawn = Image.new("RGB", (192, 192), COLOURS["yellow"])
    font = ImageFont.load_default(size=192 * 0.3)
    ImageDraw.Draw(drawn).text((96, 96), "EXIT", fill=COLOURS["black"], font=font, anchor="mm")
    assert _pixels(PhotoSpec(text="EXIT", background="yellow")).tobytes() == drawn.tobytes()


@pytest.mark.parametrize(
    "spec",
    [
        PhotoSpec(text="two\nlines", text_px=20),
        PhotoSpec(placed=(Placed("left", "star", "red"), Placed("top_right", "circle", "blue", "small"))),
        PhotoSpec(chart=BAR, size_px=320),
        PhotoSpec(chart=Chart("line", ("B", "C"), (3, 9)), size_px=320),
        PhotoSpec(chart=Chart("pie", ("B", "C"), (3, 9), ("red", "green")), size_px=320),
        PhotoSpec(sample="flower", size_px=200),
    ],
)
def test_every_kind_is_drawn_the_same_and_dims(spec: PhotoSpec) -> None:
    first = draw_photo(spec)
    draw_photo.cache_clear()
    assert draw_photo(spec) == first
    bright, dim = (ImageStat.Stat(_pixels(replace(spec, low_light=low))) for low in (False, True))
    assert sum(dim.mean) < 0.45 * sum(bright.mean)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size", SIZES)
def test_a_placed_shape_stands_in_its_place_alone(place: str, size: str) -> None:
    image = _pixels(PhotoSpec(placed=(Placed(place, "square", "red", size),), size_px=300))
    column, row = PLACES[place]
    inside = (100 * column, 100 * row, 100 * column + 100, 100 * row + 100)
    assert image.getpixel((100 * column + 50, 100 * row + 50)) == COLOURS["red"]
    assert _counts(image)[COLOURS["red"]] == _counts(image.crop(inside))[COLOURS["red"]]


def test_bars_are_as_high_as_their_values() -> None:
    counts = _counts(_pixels(PhotoSpec(chart=BAR, size_px=640)))
    unit = counts[COLOURS["red"]] / 20
    assert counts[COLOURS["green"]] == pytest.approx(60 * unit, rel=0.05)
    assert counts[COLOURS["blue"]] == pytest.approx(40 * unit, rel=0.05)


def test_slices_are_as_large_as_their_values() -> None:
    pie = Chart("pie", ("B", "C", "D"), (10, 30, 60), ("red", "green", "blue"))
    counts = _counts(_pixels(PhotoSpec(chart=pie, size_px=640)))
    whole = sum(counts[COLOURS[name]] for name in pie.colours)
    for name, value in zip(pie.colours, pie.values, strict=True):
        assert counts[COLOURS[name]] / whole == pytest.approx(value / 100, abs=0.01)


def test_a_line_has_its_colour() -> None:
    line = Chart("line", ("B", "C", "D"), (5, 2, 9), ("purple",))
    assert COLOURS["purple"] in _counts(_pixels(PhotoSpec(chart=line, size_px=320)))


@pytest.mark.parametrize(
    ("highest", "step"), [(1, 1), (6, 1), (7, 2), (12, 2), (60, 10), (61, 20), (640, 200)]
)
def test_an_axis_has_six_steps_at_most(highest: int, step: int) -> None:
    assert axis_step(highest) == step


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_scaled_down_jpegs(name: str) -> None:
    spec = PhotoSpec(sample=name, size_px=320)
    with Image.open(io.BytesIO(draw_photo(spec))) as image:
        assert image.format == "JPEG"
        assert max(image.size) == 320
    assert spec.media_type == "image/jpeg"


def test_without_scikit_learn_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"install modelscout\[pipeline\]"):
        draw_photo(PhotoSpec(sample="china", size_px=99))


CHART = {"kind": "bar", "labels": ["B", "C"], "values": [1, 2]}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "shows nothing"),
    "extra key": ({"text": "a", "colour": "red"}, "Extra inputs"),
    "two kinds": ({"chart": CHART, "sample": "china"}, "keep one"),
    "text on a chart": ({"chart": CHART, "text": "a"}, "text would cover the chart"),
    "invisible": ({"shapes": [{"shape": "star", "colour": "white"}]}, "cannot be seen"),
    "invisible bar": ({"chart": {**CHART, "colours": ["white"]}}, "cannot be seen"),
    "wide text": ({"text": "far too many words"}, "lower text_px"),
    "high text": ({"text": "a\nb\nc\nd\ne"}, "lower text_px"),
    "size of no text": ({"sample": "china", "text_px": 20}, "text_px without text"),
    "large sample": ({"sample": "china", "size_px": 641}, "lower size_px"),
    "sample on red": ({"sample": "china", "background": "red"}, "remove background"),
    "unknown sample": ({"sample": "cat"}, "'china' or 'flower'"),
    "unknown place": ({"positions": {"centre": {"shape": "star", "colour": "red"}}}, "'middle'"),
    "unknown size": (
        {"positions": {"top": {"shape": "star", "colour": "red", "size": "huge"}}},
        "'small', 'medium' or 'large'",
    ),
    "unknown bar colour": ({"chart": {**CHART, "colours": ["mauve"]}}, "'mauve' is unknown"),
    "value missing": ({"chart": {**CHART, "values": [1]}}, "give each label one value"),
    "label twice": ({"chart": {**CHART, "labels": ["B", "B"]}}, "rename one"),
    "colour missing": (
        {
            "chart": {
                "kind": "bar",
                "labels": ["B", "C", "D"],
                "values": [1, 2, 3],
                "colours": ["red", "blue"],
            }
        },
        "one for each label",
    ),
    "line of two colours": ({"chart": {**CHART, "kind": "line", "colours": ["red", "blue"]}}, "one entry"),
    "pie of one colour": ({"chart": {**CHART, "kind": "pie"}}, "its own colour"),
}


@pytest.mark.parametrize(("entry", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_make_the_truth_doubtful_is_refused(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PhotoEntry.model_validate(entry)


@pytest.mark.parametrize("feature", WITH_PHOTOS)
def test_there_are_cases_enough_and_photos_are_small(feature: str) -> None:
    cases = SUITES[feature].cases
    assert len(cases) >= 64
    sizes = sorted(len(case.image) for case in cases if case.image)
    assert sizes[len(sizes) * 9 // 10] < 20_000
    assert sizes[-1] < 60_000


def _best_of_tags(suite: Suite) -> float:
    """The best constant list of tags: every subset of the common ones."""
    wanted = [frozenset(str(tag) for tag in case.reference) for case in suite.cases]
    common = [tag for tag, n in Counter(itertools.chain(*wanted)).items() if n >= 3]
    best = 0.0
    for size in range(1, len(common) + 1):
        for given in map(frozenset, itertools.combinations(common, size)):
            best = max(best, sum(2 * len(given & tags) / (len(given) + len(tags)) for tags in wanted))
    return best / len(wanted)


def _best_of_fields(suite: Suite) -> float:
    """The best constant object: fields count on their own, so the best value of each is the best object."""
    gain: dict[str, Counter[Any]] = defaultdict(Counter)
    for case in suite.cases:
        for name, value in case.reference.items():
            gain[name][str(value).casefold()] += 1 / len(case.reference)
    return sum(max(values.values()) for values in gain.values()) / len(suite.cases)


def test_the_best_constant_answer_wins_little() -> None:
    assert _best_of_tags(SUITES["photo_tagging"]) < 0.3
    assert _best_of_fields(SUITES["descriptions"]) < 0.3


def _values(reference: Any) -> set[str]:
    values = reference.values() if isinstance(reference, dict) else reference
    return {str(value).casefold() for value in values}


@pytest.mark.parametrize("feature", WITH_PHOTOS)
def test_a_question_about_a_photo_does_not_hold_its_answer(feature: str) -> None:
    for case in SUITES[feature].cases:
        _, _, question = case.prompt.partition("\n\n")
        words = set(re.findall(r"\w+", question.casefold()))
        choice = "one of" in question or "out of" in question
        assert case.image is None or choice or not words & _values(case.reference), case.case_key


@pytest.mark.parametrize("feature", WITH_PHOTOS)
def test_who_sees_no_photo_cannot_learn_the_answer_to_a_question(feature: str) -> None:
    same: dict[str, list[Any]] = defaultdict(list)
    for case in SUITES[feature].cases:
        if case.image is not None:
            same[case.prompt].append(case)
    for cases in (cases for cases in same.values() if len(cases) >= 10):
        answers = [answer_of(case.grader, case.reference) for case in cases]
        best = max(sum(grade(c.grader, answer, c.reference) for c in cases) for answer in answers)
        assert best / len(cases) < 0.55
