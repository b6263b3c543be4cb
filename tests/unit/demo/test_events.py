"""The shape of the traffic, and that a later seed tells the same story of the same days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np
import pytest

from modelscout.demo.events import ERROR_TYPES, EventColumns, day_of_events, days, history
from modelscout.demo.profile import MODELS, quality, retires_on
from modelscout.demo.scenario import ORGANIZATIONS, DemoOrganization, assignments_of, organization
from modelscout.demo.traffic import CODE_INPUT, CODE_OUTPUT, CONV_INPUT, CONV_OUTPUT, DAY_MS, user_weights

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = date(2026, 11, 10)
COLUMNS = tuple(EventColumns.__dataclass_fields__)


@lru_cache(maxsize=4)
def everything(slug: str) -> EventColumns:
    events, *others = list(history(organization(slug), NOW))
    for other in others:
        events = events.joined(other)
    return events


def feature_rows(slug: str, feature: str) -> EventColumns:
    """Successful requests of one feature."""
    events = everything(slug)
    index = [a.feature for a in assignments_of(slug)].index(feature)
    return events.where((events.assignment == index) & (events.error == 0))


def midnight_ms(day: date) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    "now",
    [NOW, datetime(2026, 11, 23, tzinfo=UTC), datetime(2027, 3, 1, 23, 59, tzinfo=UTC)],
    ids=["noon", "midnight", "another season"],
)
def test_thirty_days_hold_at_least_200_000_events(now: datetime) -> None:
    total, first, last = 0, [], []
    for org in ORGANIZATIONS:
        for events in history(org, now):
            total += len(events)
            first += events.occurred_ms[:1].tolist()
            last += events.occurred_ms[-1:].tolist()
    assert total >= 200_000
    assert max(last) <= now.timestamp() * 1000
    assert max(last) > (now - timedelta(hours=1)).timestamp() * 1000
    assert min(first) < (now - timedelta(days=29.9)).timestamp() * 1000


def test_tenants_are_as_unequal_as_planted() -> None:
    sizes = {o.slug: len(everything(o.slug)) for o in ORGANIZATIONS}
    for org in ORGANIZATIONS:
        assert sizes[org.slug] / sum(sizes.values()) == pytest.approx(org.share, abs=0.03)


def test_users_are_unequal() -> None:
    counts = np.sort(np.bincount(everything("bloom").user))[::-1]
    # Of a log-normal with sigma 2.17 the upper tenth holds about 80 %.
    assert 0.7 < counts[: len(user_weights()) // 10].sum() / counts.sum() < 0.9


@pytest.mark.parametrize("org", ORGANIZATIONS, ids=lambda o: o.slug)
def test_there_is_day_and_night_in_local_time(org: DemoOrganization) -> None:
    events = everything(org.slug)
    whole = events.where(events.occurred_ms < midnight_ms(NOW.date()))
    local = (whole.occurred_ms // 3_600_000 + org.utc_offset_hours) % 24
    by_hour = np.bincount(local, minlength=24) / len(whole) * 24
    # ServeGen's clients: 0.55 at six, 1.42 at five in the afternoon.
    assert by_hour[4:7].mean() < 0.75
    assert by_hour[14:18].mean() > 1.2


@pytest.mark.parametrize(
    ("slug", "feature", "column", "mixture"),
    [
        ("acme", "chat", "input_tokens", CONV_INPUT),
        ("acme", "chat", "output_tokens", CONV_OUTPUT),
        ("acme", "search", "input_tokens", CODE_INPUT),
        ("acme", "search", "output_tokens", CODE_OUTPUT),
        ("acme", "descriptions", "output_tokens", CONV_OUTPUT),
    ],
)
def test_token_lengths_follow_the_fitted_mixture(
    slug: str, feature: str, column: str, mixture: object
) -> None:
    fitted = {"CONV_INPUT": 1_010, "CONV_OUTPUT": 131, "CODE_INPUT": 1_463, "CODE_OUTPUT": 13}
    name = next(n for n in fitted if globals()[n] is mixture)
    drawn = getattr(feature_rows(slug, feature), column)
    assert np.median(drawn) == pytest.approx(fitted[name], rel=0.05)


def test_all_columns_keep_the_warehouses_rules() -> None:
    for org in ORGANIZATIONS:
        e = everything(org.slug)
        assert (e.cache_read_tokens + e.cache_write_tokens <= e.input_tokens).all()
        assert (e.reasoning_tokens <= e.output_tokens).all()
        assert (e.image_tokens <= e.input_tokens).all() or org.slug == "civic"
        for name in COLUMNS:
            assert getattr(e, name).min(initial=0) >= -1
        failed = e.where(e.error != 0)
        assert not failed.input_tokens.any()
        assert (failed.outcome == -1).all()


def test_errors_are_as_frequent_as_planted() -> None:
    e = everything("acme")
    shares = {ERROR_TYPES[code]: float((e.error == code).mean()) for code in range(1, len(ERROR_TYPES))}
    assert shares["rate_limited"] == pytest.approx(0.0105, abs=0.002)
    assert shares["timeout"] == pytest.approx(0.0043, abs=0.001)
    assert shares["model_not_found"] == 0
    second = e.where(e.attempt == 2)
    assert 0.005 < len(second) / len(e) < 0.03
    assert (second.error == 0).mean() > 0.85
    assert set(zip(second.request.tolist(), second.assignment.tolist(), strict=True)) <= set(
        zip(e.where(e.error != 0).request.tolist(), e.where(e.error != 0).assignment.tolist(), strict=True)
    )


def test_all_calls_to_the_retired_model_fail_from_its_last_day_on() -> None:
    e = everything("civic")
    index = [a.feature for a in assignments_of("civic")].index("descriptions")
    own = e.where(e.assignment == index)
    end = retires_on("anthropic/claude-opus-4-1", NOW)
    assert end is not None
    gone = own.occurred_ms >= midnight_ms(end)
    code = ERROR_TYPES.index("model_not_found")
    assert gone.any()
    assert (own.error[gone] == code).all()
    assert (own.error[~gone] != code).all()


def test_the_sparse_feature_is_sparse() -> None:
    assert 20 <= len(feature_rows("acme", "moderation")) <= 60


def test_outcomes_show_the_planted_quality_for_a_part_of_the_requests() -> None:
    for slug, feature in (("acme", "photo_tagging"), ("acme", "chat"), ("bloom", "descriptions")):
        rows = feature_rows(slug, feature)
        judged = rows.where(rows.outcome >= 0)
        model = next(a for a in assignments_of(slug) if a.feature == feature).incumbent
        assert len(judged) / len(rows) == pytest.approx(0.15, abs=0.02)
        assert judged.outcome.mean() == pytest.approx(quality(model.key, feature), abs=0.03)
        assert (judged.judged_ms <= NOW.timestamp() * 1000).all()


def test_latency_follows_the_emulators_profile() -> None:
    rows = feature_rows("acme", "chat")
    speed = MODELS["openai/gpt-6-luna"].speed
    assert np.median(rows.time_to_first_token_ms) == pytest.approx(speed.time_to_first_token_ms, rel=0.05)
    assert (rows.duration_ms >= rows.time_to_first_token_ms).all()


def test_images_operations_cache_and_batch_occur() -> None:
    photos = feature_rows("acme", "photo_tagging")
    assert (photos.image_tokens == photos.image_count * MODELS["openai/gpt-4o"].image_tokens).all()
    assert set(np.unique(photos.image_count).tolist()) == {1, 2, 3}
    assert photos.batch.mean() == pytest.approx(0.08, abs=0.01)
    assert (photos.duration_ms[photos.batch == 1] == -1).all()
    concepts = feature_rows("civic", "photo_tagging")
    assert (concepts.operations == concepts.image_count).all()
    assert not concepts.input_tokens.any()
    assert (feature_rows("acme", "chat").cache_read_tokens > 0).mean() > 0.1
    assert (feature_rows("acme", "descriptions").cache_write_tokens > 0).any()
    assert feature_rows("bloom", "photo_tagging").reasoning_tokens.any()


@pytest.mark.parametrize("org", ORGANIZATIONS, ids=lambda o: o.slug)
def test_a_past_day_is_the_same_whenever_it_is_made(org: DemoOrganization) -> None:
    today, later = (day_of_events(org, DAY, NOW + timedelta(days=ahead)) for ahead in (0, 1))
    for name in COLUMNS:
        assert np.array_equal(getattr(today, name), getattr(later, name)), name


@pytest.mark.parametrize("org", ORGANIZATIONS, ids=lambda o: o.slug)
def test_today_only_grows(org: DemoOrganization) -> None:
    """Also on the day that the retired model is gone under one `now` and alive under the next."""
    for day in (NOW.date(), NOW.date() - timedelta(days=5)):
        early = day_of_events(org, day, NOW)
        late = day_of_events(org, day, NOW + timedelta(days=1))
        keys = [
            set(zip(e.request.tolist(), e.attempt.tolist(), e.occurred_ms.tolist(), strict=True))
            for e in (early, late)
        ]
        assert len(keys[0]) == len(early)
        assert keys[0] <= keys[1]
        cut = {key for key in keys[1] if key[2] <= NOW.timestamp() * 1000}
        assert keys[0] == cut


def test_days_differ() -> None:
    one, other = (day_of_events(ORGANIZATIONS[0], DAY + timedelta(days=n), NOW) for n in (0, 1))
    assert len(one) != len(other) or not np.array_equal(one.input_tokens, other.input_tokens)


def test_the_history_ends_today() -> None:
    found = days(datetime(2026, 11, 23, 0, 30, tzinfo=UTC))
    assert (found[0], found[-1], len(found)) == (date(2026, 10, 24), date(2026, 11, 23), 31)
    assert DAY_MS == 86_400_000
