from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelscout.benchmarks.answer_key import answer_key
from modelscout.benchmarks.graders import answer_of, grade
from modelscout.benchmarks.photos import PhotoSpec, Shapes, draw_photo
from modelscout.benchmarks.probes import PROBED, items_for
from modelscout.benchmarks.schema import SCHEMA_FILE, json_schema_text
from modelscout.benchmarks.suites import WRONG_ANSWER_LIMIT, load_suites
from modelscout.core.errors import ConfigurationError
from modelscout.core.fingerprint import content_fingerprint

SUITES = load_suites()
OF_FEATURES = tuple(suite for suite in SUITES if suite.about == "accuracy")
CASES = [(suite, case) for suite in SUITES for case in suite.cases]


def test_every_feature_of_the_demo_has_a_suite() -> None:
    assert {suite.feature_id for suite in OF_FEATURES} == {
        "photo_tagging",
        "descriptions",
        "chat",
        "search",
        "moderation",
    }
    assert all(len(suite.cases) >= 60 for suite in OF_FEATURES)


def test_speed_is_measured_by_length_and_concurrency() -> None:
    (speed,) = (suite for suite in SUITES if suite.about == "speed")
    found = Counter((case.bucket, case.concurrency) for case in speed.cases)
    assert set(found) == {(bucket, level) for bucket in ("short", "medium", "long") for level in (1, 4)}
    sizes = {bucket: {len(c.prompt) // 4 for c in speed.cases if c.bucket == bucket} for bucket, _ in found}
    assert max(sizes["short"]) < 200 < 900 < min(sizes["medium"]) < 1200 < 7500 < min(sizes["long"])
    assert len({case.prompt for case in speed.cases}) == len(speed.cases) / 2  # each at both levels


def test_the_cost_suite_holds_the_same_work_for_all_and_some_that_a_cache_can_serve() -> None:
    (cost,) = (suite for suite in SUITES if suite.about == "cost")
    kinds = Counter(case.bucket for case in cost.cases)
    assert set(kinds) >= {"short_question", "explanation", "long_document", "small_photo", "large_photo"}
    assert min(kinds.values()) >= 2
    first, second = (case.prompt for case in cost.cases if case.bucket == "repeated_document")
    alone, other = (case.prompt for case in cost.cases if case.bucket == "long_document")
    assert first[:15_000] == second[:15_000]
    assert alone[:15_000] != other[:15_000]


@pytest.mark.parametrize(("suite", "case"), CASES, ids=[f"{s.feature_id}-{c.case_key}" for s, c in CASES])
def test_right_scores_one_and_wrong_scores_low(suite: Any, case: Any) -> None:
    assert grade(case.grader, answer_of(case.grader, case.reference), case.reference) == 1.0
    for wrong in case.wrong_answers:
        assert grade(case.grader, wrong, case.reference) <= WRONG_ANSWER_LIMIT


@pytest.mark.parametrize("suite", OF_FEATURES, ids=lambda suite: suite.feature_id)
def test_a_constant_answer_wins_nothing(suite: Any) -> None:
    answers = {answer_of(case.grader, case.reference) for case in suite.cases}
    best = max(
        sum(grade(case.grader, answer, case.reference) for case in suite.cases) / len(suite.cases)
        for answer in answers
    )
    assert best < 0.35


def test_models_without_eyes_get_no_photos() -> None:
    descriptions = next(suite for suite in SUITES if suite.feature_id == "descriptions")
    assert 0 < len(descriptions.cases_for({"text_generation"})) < len(descriptions.cases)
    seen = descriptions.cases_for({"image_analysis"})
    assert sorted(seen, key=lambda case: case.case_key) == sorted(
        descriptions.cases, key=lambda c: c.case_key
    )


def test_photos_are_drawn_the_same_and_differ_by_what_they_show() -> None:
    spec = PhotoSpec(shapes=(Shapes("star", "red", 3),), text="7")
    first = draw_photo(spec)
    draw_photo.cache_clear()
    assert draw_photo(spec) == first
    assert draw_photo(PhotoSpec(shapes=(Shapes("star", "red", 4),), text="7")) != first
    assert draw_photo(PhotoSpec(shapes=spec.shapes, text="7", low_light=True)) != first


def test_the_answer_key_recognises_every_case_and_probe() -> None:
    entries = {entry.fingerprint: entry for entry in answer_key()}
    for suite, case in CASES:
        entry = entries[content_fingerprint(case.prompt, case.images)]
        assert entry.feature == suite.feature_id
        assert grade(case.grader, entry.correct, case.reference) == 1.0
    assert {e.feature for e in entries.values() if e.feature.startswith("capability:")} == {
        f"capability:{name.value}" for name in PROBED
    }


def test_no_two_questions_are_mistaken_for_each_other() -> None:
    entries = answer_key()
    assert len({entry.fingerprint for entry in entries}) == len(entries)
    photos = [entry.image_fingerprint for entry in entries if entry.image_fingerprint]
    assert len(set(photos)) == len(photos) > 0


@pytest.mark.parametrize("capability", PROBED)
def test_every_probe_asks_more_than_once_and_tells_right_from_wrong(capability: Any) -> None:
    items = items_for(capability, concepts=False)
    assert len(items) >= 2
    for item in items:
        case = item.case
        assert grade(case.grader, answer_of(case.grader, case.reference), case.reference) == 1.0
        assert all(grade(case.grader, wrong, case.reference) <= 0.4 for wrong in case.wrong_answers)


def test_the_schema_for_editors_is_current() -> None:
    assert SCHEMA_FILE.read_text() == json_schema_text()
    json.loads(json_schema_text())


def _valid() -> dict[str, Any]:
    return {
        "feature": "quiz",
        "version": 1,
        "instructions": "Answer.",
        "grader": "normalised",
        "max_output_tokens": 16,
        "cases": [
            {"key": "one", "question": "1?", "reference": "a", "wrong_answers": ["b"]},
            {
                "key": "two",
                "photo": {"shapes": [{"shape": "star", "colour": "red"}]},
                "reference": "c",
                "wrong_answers": ["d"],
            },
        ],
    }


def _write(folder: Path, content: Any, name: str = "quiz.yaml") -> Path:
    text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
    (folder / name).write_text(text)
    return folder


def test_a_suite_is_one_file(tmp_path: Path) -> None:
    (suite,) = load_suites(_write(tmp_path, _valid()))
    assert suite.name == "quiz/1"
    assert suite.cases[0].prompt == "Answer.\n\n1?"
    assert suite.cases[1].image is not None


def _edited(path: tuple[str | int, ...], value: Any, *, remove: bool = False) -> dict[str, Any]:
    content = _valid()
    node: Any = content
    for step in path[:-1]:
        node = node[step]
    if remove:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return content


MALFORMED: dict[str, tuple[Any, str]] = {
    "not a mapping": ("- a\n", "start it with `feature:`"),
    "not YAML": ("feature: [", "not valid YAML"),
    "key twice": ("feature: quiz\nfeature: quiz\n", "stands twice"),
    "unknown key": (_edited(("graders",), "exact"), r"graders.*remove it or correct"),
    "missing version": (_edited(("version",), None, remove=True), r"version.*add it"),
    "version as text": (_edited(("version",), "1"), r"version.*whole number"),
    "version zero": (_edited(("version",), 0), "version"),
    "other feature": (_edited(("feature",), "other"), "rename the file"),
    "feature with a blank": (_edited(("feature",), "my quiz"), r"feature.*lower case"),
    "unknown grader": (_edited(("grader",), "vibes"), r"grader 'vibes' is unknown: use one of"),
    "no instructions": (_edited(("instructions",), " "), "instructions"),
    "no output": (_edited(("max_output_tokens",), 0), "max_output_tokens"),
    "stream as text": (_edited(("stream",), "yes"), r"stream.*true or false"),
    "schema as list": (_edited(("json_schema",), []), r"json_schema.*mapping"),
    "no cases": (_edited(("cases",), []), r"cases.*at least one"),
    "case twice": (_edited(("cases", 1, "key"), "one"), "'one' twice"),
    "case asks nothing": (_edited(("cases", 0, "question"), None, remove=True), r"cases\[0\] \(one\).*asks"),
    "no reference": (_edited(("cases", 0, "reference"), None), "write the right answer"),
    "no wrong answer": (_edited(("cases", 0, "wrong_answers"), []), r"wrong_answers.*at least one"),
    "wrong answer is right": (
        _edited(("cases", 0, "wrong_answers"), ["A."]),
        r"cases\[0\].wrong_answers.*1.00",
    ),
    "unknown colour": (
        _edited(("cases", 1, "photo", "shapes", 0, "colour"), "mauve"),
        r"shapes\[0\].*'mauve' is unknown",
    ),
    "unknown shape": (_edited(("cases", 1, "photo", "shapes", 0, "shape"), "blob"), "use one of the listed"),
    "empty photo": (_edited(("cases", 1, "photo"), {}), "shows nothing"),
    "reference of another grader": (_edited(("grader",), "json_fields"), r"reference.*does not fit"),
}


@pytest.mark.parametrize(("content", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_file_is_refused_with_file_key_and_remedy(
    tmp_path: Path, content: Any, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_suites(_write(tmp_path, content))
    assert "quiz.yaml" in str(caught.value)


def test_the_line_of_the_mistake_is_named(tmp_path: Path) -> None:
    content = yaml.safe_dump(_valid(), sort_keys=False).replace(
        "grader: normalised", "grader: normalised\noops: 1"
    )
    with pytest.raises(ConfigurationError, match=r"line 5, oops"):
        load_suites(_write(tmp_path, content))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no suite there"):
        load_suites(tmp_path)
