"""What goes into a batch for one call, and what comes out of it: pure, without a vendor or a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any, NamedTuple

from modelscout.benchmarks.batch_rows import BatchedCase
from modelscout.benchmarks.estimate import worst_case_usd
from modelscout.benchmarks.execution import Call, build_request, call_columns, ungradable
from modelscout.benchmarks.graders import is_judged
from modelscout.benchmarks.grading import scored
from modelscout.benchmarks.rows import answer_columns, failure_columns
from modelscout.core.errors import MalformedAnswer, ProviderError
from modelscout.core.types import Processing
from modelscout.costs.prices import PriceRow
from modelscout.costs.pricing import price_usage
from modelscout.providers.batch_adapter import MISSING
from modelscout.providers.protocol import GenerateRequest, GenerateResult

ITEMS_PER_BATCH = 500
"""At most: the results of one batch are held in memory and written in one transaction."""
REQUEST_OVERHEAD_BYTES = 4_000


class Outgoing(NamedTuple):
    """A call on its way into a batch."""

    call: Call
    request: GenerateRequest
    worst_usd: Decimal
    size_bytes: int


def outgoing(call: Call, now: datetime) -> Outgoing | None:
    """The call as an item; None where its price in a batch is unknown, or its answer is not graded by a function."""
    request, facts = build_request(call), call.model.facts
    worst = worst_case_usd(facts.provider, request, facts.prices, now=now, processing=Processing.BATCH)
    if worst is None or is_judged(call.case.grader) or ungradable(call.case) is not None:
        return None
    texts = (request.prompt, request.system or "", str(request.json_schema or ""))
    # Base64 makes three bytes four.
    size = sum(len(text.encode()) for text in texts) + sum(len(i.data) * 4 // 3 for i in request.images)
    return Outgoing(call, request, worst, size + REQUEST_OVERHEAD_BYTES)


def chunks(group: Sequence[Outgoing], size_bytes: int) -> Iterator[list[Outgoing]]:
    """Pieces that the vendor takes in one batch each; a call that is too large alone is a piece of its own."""
    chunk: list[Outgoing] = []
    taken = 0
    for item in group:
        if chunk and (len(chunk) == ITEMS_PER_BATCH or taken + item.size_bytes > size_bytes):
            yield chunk
            chunk, taken = [], 0
        chunk.append(item)
        taken += item.size_bytes
    if chunk:
        yield chunk


def fitting(chunk: Sequence[Outgoing], room_usd: Decimal) -> tuple[int, Decimal]:
    """How many of the first calls may cost `room_usd` together at most, and what they may cost."""
    totals = list(accumulate((item.worst_usd for item in chunk), initial=Decimal(0)))
    size = sum(total <= room_usd for total in totals) - 1
    return max(0, size), totals[max(0, size)]


def batched_case(item_id: str, outgoing: Outgoing) -> BatchedCase:
    """What is stored of an item."""
    call, case = outgoing.call, outgoing.call.case
    return BatchedCase(
        item_id=item_id,
        columns=call_columns(call),
        grader=case.grader,
        reference=case.reference,
        image_count=len(outgoing.request.images),
        worst_usd=str(outgoing.worst_usd),
    )


def answer_of(
    outcome: GenerateResult | ProviderError, case: BatchedCase, prices: Sequence[PriceRow], at: datetime
) -> tuple[dict[str, Any] | None, Decimal]:
    """What an item's row says, None where it is to be asked again, and what the item cost in USD.

    Vendors bill what they answered; an answer that cannot be read, or priced, counts with its worst case. `at` is
    when the batch was handed in.
    """
    worst = Decimal(case.worst_usd)
    if isinstance(outcome, GenerateResult):
        cost = price_usage(outcome.usage, prices, at=at, processing=Processing.BATCH).cost_usd
        standard = price_usage(outcome.usage, prices, at=at).cost_usd
        columns = answer_columns(outcome, scored(case.grader, outcome.text, case.reference), cost)
        columns["standard_cost_usd"] = None if standard is None else str(standard)
        return columns, worst if cost is None else cost
    if outcome.retryable:
        may_be_billed = isinstance(outcome, MalformedAnswer) or outcome.code in MISSING.codes
        return None, worst if may_be_billed else Decimal(0)
    return failure_columns(outcome.error_type, str(outcome)), Decimal(0)
