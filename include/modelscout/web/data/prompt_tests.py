"""Single prompts on a few models: what they cost, starting them, what they answered."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from fastapi import HTTPException, Request, status

from modelscout.warehouse.engine import Row, run_sql
from modelscout.web.access import Access, Organization
from modelscout.web.data.benchmarks import DAG_ID, log
from modelscout.web.ports import AskedPrompt, Benchmarks, PromptCosts, StartRun
from modelscout.web.schemas.prompt_tests import (
    MAXIMUM_IMAGE_BYTES,
    PromptAnswer,
    PromptCost,
    PromptImage,
    PromptTest,
    PromptTestAsked,
    PromptTestEstimate,
)

KEPT_FOR = timedelta(days=1)
OVER = ("declined", "cancelled", "finished", "failed")
SIGNATURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF"}


def prompt_of(organization: Organization, feature_id: str, asked: PromptTestAsked) -> AskedPrompt:
    """What is asked, with the photo decoded. Raises HTTPException 422 for a photo that is none."""
    return AskedPrompt(
        organization_id=organization.id,
        feature_id=feature_id,
        model_ids=list(dict.fromkeys(map(str, asked.model_ids))),
        prompt=asked.prompt,
        image=None if asked.image is None else _decoded(asked.image),
        image_media_type=None if asked.image is None else asked.image.media_type,
        max_output_tokens=asked.max_output_tokens,
    )


def estimate(
    access: Access, benchmarks: Benchmarks, prompt: AskedPrompt, limit: Decimal, now: datetime
) -> PromptTestEstimate:
    """What the test may come to, and why it would be refused."""
    costs = benchmarks.cost_of_prompt(access.reading, prompt, now=now)
    worst = sum((m.worst_usd for m in costs.models if m.worst_usd is not None), Decimal(0))
    return PromptTestEstimate(
        models=[
            PromptCost(model_id=UUID(m.model_id), model=m.model, worst_usd=m.worst_usd) for m in costs.models
        ],
        worst_usd=worst,
        spend_limit_usd=limit,
        room_usd=costs.room_usd,
        refusal=_refusal(prompt, costs, worst, limit),
    )


def start(
    request: Request,
    access: Access,
    benchmarks: Benchmarks,
    start_run: StartRun,
    organization: Organization,
    prompt: AskedPrompt,
    limit: Decimal,
    now: datetime,
) -> PromptTest:
    """Store the test and start the run that asks it, as the caller. Raises HTTPException 422 where it is refused."""
    found = estimate(access, benchmarks, prompt, limit, now)
    if found.refusal is not None:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, found.refusal)
    test_id = str(uuid4())
    _store(access, organization, prompt, limit, test_id, now)
    # The parameters of a run are stored and shown in Airflow: they name the test and hold nothing of it.
    started = start_run(request, DAG_ID, {"prompt_test": test_id, "organizations": [organization.id]})
    entry = {"feature_id": prompt.feature_id, "models": len(prompt.model_ids), "dag_run_id": started.run_id}
    log(access, [organization.id], "start_prompt_test", test_id, entry, now)
    [test] = prompt_tests(access, organization, prompt.feature_id, now, test_id=test_id, limit=1)
    return test


def prompt_tests(
    access: Access,
    organization: Organization,
    feature_id: str,
    now: datetime,
    *,
    test_id: str | None = None,
    limit: int,
) -> list[PromptTest]:
    """Tests of one feature that have not expired, the newest first; or the one of that id."""
    parameters = {
        "organization_id": organization.id,
        "feature_id": feature_id,
        "id": test_id,
        "now": now,
        "max_rows": limit,
    }
    with access.reading.connect() as connection:
        rows = run_sql(connection, "queries/web_prompt_tests", parameters)
    return [_test(organization, row) for row in rows]


def _store(
    access: Access,
    organization: Organization,
    prompt: AskedPrompt,
    limit: Decimal,
    test_id: str,
    now: datetime,
) -> None:
    with access.changing.begin() as connection:
        run_sql(
            connection,
            "queries/web_prompt_test_add",
            {
                "id": test_id,
                "organization_id": organization.id,
                "feature_id": prompt.feature_id,
                "asked_by": access.caller.user_name,
                "now": now,
                "expires_at": now + KEPT_FOR,
                "model_ids": list(prompt.model_ids),
                "prompt": prompt.prompt,
                "image": prompt.image,
                "image_media_type": prompt.image_media_type,
                "max_output_tokens": prompt.max_output_tokens,
                "spend_limit_usd": limit,
            },
        )


def _refusal(prompt: AskedPrompt, costs: PromptCosts, worst: Decimal, limit: Decimal) -> str | None:
    usable = {m.model_id for m in costs.models if m.can_answer}
    if missing := [model_id for model_id in prompt.model_ids if model_id not in usable]:
        return f"model_ids: {missing[0]} is no model that this organization can use now: choose another."
    if unpriced := [m.model for m in costs.models if m.worst_usd is None]:
        return f"model_ids: {unpriced[0]} has no known price, so its cost has no bound: choose another."
    if limit > costs.most_usd:
        return f"spend_limit_usd: a test may spend at most ${costs.most_usd:,.2f}: give less."
    if worst > limit:
        return (
            f"spend_limit_usd: these answers can cost ${worst:,.4f}, more than the limit of ${limit:,.2f}: "
            "choose fewer models, a shorter answer or a higher limit."
        )
    if costs.room_usd is not None and worst > costs.room_usd:
        return (
            f"spend_limit_usd: these answers can cost ${worst:,.4f}, and the organization's limit of the day "
            f"leaves ${costs.room_usd:,.4f}: try again tomorrow, or with fewer models."
        )
    return None


def _decoded(image: PromptImage) -> bytes:
    try:
        data = base64.b64decode(image.data, validate=True)
    except (binascii.Error, ValueError):
        raise _refused("image.data is no base64: send the file's bytes encoded in base64.") from None
    if len(data) > MAXIMUM_IMAGE_BYTES:
        raise _refused("image.data is larger than 4 MB: make the photo smaller.")
    is_webp = image.media_type != "image/webp" or data[8:12] == b"WEBP"
    if not (data.startswith(SIGNATURES[image.media_type]) and is_webp):
        raise _refused(f"image.data is no {image.media_type}: choose a PNG, JPEG or WebP file.")
    return data


def _refused(detail: str) -> HTTPException:
    return HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, detail)


def _test(organization: Organization, row: Row) -> PromptTest:
    is_over = row["status"] in OVER
    answers = [_answer(answer, is_over=is_over) for answer in row.pop("answers") or ()]
    return PromptTest(organization=organization.slug, is_over=is_over, answers=answers, **row)


def _answer(answer: dict[str, Any], *, is_over: bool) -> PromptAnswer:
    answered = answer.pop("answered")
    state = "failed" if answer["error_type"] else "answered" if answered else "waiting"
    if state == "waiting" and is_over:
        state, answer["error_message"] = "failed", "The run ended before this model was asked."
    return PromptAnswer.model_validate({**answer, "state": state})
