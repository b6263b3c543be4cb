"""Asks questions with inspect-ai: `runner_peer.py BASE_URL KEY MODEL QUESTIONS CONCURRENCY`; prints the seconds.

Runs in the peers' own environment and imports nothing of Modelscout. The seconds are those between the start and the
end that inspect-ai writes into its own log, which leaves its loading out.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path


def main() -> int:
    base_url, key, model, questions_file, concurrency = sys.argv[1:6]
    from inspect_ai import Task
    from inspect_ai import eval as evaluate
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import get_model
    from inspect_ai.scorer import includes
    from inspect_ai.solver import generate

    questions = json.loads(Path(questions_file).read_text())
    samples = [Sample(input=question, target=str(n)) for n, question in enumerate(questions)]
    [log] = evaluate(
        Task(dataset=MemoryDataset(samples), solver=generate(), scorer=includes()),
        model=get_model(f"openai/{model}", base_url=base_url, api_key=key, memoize=False),
        max_connections=int(concurrency),
        max_samples=int(concurrency),
        max_tokens=64,
        display="none",
        log_dir=str(Path.cwd() / "inspect-logs"),
    )
    started, completed = (datetime.fromisoformat(t) for t in (log.stats.started_at, log.stats.completed_at))
    if log.status != "success":
        print(json.dumps({"error": str(log.error)}))
        return 1
    print(json.dumps({"seconds": (completed - started).total_seconds(), "samples": len(log.samples or [])}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
