"""Settings from the environment (`MODELSCOUT_…`), read once where a process starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from modelscout.core.errors import ConfigurationError


@dataclass(frozen=True)
class Settings:
    """Everything the pipeline reads from its environment."""

    database_url: str
    """SQLAlchemy URL of the warehouse; the user is a member of `modelscout_pipeline`."""
    shards: int = 2
    """How many pieces the organizations are divided into, so that workers share the work."""
    request_concurrency: int = 16
    """Calls in flight per task."""
    replay_items: int = 160
    """Workload samples replayed per feature and model in one night, at most."""
    replay_candidates: int = 2
    """Candidate models tried per feature in one night, at most."""
    suite_cases: int = 12
    """Cases of one of our suites that one model runs in one night, at most; the rest follows in the next nights."""
    spend_limit_usd: Decimal = Decimal("5")
    """What one scheduled benchmark run may spend over all organizations."""
    spend_limit_usd_per_day: Decimal | None = None
    """What all runs and probes of one UTC day may spend together; None leaves it to the runs' own limits."""
    approval_above_usd: Decimal | None = None
    """A benchmark run whose limit is above it waits for a person; None asks nobody."""
    batch_wait_s: int = 3600
    """How long a task waits for batches that it handed in; the next run collects what takes longer."""
    batch_poll_s: float = 5.0
    """Pause between the first two looks at a batch; later ones grow to twelve times as much."""
    redaction: str | None = None
    """`package.module:function` that every sample's prompt passes through before it is sent."""
    judge_models: tuple[str, ...] = ()
    """Judges of answers under a rubric, as provider/model, the preferred one first; none leaves such cases out."""
    retirement_horizon_days: int = 30
    """A model in use that retires within so many days gets a `migrate`."""
    usage_retention_days: int | None = None
    """Events older than so many whole days are deleted once their rollup is reconciled; None keeps them all."""
    quality_retention_days: int = 180
    """Results and report pages of the quality suites older than so many days are deleted, but for the latest."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read `MODELSCOUT_…`. Raises ConfigurationError that names the variable and the remedy."""
        env = os.environ if environ is None else environ
        url = env.get("MODELSCOUT_DATABASE_URL", "").strip()
        if not url:
            raise ConfigurationError(
                "MODELSCOUT_DATABASE_URL is not set: give the warehouse's SQLAlchemy URL, "
                "for example postgresql+psycopg://user@host/modelscout"
            )
        return cls(
            database_url=url,
            shards=_positive_int(env, "MODELSCOUT_SHARDS", cls.shards),
            request_concurrency=_positive_int(env, "MODELSCOUT_REQUEST_CONCURRENCY", cls.request_concurrency),
            replay_items=_positive_int(env, "MODELSCOUT_REPLAY_ITEMS", cls.replay_items),
            replay_candidates=_positive_int(env, "MODELSCOUT_REPLAY_CANDIDATES", cls.replay_candidates),
            suite_cases=_positive_int(env, "MODELSCOUT_SUITE_CASES", cls.suite_cases),
            spend_limit_usd=_money(env, "MODELSCOUT_SPEND_LIMIT_USD", cls.spend_limit_usd),
            spend_limit_usd_per_day=_optional_money(env, "MODELSCOUT_SPEND_LIMIT_USD_PER_DAY"),
            approval_above_usd=_optional_money(env, "MODELSCOUT_APPROVAL_ABOVE_USD"),
            batch_wait_s=_positive_int(env, "MODELSCOUT_BATCH_WAIT_S", cls.batch_wait_s),
            redaction=env.get("MODELSCOUT_REDACTION", "").strip() or None,
            judge_models=judge_names(env.get("MODELSCOUT_JUDGE_MODEL", ""), field="MODELSCOUT_JUDGE_MODEL"),
            retirement_horizon_days=_positive_int(
                env, "MODELSCOUT_RETIREMENT_HORIZON_DAYS", cls.retirement_horizon_days
            ),
            usage_retention_days=_optional_positive_int(env, "MODELSCOUT_USAGE_RETENTION_DAYS"),
            quality_retention_days=_positive_int(
                env, "MODELSCOUT_QUALITY_RETENTION_DAYS", cls.quality_retention_days
            ),
        )


def judge_names(text: str, *, field: str) -> tuple[str, ...]:
    """The models of a list such as `openai/a, anthropic/b`. Raises ConfigurationError that names `field`."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        provider, _, model = name.partition("/")
        if not provider or not model:
            raise ConfigurationError(
                f"{field}={text!r}: write each judge as provider/model, several separated by commas"
            )
    return names


def data_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Folder of everything that the embedded default writes (`MODELSCOUT_DATA_DIR`, default `.modelscout`)."""
    env = os.environ if environ is None else environ
    return Path(env.get("MODELSCOUT_DATA_DIR", "").strip() or ".modelscout").resolve()


def _positive_int(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(f"{name}={text!r} is not a whole number of at least 1")
    return int(text)


def _optional_positive_int(env: Mapping[str, str], name: str) -> int | None:
    return _positive_int(env, name, 1) if env.get(name, "").strip() else None


def _optional_money(env: Mapping[str, str], name: str) -> Decimal | None:
    return _money(env, name, Decimal(0)) if env.get(name, "").strip() else None


def _money(env: Mapping[str, str], name: str, default: Decimal) -> Decimal:
    text = env.get(name, "").strip()
    if not text:
        return default
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ConfigurationError(f"{name}={text!r} is not an amount in USD such as 5.00") from error
    if not value.is_finite() or value < 0:
        raise ConfigurationError(f"{name}={text!r} is no amount in USD: give one of at least 0, such as 5.00")
    return value
