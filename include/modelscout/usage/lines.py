"""Reads text files line by line with bounded memory, and says where to go on after each line."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from modelscout.usage.events import Unfit

MOST_LINE_BYTES = 16 * 2**20
MOST_LINES_OF_A_FIELD = 100
"""A quote that is never closed must not swallow the file: after so many lines the first one is taken to be wrong."""
_CHUNK = 2**20


class Place(NamedTuple):
    """Where reading goes on: after so many bytes (or rows) and lines."""

    position: int = 0
    line: int = 0


class Line(NamedTuple):
    """One line without its end. `text` is None where it cannot be read; `problem` says why."""

    number: int
    """From 1."""
    after: Place
    text: str | None
    problem: Unfit | None = None
    start: int = 0


def read_lines(path: Path, start: Place) -> Iterator[Line]:
    """Every line from `start` on, blank ones included."""
    with path.open("rb") as file:
        file.seek(start.position)
        number, began = start.line, start.position
        while data := file.readline(MOST_LINE_BYTES + 1):
            number += 1
            length = len(data)
            if length > MOST_LINE_BYTES and not data.endswith(b"\n"):
                length += _skip_line(file)
                yield _too_long(number, began, length)
            else:
                yield _decoded(number, began, data)
            began += length


def _skip_line(file: BinaryIO) -> int:
    skipped = 0
    while data := file.readline(_CHUNK):
        skipped += len(data)
        if data.endswith(b"\n"):
            break
    return skipped


def _too_long(number: int, began: int, length: int) -> Line:
    problem = Unfit(f"the line has {length} bytes", f"give at most {MOST_LINE_BYTES} in one line")
    return Line(number, Place(began + length, number), None, problem, began)


def _decoded(number: int, began: int, data: bytes) -> Line:
    after = Place(began + len(data), number)
    content = data.rstrip(b"\r\n")
    try:
        text = content.decode("utf-8-sig" if began == 0 else "utf-8")
    except UnicodeDecodeError as error:
        problem = Unfit(
            f"byte {error.start + 1} of the line is not UTF-8", "save the file as UTF-8 and import it again"
        )
        return Line(number, after, content.decode("utf-8", "backslashreplace"), problem, began)
    return Line(number, after, text, None, began)


class CsvRow(NamedTuple):
    """One record of a CSV file, or what stands in its place."""

    number: int
    """Line on which it starts, from 1."""
    after: Place
    cells: list[str]
    text: str
    problem: Unfit | None = None


def read_csv(path: Path, start: Place, delimiter: str, columns: int | None) -> Iterator[CsvRow]:
    """Every record from `start` on. A field in quotes may go over several lines.

    A line that has no end in sight, or that does not have `columns` cells when it is ended, is a problem by itself;
    reading goes on with the line after it.
    """
    waiting: deque[Line] = deque()
    lines = read_lines(path, start)
    while True:
        if not waiting:
            line = next(lines, None)
            if line is None:
                return
            waiting.append(line)
        used, row = _first_record(waiting, lines, delimiter, columns)
        for _ in range(used):
            waiting.popleft()
        if row is not None:
            yield row


def _first_record(
    waiting: deque[Line], lines: Iterator[Line], delimiter: str, columns: int | None
) -> tuple[int, CsvRow | None]:
    """How many of the waiting lines the first record takes, and the record; None for a blank line."""
    first = waiting[0]
    text = first.text or ""
    if first.problem is not None:
        return 1, CsvRow(first.number, first.after, [], text, first.problem)
    if not text.strip():
        return 1, None
    used = 1
    while text.count('"') % 2 and used < MOST_LINES_OF_A_FIELD:
        if used == len(waiting):
            line = next(lines, None)
            if line is None:
                break
            waiting.append(line)
        if waiting[used].problem is not None:
            break
        text += "\n" + (waiting[used].text or "")
        used += 1
    cells = _cells(text, delimiter, columns)
    if not isinstance(cells, Unfit):
        return used, CsvRow(first.number, waiting[used - 1].after, cells, text)
    return 1, CsvRow(first.number, first.after, [], first.text or "", cells)


def _cells(text: str, delimiter: str, columns: int | None) -> list[str] | Unfit:
    try:
        [cells] = csv.reader([text], delimiter=delimiter, strict=True)
    except (csv.Error, ValueError) as error:
        return Unfit(f"not valid CSV ({error})", "mend the quotes of the line and import it again")
    if columns is not None and len(cells) != columns:
        return Unfit(f"the line has {len(cells)} cells, the header {columns}", "mend the line")
    return cells
