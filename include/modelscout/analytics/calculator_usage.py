"""How long an organization's own requests are, per feature; and what is assumed where nobody measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from sqlalchemy import Connection

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability, TokenUsage
from modelscout.costs.calculator import Basis, FeatureWork
from modelscout.warehouse.engine import Row, run_sql

WINDOW_DAYS = 30
"""Own usage is that of so many days up to today."""
_SEES = frozenset({Capability.IMAGE_ANALYSIS})
_WRITES = frozenset({Capability.TEXT_GENERATION})
TYPICAL = {
    work.feature: work
    for work in (
        FeatureWork("photo_tagging", 150, 30, 1, required=_SEES, basis=Basis.ASSUMED),
        FeatureWork("descriptions", 1200, 210, 1, required=_WRITES, basis=Basis.ASSUMED),
        FeatureWork("moderation", 1100, 30, 1, required=_WRITES, basis=Basis.ASSUMED),
        FeatureWork("chat", 1200, 210, 0, required=_WRITES, basis=Basis.ASSUMED),
        FeatureWork("search", 2000, 30, 0, required=_WRITES, basis=Basis.ASSUMED),
    )
}
"""Lengths for want of better: the means of the Azure LLM inference trace 2023 (conversation and code), rounded;
the tagging prompt is this project's own."""


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """One feature on one model over the window."""

    provider: str
    model_id: str
    requests: int
    answers: int
    usage: TokenUsage
    """Sums over all requests."""
    cost_usd: Decimal | None
    """Of the requests that could be priced."""
    unpriced_requests: int

    @property
    def has_known_prompt(self) -> bool:
        """Whether text can be told from images: some vendors count images as input without saying how much."""
        return self.usage.input_tokens > 0 and (self.usage.image_count == 0 or self.usage.image_tokens > 0)


@dataclass(frozen=True, slots=True)
class FeatureUsage:
    """One feature of one organization over the window, on every model that served it."""

    feature: str
    required: frozenset[Capability]
    first_day: date
    last_day: date
    models: tuple[ModelUsage, ...]
    """The one with most answers first."""
    simulated: bool


class Lengths:
    """Chooses the lengths of each feature: given ones before own usage before assumed ones."""

    def __init__(
        self,
        *,
        prompt_tokens: Mapping[str, int],
        output_tokens: Mapping[str, int],
        images: Mapping[str, int],
        usage: Mapping[str, FeatureUsage],
    ) -> None:
        """The first three map a feature to a count; the empty name stands for every other feature."""
        self._given = {"prompt_tokens": prompt_tokens, "output_tokens": output_tokens, "images": images}
        self._usage = usage

    def of(self, feature: str, requests_per_photo: Decimal) -> FeatureWork:
        """The work of one feature. Raises ConfigurationError where nobody knows how long it is."""
        given = {
            name: values[feature] if feature in values else values[""]
            for name, values in self._given.items()
            if feature in values or "" in values
        }
        base = self._own(feature) or TYPICAL.get(feature)
        if base is None and {"prompt_tokens", "output_tokens"} - set(given):
            raise ConfigurationError(
                f"feature {feature!r} has no recorded usage that tells its lengths, nor typical ones: "
                "give --prompt-tokens and --output-tokens"
            )
        base = base or FeatureWork(feature, 0, 0, 0, required=_WRITES)
        if "prompt_tokens" in given:
            base = replace(base, cache_read_tokens=0, cache_write_tokens=0)
        basis = Basis.GIVEN if {"prompt_tokens", "output_tokens"} <= set(given) else base.basis
        counts = {name: int(value) for name, value in given.items()}
        return FeatureWork(
            feature=feature,
            prompt_tokens=counts.get("prompt_tokens", base.prompt_tokens),
            output_tokens=counts.get("output_tokens", base.output_tokens),
            images=counts.get("images", base.images),
            requests_per_photo=requests_per_photo,
            cache_read_tokens=base.cache_read_tokens,
            cache_write_tokens=base.cache_write_tokens,
            required=base.required,
            basis=basis,
        )

    def _own(self, feature: str) -> FeatureWork | None:
        return own_work(self._usage[feature]) if feature in self._usage else None


def read_usage(connection: Connection, organization_id: str, *, now: datetime) -> dict[str, FeatureUsage]:
    """Usage of the last days by feature; failed attempts count into the lengths of an answer."""
    rows = run_sql(
        connection,
        "queries/calculator_usage",
        {
            "organization_id": organization_id,
            "since": now.date() - timedelta(days=WINDOW_DAYS),
            "until": now.date(),
        },
    )
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["feature_id"]].append(row)
    return {feature: _feature(feature, group) for feature, group in grouped.items()}


def own_work(usage: FeatureUsage) -> FeatureWork | None:
    """Mean lengths of one answer in whole tokens, of one photo where an answer sees several.

    None where no usage tells the text from the images.
    """
    rows = [m for m in usage.models if m.has_known_prompt and m.answers]
    total = sum((m.usage for m in rows), TokenUsage())
    units = max(sum(m.answers for m in rows), total.image_count)
    if not units:
        return None
    images = sum(m.usage.image_count for m in usage.models)
    answers = sum(m.answers for m in usage.models)
    prompt = _mean(total.input_tokens - total.image_tokens, units)
    # Cached images count as input too: what is cached of the text is at most the text.
    read = min(_mean(total.cache_read_tokens, units), prompt)
    return FeatureWork(
        feature=usage.feature,
        prompt_tokens=prompt,
        output_tokens=_mean(total.output_tokens, units),
        images=1 if 2 * images >= answers else 0,
        cache_read_tokens=read,
        cache_write_tokens=min(_mean(total.cache_write_tokens, units), prompt - read),
        required=usage.required,
        basis=Basis.OWN_USAGE,
    )


def proven_capabilities(
    usage: Mapping[str, FeatureUsage], provider: str, model_id: str
) -> frozenset[Capability]:
    """What a model can do because it answers features that ask for it, whatever its documentation says."""
    proven: set[Capability] = set()
    for feature in usage.values():
        for model in feature.models:
            if (model.provider, model.model_id) == (provider, model_id) and model.answers:
                proven |= feature.required
                proven |= {Capability.IMAGE_ANALYSIS} if model.usage.image_count else set()
    return frozenset(proven)


def _mean(total: int, count: int) -> int:
    return round(Fraction(total, count))


def _feature(feature: str, rows: Sequence[Row]) -> FeatureUsage:
    required = rows[0]["required_capabilities"]
    return FeatureUsage(
        feature=feature,
        required=frozenset(Capability(c) for c in required if c in set(Capability)),
        first_day=min(row["first_day"] for row in rows),
        last_day=max(row["last_day"] for row in rows),
        models=tuple(_model(row) for row in rows),
        simulated=any(row["simulated"] for row in rows),
    )


def _model(row: Row) -> ModelUsage:
    names = TokenUsage.__dataclass_fields__
    return ModelUsage(
        provider=row["provider"],
        model_id=row["model_id"],
        requests=row["requests"],
        answers=row["answers"],
        usage=TokenUsage(**{name: row[name] for name in names}),
        cost_usd=row["cost_usd"],
        unpriced_requests=row["unpriced_requests"],
    )
