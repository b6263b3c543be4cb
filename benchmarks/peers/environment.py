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


def environment() -> Path:
    """The interpreter of the peers' environment, which is made where it is missing or out of date."""
    files = [HERE / "requirements.txt", HERE / "newest.txt"]
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    stamp, python = FOLDER / "installed", FOLDER / "venv/bin/python"
    if not stamp.exists() or stamp.read_text() != wanted:
        print("installing the peers into .modelscout/peers (once)", flush=True)
        venv.create(FOLDER / "venv", with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "-q"]
        subprocess.run([*install, "-r", files[0]], check=True, stderr=subprocess.DEVNULL)
        subprocess.run([*install, "--no-deps", "-r", files[1]], check=True, stderr=subprocess.DEVNULL)
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
