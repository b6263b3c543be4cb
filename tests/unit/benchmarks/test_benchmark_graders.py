import pytest

from modelscout.benchmarks.graders import answer_of, grade
from modelscout.core.errors import ConfigurationError


@pytest.mark.parametrize(
    ("grader", "answer", "reference", "score"),
    [
        ("exact", " yes\n", "yes", 1),
        ("exact", "Yes", "yes", 0),
        ("exact", "b", ["a", "b"], 1),
        ("normalised", "**The Block!**", "block", 1),
        ("normalised", "blocks", "block", 0),
        ("normalised", "A.", "a", 1),
        ("normalised", "", "a", 0),
        ("normalised", "the", "a", 0),
        ("normalised", "Ｍ07", ["m07"], 1),  # noqa: RUF001 - full width on purpose
        ("numeric", "The answer is 1,250.", 1250, 1),
        ("numeric", "12 boxes of 4 make 48", 48, 1),
        ("numeric", "-3.5e2", -350, 1),
        ("numeric", "20.43", {"value": 20.4, "tolerance": 0.05}, 1),
        ("numeric", "20.46", {"value": 20.4, "tolerance": 0.05}, 0),
        ("numeric", "none", 3, 0),
        ("set_f1", '["red", "Circle"]', ["circle", "red"], 1),
        ("set_f1", "red, circle", ["circle", "red"], 1),
        ("set_f1", '```json\n["red"]\n```', ["red"], 1),
        ("set_f1", '{"tags": ["red", "circle"]}', ["circle", "red"], 1),
        ("set_f1", '["red", "square"]', ["circle", "red"], 0.5),
        ("set_f1", '["red", "circle", "a", "b"]', ["circle", "red"], 2 / 3),
        ("set_f1", '[{"name": "red", "value": 0.9}, {"name": "dog", "value": 0.2}]', ["red"], 1),
        ("set_f1", "", ["red"], 0),
        ("set_f1", "[]", [], 1),
        ("any_tag", '["dog", "symbol"]', ["symbol", "shape"], 1),
        ("any_tag", '["dog"]', ["symbol", "shape"], 0),
        ("json_fields", '{"a": 1, "b": "X", "c": 9}', {"a": 1, "b": "x"}, 1),
        ("json_fields", '{"a": 1, "b": "y"}', {"a": 1, "b": "x"}, 0.5),
        ("json_fields", '{"a": true}', {"a": 1}, 0),
        (
            "json_schema",
            '{"a": 1}',
            {"schema": {"type": "object", "required": ["a"]}, "example": {"a": 2}},
            1,
        ),
        (
            "json_schema",
            '{"b": 1}',
            {"schema": {"type": "object", "required": ["a"]}, "example": {"a": 2}},
            0,
        ),
        ("json_schema", "not JSON", {"schema": {}, "example": {}}, 0),
        ("similarity", "a red bicycle with a basket", "A red bicycle with a basket.", 1),
        ("similarity", "a blue car", "red bicycle", 0),
        ("similarity", "red bicycle basket", "red bicycle", 0.8),
        ("similarity", "red red red", "red bicycle", 0.4),
        ("similarity", "bicycle", ["car", "bicycle"], 1),
        ("similarity", "", "bicycle", 0),
        ("json_fields", '{"a": "1"}', {"a": 1}, 0),
        ("json_fields", '{"a": ["y", "x"]}', {"a": ["x", "y"]}, 1),
        ("json_fields", "a: 1", {"a": 1}, 0),
        ("json_fields", "[1]", {"a": 1}, 0),
    ],
)
def test_score(grader: str, answer: str, reference: object, score: float) -> None:
    assert grade(grader, answer, reference) == pytest.approx(score)


@pytest.mark.parametrize(
    ("grader", "reference"),
    [
        ("numeric", {"value": 20.4, "tolerance": 0}),
        ("numeric", 1234567),
        ("exact", ["x", "y"]),
        ("set_f1", ["rot", "grün"]),
        ("json_fields", {"a": 1.5, "b": None, "c": True}),
    ],
)
def test_the_answer_of_a_reference_is_right(grader: str, reference: object) -> None:
    assert grade(grader, answer_of(grader, reference), reference) == 1.0


def test_unknown_grader_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"grader='vibes'.*exact.*set_f1"):
        grade("vibes", "x", "x")
