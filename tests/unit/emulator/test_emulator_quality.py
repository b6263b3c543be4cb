"""Who gets which item right: exact on average, alike between models, the same every time."""

from __future__ import annotations

import itertools
import math

import httpx2
import pytest

from modelscout.core.fingerprint import content_fingerprint
from modelscout.emulator.answers import AnswerItem, AnswerKey, Grader
from modelscout.emulator.profile import ModelProfile

ITEMS = [
    AnswerItem(content_fingerprint(f"Question {n}?"), "chat", f"right {n}", (f"wrong {n}a", f"wrong {n}b"))
    for n in range(4000)
]


def rights(grader: Grader, name: str, quality: float) -> list[bool]:
    model = ModelProfile(quality={"chat": quality})
    return [grader.is_right(item, name, model) for item in ITEMS]


@pytest.mark.parametrize("quality", [0.05, 0.5, 0.8, 0.93, 0.99])
@pytest.mark.parametrize("rho", [0.0, 0.6, 1.0])
def test_share_of_right_answers_is_the_quality(quality: float, rho: float) -> None:
    share = sum(rights(Grader(5, rho), "openai/a", quality)) / len(ITEMS)
    # Four standard errors of a share over 4,000 items.
    assert abs(share - quality) < 4 * math.sqrt(quality * (1 - quality) / len(ITEMS))


@pytest.mark.parametrize(("quality", "expected"), [(0.0, 0), (1.0, 4000)])
def test_certain_models_are_certain(quality: float, expected: int) -> None:
    assert sum(rights(Grader(5, 0.6), "openai/a", quality)) == expected


def test_models_fail_on_the_same_items_as_far_as_the_correlation_says() -> None:
    both = {}
    for rho in (0.0, 0.6, 1.0):
        grader = Grader(5, rho)
        pairs = zip(rights(grader, "openai/a", 0.5), rights(grader, "google/b", 0.5), strict=True)
        both[rho] = sum(a and b for a, b in pairs) / len(ITEMS)
    # For two normals with correlation rho both are below the median with 1/4 + asin(rho)/(2 pi).
    for rho, share in both.items():
        assert share == pytest.approx(0.25 + math.asin(rho) / (2 * math.pi), abs=0.03)


def test_better_model_is_right_wherever_a_worse_self_was() -> None:
    grader = Grader(5, 0.6)
    worse, better = rights(grader, "openai/a", 0.7), rights(grader, "openai/a", 0.9)
    assert all(b for w, b in zip(worse, better, strict=True) if w)


def test_same_seed_same_answers_and_another_seed_others() -> None:
    first, again, other = (rights(Grader(seed, 0.6), "openai/a", 0.7) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_wrong_answers_are_fixed_and_all_used() -> None:
    grader, model = Grader(5, 0.6), ModelProfile(quality={"chat": 0.0})
    given = [grader.answer(item, "openai/a", model) for item in ITEMS[:200]]
    assert given == [grader.answer(item, "openai/a", model) for item in ITEMS[:200]]
    assert {text[-1] for text in given} == {"a", "b"}


def test_capability_item_is_right_for_whoever_can() -> None:
    item = AnswerItem("f", "capability:tool_use", "yes", ("no",))
    able = ModelProfile(capabilities=frozenset({"tool_use"}), quality={"default": 0.0})
    unable = ModelProfile(capabilities=frozenset(), quality={"default": 1.0})
    grader = Grader(5, 0.6)
    assert grader.answer(item, "openai/a", able) == "yes"
    assert grader.answer(item, "openai/a", unable) == "no"


def test_item_of_images_prefers_a_list_of_concepts() -> None:
    described = AnswerItem("a", "descriptions", "A beach.", (), "image")
    tagged = AnswerItem("b", "photo_tagging", '["beach"]', (), "image")
    for order in itertools.permutations([described, tagged]):
        assert AnswerKey(order).by_images("image") is tagged


class TestOverTheWire:
    """The same through an API."""

    @pytest.fixture
    def answers(self) -> AnswerKey:
        return AnswerKey(ITEMS)

    async def test_quality_is_recovered(self, client: httpx2.AsyncClient) -> None:
        headers = {"Authorization": "Bearer key-of-openai-0123456789"}
        right = 0
        for n in range(400):
            body = {"model": "m", "input": f"Question {n}?", "store": False}
            response = await client.post("/openai/v1/responses", json=body, headers=headers)
            text = response.json()["output"][-1]["content"][0]["text"]
            assert text in {f"right {n}", f"wrong {n}a", f"wrong {n}b"}
            right += text.startswith("right")
        assert abs(right / 400 - 0.9) < 4 * math.sqrt(0.09 / 400)

    async def test_parts_and_white_space_do_not_hide_an_item(self, client: httpx2.AsyncClient) -> None:
        content = [{"type": "text", "text": "Question"}, {"type": "text", "text": "  7? "}]
        messages = [
            {"role": "user", "content": "Something before."},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": content},
        ]
        response = await client.post(
            "/anthropic/v1/messages",
            json={"model": "m", "max_tokens": 50, "messages": messages},
            headers={"x-api-key": "key-of-anthropic-0123456789"},
        )
        assert response.json()["content"][0]["text"].split()[-1].startswith("7")
