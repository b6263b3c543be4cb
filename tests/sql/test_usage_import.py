"""Imports through their public functions and the command, on real Postgres."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine, text
from usage_files import MAPPING, NOW, WRITERS, calls, otlp, span, spoil_bytes, spoil_value

from modelscout.core.errors import ConfigurationError
from modelscout.usage.importing import ImportReport, ImportRequest, import_file
from modelscout.usage.mapping import load_mapping
from modelscout.usage.quarantine import list_quarantine, replay_quarantine

ACME = uuid.UUID(int=0xAA)
Import = Callable[..., ImportReport]


@pytest.fixture(autouse=True)
def warehouse(engine: Engine, monkeypatch: pytest.MonkeyPatch, warehouse_url: str) -> None:
    empty(engine)
    monkeypatch.setenv("MODELSCOUT_DATABASE_URL", warehouse_url)
    monkeypatch.setenv("MODELSCOUT_NOW", NOW.isoformat())


def empty(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("TRUNCATE ai_usage_events, ai_usage_quarantine, ai_usage_imports, organizations CASCADE")
        )
        connection.execute(
            text("INSERT INTO organizations (id, name, slug) VALUES (:id, 'Acme', 'acme')"), {"id": ACME}
        )


@pytest.fixture
def mapping_file(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING)
    return path


@pytest.fixture
def take_in(engine: Engine, mapping_file: Path) -> Import:
    def run(path: Path, kind: str, *, mapping: Path | None = mapping_file, **options: Any) -> ImportReport:
        chosen = load_mapping(mapping if kind in ("csv", "jsonl", "parquet") else None)
        return import_file(engine, ImportRequest(path, "acme", kind, chosen, **options), now=NOW)

    return run


def counts(report: ImportReport) -> tuple[int, int, int, int, int]:
    return (
        report.rows_read, report.rows_written, report.rows_duplicate, report.rows_quarantined, report.rows_ignored,
    )  # fmt: skip


def events(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT * FROM ai_usage_events ORDER BY request_id, occurred_at")
        ).mappings()
        return [dict(row) for row in rows]


def quarantine(engine: Engine) -> list[dict[str, Any]]:
    return list_quarantine(engine, most=10_000)


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_every_format_gives_the_same_events(
    engine: Engine, tmp_path: Path, take_in: Import, kind: str
) -> None:
    rows = calls(250)
    path = tmp_path / f"usage.{kind}"
    WRITERS[kind](path, rows)
    assert counts(take_in(path, kind)) == (250, 250, 0, 0, 0)
    stored = {row["request_id"]: row for row in events(engine)}
    for call in rows:
        row = stored[call["id"]]
        assert (row["input_tokens"], row["output_tokens"]) == (call["prompt"], call["completion"])
        assert (row["occurred_at"], row["duration_ms"]) == (call["time"], round(call["seconds"] * 1000))
        assert (row["feature_id"], row["provider"]) == ("chat", "openai")
        assert row["requested_model"].removeprefix("gpt-6-") in call["model"]
        assert row["user_hash"]
        assert call["user"] not in str(row)
    # What was taken in already is not read again, and with --again it is known.
    assert take_in(path, kind).already_finished
    assert counts(take_in(path, kind, again=True)) == (250, 0, 250, 0, 0)
    path.write_bytes(path.read_bytes() + (b"\n" if kind != "parquet" else b""))
    assert len(events(engine)) == 250


def test_a_model_that_nobody_knows_is_an_event_like_any_other(
    engine: Engine, tmp_path: Path, take_in: Import
) -> None:
    WRITERS["csv"](tmp_path / "u.csv", calls(50))
    take_in(tmp_path / "u.csv", "csv")
    assert any(row["requested_model"] == "gpt-99" for row in events(engine))
    assert quarantine(engine) == []


# OpenTelemetry


def otel_file(path: Path, *spans: dict[str, Any]) -> Path:
    document = otlp([])
    document["resourceSpans"][0]["scopeSpans"][0]["spans"] = list(spans)
    path.write_text(json.dumps(document, indent=1))  # One document over several lines.
    return path


OLDER = dict.fromkeys(
    ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens",
     "gen_ai.response.id")
)  # fmt: skip


def test_the_names_that_came_before_are_read(engine: Engine, tmp_path: Path, take_in: Import) -> None:
    [call] = calls(1)
    older = span(call, **OLDER, **{
        "gen_ai.system": "Anthropic", "llm.request.type": "chat", "gen_ai.usage.prompt_tokens": 900,
        "gen_ai.usage.completion_tokens": 9, "gen_ai.usage.cache_read_input_tokens": 500,
        "gen_ai.usage.cache_creation_input_tokens": 100, "gen_ai.prompt.0.content": "SAID",
    })  # fmt: skip
    take_in(otel_file(tmp_path / "o.json", older), "otel")
    [row] = events(engine)
    assert (row["provider"], row["input_tokens"], row["cache_read_tokens"], row["cache_write_tokens"]) == (
        "anthropic", 900, 500, 100,
    )  # fmt: skip
    assert row["request_id"] == f"{older['traceId']}:{older['spanId']}"


def test_the_current_names_are_read(engine: Engine, tmp_path: Path, take_in: Import) -> None:
    [call] = calls(1)
    current = span(call, **{
        "gen_ai.provider.name": "gcp.gemini", "gen_ai.usage.input_tokens": 900, "gen_ai.usage.output_tokens": 90,
        "gen_ai.usage.cache_read.input_tokens": 500, "gen_ai.usage.reasoning.output_tokens": 40,
        "gen_ai.usage.image.input_tokens": 258, "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.response.model": "gemini-4-argon-001", "error.type": "timeout",
    })  # fmt: skip
    take_in(otel_file(tmp_path / "o.json", current), "otel")
    [row] = events(engine)
    assert row["provider"] == "google"
    assert (row["reasoning_tokens"], row["image_tokens"], row["time_to_first_token_ms"]) == (40, 258, 250)
    assert (row["served_model"], row["error_type"]) == ("gemini-4-argon-001", "timeout")


def test_spans_that_only_contain_calls_are_passed_over(
    engine: Engine, tmp_path: Path, take_in: Import
) -> None:
    one, two, three = calls(3)
    spans = [
        span(one), span(two, **{"gen_ai.operation.name": "invoke_agent"}),
        span(three, **{"gen_ai.operation.name": "execute_tool"}), {"name": "GET /", "spanId": "1", "attributes": []},
    ]  # fmt: skip
    assert counts(take_in(otel_file(tmp_path / "o.json", *spans), "otel")) == (4, 1, 0, 0, 3)


def test_a_call_without_counts_is_no_free_call(engine: Engine, tmp_path: Path, take_in: Import) -> None:
    [call] = calls(1)
    silent = span(call, **{"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None})
    take_in(otel_file(tmp_path / "o.json", silent), "otel")
    [row] = quarantine(engine)
    assert row["reason"] == "the span has no token counts"


def test_spans_as_the_python_sdk_prints_them_are_read(
    engine: Engine, tmp_path: Path, take_in: Import
) -> None:
    printed = {
        "name": "chat", "context": {"trace_id": "0xaa", "span_id": "0xbb"}, "kind": "SpanKind.CLIENT",
        "start_time": "2026-11-23T11:00:00.000000Z", "end_time": "2026-11-23T11:00:01.500000Z",
        "status": {"status_code": "UNSET"}, "resource": {"attributes": {"service.name": "shop"}},
        "attributes": {
            "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-6-luna",
            "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 4, "gen_ai.prompt.name": "search",
        },
    }  # fmt: skip
    path = tmp_path / "o.jsonl"
    path.write_text(json.dumps(printed) + "\n")
    assert counts(take_in(path, "otel")) == (1, 1, 0, 0, 0)
    assert (events(engine)[0]["feature_id"], events(engine)[0]["duration_ms"]) == ("search", 1500)


@pytest.mark.parametrize("kind", ["otel", "litellm"])
def test_what_was_said_is_kept_nowhere(engine: Engine, tmp_path: Path, take_in: Import, kind: str) -> None:
    rows = calls(20)
    for row in rows[:10]:
        row["prompt"] = -1
    path = tmp_path / "u"
    WRITERS[kind](path, rows)
    with path.open("a") as file:
        file.write('{"resourceSpans": [{"attributes": "SAID"\n"SAID"\n')
    report = take_in(path, kind)
    assert report.rows_quarantined == 12
    with engine.connect() as connection:
        everything = (
            connection.execute(text("SELECT to_jsonb(q)::text FROM ai_usage_quarantine AS q")).scalars().all()
        )
    assert len(everything) == 12
    assert not [row for row in everything if "SAID" in row or "Ünïcode" in row]


# LiteLLM


def test_litellms_details_are_read(engine: Engine, tmp_path: Path, take_in: Import) -> None:
    path = tmp_path / "u.json"
    WRITERS["litellm"](path, calls(4))
    logs = [json.loads(line) for line in path.read_text().splitlines()]
    logs[0] |= {"prompt_tokens": 900, "custom_llm_provider": "anthropic", "model": "claude-sonnet-5-5"}
    logs[0]["metadata"]["additional_usage_values"] = {
        "cache_read_input_tokens": 400, "cache_creation_input_tokens": 100, "cost": 0.1,
    }  # fmt: skip
    logs[1] |= {"cache_hit": "True"}
    logs[2]["metadata"] = {"status": "failure", "error_information": {"error_class": "RateLimitError"}}
    logs[2] |= {"prompt_tokens": 0, "completion_tokens": 0}
    logs[3] |= {
        "startTime": "2026-11-20 10:00:00.123",
        "endTime": "2026-11-20 10:00:01",
        "completionStartTime": None,
    }
    path.write_text(json.dumps(logs))  # A list, as the API answers.
    assert counts(take_in(path, "litellm")) == (4, 3, 0, 0, 1)
    stored = {row["request_id"]: row for row in events(engine)}
    assert (stored["req-0"]["cache_read_tokens"], stored["req-0"]["cache_write_tokens"]) == (400, 100)
    assert stored["req-2"]["error_type"] == "RateLimitError"
    assert stored["req-3"]["duration_ms"] == 877


# Bad input

GOOD = '{"id": "a", "time": "2026-11-23T11:00:00Z", "model": "luna", "usage": {"prompt": 1, "completion": 1}}'
BAD_LINES = {
    "not UTF-8": b'{"id": "\xff"}',
    "NUL": GOOD.replace('"a"', '"a\\u0000"').encode(),
    "half written": GOOD[:50].encode(),
    "no object": b"[1, 2]",
    "NaN": GOOD.replace('"prompt": 1', '"prompt": NaN').encode(),
    "infinity": GOOD.replace('"prompt": 1', '"prompt": -Infinity').encode(),
    "key twice": GOOD.replace('"id": "a"', '"id": "a", "id": "b"').encode(),
    "negative": GOOD.replace('"prompt": 1', '"prompt": -1').encode(),
    "absurd": GOOD.replace('"prompt": 1', '"prompt": 99999999999').encode(),
    "digits": GOOD.replace('"prompt": 1', '"prompt": ' + "9" * 5000).encode(),
    "deep": b"[" * 100_000,
    "year 1": GOOD.replace("2026", "0001").encode(),
    "future": GOOD.replace("2026", "2027").encode(),
    "no time": GOOD.replace("2026-11-23T11:00:00Z", "soon").encode(),
    "wrong type": GOOD.replace('"luna"', '{"a": 1}').encode(),
    "enormous": b'{"id": "' + b"x" * (17 * 2**20) + b'"}',
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BAD_LINES))
def test_a_bad_line_is_put_aside_with_its_place_and_the_rest_taken_in(
    engine: Engine, tmp_path: Path, take_in: Import, name: str
) -> None:
    path = tmp_path / "u.jsonl"
    last = GOOD.replace('"a"', '"z"')
    path.write_bytes(GOOD.encode() + b"\n\n" + BAD_LINES[name] + b"\n" + last.encode())
    assert counts(take_in(path, "jsonl")) == (3, 2, 0, 1, 0)
    [row] = quarantine(engine)
    assert (row["position"], row["source"], row["format"]) == (3, str(path), "jsonl")
    assert row["reason"]
    assert row["remedy"]
    assert len(json.dumps(row["payload"])) < 40_000


def test_a_stray_quote_costs_one_line_of_a_csv(engine: Engine, tmp_path: Path, take_in: Import) -> None:
    path = tmp_path / "u.csv"
    WRITERS["csv"](path, calls(300))
    lines = path.read_text().splitlines()
    lines[100] = lines[100].replace("req-99", '"req-99')
    lines.append('req-x,2026-11-23 10:00:00,luna,1,1,1,"two\nlines"')
    lines.append("cut,off")
    path.write_text("\n".join(lines))
    assert counts(take_in(path, "csv")) == (302, 300, 0, 2, 0)
    assert {row["position"] for row in quarantine(engine)} == {101, 304}


def test_the_same_request_at_another_time_is_asked_about_and_a_day_later_is_another_call(
    engine: Engine, tmp_path: Path, take_in: Import
) -> None:
    lines = [GOOD, GOOD, GOOD.replace("11:00:00Z", "11:00:02Z"), GOOD.replace("23T", "21T")]
    path = tmp_path / "u.jsonl"
    path.write_text("\n".join(lines))
    assert counts(take_in(path, "jsonl")) == (4, 2, 1, 1, 0)
    assert "is known at 2026-11-23T11:00:00+00:00 already" in quarantine(engine)[0]["reason"]
    assert counts(take_in(path, "jsonl", again=True)) == (4, 0, 3, 1, 0)
    assert len(quarantine(engine)) == 1


def test_a_database_that_refuses_one_row_takes_the_others(
    engine: Engine, tmp_path: Path, take_in: Import
) -> None:
    path = tmp_path / "u.jsonl"
    WRITERS["jsonl"](path, calls(100))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE ai_usage_events ADD CONSTRAINT t CHECK (request_id <> 'req-7')"))
    try:
        assert counts(take_in(path, "jsonl")) == (100, 99, 0, 1, 0)
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE ai_usage_events DROP CONSTRAINT t"))
    assert replay_quarantine(engine, now=NOW, mapping=load_mapping(None)).taken_in == 1
    assert len(events(engine)) == 100


# Mutations


class Spoilt(NamedTuple):
    """One spoilt file."""

    path: Path
    came_in: int | None
    """Rows in it, where a line is a row."""
    untouched: int
    """Calls that are as they were, all of which must be taken in."""


def spoil(kind: str, seed: int, folder: Path) -> Spoilt | None:
    """A file of twelve calls, spoilt in its bytes or in a value; None where it cannot be written."""
    rng = random.Random(seed)
    rows = calls(12, seed)
    path = folder / f"u{seed}"
    WRITERS["jsonl" if kind == "parquet" else kind](path, rows)
    lines = path.read_bytes().splitlines(keepends=True)
    if kind == "csv" or (seed % 2 and kind != "parquet"):
        path.write_bytes(spoil_bytes(path.read_bytes(), rng))
    else:
        records = [json.loads(line) for line in lines]
        spoil_value(rng.choice(records), rng)
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    if kind == "parquet":
        return Spoilt(path.with_suffix(".parquet"), 12, 0) if as_parquet(path) else None
    spoilt = path.read_bytes().split(b"\n")
    came_in = sum(1 for line in spoilt if line.strip()) - (kind == "csv")
    untouched = sum(line.count(b'"spanId"') if kind == "otel" else 1 for line in lines if line[:-1] in spoilt)
    return Spoilt(path, None if kind == "otel" else came_in, untouched - (kind == "csv"))


def as_parquet(path: Path) -> bool:
    """The JSON lines as Parquet, with whatever types DuckDB finds in them; False where it finds none."""
    import duckdb

    with duckdb.connect() as connection:
        try:
            source = f"read_json('{path}', format='newline_delimited')"
            connection.execute(
                f"COPY (SELECT * FROM {source}) TO '{path.with_suffix('.parquet')}' (FORMAT parquet)"
            )
        except duckdb.Error:
            return False
    return True


def hold_against_mutations(engine: Engine, mapping_file: Path, kind: str, seeds: range) -> int:
    """Take each spoilt file in for an organization of its own; returns how many were read."""
    mapping = load_mapping(mapping_file if kind in ("csv", "jsonl", "parquet") else None)
    read = 0
    for seed in seeds:
        spoilt = spoil(kind, seed, mapping_file.parent)
        if spoilt is None:
            continue
        organization = uuid.uuid4()
        with engine.begin() as connection:
            connection.execute(
                text("INSERT INTO organizations (id, slug) VALUES (:o, :s)"),
                {"o": organization, "s": f"{kind}{seed}"},
            )
        request = ImportRequest(spoilt.path, f"{kind}{seed}", kind, mapping)
        try:
            report = import_file(engine, request, now=NOW)
        except ConfigurationError as error:
            refused: str | None = str(error)
        else:
            refused = None
            account_for(engine, organization, report, spoilt)
            read += 1
        # A column of a Parquet file may be gone; a text file is never refused for what one line holds.
        assert refused is None or (kind == "parquet" and "columns." in refused), refused
    return read


def account_for(engine: Engine, organization: uuid.UUID, report: ImportReport, spoilt: Spoilt) -> None:
    rows, written, duplicates, aside, ignored = counts(report)
    assert rows == written + duplicates + aside + ignored, spoilt
    assert spoilt.came_in is None or rows == spoilt.came_in, spoilt
    assert written >= spoilt.untouched, spoilt
    with engine.connect() as connection:
        statement = (
            "SELECT (SELECT count(*) FROM ai_usage_events WHERE organization_id = :o), "
            "(SELECT count(*) FROM ai_usage_quarantine WHERE organization_id = :o)"
        )
        assert connection.execute(text(statement), {"o": organization}).one() == (written, aside), spoilt


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_spoilt_files_are_read_and_every_row_is_accounted_for(
    engine: Engine, mapping_file: Path, kind: str
) -> None:
    assert hold_against_mutations(engine, mapping_file, kind, range(60)) > 40


@pytest.mark.verify
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_a_thousand_spoilt_files_of_each_format(engine: Engine, mapping_file: Path, kind: str) -> None:
    assert hold_against_mutations(engine, mapping_file, kind, range(1_000, 2_300)) >= 1_000
