"""The little that the launcher needs of Airflow's REST API."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2

from modelscout.core.errors import ModelscoutError


class AirflowUnavailable(ModelscoutError):
    """Airflow did not answer in time, or not as expected."""


@dataclass(frozen=True, slots=True)
class DagRunState:
    """One run of one DAG."""

    dag_id: str
    run_id: str
    run_type: str
    state: str
    asset_triggered: bool


class AirflowApi:
    """A client with a token; every call raises AirflowUnavailable where Airflow does not answer well."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx2.Client(base_url=base_url, timeout=30.0, trust_env=False)

    def log_in(self, user: str, password: str) -> None:
        """Fetch a token."""
        answer = self._request("POST", "/auth/token", json={"username": user, "password": password})
        self._client.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def healthy(self) -> bool:
        """Whether metadata, scheduler and DAG processor are healthy."""
        try:
            answer = self._client.get("/api/v2/monitor/health")
        except httpx2.HTTPError:
            return False
        if answer.status_code != httpx2.codes.OK:
            return False
        parts = answer.json()
        needed = ("metadatabase", "scheduler", "dag_processor")
        return all((parts.get(name) or {}).get("status") == "healthy" for name in needed)

    def parsed_since(self, moment: datetime) -> set[str]:
        """DAGs whose file was parsed after `moment`."""
        dags = self._request("GET", "/api/v2/dags", params={"limit": 100, "tags": "modelscout"})["dags"]
        return {
            dag["dag_id"]
            for dag in dags
            if dag["last_parsed_time"] and datetime.fromisoformat(dag["last_parsed_time"]) > moment
        }

    def import_errors(self) -> list[str]:
        """Errors of DAG files."""
        errors = self._request("GET", "/api/v2/importErrors")["import_errors"]
        return [f"{e['filename']}: {e['stack_trace']}" for e in errors]

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run it."""
        self._request("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run; returns its id."""
        body = {"logical_date": None, "conf": conf or {}}
        return str(self._request("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def runs_since(self, moment: datetime) -> list[DagRunState]:
        """Runs that were queued after `moment`, oldest first."""
        answer = self._request(
            "GET",
            "/api/v2/dags/~/dagRuns",
            params={"limit": 100, "order_by": "run_after", "run_after_gte": moment.isoformat()},
        )
        return [
            DagRunState(
                r["dag_id"], r["dag_run_id"], r["run_type"], r["state"], r["run_type"] == "asset_triggered"
            )
            for r in answer["dag_runs"]
        ]

    def failed_task_logs(self, run: DagRunState, *, lines: int = 60) -> str:
        """The end of the log of every failed task of a run."""
        base = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances"
        parts = []
        for task in self._request("GET", base, params={"limit": 100})["task_instances"]:
            if task["state"] != "failed":
                continue
            log = self._request(
                "GET",
                f"{base}/{task['task_id']}/logs/{task['try_number']}",
                params={"map_index": task["map_index"], "full_content": True},
            )
            parts.append(f"--- {run.dag_id}.{task['task_id']}\n" + "\n".join(_log_lines(log)[-lines:]))
        return "\n".join(parts)

    def close(self) -> None:
        """Free the connections."""
        self._client.close()

    def _request(self, method: str, path: str, **arguments: Any) -> Any:
        for attempt in range(3):
            try:
                answer = self._client.request(method, path, **arguments)
            except httpx2.HTTPError as error:
                if attempt == 2 or method == "POST":
                    raise AirflowUnavailable(f"Airflow does not answer {method} {path}: {error}") from error
                time.sleep(1.0)
                continue
            if answer.is_error:
                raise AirflowUnavailable(
                    f"Airflow answers {answer.status_code} to {method} {path}: {answer.text}"
                )
            return answer.json()
        raise AirflowUnavailable(f"Airflow does not answer {method} {path}")


def _log_lines(log: Any) -> list[str]:
    content = log.get("content", [])
    if isinstance(content, str):
        return content.splitlines()
    lines: list[str] = []
    for entry in content:
        if not isinstance(entry, dict):
            lines.append(str(entry))
            continue
        lines.append(str(entry.get("event", "")))
        for error in entry.get("error_detail") or []:
            lines += _error_lines(error)
    return lines


def _error_lines(error: dict[str, Any]) -> list[str]:
    """Frames and message of one exception, then those that a group holds."""
    frames = error.get("frames") or []
    lines = [f"  {f.get('filename')}:{f.get('lineno')} in {f.get('name')}" for f in frames]
    lines.append(f"  {error.get('exc_type')}: {error.get('exc_value')}")
    for group in error.get("exceptions") or []:
        for inner in group:
            lines += _error_lines(inner)
    return lines
