"""The calculator on an organization's own usage, prices and models, in a warehouse made by hand."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from modelscout.analytics.calculator import CostQuestion, calculate
from modelscout.analytics.calculator_models import rows_in_force, shelf_from_warehouse
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Processing, TokenUsage
from modelscout.costs.calculator import RESOLUTIONS, Basis
from modelscout.costs.prices import PriceRow
from modelscout.costs.pricing import price_usage
from modelscout.discovery.catalog_sync import sync_catalog
from modelscout.warehouse.engine import open_engine

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACME, OTHER = uuid.UUID(int=0xA), uuid.UUID(int=0xB)
QUESTION = CostQuestion(
    photos_per_month=10_000,
    size=RESOLUTIONS["medium"],
    features={"photo_tagging": Decimal(1)},
    organization="acme",
    models=("openai/gpt-4o", "openai/gpt-6-luna"),
)


@pytest.fixture(scope="module")
def engine(warehouse_url: str) -> Iterator[Engine]:
    opened = open_engine(warehouse_url)
    sync_catalog(opened, now=NOW)
    with opened.begin() as connection:
        fill(connection)
    yield opened
    opened.dispose()


def fill(connection: Connection) -> None:
    connection.execute(
        text(
            "INSERT INTO organizations (id, slug, name) VALUES (:a, 'acme', 'Acme'), (:b, 'other', 'Other')"
        ),
        {"a": ACME, "b": OTHER},
    )
    connection.execute(
        text(
            "INSERT INTO ai_features (id, name, required_capabilities, use_case) VALUES "
            "('photo_tagging', 'Photo tagging', '{image_analysis}', 'batch_processing'), "
            "('chat', 'Chat', '{text_generation}', 'real_time'), "
            "('archive', 'Archive', '{text_generation}', 'batch_processing')"
        )
    )
    # 400 photos in 300 answers: 160 tokens of text and 25 of answer for each photo.
    use(connection, ACME, "photo_tagging", "gpt-4o", requests=310, answers=300, images=400, text_tokens=64_000,
        image_tokens=306_000, output=10_000)  # fmt: skip
    use(connection, OTHER, "photo_tagging", "gpt-4o", requests=9, answers=9, images=9, text_tokens=9_000_000,
        image_tokens=9, output=9_000_000)  # fmt: skip
    use(connection, ACME, "chat", "claude-haiku-5-5", requests=100, answers=100, text_tokens=90_000, output=21_000,
        cached=30_000)  # fmt: skip
    # A vendor that does not say how much of its input was images.
    use(connection, ACME, "archive", "claude-haiku-5-5", requests=10, answers=10, images=10, text_tokens=20_000,
        output=900)  # fmt: skip
    use(
        connection,
        ACME,
        "chat",
        "gpt-4o",
        requests=5,
        answers=5,
        text_tokens=10**9,
        output=5,
        on=date(2026, 10, 1),
    )
    available(connection, "gpt-4o", "active")
    available(connection, "gpt-6-luna", "available")
    available(connection, "gpt-5.4-mini", "unavailable")


def use(
    connection: Connection,
    organization: uuid.UUID,
    feature: str,
    model: str,
    *,
    requests: int,
    answers: int,
    text_tokens: int,
    output: int,
    images: int = 0,
    image_tokens: int = 0,
    cached: int = 0,
    on: date = date(2026, 11, 20),
) -> None:
    connection.execute(
        text(
            "INSERT INTO ai_model_analytics (model_id, organization_id, feature_id, date, total_requests, "
            "success_count, input_tokens, output_tokens, cache_read_tokens, image_tokens, image_count, total_cost, "
            "simulated) SELECT id, :organization, :feature, :on, :requests, :answers, :input, :output, :cached, "
            ":image_tokens, :images, 1, TRUE FROM ai_models WHERE provider_model_id = :model"
        ),
        {
            "organization": organization,
            "feature": feature,
            "model": model,
            "on": on,
            "requests": requests,
            "answers": answers,
            "input": text_tokens + image_tokens,
            "output": output,
            "cached": cached,
            "image_tokens": image_tokens,
            "images": images,
        },
    )


def available(connection: Connection, model: str, status: str) -> None:
    connection.execute(
        text(
            "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, "
            "checked_at) SELECT :organization, id, :status, :now, :now, :now FROM ai_models "
            "WHERE provider_model_id = :model"
        ),
        {"organization": ACME, "model": model, "status": status, "now": NOW},
    )


def test_lengths_are_the_means_of_the_organizations_own_photos(engine: Engine) -> None:
    report = calculate(QUESTION, now=NOW, engine=engine)
    work = report.workload.features[0]
    assert (work.prompt_tokens, work.output_tokens, work.images) == (160, 25, 1)
    assert (work.basis, report.simulated, report.current) == (Basis.OWN_USAGE, True, "openai/gpt-4o")
    costs = {cost.model: cost.monthly_usd for cost in report.models}
    # gpt-4o: 765 tokens an image at 2.5, answers at 10; gpt-6-luna: 1,229 at 0.1 and 0.5.
    assert costs == {
        "openai/gpt-4o": 10_000 * (Decimal("925") * Decimal("2.5") + 25 * 10) / 10**6,
        "openai/gpt-6-luna": 10_000 * (Decimal("1389") * Decimal("0.1") + 25 * Decimal("0.5")) / 10**6,
    }


def test_cached_tokens_keep_their_share(engine: Engine) -> None:
    question = replace(QUESTION, features={"chat": Decimal(1)}, models=("claude-haiku-5-5",))
    work = calculate(question, now=NOW, engine=engine).workload.features[0]
    # The billion tokens of seven weeks ago are out of the window.
    assert (work.prompt_tokens, work.cache_read_tokens, work.output_tokens, work.images) == (900, 300, 210, 0)


def test_given_lengths_win_over_own_ones(engine: Engine) -> None:
    question = replace(QUESTION, prompt_tokens={"": 500}, output_tokens={"photo_tagging": 40})
    work = calculate(question, now=NOW, engine=engine).workload.features[0]
    assert (work.prompt_tokens, work.output_tokens, work.images, work.basis) == (500, 40, 1, Basis.GIVEN)


def test_usage_that_hides_its_images_is_not_taken_for_text(engine: Engine) -> None:
    question = replace(QUESTION, features={"archive": Decimal(1)})
    with pytest.raises(ConfigurationError, match="'archive' has no recorded usage that tells its lengths"):
        calculate(question, now=NOW, engine=engine)


def test_without_names_the_models_are_those_that_the_keys_open(engine: Engine) -> None:
    report = calculate(replace(QUESTION, models=()), now=NOW, engine=engine)
    assert {cost.model for cost in report.models} == {"openai/gpt-4o", "openai/gpt-6-luna"}


def test_a_negotiated_price_holds_from_its_day_for_its_organization_alone(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_model_prices (organization_id, provider, provider_model_id, processing, valid_from, "
                "input_usd_per_million_tokens, output_usd_per_million_tokens, source) VALUES "
                "(:o, 'openai', 'gpt-6-luna', 'standard', '2026-12-08T00:00Z', 0.01, 0.05, 'contract')"
            ),
            {"o": ACME},
        )
        connection.commit()
    try:
        report = calculate(replace(QUESTION, starts_on=date(2026, 12, 1), months=2), now=NOW, engine=engine)
        luna = next(p for p in report.projections if p.model == "openai/gpt-6-luna")
        full = Decimal("1.514")
        # Seven of December's 31 days at the list price, the others at a tenth.
        assert luna.months[0].cost_usd == ((7 * full + 24 * full / 10) / 31).quantize(Decimal("1e-12"))
        assert luna.months[1].cost_usd == full / 10
        with engine.connect() as connection:
            for organization, rows in ((str(ACME), 1), (str(OTHER), 0), (None, 0)):
                model = shelf_from_warehouse(connection, organization).find("openai/gpt-6-luna")
                assert sum(row.source == "contract" for row in model.rows) == rows
    finally:
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM ai_model_prices WHERE source = 'contract'"))


def test_a_fine_tune_is_found_by_its_owner_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_models (provider, provider_model_id, owner_organization_id) "
                "VALUES ('openai', 'ft:gpt-4o:other', :o)"
            ),
            {"o": OTHER},
        )
    with engine.connect() as connection:
        assert shelf_from_warehouse(connection, str(OTHER)).find("openai/ft:gpt-4o:other").rows == ()
        for organization in (str(ACME), None):
            with pytest.raises(ConfigurationError, match="nobody knows a model"):
                shelf_from_warehouse(connection, organization).find("openai/ft:gpt-4o:other")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"organization": "nobody"}, "organization='nobody' is unknown"),
        ({"models": ("gpt-99",)}, "nobody knows a model 'gpt-99'"),
        ({"prompt_tokens": {"chat": 1}}, "'chat', which is not among the features"),
        ({"fixed_usd_per_month": {"claude-haiku-5-5": Decimal(1)}}, "which is not among the models"),
    ],
)
def test_what_nobody_knows_is_refused(engine: Engine, change: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        calculate(replace(QUESTION, **change), now=NOW, engine=engine)  # type: ignore[arg-type]


DAYS = [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 5, 10, 15)]


@st.composite
def dated_prices(draw: st.DrawFn) -> list[tuple[bool, PriceRow]]:
    keys = draw(
        st.lists(
            st.tuples(st.booleans(), st.sampled_from(DAYS), st.sampled_from([0, 100])),
            max_size=6,
            unique=True,
        )
    )
    return [
        (own, price(valid_from, above, draw(st.none() | st.decimals(0, 9, places=2))))
        for own, valid_from, above in keys
    ]


def price(valid_from: datetime, above: int, usd: Decimal | None) -> PriceRow:
    return PriceRow("openai", "m", Processing.STANDARD, valid_from, above, usd, usd, None, None, None, None, None,
                    "test", estimated=False)  # fmt: skip


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(dated_prices(), st.sampled_from([50, 150]), st.sampled_from([*DAYS, NOW]))
def test_rows_in_force_price_as_the_database_does(
    engine: Engine, rows: list[tuple[bool, PriceRow]], tokens: int, at: datetime
) -> None:
    merged = rows_in_force([r for own, r in rows if not own], [r for own, r in rows if own])
    here = price_usage(TokenUsage(input_tokens=tokens), merged, at=at).cost_usd
    with engine.connect() as connection:
        for own, row in rows:
            connection.execute(
                text(
                    "INSERT INTO ai_model_prices (organization_id, provider, provider_model_id, processing, "
                    "valid_from, above_input_tokens, input_usd_per_million_tokens, source) "
                    "VALUES (:o, 'openai', 'm', 'standard', :v, :a, :p, 'test')"
                ),
                {
                    "o": ACME if own else None,
                    "v": row.valid_from,
                    "a": row.above_input_tokens,
                    "p": row.input_usd_per_million_tokens,
                },
            )
        there = connection.execute(
            text(
                "SELECT cost_usd FROM modelscout.price_usage(:o, 'openai', 'm', 'standard', :at, :n, 0, 0, 0, 0, 0, 0)"
            ),
            {"o": ACME, "at": at, "n": tokens},
        ).scalar()
        connection.rollback()
    assert here == there
