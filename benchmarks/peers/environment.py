"""Makes the peers' own environment under the data folder, and runs a peer in it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / ".modelscout/peers"


class Answers(NamedTuple):
    """What a peer answered, one for each call, and how long the calls alone took."""

    values: list[str]
    """An amount as text, or `!` and the name of an error."""
    seconds: float


def environment(name: str = "pricing") -> Path:
    """The interpreter of an environment of the peers, which is made where it is missing or out of date.

    `<name>.txt` beside this file is installed, and `<name>_newest.txt`, if there is one, over it without what it asks
    for.
    """
    files = [file for file in (HERE / f"{name}.txt", HERE / f"{name}_newest.txt") if file.exists()]
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    folder = FOLDER / name
    stamp, python = folder / "installed", folder / "venv/bin/python"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing the peers into {folder.relative_to(HERE.parents[1])} (once)", flush=True)
        venv.create(folder / "venv", with_pip=True, clear=True)
        for number, file in enumerate(files):
            alone = ["--no-deps"] if number else []
            install = [python, "-m", "pip", "install", "-q", *alone, "-r", file]
            subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
        stamp.write_text(wanted)
    return python


def ask(peer: str, calls: Iterable[Sequence[Any]], folder: Path) -> Answers:
    """Let `peer` (`genai_prices` or `litellm`) price the calls; `folder` takes the files in between."""
    calls_file, answers_file = folder / "calls.jsonl", folder / f"{peer}.txt"
    if not calls_file.exists():
        with calls_file.open("w") as file:
            file.writelines(json.dumps(list(call)) + "\n" for call in calls)
    subprocess.run(
        [environment(), HERE / "price_peer.py", peer, calls_file, answers_file],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    *values, last = answers_file.read_text().splitlines()
    return Answers(values, float(json.loads(last)["seconds"]))
