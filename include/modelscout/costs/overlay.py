"""Reads `data/overlay.yaml`: prices that genai-prices lacks, each with its source."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Processing, Provider
from modelscout.costs.prices import SINCE_EVER, PriceRow

OVERLAY_FILE = Path(__file__).parent / "data" / "overlay.yaml"


def _quoted(value: object) -> object:
    # A bare 0.1 in YAML is a binary float and would not be the price that was written.
    if isinstance(value, float | int) and not isinstance(value, bool):
        # Pydantic turns a ValueError into its own error, a TypeError it lets through.
        raise ValueError(  # noqa: TRY004
            f'put the amount in quotes, as "{value}", so that it stays an exact decimal'
        )
    return value


Usd = Annotated[Decimal, BeforeValidator(_quoted), Field(ge=0, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]


class OverlayPrice(BaseModel):
    """One price of the overlay; what is left out is unknown."""

    model_config = ConfigDict(extra="forbid")

    provider: Provider
    model: Text
    processing: Processing = Processing.STANDARD
    valid_from: date | None = None
    above_input_tokens: Annotated[StrictInt, Field(ge=0)] = 0
    input_usd_per_million_tokens: Usd | None = None
    output_usd_per_million_tokens: Usd | None = None
    cache_read_usd_per_million_tokens: Usd | None = None
    cache_write_usd_per_million_tokens: Usd | None = None
    cache_write_1h_usd_per_million_tokens: Usd | None = None
    operation_usd: Usd | None = None
    image_usd: Usd | None = None
    source: Text
    estimated: StrictBool = False


class _OverlayFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prices: list[OverlayPrice]


def load_overlay(path: Path | None = None) -> tuple[PriceRow, ...]:
    """All rows of the overlay, cached per file. Raises ConfigurationError with file, key and remedy."""
    return _load((path or OVERLAY_FILE).resolve())


@functools.lru_cache(maxsize=8)
def _load(path: Path) -> tuple[PriceRow, ...]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        file = _OverlayFile.model_validate(data)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}): correct the path") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: not valid YAML, mend it: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "the file"
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{path}: {place}: {message}: correct or remove this key") from error
    return tuple(_to_row(price) for price in file.prices)


def _to_row(price: OverlayPrice) -> PriceRow:
    start = price.valid_from
    valid_from = SINCE_EVER if start is None else datetime.combine(start, time(), UTC)
    values = price.model_dump(exclude={"model", "provider", "valid_from"})
    return PriceRow(provider=price.provider.value, model_id=price.model, valid_from=valid_from, **values)
