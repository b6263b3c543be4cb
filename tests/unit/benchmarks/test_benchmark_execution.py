"""The executor with a vendor and a budget in memory."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fake_vendor import FakeVendor
from test_benchmark_candidates import NOW, model, prices

from modelscout.benchmarks.cases import Case
from modelscout.benchmarks.estimate import worst_case_usd
from modelscout.benchmarks.execution import (
    REASONING_HEADROOM_TOKENS,
    Call,
    Executor,
    OpenKey,
    build_request,
    interleave,
)
from modelscout.benchmarks.spend import Block, SpendLedger
from modelscout.benchmarks.suites import load_suites
from modelscout.benchmarks.work import KeyedModel
from modelscout.core.errors import (
    AuthenticationFailed,
    BadRequest,
    MalformedAnswer,
    ModelNotFound,
    ProviderError,
    SpendLimitReached,
)
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import TokenUsage
from modelscout.providers.protocol import GenerateRequest

CHAT = next(suite for suite in load_suites() if suite.feature_id == "chat")
SIZE = len(CHAT.cases)
SECRET = "sk-very-secret"


class MemoryStore:
    """A run's budget without a database."""

    def __init__(self, limit_usd: str) -> None:
        self.left = Decimal(limit_usd)
        self.limit = Decimal(limit_usd)

    def reserve(self, amount_usd: Decimal) -> Block | None:
        if amount_usd > self.left:
            return None
        self.left -= amount_usd
        return Block("b", amount_usd)

    def settle(self, blocks: list[Block], spent_usd: Decimal) -> None:
        self.left += sum((block.amount_usd for block in blocks), Decimal(0)) - spent_usd


class MemoryWriter:
    def __init__(self) -> None:
        self.rows: list[Mapping[str, Any]] = []

    async def write(self, row: Mapping[str, Any]) -> None:
        await asyncio.sleep(0)
        self.rows.append(row)


def keyed(name: str, usd: str = "1", organization: str = "acme", **changes: Any) -> KeyedModel:
    return KeyedModel(
        organization_id=organization,
        organization=organization,
        secret_reference=f"llm__{organization}__openai",
        simulated_organization=True,
        allows_platform_probes=True,
        facts=model(name, usd, prices=prices(usd, usd)),
        **changes,
    )


def calls(models: Sequence[KeyedModel], *, stream: bool = False) -> list[Call]:
    return [Call(m, case, "platform", CHAT.name, stream) for m in models for case in CHAT.cases]


class Night:
    """One run of an executor, with all that can be looked at afterwards."""

    def __init__(self, vendor: FakeVendor, limit_usd: str = "10", concurrency: int = 8) -> None:
        self.vendor = vendor
        self.store = MemoryStore(limit_usd)
        self.writer = MemoryWriter()
        self.ledger: SpendLedger | None = None
        self.counts: Counter[str] = Counter()
        self.concurrency = concurrency

    async def run(self, todo: Sequence[Call]) -> list[Mapping[str, Any]]:
        credential = ProviderCredential("openai", SECRET, "http://127.0.0.1:1/openai/v1")
        references = {call.model.secret_reference for call in todo}
        keys = {reference: OpenKey(self.vendor, credential) for reference in references}
        self.ledger = SpendLedger(self.store, block_usd=Decimal("0.01"))  # type: ignore[arg-type]
        ledger = self.ledger
        executor = Executor(
            keys,
            lambda _: ledger,
            self.writer,  # type: ignore[arg-type]
            NOW,
            self.concurrency,
            self.counts,
        )
        await executor.run(todo)
        await ledger.close()
        return self.writer.rows


async def test_every_case_of_every_model_becomes_one_row() -> None:
    night = Night(FakeVendor(wrong=lambda request: request.model == "bad"))
    rows = await night.run(calls([keyed("good"), keyed("bad")]))
    assert night.counts == {"answered": 2 * SIZE}
    assert len({(row["model_id"], row["case_key"]) for row in rows}) == 2 * SIZE
    scores = {row["model_id"]: row["score"] for row in rows}
    assert scores == {"id-good": 1.0, "id-bad": 0.0}
    row = rows[0]
    assert row["organization_id"] is None
    assert Decimal(row["cost_usd"]) == Decimal("0.00012")
    assert (row["duration_ms"], row["input_tokens"], row["simulated"]) == (120, 100, True)


async def test_a_streamed_call_has_a_time_to_first_token() -> None:
    rows = await Night(FakeVendor()).run(calls([keyed("m")], stream=True))
    assert {row["time_to_first_token_ms"] for row in rows} == {40}


async def test_no_more_than_the_concurrency_is_under_way() -> None:
    vendor = FakeVendor(delay_s=0.001)
    await Night(vendor, concurrency=3).run(calls([keyed("a"), keyed("b")]))
    assert vendor.most_in_flight == 3


async def test_a_model_that_is_not_there_is_asked_no_more() -> None:
    vendor = FakeVendor(
        fails=lambda request: ModelNotFound("no", provider="openai") if request.model == "gone" else None
    )
    night = Night(vendor, concurrency=2)
    rows = await night.run(calls([keyed("gone"), keyed("there")]))
    assert vendor.by_model()["gone"] <= 2
    assert vendor.by_model()["there"] == SIZE
    errors = [row for row in rows if row.get("error_type")]
    assert {row["error_type"] for row in errors} == {"model_not_found"}
    assert night.counts["skipped_unreachable"] == SIZE - len(errors)


async def test_a_refused_key_ends_all_its_models() -> None:
    def fails(request: GenerateRequest) -> ProviderError:
        return AuthenticationFailed("key refused", provider="openai")

    vendor = FakeVendor(fails=fails)
    await Night(vendor, concurrency=1).run(calls([keyed("a"), keyed("b")]))
    assert len(vendor.asked) == 1


async def test_a_refused_request_ends_nothing_and_its_message_holds_no_key() -> None:
    vendor = FakeVendor(fails=lambda request: BadRequest(f"bad {SECRET} " + "x" * 900, provider="openai"))
    rows = await Night(vendor).run(calls([keyed("m")]))
    assert len(vendor.asked) == SIZE
    assert all(row["error_type"] == "bad_request" for row in rows)
    assert all(SECRET not in row["error_message"] and len(row["error_message"]) <= 300 for row in rows)


async def test_a_model_without_a_price_is_refused_unasked() -> None:
    unpriced = keyed("m")
    unpriced = replace(unpriced, facts=replace(unpriced.facts, prices=()))
    vendor = FakeVendor()
    rows = await Night(vendor).run(calls([unpriced]))
    assert vendor.asked == []
    assert {row["error_type"] for row in rows} == {"no_price"}


async def test_a_sample_that_cannot_be_graded_is_not_paid() -> None:
    vendor = FakeVendor()
    case = Case("k", "chat", "1?", grader="numeric", reference="not a number")
    rows = await Night(vendor).run([Call(keyed("m"), case, "replay", "replay/x/chat")])
    assert vendor.asked == []
    assert rows[0]["error_type"] == "grading_failed"


async def test_the_limit_is_never_passed_at_concurrency_64() -> None:
    rng = random.Random(7)
    vendor = FakeVendor(delay_s=0.001)
    todo = calls([keyed(f"m{i}", "2000") for i in range(20)])
    worst = worst_case_usd("openai", build_request(todo[0]), todo[0].model.facts.prices, now=NOW)
    assert worst is not None

    class Surprising(FakeVendor):
        async def generate(self, request: GenerateRequest) -> Any:
            result = await super().generate(request)
            output = rng.choice([1, request.max_output_tokens])
            return replace(result, usage=TokenUsage(input_tokens=50, output_tokens=output))

    night = Night(Surprising(delay_s=vendor.delay_s), limit_usd=str(worst * 30), concurrency=64)
    await night.run(todo)
    assert night.ledger is not None
    assert 0 < night.ledger.spent_usd <= night.store.limit
    assert night.store.left == night.store.limit - night.ledger.spent_usd
    assert night.counts["skipped_for_budget"] > 0
    assert night.counts["answered"] + night.counts["skipped_for_budget"] == 20 * SIZE


async def test_what_a_cut_answer_may_have_cost_stays_spent() -> None:
    vendor = FakeVendor(fails=lambda request: MalformedAnswer("cut", provider="openai"))
    night = Night(vendor)
    todo = calls([keyed("m", "1000")])[:1]
    worst = worst_case_usd("openai", build_request(todo[0]), todo[0].model.facts.prices, now=NOW)
    rows = await night.run(todo)
    assert rows[0]["error_type"] == "malformed_answer"
    assert worst is not None
    assert night.ledger is not None
    assert night.ledger.spent_usd == worst * len(vendor.asked)


async def test_a_bill_beyond_the_bound_raises_the_bound() -> None:
    vendor = FakeVendor(usage=TokenUsage(input_tokens=1_000_000, output_tokens=10))
    night = Night(vendor, limit_usd="5", concurrency=1)
    await night.run(calls([keyed("m")]))
    # The first call of about 1 USD surprises; from then on such calls are held for 2 USD.
    assert night.ledger is not None
    assert night.ledger.spent_usd <= 5
    assert night.counts["skipped_for_budget"] > 0


async def test_a_ledger_waits_for_calls_under_way_before_it_refuses() -> None:
    ledger = SpendLedger(MemoryStore("1"), block_usd=Decimal("0.1"))  # type: ignore[arg-type]
    await ledger.hold(Decimal("0.8"))
    waiting = asyncio.create_task(ledger.hold(Decimal("0.5")))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await ledger.settle(Decimal("0.8"), Decimal("0.1"))
    await waiting
    await ledger.settle(Decimal("0.5"), Decimal("0.5"))
    with pytest.raises(SpendLimitReached, match=r"0\.5000 USD"):
        await ledger.hold(Decimal("0.5"))


def test_calls_are_interleaved_by_item_in_an_order_of_the_seed() -> None:
    todo = calls([keyed("a"), keyed("b"), keyed("c")])
    order = interleave(todo, random.Random("1"))
    for start in range(0, len(order), 3):
        assert len({call.case.case_key for call in order[start : start + 3]}) == 1
        assert len({call.model.facts.name for call in order[start : start + 3]}) == 3
    assert interleave(reversed(todo), random.Random("1")) == order
    assert interleave(todo, random.Random("2")) != order


def test_models_that_think_get_head_room_within_their_limit() -> None:
    case = CHAT.cases[0]
    plain = build_request(Call(keyed("m"), case, "platform", "s"))
    assert plain.max_output_tokens == case.max_output_tokens
    thinking = keyed("m", documented=frozenset({"complex_reasoning"}))
    assert (
        build_request(Call(thinking, case, "platform", "s")).max_output_tokens
        == case.max_output_tokens + REASONING_HEADROOM_TOKENS
    )
    limited = replace(thinking, max_output_tokens=500)
    assert build_request(Call(limited, case, "platform", "s")).max_output_tokens == 500
