from __future__ import annotations

from typing import Any

import pytest
from fake_vendor import FakeVendor

from modelscout.benchmarks.capabilities import ProbeTarget, probe_model, result_of
from modelscout.core.errors import BadRequest, ModelNotFound, RateLimited
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import Capability, CapabilityResult
from modelscout.providers.protocol import GenerateRequest

CREDENTIAL = ProviderCredential("openai", "sk-secret")
ALL = frozenset(name.value for name in Capability)


def target(**changes: Any) -> ProbeTarget:
    values: dict[str, Any] = {
        "model_id": "id",
        "organization_id": "org",
        "provider": "openai",
        "name": "m",
        "secret_reference": "llm__acme__openai",
        "simulated_organization": False,
        "documented": ALL,
        "fresh": frozenset(),
        "is_concept_model": False,
        "max_output_tokens": None,
    }
    return ProbeTarget(**{**values, **changes})


async def probed(vendor: FakeVendor, **changes: Any) -> dict[Capability, bool | None]:
    probes = await probe_model(target(**changes), vendor, CREDENTIAL)
    return {probe.capability: probe.ok for probe in probes}


async def test_a_model_that_can_is_verified_with_one_call_each() -> None:
    vendor = FakeVendor()
    found = await probed(vendor)
    assert found == dict.fromkeys(
        [
            Capability.TEXT_GENERATION,
            Capability.IMAGE_ANALYSIS,
            Capability.STRUCTURED_OUTPUT,
            Capability.TOOL_USE,
            Capability.STREAMING,
        ],
        True,
    )
    assert len(vendor.asked) == 5


async def test_a_model_that_slips_once_is_not_accused() -> None:
    vendor = FakeVendor()
    vendor.wrong = lambda request: len(vendor.asked) % 2 == 1
    assert set((await probed(vendor)).values()) == {True}


async def test_a_model_that_refuses_pictures_is_found_out_with_evidence() -> None:
    def fails(request: GenerateRequest) -> BadRequest | None:
        return BadRequest("no images, sk-secret", provider="openai") if request.images else None

    probes = await probe_model(target(), FakeVendor(fails=fails), CREDENTIAL)
    image = next(probe for probe in probes if probe.capability is Capability.IMAGE_ANALYSIS)
    assert image.ok is False
    assert len(image.evidence["attempts"]) >= 2
    assert image.evidence["error_type"] == "bad_request"
    assert "sk-secret" not in str(image.evidence)
    assert [probe.ok for probe in probes].count(False) == 1


async def test_wrong_answers_throughout_contradict() -> None:
    vendor = FakeVendor(wrong=lambda request: request.json_schema is not None)
    assert (await probed(vendor))[Capability.STRUCTURED_OUTPUT] is False


@pytest.mark.parametrize("kind", [RateLimited, ModelNotFound])
async def test_a_call_that_fails_shows_nothing(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def once(call: Any, **_: Any) -> Any:
        return await call()

    monkeypatch.setattr("modelscout.benchmarks.capabilities.call_with_retries", once)
    vendor = FakeVendor(fails=lambda request: kind("later", provider="openai"))
    assert await probed(vendor) == {Capability.TEXT_GENERATION: None}
    assert len(vendor.asked) == 1


async def test_what_is_fresh_is_not_asked_again() -> None:
    vendor = FakeVendor()
    fresh = frozenset({"text_generation", "image_analysis", "tool_use", "streaming"})
    assert set(await probed(vendor, fresh=fresh)) == {Capability.STRUCTURED_OUTPUT}
    assert len(vendor.asked) == 1


async def test_concept_models_are_asked_about_pictures_only() -> None:
    vendor = FakeVendor(provider="clarifai")
    assert await probed(vendor, provider="clarifai", is_concept_model=True) == {
        Capability.IMAGE_ANALYSIS: True
    }


@pytest.mark.parametrize(
    ("documented", "ok", "result"),
    [
        (True, True, CapabilityResult.VERIFIED),
        (False, True, CapabilityResult.VERIFIED),
        (True, False, CapabilityResult.CONTRADICTED),
        (False, False, CapabilityResult.UNTESTED),
        (True, None, CapabilityResult.UNTESTED),
    ],
)
def test_result(documented: bool, ok: bool | None, result: CapabilityResult) -> None:
    assert result_of(documented, ok) is result
