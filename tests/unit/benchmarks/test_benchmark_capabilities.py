from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from fake_vendor import FakeVendor

from modelscout.benchmarks.capabilities import result_of
from modelscout.benchmarks.probing import Probe, Prober, ProbeTarget
from modelscout.benchmarks.spend import Block, SpendLedger
from modelscout.benchmarks.versions import Versions
from modelscout.core.errors import BadRequest, ModelNotFound, RateLimited
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import Capability, CapabilityResult, Processing
from modelscout.costs.prices import PriceRow
from modelscout.providers.protocol import GenerateRequest

CREDENTIAL = ProviderCredential("openai", "sk-secret")
NOW = datetime(2026, 11, 23, tzinfo=UTC)
PRICE = PriceRow(
    provider="openai",
    model_id="m",
    processing=Processing.STANDARD,
    valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    above_input_tokens=0,
    input_usd_per_million_tokens=Decimal(1),
    output_usd_per_million_tokens=Decimal(4),
    cache_read_usd_per_million_tokens=None,
    cache_write_usd_per_million_tokens=None,
    cache_write_1h_usd_per_million_tokens=None,
    operation_usd=None,
    image_usd=None,
    source="list",
    estimated=False,
)
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
        "is_private": False,
        "is_concept_model": False,
        "max_output_tokens": None,
        "prices": (PRICE,),
    }
    return ProbeTarget(**{**values, **changes})


class Purse:
    """A store with so much money that every block fits, or so little that none does."""

    def __init__(self, limit_usd: Decimal = Decimal(100)) -> None:
        self.left_usd = limit_usd
        self.spent_usd = Decimal(0)

    def reserve(self, amount_usd: Decimal) -> Block | None:
        if amount_usd > self.left_usd:
            return None
        self.left_usd -= amount_usd
        return Block("block", amount_usd)

    def settle(self, blocks: list[Block], spent_usd: Decimal) -> None:
        self.spent_usd += spent_usd


async def probe(vendor: FakeVendor, purse: Purse | None = None, **changes: Any) -> list[Probe]:
    store: Any = purse or Purse()
    ledger = SpendLedger(store, block_usd=Decimal("0.01"))
    probes = await Prober(target(**changes), vendor, CREDENTIAL, ledger, NOW, Versions()).probe()
    await ledger.close()
    return probes


async def probed(vendor: FakeVendor, **changes: Any) -> dict[Capability, bool | None]:
    probes = await probe(vendor, **changes)
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
            Capability.COMPLEX_REASONING,
            Capability.LARGE_CONTEXT,
        ],
        True,
    )
    assert len(vendor.asked) == 7


async def test_a_model_that_slips_once_is_not_accused() -> None:
    vendor = FakeVendor()
    vendor.wrong = lambda request: len(vendor.asked) % 2 == 1
    assert set((await probed(vendor)).values()) == {True}


async def test_a_model_that_refuses_pictures_is_found_out_with_evidence() -> None:
    def fails(request: GenerateRequest) -> BadRequest | None:
        return BadRequest("no images, sk-secret", provider="openai") if request.images else None

    probes = await probe(FakeVendor(fails=fails))
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

    monkeypatch.setattr("modelscout.benchmarks.probing.call_with_retries", once)
    vendor = FakeVendor(fails=lambda request: kind("later", provider="openai"))
    assert await probed(vendor) == {Capability.TEXT_GENERATION: None}
    assert len(vendor.asked) == 1


async def test_nothing_is_asked_that_the_limit_does_not_cover() -> None:
    vendor, purse = FakeVendor(), Purse(Decimal("0.000001"))
    probes = await probe(vendor, purse)
    assert [(p.ok, p.evidence["error_type"]) for p in probes] == [(None, "spend_limit_reached")]
    assert vendor.asked == []
    assert purse.spent_usd == 0


async def test_a_model_without_a_price_is_not_asked() -> None:
    vendor = FakeVendor()
    probes = await probe(vendor, prices=())
    assert [(p.ok, p.evidence["error_type"]) for p in probes] == [(None, "no_price")]
    assert vendor.asked == []


async def test_what_the_probes_cost_is_settled() -> None:
    purse = Purse()
    await probe(FakeVendor(), purse)
    assert 0 < purse.spent_usd < Decimal("0.2")


async def test_what_is_fresh_is_not_asked_again() -> None:
    vendor = FakeVendor()
    fresh = ALL - {"structured_output"}
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
