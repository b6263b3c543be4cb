"""A selector without a database, an emulator of three vendors, and a service on both."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from emulator_support import ALL, KEYS, PREFIXES, PROFILE, RunningEmulator

from emulator_thread import served
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import Processing
from modelscout.costs.prices import SINCE_EVER, PriceRow
from modelscout.selection import AdaptiveOptions, AdaptiveRequest, AsyncAdaptiveService, ModelSelector, Trial
from modelscout.selection.plan import NEVER_S, Feature, Model
from modelscout.selection.planner import Planner
from modelscout.selection.rows import FeatureRow, OrganizationRow
from modelscout.selection.selector import FixedSnapshot
from modelscout.selection.snapshot import SnapshotBuilder
from modelscout.usage.events import UsageEvent

__all__ = ["PROFILE", "RunningEmulator", "served"]
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ACME = str(uuid.UUID(int=0xA))
LUNA, HAIKU, FLASH = "openai/gpt-6-luna", "anthropic/claude-haiku-5-5", "google/gemini-3.8-flash"
PLAIN = "openai/plain"
NAMES = (
    LUNA,
    HAIKU,
    FLASH,
    PLAIN,
    "openai/gpt-4-turbo",
    "anthropic/claude-3-sonnet",
    "google/gemini-2.0-flash",
)
IDS = {name: str(uuid.uuid5(uuid.UUID(int=1), name)) for name in NAMES}
VERIFIED = frozenset({*ALL, "large_context"})


class Sink:
    """Keeps the events that it is given."""

    def __init__(self) -> None:
        self.events: list[UsageEvent] = []

    def record(self, event: UsageEvent) -> bool:
        self.events.append(event)
        return True


class ListPrices:
    """USD for a million tokens, in and out alike; a model that is not named has no price."""

    def __init__(self, **usd: str) -> None:
        self._usd = usd

    def rows(self, organization_id: str, provider: str, model: str) -> Sequence[PriceRow]:  # noqa: ARG002
        if provider not in self._usd:
            return ()
        price = Decimal(self._usd[provider])
        nothing = dict.fromkeys(
            ("cache_read_usd_per_million_tokens", "cache_write_usd_per_million_tokens",
             "cache_write_1h_usd_per_million_tokens", "operation_usd", "image_usd")
        )  # fmt: skip
        return [
            PriceRow(
                provider=provider, model_id=model, processing=Processing.STANDARD, valid_from=SINCE_EVER,
                above_input_tokens=0, input_usd_per_million_tokens=price, output_usd_per_million_tokens=price,
                source="list", estimated=False, **nothing,
            )
        ]  # fmt: skip


def holder(
    *order: str,
    limits: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    over_budget: bool = False,
    proven: str | None = None,
    usd_per_million_tokens: Mapping[str, float] | None = None,
    **more: Any,
) -> FixedSnapshot:
    """One organization whose chat is answered by the first of `order`, then by the others."""
    models = {
        IDS[name]: Model(
            id=IDS[name], provider=name.partition("/")[0], name=name.partition("/")[2], retires_at_s=NEVER_S,
            verified=frozenset({"text_generation"}) if name == PLAIN else VERIFIED, contradicted=frozenset(),
            scores={}, usd_per_million_tokens=(usd_per_million_tokens or {}).get(name),
        )
        for name in NAMES
    }  # fmt: skip
    features = {"chat": Feature("chat", "real_time", frozenset({"text_generation"}))}
    builder = SnapshotBuilder(Planner(models, features))
    builder.add_organization(OrganizationRow(ACME, "acme", ",".join(models), None, None, None))
    builder.add_feature(
        FeatureRow(
            ACME, "chat", assigned=IDS[order[0]],
            fallbacks=",".join(IDS[name] for name in order[1:]) or None,
            parameters=json.dumps(parameters) if parameters else None,
            limits=json.dumps(limits) if limits else None,
            proven=proven, over_budget=over_budget, **more,
        )
    )  # fmt: skip
    return FixedSnapshot(builder.build(NOW.timestamp()))


def keys_at(url: str) -> Callable[[str, str], ProviderCredential | None]:
    """The emulator's keys."""

    def key(_organization_id: str, provider: str) -> ProviderCredential | None:
        return ProviderCredential(provider, KEYS[provider], url + PREFIXES[provider])

    return key


def service(
    emulator: RunningEmulator, snapshot: FixedSnapshot, *, sink: Sink | None = None, **options: Any
) -> AsyncAdaptiveService:
    keys = options.pop("keys", None) or keys_at(emulator.url)
    selector = ModelSelector(snapshot, clock=NOW.timestamp)
    return AsyncAdaptiveService(selector, keys, AdaptiveOptions(usage=sink, **options))


def chat(**more: Any) -> AdaptiveRequest:
    return AdaptiveRequest(**{"organization": "acme", "feature": "chat", "prompt": "Count to twelve."} | more)


def trial(**more: Any) -> Trial:
    values: dict[str, Any] = {
        "experiment_id": "flash-2026-11", "organization": "acme", "feature": "chat", "candidate": FLASH,
        "share": Decimal("0.2"), "ends_at": datetime(2027, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    return Trial(**values | more)
