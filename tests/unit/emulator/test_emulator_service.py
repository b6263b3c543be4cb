"""Limits, latency, faults and control of the emulator, as its clients see them."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx2
import pytest

from modelscout.core.fingerprint import content_fingerprint
from modelscout.emulator.instance import minimal_instance
from modelscout.emulator.state import Bucket, Fault, Faults, PromptCache

OPENAI = {"Authorization": "Bearer key-of-openai-0123456789"}
ANTHROPIC = {"x-api-key": "key-of-anthropic-0123456789"}
GOOGLE = {"x-goog-api-key": "key-of-google-0123456789"}
CLARIFAI = {"Authorization": "Key key-of-clarifai-0123456789"}
CONTROL = {"Authorization": "Bearer control"}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


async def ask(client: httpx2.AsyncClient, prompt: str = "Hello.", **more: Any) -> httpx2.Response:
    body = {"model": "m", "input": prompt, **more}
    return await client.post("/openai/v1/responses", json=body, headers=OPENAI)


async def message(client: httpx2.AsyncClient, **more: Any) -> httpx2.Response:
    body = {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello."}], **more}
    return await client.post("/anthropic/v1/messages", json=body, headers=ANTHROPIC)


async def generate(client: httpx2.AsyncClient, **more: Any) -> httpx2.Response:
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello."}]}], **more}
    return await client.post("/gemini/v1/models/m:generateContent", json=body, headers=GOOGLE)


async def fault(client: httpx2.AsyncClient, **body: Any) -> httpx2.Response:
    return await client.post("/control/faults", json=body, headers=CONTROL)


class TestLimits:
    """Two requests and 1,000 tokens a minute."""

    @pytest.fixture
    def profile_data(self, profile_data: dict[str, Any]) -> dict[str, Any]:
        for key in profile_data["keys"].values():
            key |= {"requests_per_minute": 2, "tokens_per_minute": 1000}
        return profile_data

    async def test_openai_counts_down_and_then_refuses(self, client: httpx2.AsyncClient) -> None:
        answers = [await ask(client) for _ in range(3)]
        assert [a.status_code for a in answers] == [200, 200, 429]
        assert [a.headers["x-ratelimit-remaining-requests"] for a in answers] == ["1", "0", "0"]
        assert answers[0].headers["x-ratelimit-limit-tokens"] == "1000"
        # 2 tokens of input, 3 of output and 7 of reasoning.
        assert answers[0].headers["x-ratelimit-remaining-tokens"] == "988"
        assert 28 <= int(answers[2].headers["retry-after"]) <= 30
        assert answers[2].json()["error"]["code"] == "rate_limit_exceeded"

    async def test_anthropic_has_its_own_headers(self, client: httpx2.AsyncClient) -> None:
        answers = [await message(client) for _ in range(3)]
        assert [a.status_code for a in answers] == [200, 200, 429]
        assert answers[0].headers["anthropic-ratelimit-requests-remaining"] == "1"
        assert answers[0].headers["anthropic-ratelimit-input-tokens-limit"] == "1000"
        assert answers[2].json()["error"]["type"] == "rate_limit_error"
        assert int(answers[2].headers["retry-after"]) > 0

    async def test_google_tells_the_wait_in_the_body(self, client: httpx2.AsyncClient) -> None:
        answers = [await generate(client) for _ in range(3)]
        error = answers[2].json()["error"]
        assert (answers[2].status_code, error["status"]) == (429, "RESOURCE_EXHAUSTED")
        assert error["details"][0]["@type"].endswith("RetryInfo")
        assert 28 <= int(error["details"][0]["retryDelay"].removesuffix("s")) <= 30

    async def test_tokens_are_limited_too(self, client: httpx2.AsyncClient) -> None:
        assert (await ask(client, "x" * 3900)).status_code == 200
        refused = await ask(client, "x" * 3900)
        assert refused.status_code == 429
        assert refused.headers["x-ratelimit-remaining-requests"] == "1", "a refused call costs no request"


def test_bucket_refills_evenly() -> None:
    now = [0.0]
    bucket = Bucket(60, clock=lambda: now[0])
    bucket.take(60)
    assert (bucket.remaining, bucket.wait_s(1), bucket.wait_s(30)) == (0, 1.0, 30.0)
    now[0] = 15.0
    assert (bucket.remaining, bucket.wait_s(1)) == (15, 0.0)
    now[0] = 600.0
    assert (bucket.remaining, bucket.reset_s) == (60, 0.0)


def test_prompt_cache_is_per_owner_and_by_prefix() -> None:
    cache = PromptCache()
    text = "a" * 4096 + "b" * 4096
    assert cache.cached_tokens("k", text) == 0
    assert cache.cached_tokens("k", text) == 2048
    assert cache.cached_tokens("other", text) == 0
    assert cache.cached_tokens("k", "a" * 4096 + "c" * 4096) == 1024
    assert cache.cached_tokens("k", "short") == 0


class TestLatency:
    """A model that takes 200 ms to its first token and 10 ms for each, at half time."""

    @pytest.fixture
    def profile_data(self, profile_data: dict[str, Any]) -> dict[str, Any]:
        profile_data["latency_scale"] = 0.5
        profile_data["models"]["openai/m"] |= {
            "time_to_first_token_ms": 200,
            "output_token_ms": 10,
            "latency_sigma": 0,
            "reasoning_tokens": 0,
        }
        return profile_data

    async def test_answer_takes_its_time(
        self, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[float] = []

        async def record(seconds: float) -> None:
            waits.append(seconds)

        monkeypatch.setattr(asyncio, "sleep", record)
        await ask(client)
        # "Understood." is 3 tokens: half of 200 ms + 3 * 10 ms.
        assert sum(waits) == pytest.approx(0.115)
        waits.clear()
        await ask(client, stream=True)
        assert waits[0] == pytest.approx(0.1)
        assert sum(waits) == pytest.approx(0.115)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"provider": "openai"}, "fault: kind missing"),
        ({"provider": "openai", "kind": "explode"}, "fault.kind='explode': use one of http"),
        ({"provider": "ai", "kind": "http"}, "fault.provider='ai'"),
        ({"provider": "openai", "kind": "http", "times": 0}, "fault.times=0 must be at least 1"),
        ({"provider": "openai", "kind": "http", "for_s": 0}, "fault.for_s=0.0 must be above 0"),
        ({"provider": "openai", "kind": "http", "after": 1}, "unknown field after"),
    ],
)
async def test_wrong_fault_is_refused(client: httpx2.AsyncClient, body: dict[str, Any], message: str) -> None:
    response = await fault(client, **body)
    assert response.status_code == 400
    assert message in response.json()["error"]


async def test_fault_hits_whom_it_names_as_often_as_it_says(client: httpx2.AsyncClient) -> None:
    await fault(client, provider="openai", model="other", kind="http", status=500)
    await fault(client, provider="openai", key="key-of-openai-0123456789", kind="http", status=503, times=2)
    assert [(await ask(client)).status_code for _ in range(3)] == [503, 503, 200]
    assert (await message(client)).status_code == 200
    cleared = await client.delete("/control/faults", headers=CONTROL)
    assert cleared.json() == {"faults": 0}
    assert (await ask(client, model="other")).status_code == 404


async def test_fault_hits_the_item_that_it_names(client: httpx2.AsyncClient) -> None:
    await fault(client, provider="openai", kind="http", item=content_fingerprint("Hard one."), times=9)
    assert [(await ask(client, p)).status_code for p in ("Hello.", "Hard  one.", "Hello.")] == [200, 503, 200]
    concept = {"inputs": [{"data": {"image": {"base64": PIXEL}}}]}
    photo = content_fingerprint("", [base64.b64decode(PIXEL)])
    await fault(client, provider="clarifai", kind="http", status=429, item=photo)
    sent = [
        await client.post("/clarifai/v2/models/concepts/outputs", json=concept, headers=CLARIFAI)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in sent] == [429, 200]


def test_fault_ends_after_its_time() -> None:
    now = [100.0]
    faults = Faults(lambda: now[0])
    faults.add(Fault("openai", "http", times=100, for_s=5))
    assert faults.next_for("openai", "m", "key") is not None
    now[0] = 105.0
    assert faults.next_for("openai", "m", "key") is None
    assert len(faults) == 0


async def test_control_wants_the_token(client: httpx2.AsyncClient) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, OPENAI):
        assert (await client.get("/control/calls", headers=headers)).status_code == 401
        assert (await client.put("/control/profile", json={}, headers=headers)).status_code == 401
        assert (await client.post("/control/faults", json={}, headers=headers)).status_code == 401


async def test_calls_and_items_are_counted(client: httpx2.AsyncClient) -> None:
    await ask(client)
    await ask(client)
    await ask(client, model="gone")
    await client.get("/openai/v1/models", headers=OPENAI)
    report = (await client.get("/control/calls?fingerprints=1", headers=CONTROL)).json()
    assert report["total"] == 4
    counts = {
        (c["provider"], c["model"], c["organization"], c["status"]): c["count"] for c in report["calls"]
    }
    assert counts == {
        ("openai", "m", "acme", 200): 2,
        ("openai", "gone", "acme", 404): 1,
        ("openai", "", "acme", 200): 1,
    }
    assert report["fingerprints"] == [
        {"provider": "openai", "model": "m", "fingerprint": content_fingerprint("Hello."), "count": 2}
    ]
    assert "fingerprints" not in (await client.get("/control/calls", headers=CONTROL)).json()


async def test_profile_changes_while_running(client: httpx2.AsyncClient) -> None:
    change = {
        "now": "2027-02-01",
        "models": {"anthropic/m": {"reasoning_tokens": 1}, "openai/new": {"display_name": "New"}},
        "keys": {"another-key-0123456789": {"organization": "globex", "provider": "openai"}},
    }
    assert (await client.put("/control/profile", json=change, headers=CONTROL)).status_code == 200
    assert (await ask(client)).status_code == 404, "retired on 2027-01-14"
    usage = (await message(client)).json()["usage"]
    assert usage["output_tokens_details"]["thinking_tokens"] == 1
    listed = await client.get("/openai/v1/models", headers={"Authorization": "Bearer another-key-0123456789"})
    assert [model["id"] for model in listed.json()["data"]] == ["new"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"control_token": "mine"}, "control_token cannot be changed"),
        ({"models": {"openai/m": {"quality": {"x": 7}}}}, "quality[x]=7"),
        ({"models": {"m": {}}}, "name it as provider/id"),
    ],
)
async def test_wrong_change_changes_nothing(
    client: httpx2.AsyncClient, change: dict[str, Any], message: str
) -> None:
    response = await client.put("/control/profile", json=change, headers=CONTROL)
    assert response.status_code == 400
    assert message in response.json()["error"]
    assert (await ask(client)).status_code == 200


async def test_key_sees_and_uses_only_its_models(client: httpx2.AsyncClient) -> None:
    keys = {"narrow-key-0123456789": {"organization": "b", "provider": "openai", "models": ["n"]}}
    change = {"keys": keys, "models": {"openai/n": {}}}
    await client.put("/control/profile", json=change, headers=CONTROL)
    headers = {"Authorization": "Bearer narrow-key-0123456789"}
    listed = (await client.get("/openai/v1/models", headers=headers)).json()["data"]
    assert [model["id"] for model in listed] == ["n"]
    statuses = [
        (
            await client.post("/openai/v1/responses", json={"model": name, "input": "Hi"}, headers=headers)
        ).status_code
        for name in ("n", "m")
    ]
    assert statuses == [200, 404]


async def test_key_of_another_provider_is_refused(client: httpx2.AsyncClient) -> None:
    headers = {"x-api-key": "key-of-openai-0123456789"}
    assert (await client.post("/anthropic/v1/messages", json={}, headers=headers)).status_code == 401


async def test_both_anthropic_headers_open_the_door(client: httpx2.AsyncClient) -> None:
    for headers in (ANTHROPIC, {"Authorization": "Bearer key-of-anthropic-0123456789"}):
        assert (await client.get("/anthropic/v1/models", headers=headers)).status_code == 200


async def test_anthropic_pages_and_lifecycles(client: httpx2.AsyncClient) -> None:
    models = {f"anthropic/x{n}": {"lifecycle": "retired" if n == 3 else "active"} for n in range(5)}
    await client.put("/control/profile", json={"models": models}, headers=CONTROL)
    first = (await client.get("/anthropic/v1/models?limit=3", headers=ANTHROPIC)).json()
    assert (first["has_more"], first["last_id"]) == (True, "x1")
    rest = (await client.get("/anthropic/v1/models?limit=3&after_id=x1", headers=ANTHROPIC)).json()
    assert [model["id"] for model in rest["data"]] == ["x2", "x4"]
    assert rest["has_more"] is False
    retired = (await client.get("/anthropic/v1/models?lifecycle[]=retired", headers=ANTHROPIC)).json()
    assert [model["id"] for model in retired["data"]] == ["x3"]


async def test_anthropic_caches_only_what_is_marked(client: httpx2.AsyncClient) -> None:
    system = [{"type": "text", "text": "rules " * 1000}]
    marked = [{**system[0], "cache_control": {"type": "ephemeral"}}]
    usages = [
        (await message(client, system=given)).json()["usage"] for given in (system, system, marked, marked)
    ]
    assert [usage["cache_read_input_tokens"] for usage in usages] == [0, 0, 0, 1408]
    assert [usage["cache_creation_input_tokens"] for usage in usages] == [0, 0, 1501, 93]
    for usage in usages:
        whole = (
            usage["input_tokens"] + usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"]
        )
        assert whole == 1502


@pytest.mark.parametrize(
    "path",
    [
        "/clarifai/v2/users/clarifai/apps/main/models/concepts/outputs",
        "/clarifai/v2/users/clarifai/apps/main/models/concepts/versions/v1/outputs",
        "/clarifai/v2/models/concepts/outputs",
    ],
)
async def test_clarifai_answers_each_image(client: httpx2.AsyncClient, path: str) -> None:
    inputs = [{"data": {"image": {"base64": PIXEL}}}] * 3
    response = await client.post(path, json={"inputs": inputs}, headers=CLARIFAI)
    body = response.json()
    assert body["status"]["code"] == 10000
    assert len(body["outputs"]) == 3
    values = [concept["value"] for concept in body["outputs"][0]["data"]["concepts"]]
    assert values == sorted(values, reverse=True)
    too_many = await client.post(path, json={"inputs": inputs * 50}, headers=CLARIFAI)
    assert (too_many.status_code, too_many.json()["status"]["code"]) == (400, 11100)


async def test_clarifai_chat_takes_a_models_url(client: httpx2.AsyncClient) -> None:
    body = {
        "model": "https://clarifai.com/someone/main/models/m",
        "messages": [{"role": "user", "content": "Hello."}],
    }
    response = await client.post("/clarifai/v2/ext/openai/v1/chat/completions", json=body, headers=CLARIFAI)
    assert response.json()["choices"][0]["message"]["content"] == "Understood."


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff"])
async def test_body_that_is_no_object_is_a_bad_request(client: httpx2.AsyncClient, content: bytes) -> None:
    for path, headers in (
        ("/openai/v1/responses", OPENAI),
        ("/openai/v1/chat/completions", OPENAI),
        ("/anthropic/v1/messages", ANTHROPIC),
        ("/gemini/v1/models/m:generateContent", GOOGLE),
        ("/clarifai/v2/models/concepts/outputs", CLARIFAI),
        ("/clarifai/v2/ext/openai/v1/chat/completions", CLARIFAI),
    ):
        response = await client.post(path, content=content, headers=headers)
        assert response.status_code == 400, path


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "input": [1]},
        {"model": "m", "input": [{"role": "user", "content": [7]}]},
        {"model": "m", "input": "x", "tools": [{"type": "function"}]},
        {"model": "m", "input": "x", "text": "json"},
        {"model": ["m"], "input": "x"},
        {"model": "m", "input": "x", "max_output_tokens": "many"},
        {"model": "m", "input": "x", "text": {"format": {"type": "json_schema", "schema": "object"}}},
    ],
)
async def test_body_of_the_wrong_form_is_a_bad_request(
    client: httpx2.AsyncClient, body: dict[str, Any]
) -> None:
    response = await client.post("/openai/v1/responses", json=body, headers=OPENAI)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


async def test_too_long_a_prompt_and_too_many_tokens_are_refused(client: httpx2.AsyncClient) -> None:
    long = await message(client, messages=[{"role": "user", "content": "x" * 800_100}])
    assert (long.status_code, "prompt is too long" in long.text) == (400, True)
    many = await message(client, max_tokens=64_001)
    assert (many.status_code, "64001 > 64000" in many.text) == (400, True)


async def test_health_needs_no_key(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/health")).json() == {"status": "ok", "models": 5, "items": 0}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (
            {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"]},
            {"a": 3},
        ),
        ({"enum": ["x", "y"]}, "x"),
        ({"const": 5}, 5),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [False, False]),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        ({"type": ["string", "null"], "minLength": 6}, "text.."),
        ({"type": "number", "exclusiveMinimum": 0}, 1.0),
        ({"$ref": "#/$defs/p", "$defs": {"p": {"type": "object", "properties": {}}}}, {}),
    ],
)
def test_smallest_valid_value(schema: dict[str, Any], value: Any) -> None:
    given = minimal_instance(schema)
    assert json.dumps(given) == json.dumps(value)
