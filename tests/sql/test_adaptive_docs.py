"""The example of docs/adaptive.md, run as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from selection_support import ACME, assign, change, fill
from sqlalchemy import Engine, text

from emulator_thread import served
from modelscout.core.fingerprint import content_fingerprint
from modelscout.emulator.answers import AnswerKey, parse_answer
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import parse_profile

PAGE = Path(__file__).parents[2] / "docs/adaptive.md"
QUESTION = "What is 17 plus 26?"
PROFILE = {
    "latency_scale": 0,
    "keys": {f"sk-{p}": {"organization": "acme", "provider": p} for p in ("openai", "anthropic")},
    "models": {
        "openai/gpt-6-luna": {"lifecycle": "retired"},
        "anthropic/claude-haiku-5-5": {"quality": {"default": 1.0}},
    },
}
ANSWER = {"fingerprint": content_fingerprint(QUESTION), "feature": "chat", "correct": "43", "wrong": ["41"]}


def blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def test_the_program(engine: Engine, warehouse_url: str, tmp_path: Path) -> None:
    fill(engine)
    change(engine, "SELECT modelscout.ensure_usage_partitions(current_date - 1, current_date + 1)")
    for short, name in {"luna": "gpt-6-luna", "haiku": "claude-haiku-5-5"}.items():
        for table in ("ai_models", "ai_model_prices"):
            change(
                engine,
                f"UPDATE {table} SET provider_model_id = :n WHERE provider_model_id = :s",
                n=name,
                s=short,
            )
    assign(engine, ACME, "chat", "openai/luna", "anthropic/haiku")
    [program], answer = blocks("python"), blocks("text")[0]
    with served(create_app(parse_profile(PROFILE), AnswerKey([parse_answer(ANSWER)]))) as url:
        environment = os.environ | {
            "MODELSCOUT_DATABASE_URL": warehouse_url,
            "MODELSCOUT_DATA_DIR": str(tmp_path),
            "OPENAI_API_KEY": "sk-openai",
            "OPENAI_BASE_URL": f"{url}/openai/v1",
            "ANTHROPIC_API_KEY": "sk-anthropic",
            "ANTHROPIC_BASE_URL": f"{url}/anthropic",
        }
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=False,
        )
    assert done.stdout == answer, done.stderr
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT attempt, error_type FROM ai_usage_events ORDER BY 1")).all()
        judged = connection.execute(text("SELECT kind, score FROM ai_usage_outcomes")).all()
    assert [tuple(row) for row in rows] == [(1, "model_not_found"), (2, None)]
    assert [tuple(row) for row in judged] == [("rating", 1)]
