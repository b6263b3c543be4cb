"""Files of usage as records, piece by piece: memory is bounded, and reading can go on after any piece."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from modelscout.core.errors import ConfigurationError
from modelscout.usage.events import Unfit
from modelscout.usage.formats import Format
from modelscout.usage.lines import CsvRow, Line, Place, read_csv, read_lines
from modelscout.usage.otel import spans_of

MOST_DOCUMENT_BYTES = 256 * 2**20
"""A single JSON document is read whole; JSON lines have no such limit."""
PARQUET_ROWS = 2_000
_ROW = "file_row_number"


class Piece(NamedTuple):
    """What stands at one place of a file: usually one record, for OTLP all spans of a line."""

    at: int
    """Line or row, from 1."""
    after: Place
    records: list[Any | Unfit]
    text: str = ""
    """The line, where it cannot be read."""


def read_pieces(path: Path, kind: Format, start: Place) -> Iterator[Piece]:
    """Every piece from `start` on. Raises ConfigurationError where the file as a whole cannot be read."""
    try:
        if path.stat().st_size == 0:
            raise ConfigurationError(f"{path}: the file is empty: give one with records")
        if kind.container == "parquet":
            yield from _parquet(path, start)
        elif kind.container == "csv" or (kind.name == "litellm" and path.suffix.lower() in (".csv", ".tsv")):
            yield from _csv(path, start)
        elif _is_document(path):
            yield from _document(path, kind, start)
        else:
            yield from _json_lines(path, kind, start)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror or error}): check the file"
        ) from error


def columns_of(path: Path, kind: Format) -> list[str] | None:
    """Names of the columns of a CSV or Parquet file; None where each record has its own."""
    if kind.container == "csv":
        return _header(path).cells
    if kind.container == "parquet":
        return _parquet_columns(path)
    return None


# JSON


def _json_lines(path: Path, kind: Format, start: Place) -> Iterator[Piece]:
    for line in read_lines(path, start):
        if line.text is None or line.text.strip() or line.problem is not None:
            yield Piece(line.number, line.after, _records_of(line, kind), line.text or "")


def _records_of(line: Line, kind: Format) -> list[Any | Unfit]:
    if line.problem is not None:
        return [line.problem]
    try:
        return _records(_parse(line.text or ""), kind)
    except Unfit as unfit:
        return [unfit]


def _records(document: Any, kind: Format) -> list[Any | Unfit]:
    """The records of one JSON document. Raises Unfit."""
    if kind.name == "otel":
        return list(spans_of(document))
    if not isinstance(document, dict):
        raise Unfit("the record is not a JSON object", "write one object in each line")
    return [document]


def _parse(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except Unfit:
        raise
    except (ValueError, RecursionError) as error:
        message = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise Unfit(
            f"not valid JSON ({message})", "mend the line; the last one may be half written"
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unfit("a key stands twice in one object", "write each key once")
    return found


def _is_document(path: Path) -> bool:
    """Whether the file is one JSON document over several lines, or a list; else it has one in each line."""
    first = next((line for line in read_lines(path, Place()) if (line.text or "").strip()), None)
    text = (first.text or "").strip() if first is not None else ""
    return text.startswith("[") or text == "{"


def _document(path: Path, kind: Format, start: Place) -> Iterator[Piece]:
    if path.stat().st_size > MOST_DOCUMENT_BYTES:
        raise ConfigurationError(
            f"{path}: one JSON document of more than {MOST_DOCUMENT_BYTES:,} bytes: write one object in each line"
        )
    try:
        document = json.loads(path.read_bytes(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigurationError(
            f"{path}{where}: not valid JSON ({error}): mend it or export it again"
        ) from error
    entries = document if isinstance(document, list) else [document]
    for number, record in enumerate(_every_record(entries, kind), start=1):
        if number > start.position:
            yield Piece(number, Place(number, number), [record])


def _every_record(entries: list[Any], kind: Format) -> Iterator[Any | Unfit]:
    for entry in entries:
        try:
            yield from _records(entry, kind)
        except Unfit as unfit:
            yield unfit


# CSV


def _header(path: Path) -> CsvRow:
    for row in read_csv(path, Place(), _delimiter(path), None):
        if row.problem is not None:
            raise ConfigurationError(f"{path}, line {row.number}: {row.problem}")
        if len(set(row.cells)) < len(row.cells):
            raise ConfigurationError(f"{path}, line {row.number}: a column stands twice: rename one of them")
        return row
    raise ConfigurationError(f"{path}: no header: the first line names the columns")


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _csv(path: Path, start: Place) -> Iterator[Piece]:
    header = _header(path)
    names = header.cells
    begin = start if start.position else header.after
    for row in read_csv(path, begin, _delimiter(path), len(names)):
        record = row.problem or dict(zip(names, row.cells, strict=True))
        yield Piece(row.number, row.after, [record], row.text)


# Parquet


def _parquet_columns(path: Path) -> list[str]:
    with _duckdb(path) as connection:
        rows = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    return [str(row[0]) for row in rows]


def _parquet(path: Path, start: Place) -> Iterator[Piece]:
    """Rows in the order of the file, whose row groups are read one after the other."""
    query = "SELECT * FROM read_parquet(?, file_row_number = TRUE) WHERE file_row_number >= ?"
    with _duckdb(path) as connection:
        result = connection.execute(query, [str(path), start.position])
        names = [column[0] for column in result.description]
        while rows := result.fetchmany(PARQUET_ROWS):
            for row in rows:
                record = dict(zip(names, row, strict=True))
                number = record.pop(_ROW) + 1
                yield Piece(number, Place(number, number), [record])


@contextmanager
def _duckdb(path: Path) -> Iterator[Any]:
    """DuckDB as a reader: in memory, offline. Raises ConfigurationError where the file cannot be read."""
    try:
        import duckdb
    except ImportError:
        raise ConfigurationError("Parquet needs duckdb: pip install 'modelscout[parquet]'") from None
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": "512MB",
        "autoinstall_known_extensions": "false",
        "TimeZone": "UTC",
    }
    connection = duckdb.connect(config=config)
    try:
        yield connection
    except duckdb.Error as error:
        problem = str(error).strip().partition("\n")[0][:200]
        raise ConfigurationError(
            f"{path}: cannot be read as Parquet ({problem}): write the file again"
        ) from error
    finally:
        connection.close()
