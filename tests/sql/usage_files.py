"""The same calls in every format that can be imported, and ways to spoil the files. Seeds are fixed."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MAPPING = """\
version: 1
columns:
  request_id: id
  requested_model: model
  input_tokens: usage.prompt
  output_tokens: usage.completion
  occurred_at: {from: time, timezone: UTC}
  duration_ms: {from: seconds, multiply: 1000}
  user_hash: {from: user, hash: true}
values:
  requested_model: {luna: gpt-6-luna}
defaults: {feature_id: chat, provider: openai}
"""
Call = dict[str, Any]


def calls(count: int, seed: int = 1) -> list[Call]:
    rng = random.Random(seed)
    return [
        {
            "id": f"req-{number}",
            "time": NOW - timedelta(minutes=rng.randrange(1, 2_000)),
            "model": rng.choice(["luna", "gpt-6-luna-2026-10-01", "gpt-99"]),
            "prompt": rng.randrange(0, 5_000),
            "completion": rng.randrange(0, 500),
            "seconds": rng.randrange(100, 5_000) / 1000,
            "user": f"user {rng.randrange(20)}, \"the\" Ünïcode",
        }
        for number in range(count)
    ]  # fmt: skip


def write_csv(path: Path, rows: list[Call]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "time", "model", "usage.prompt", "usage.completion", "seconds", "user"])
        for c in rows:
            moment = c["time"].strftime("%Y-%m-%d %H:%M:%S")
            writer.writerow(
                [c["id"], moment, c["model"], c["prompt"], c["completion"], c["seconds"], c["user"]]
            )


def write_jsonl(path: Path, rows: list[Call]) -> None:
    path.write_text("".join(json.dumps(_nested(c)) + "\n" for c in rows), encoding="utf-8")


def _nested(c: Call) -> dict[str, Any]:
    return {
        "id": c["id"],
        "time": c["time"].isoformat(),
        "model": c["model"],
        "usage": {"prompt": c["prompt"], "completion": c["completion"]},
        "seconds": c["seconds"],
        "user": c["user"],
    }


def write_parquet(path: Path, rows: list[Call]) -> None:
    import duckdb

    lines = path.with_suffix(".parquet_source")
    write_jsonl(lines, rows)
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * FROM read_json('{lines}', format='newline_delimited')) TO '{path}' "
            "(FORMAT parquet, ROW_GROUP_SIZE 2048)"
        )
    lines.unlink()


def write_litellm(path: Path, rows: list[Call]) -> None:
    path.write_text("".join(json.dumps(_spend_log(c)) + "\n" for c in rows), encoding="utf-8")


def _spend_log(c: Call) -> dict[str, Any]:
    return {
        "request_id": c["id"], "call_type": "acompletion", "api_key": "88dc28", "spend": 0.0011,
        "model": f"openai/{c['model']}", "custom_llm_provider": "openai", "cache_hit": "False",
        "prompt_tokens": c["prompt"], "completion_tokens": c["completion"],
        "total_tokens": c["prompt"] + c["completion"], "startTime": c["time"].isoformat(),
        "endTime": (c["time"] + timedelta(seconds=c["seconds"])).isoformat(),
        "completionStartTime": (c["time"] + timedelta(seconds=c["seconds"] / 2)).isoformat(),
        "end_user": c["user"], "request_tags": ["feature:chat"], "messages": [{"content": "SAID"}],
        "response": {"content": "SAID"},
        "metadata": {"status": "success", "usage_object": {"prompt_tokens_details": {"cached_tokens": 0}}},
    }  # fmt: skip


def write_otel(path: Path, rows: list[Call]) -> None:
    """OTLP JSON lines as the collector writes them, five spans in each."""
    groups = [rows[n : n + 5] for n in range(0, len(rows), 5)]
    path.write_text("".join(json.dumps(otlp(group)) + "\n" for group in groups), encoding="utf-8")


def otlp(group: list[Call]) -> dict[str, Any]:
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [_attribute("service.name", "shop")]},
                "scopeSpans": [{"scope": {"name": "x"}, "spans": [span(c) for c in group]}],
            }
        ]
    }


def span(c: Call, **more: Any) -> dict[str, Any]:
    begin = int(c["time"].timestamp()) * 1_000_000_000
    attributes = {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": c["model"],
        "gen_ai.response.id": c["id"], "gen_ai.usage.input_tokens": c["prompt"],
        "gen_ai.usage.output_tokens": c["completion"], "modelscout.feature_id": "chat", "enduser.id": c["user"],
        "gen_ai.input.messages": "SAID", "gen_ai.output.messages": "SAID", "custom.question": "SAID",
    } | more  # fmt: skip
    return {
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": f"{hash_of(c):016x}", "name": "chat",
        "kind": 3, "startTimeUnixNano": str(begin),
        "endTimeUnixNano": str(begin + int(c["seconds"] * 1_000_000_000)),
        "attributes": [_attribute(k, v) for k, v in attributes.items() if v is not None], "status": {},
    }  # fmt: skip


def hash_of(c: Call) -> int:
    return int(c["id"].rpartition("-")[2])


def _attribute(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": key, "value": {"doubleValue": value}}
    return {"key": key, "value": {"stringValue": value}}


WRITERS: dict[str, Callable[[Path, list[Call]], None]] = {
    "otel": write_otel, "litellm": write_litellm, "csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet,
}  # fmt: skip

# Spoiling

_BYTES = (b"\x00", b"\xff", b"\xc3", b'"', b"'", b",", b"{", b"}", b"[", b"]", b":", b"\\", b"\\u0000",
          b"\\ud800", b"NaN", b"Infinity", b"-1", b"1e999", b"9" * 30, b"1.5", b"true", b"null", b"\t", b"\r",
          b"\xef\xbb\xbf")  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, "", " ", -1, 1.5, 1e300, 2**31, 2**63, 10**40, True, False, [], {}, [1], {"a": 1}, "x" * 600,
    "a\x00b", "\ud800",
    float("nan"), float("inf"), "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2036-01-01T00:00:00Z",
    "not", "12", "1e3",
    "0001-01-01T00:00:00+14:00", 0, -(10**20), "2026-11-23", "٣",
)  # fmt: skip


def spoil_bytes(data: bytes, rng: random.Random) -> bytes:
    """One to three changes inside of lines: bytes put in, taken out or changed; sometimes the end is torn off."""
    spoilt = bytearray(data)
    header = data.index(b"\n") + 1
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(header, len(spoilt))
        what = rng.randrange(3)
        if what == 0:
            spoilt[at:at] = rng.choice(_BYTES)
        elif spoilt[at] != 0x0A and what == 1:
            spoilt[at : at + 1] = rng.choice(_BYTES)
        elif spoilt[at] != 0x0A:
            del spoilt[at]
    if rng.random() < 0.3:
        del spoilt[rng.randrange(header + 1, len(spoilt)) :]
    return bytes(spoilt)


def spoil_value(record: Any, rng: random.Random) -> None:
    """One value somewhere in a JSON record becomes another one, goes, or is there twice under another type."""
    while True:
        keys = list(record) if isinstance(record, dict) else list(range(len(record)))
        if not keys:
            return
        key = rng.choice(keys)
        inner = record[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.8:
            record = inner
            continue
        if rng.random() < 0.2:
            del record[key]
        else:
            record[key] = rng.choice(_VALUES)
        return
