"""`python -m modelscout.emulator`: serve the emulator until it is stopped."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from modelscout.core.errors import ConfigurationError
from modelscout.emulator.answers import AnswerKey, load_answers
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import load_profile


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; 2 where profile or answers are wrong."""
    parser = argparse.ArgumentParser(prog="python -m modelscout.emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--profile", type=Path, required=True, help="JSON file with keys and models")
    parser.add_argument("--answers", type=Path, help="answer key in JSON lines")
    options = parser.parse_args(arguments)
    try:
        profile = load_profile(options.profile)
        answers = load_answers(options.answers) if options.answers else AnswerKey()
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    app = create_app(profile, answers)
    uvicorn.run(app, host=options.host, port=options.port, access_log=False, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
