"""Attacks on the wall between organizations, on real Postgres, as the roles that would try.

`acme` attacks: through its own login role (bound by organization_roles) and through the application's role
(scoped by set_config). Every text that belongs to `globex` holds MARK, so that a leak shows wherever it turns up.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from isolation_support import (
    ACME,
    ATTACKERS,
    DENIED,
    GLOBEX,
    MARK,
    ROWS,
    attack,
    everything,
    fill,
    foreign,
    organization_tables,
    readable,
    refused,
    session,
)
from sqlalchemy import Engine, text

from modelscout.warehouse.engine import open_engine

INSERTABLE = {"ai_usage_events", "ai_usage_outcomes", "ai_workload_samples"}


@pytest.fixture(scope="module", autouse=True)
def filled(warehouse_url: str) -> Iterator[Engine]:
    """Two organizations with a row in every table, and the login roles. Yields the superuser's engine."""
    engine = open_engine(warehouse_url)
    with engine.begin() as c:
        c.execute(text("SELECT modelscout.ensure_usage_partitions('2026-11-21', '2026-11-24')"))
        c.execute(text("INSERT INTO ai_features (id, name, use_case) VALUES ('chat', 'Chat', 'real_time')"))
        for role, group in (
            ("iso_acme", "modelscout_organization"),
            ("iso_globex", "modelscout_organization"),
            ("iso_unbound", "modelscout_organization"),
            ("iso_application", "modelscout_application"),
            ("iso_pipeline", "modelscout_pipeline"),
        ):
            c.execute(text(f"CREATE ROLE {role} LOGIN IN ROLE {group}"))
        c.exec_driver_sql(
            "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
            "input_usd_per_million_tokens, source) VALUES ('openai', 'shared', 'standard', '2026-01-01', 1, 'list')"
        )
        for organization, slug in ((ACME, "acme"), (GLOBEX, "globex")):
            fill(c, organization, slug)
    yield engine
    engine.dispose()


# The schema itself


def test_every_table_with_an_organization_forces_row_level_security(filled: Engine) -> None:
    tables = organization_tables(filled)
    with filled.connect() as connection:
        open_tables = connection.execute(
            text(
                "SELECT relname FROM pg_class WHERE relname = ANY(:tables) "
                "AND NOT (relrowsecurity AND relforcerowsecurity)"
            ),
            {"tables": [*tables, "ai_models", "ai_model_capabilities"]},
        ).scalars()
        assert list(open_tables) == []
    assert sorted(ROWS) == tables, "a table is new: give both organizations a row in it above"


def test_no_partition_is_granted_to_anybody_and_a_new_one_is_closed(
    filled: Engine, warehouse_url: str
) -> None:
    # Partitions are the exception to the rule above: they have no policies because nobody may touch them.
    with filled.begin() as connection:
        connection.execute(text("SELECT modelscout.ensure_usage_partitions('2026-11-25', '2026-11-25')"))
        connection.exec_driver_sql(
            f"INSERT INTO ai_usage_events {ROWS['ai_usage_events']}".format(o=GLOBEX, t=MARK).replace(
                "22T", "25T"
            )
        )
        partitions = list(
            connection.execute(text("SELECT inhrelid::regclass::text FROM pg_inherits AS i JOIN pg_class AS c "
                                    "ON c.oid = i.inhrelid WHERE c.relkind = 'r'")).scalars()
        )  # fmt: skip
    assert "ai_usage_events_20261125" in partitions
    for role in (*ATTACKERS, "iso_unbound", "iso_pipeline"):
        with attack(warehouse_url, role) as connection:
            for name in partitions:
                assert refused(connection, f"SELECT * FROM {name}") == DENIED
                assert refused(connection, f"SELECT count(*) FROM {name}") == DENIED
                assert refused(connection, f"DELETE FROM {name}") == DENIED


def test_every_view_asks_with_the_rights_of_the_reader(filled: Engine) -> None:
    with filled.connect() as connection:
        views = connection.execute(
            text(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm') "
                "AND NOT coalesce(reloptions::text[], '{}') @> '{security_invoker=true}'"
            )
        ).scalars()
        assert list(views) == []


def test_only_harmless_functions_are_for_everybody(filled: Engine, warehouse_url: str) -> None:
    with session(warehouse_url, "iso_acme") as connection:
        functions = connection.execute(
            text(
                "SELECT proname FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, "
                "'modelscout'::regnamespace) AND has_function_privilege(oid, 'EXECUTE') ORDER BY 1"
            )
        ).scalars()
        # Pure arithmetic, reads with the caller's own rights, or what the session may know of itself.
        harmless = {
            "add_counts",
            "add_user_sketch",
            "callable_providers",
            "distinct_users",
            "histogram_percentile",
            "hour_of",
            "is_private_model",
            "latency_buckets",
            "latency_bucket",
            "merge_counts",
            "merge_user_sketches",
            "model_named",
            "price_periods",
            "price_usage",
            "rollup_slot",
            "selection_slot",
            "session_organization",
            "smallest_users",
            "sum_bigint",
            "transaction_organization",
            "usage_cost",
        }
        assert set(functions) <= harmless
    with filled.connect() as connection:
        loose = connection.execute(
            text(
                "SELECT proname FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, "
                "'modelscout'::regnamespace) AND prosecdef "
                "AND NOT coalesce(array_to_string(proconfig, ','), '') LIKE 'search_path=pg_catalog, pg_temp%'"
            )
        ).scalars()
        assert list(loose) == [], "a definer's function without a fixed search_path"
        definers = connection.execute(
            text(
                "SELECT proname FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, "
                "'modelscout'::regnamespace) AND prosecdef ORDER BY 1"
            )
        ).scalars()
        assert list(definers) == [
            "callable_providers",
            "drop_usage_day",
            "ensure_usage_partitions",
            "hold_usage_day",
            "note_organization_change",
            "note_selection_change",
            "session_organization",
            "usage_days_without_partition",
        ]


def test_no_role_of_ours_passes_by_or_creates(filled: Engine) -> None:
    with filled.connect() as connection:
        strong = connection.execute(
            text(
                "SELECT rolname FROM pg_roles WHERE rolname LIKE ANY('{modelscout_%,iso_%}') AND "
                "(rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication "
                "OR has_schema_privilege(oid, 'public', 'CREATE') "
                "OR has_schema_privilege(oid, 'modelscout', 'CREATE'))"
            )
        ).scalars()
        assert list(strong) == []


# Reading


@pytest.mark.parametrize("role", ATTACKERS)
def test_each_sees_its_own_rows_and_nothing_foreign(warehouse_url: str, role: str) -> None:
    with attack(warehouse_url, role) as connection:
        seen = everything(connection)
    assert foreign(seen) == {}
    empty = [name for name, rows in seen.items() if not any(str(ACME) in row for row in rows)]
    # What is not an organization's own.
    assert set(empty) <= {"ai_features", "ai_model_capabilities", "selection_versions"}
    assert len(seen) >= 15
    assert any("ft:ACME" in row for row in seen["model_catalog"])


@pytest.mark.parametrize("role", [*ATTACKERS, "iso_unbound"])
@pytest.mark.parametrize(
    "table",
    [
        "organization_provider_keys",
        "organization_members",
        "organization_roles",
        "audit_log",
        "organizations",
        "ai_usage_quarantine",
        "ai_usage_imports",
        "ai_usage_priced_sums",
        "usage_closed_days",
        "spend_reservations",
        "ai_benchmark_batches",
        "ai_judge_calibrations",
        "ai_judge_calibration_verdicts",
        "ai_benchmark_answers",
        "evidence_streams",
        "recommendation_baselines",
        "recommendation_days",
        "recommendation_judgements",
        "model_drift_state",
        "model_drift_days",
        "recommender_runs",
        "data_quality_results",
    ],
)
def test_what_only_the_pipeline_needs_is_closed(warehouse_url: str, role: str, table: str) -> None:
    with attack(warehouse_url, role) as connection:
        assert refused(connection, f"SELECT count(*) FROM {table}") == DENIED


def test_the_pipeline_sees_all_organizations_and_may_work(warehouse_url: str) -> None:
    with session(warehouse_url, "iso_pipeline") as connection:
        seen = everything(connection)
        missing = [t for t in ROWS if not any(str(GLOBEX) in row for row in seen.get(t, []))]
        assert missing == []
        append_only = {"audit_log", "ai_judge_calibrations", "ai_judge_calibration_verdicts"}
        for table in set(ROWS) - append_only - {"organization_roles"}:
            assert refused(connection, f"UPDATE {table} SET organization_id = organization_id") is None
        for table in append_only:
            assert refused(connection, f"UPDATE {table} SET organization_id = organization_id") == DENIED
            assert refused(connection, f"DELETE FROM {table}") == DENIED
        assert refused(connection, "UPDATE organization_roles SET organization_id = NULL") == DENIED


def test_a_role_that_is_bound_to_nothing_sees_nothing(warehouse_url: str) -> None:
    with session(warehouse_url, "iso_unbound") as connection:
        seen = everything(connection)
    assert not any(str(ACME) in row for rows in seen.values() for row in rows)
    assert foreign(seen) == {}


@pytest.mark.parametrize("scope", [None, ""])
def test_an_application_without_a_scope_sees_and_writes_nothing(
    warehouse_url: str, scope: str | None
) -> None:
    with session(warehouse_url, "iso_application", scope) as connection:
        seen = everything(connection)
        assert not any(str(o) in row for o in (ACME, GLOBEX) for rows in seen.values() for row in rows)
        row = ROWS["ai_usage_events"].format(o=ACME, t="x")
        assert refused(connection, f"INSERT INTO ai_usage_events {row}") == DENIED


@pytest.mark.parametrize("scope", ["globex", "'", "00000000-0000-0000-0000-0000000000b", "null", "%", " "])
def test_a_malformed_scope_is_an_error_that_tells_nothing(warehouse_url: str, scope: str) -> None:
    with session(warehouse_url, "iso_application", scope) as connection:
        for name in ("ai_usage_events", "current_model_recommendations", "feature_assignments"):
            assert refused(connection, f"SELECT * FROM {name}") == "22P02"


def test_a_scope_ends_with_its_transaction(warehouse_url: str) -> None:
    with session(warehouse_url, "iso_application", str(ACME)) as connection:
        count = text("SELECT count(*) FROM ai_usage_events")
        assert connection.execute(count).scalar() == 1
        connection.commit()
        assert connection.execute(count).scalar() == 0


# Writing


def _globex_row(engine: Engine, table: str) -> str:
    with engine.connect() as connection:
        row = connection.execute(
            text(f"SELECT to_jsonb(t) FROM {table} AS t WHERE organization_id = :o LIMIT 1"), {"o": GLOBEX}
        ).scalar_one()
    return json.dumps(row | {"request_id": "planted", "item_key": "planted", "id": str(uuid.uuid4())})


@pytest.mark.parametrize("role", ATTACKERS)
@pytest.mark.parametrize("table", sorted(ROWS))
def test_nothing_foreign_is_written(filled: Engine, warehouse_url: str, role: str, table: str) -> None:
    before = _digest(filled, table)
    with filled.connect() as connection:
        columns = connection.execute(
            text(
                "SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = cast(:t AS regclass) "
                "AND attnum > 0 AND attidentity = '' AND attgenerated = ''"
            ),
            {"t": table},
        ).scalar_one()
    planted = {"row": _globex_row(filled, table)}
    source = f"jsonb_populate_record(NULL::{table}, cast(:row AS jsonb))"
    with attack(warehouse_url, role) as connection:
        insert = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source}"
        for statement, parameters in (
            (insert, planted),
            (f"{insert} ON CONFLICT DO NOTHING", planted),
            (f"UPDATE {table} SET organization_id = '{GLOBEX}'", {}),
            (f"UPDATE {table} SET organization_id = '{ACME}'", {}),
            (f"DELETE FROM {table} WHERE organization_id = '{GLOBEX}'", {}),
            (f"SELECT * FROM {table} FOR UPDATE", {}),
            (f"TRUNCATE {table} CASCADE", {}),
            (f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY", {}),
            (f"CREATE POLICY mine ON {table} USING (TRUE)", {}),
            (
                f"CREATE TRIGGER spy AFTER INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
                {},
            ),
            (f"GRANT ALL ON {table} TO {role}", {}),
        ):
            outcome = refused(connection, statement, parameters)
            # GRANT without a grant option is a warning where the role holds some privilege itself.
            if not (statement.startswith("GRANT") and outcome is None):
                assert outcome == DENIED, statement
    assert _digest(filled, table) == before


def _digest(engine: Engine, table: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(
            text(
                f"SELECT count(*), string_agg(to_jsonb(t)::text, ',' ORDER BY to_jsonb(t)::text) FROM {table} AS t"
            )
        ).one()


@pytest.mark.parametrize("role", ATTACKERS)
def test_own_rows_can_be_added_and_are_not_changed_afterwards(warehouse_url: str, role: str) -> None:
    with attack(warehouse_url, role) as connection:
        for table in sorted(INSERTABLE):
            own = ROWS[table].format(o=ACME, t="new").replace("'r1'", "'r2'").replace("'i'", "'i2'")
            assert refused(connection, f"INSERT INTO {table} {own}") is None
            assert refused(connection, f"UPDATE {table} SET organization_id = organization_id") == DENIED
            assert refused(connection, f"DELETE FROM {table}") == DENIED


def test_the_same_request_id_of_another_organization_is_no_conflict(warehouse_url: str) -> None:
    with session(warehouse_url, "iso_acme") as connection:
        taken = ROWS["ai_usage_outcomes"].format(o=ACME, t=MARK)
        assert refused(connection, f"INSERT INTO ai_usage_outcomes {taken}") is None


# Tricks


@pytest.mark.parametrize(
    "setting",
    [
        f"set_config('modelscout.organization_id', '{GLOBEX}', {{local}})",
        f"set_config('modelscout.session_organization', '{GLOBEX}', {{local}})",
        "set_config('search_path', 'pg_temp, public', {local})",
        "set_config('plan_cache_mode', 'force_generic_plan', {local})",
        "set_config('application_name', 'iso_globex', {local})",
    ],
)
@pytest.mark.parametrize("local", ["true", "false"])
def test_no_setting_changes_what_an_organizations_role_sees(
    warehouse_url: str, setting: str, local: str
) -> None:
    with session(warehouse_url, "iso_acme") as connection:
        connection.execute(text(f"SELECT {setting.format(local=local)}"))
        seen = everything(connection)
        assert foreign(seen) == {}
        assert any(str(ACME) in row for row in seen["ai_usage_events"])


@pytest.mark.parametrize("role", ATTACKERS)
@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE modelscout_pipeline", "SET ROLE iso_globex", "SET ROLE postgres", "SET ROLE pg_read_all_data",
        "SET SESSION AUTHORIZATION iso_globex", "ALTER ROLE CURRENT_USER BYPASSRLS",
        "ALTER ROLE iso_globex PASSWORD 'x'", "GRANT modelscout_pipeline TO CURRENT_USER",
        "SET row_security = off; SELECT * FROM ai_usage_events", "CREATE TABLE public.mine (i int)",
        "CREATE FUNCTION modelscout.mine() RETURNS int LANGUAGE sql RETURN 1",
        "SELECT modelscout.ensure_usage_partitions('2030-01-01', '2030-01-02')",
        "COPY ai_usage_events TO PROGRAM 'cat'", "COPY ai_usage_events TO '/tmp/modelscout-leak'",
        "SELECT pg_read_file('PG_VERSION')",
    ],
)  # fmt: skip
def test_no_statement_makes_a_role_stronger(warehouse_url: str, role: str, statement: str) -> None:
    with attack(warehouse_url, role) as connection:
        assert refused(connection, statement) == DENIED


def test_the_group_role_sees_what_the_session_is_bound_to(warehouse_url: str) -> None:
    with session(warehouse_url, "iso_acme") as connection:
        connection.execute(text("SET ROLE modelscout_organization"))
        seen = everything(connection)
    assert foreign(seen) == {}
    assert any(str(ACME) in row for row in seen["ai_usage_events"])


@pytest.mark.parametrize("role", ATTACKERS)
def test_shadowing_tables_and_functions_does_not_help(warehouse_url: str, role: str) -> None:
    with attack(warehouse_url, role) as connection:
        for statement in (
            f"CREATE TEMP TABLE organization_roles AS SELECT session_user::text AS role_name, '{GLOBEX}'::uuid "
            "AS organization_id",
            f"CREATE FUNCTION pg_temp.session_organization() RETURNS uuid LANGUAGE sql RETURN '{GLOBEX}'::uuid",
            f"CREATE FUNCTION pg_temp.nullif(text, text) RETURNS text LANGUAGE sql RETURN '{GLOBEX}'",
            "SET search_path = pg_temp, modelscout, public",
        ):
            connection.execute(text(statement))
        assert foreign(everything(connection)) == {}


@pytest.mark.parametrize("role", ATTACKERS)
def test_a_cheap_function_in_the_condition_is_never_shown_foreign_rows(warehouse_url: str, role: str) -> None:
    with attack(warehouse_url, role) as connection:
        connection.execute(text("CREATE TEMP TABLE spied (row_text text)"))
        connection.execute(
            text(
                "CREATE FUNCTION pg_temp.spy(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS "
                "'BEGIN INSERT INTO pg_temp.spied VALUES (to_jsonb($1)#>>''{}''); RETURN true; END'"
            )
        )
        for name in readable(connection):
            connection.execute(text(f'SELECT count(*) FROM "{name}" AS t WHERE pg_temp.spy(to_jsonb(t))'))
        spied = list(connection.execute(text("SELECT row_text FROM pg_temp.spied")).scalars())
    assert any(str(ACME) in row for row in spied)
    assert foreign({"spied": spied}) == {}


@pytest.mark.parametrize("role", ATTACKERS)
def test_other_ways_to_read_give_nothing_foreign(filled: Engine, warehouse_url: str, role: str) -> None:
    with filled.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    with attack(warehouse_url, role) as connection:
        for expression in (
            "SELECT string_agg(s::text, ' ') FROM pg_stats_ext AS s",
            "SELECT string_agg(s::text, ' ') FROM pg_stats AS s",
            "SELECT string_agg(s::text, ' ') FROM pg_stat_activity AS s",
            "EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) SELECT * FROM ai_usage_events",
        ):
            shown = str(connection.execute(text(expression)).scalars().all())
            assert MARK not in shown
            assert str(GLOBEX) not in shown


@pytest.mark.parametrize("role", ATTACKERS)
def test_copy_obeys_the_policies_too(warehouse_url: str, role: str) -> None:
    with attack(warehouse_url, role) as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        for table in ("ai_usage_events", "ai_workload_samples", "ai_model_analytics"):
            with driver.cursor() as cursor, cursor.copy(f"COPY (TABLE {table}) TO STDOUT") as copy:
                lines = [bytes(line).decode() for line in copy]
            assert any(str(ACME) in line for line in lines)
            assert foreign({table: lines}) == {}
        line = f"{GLOBEX}\tplanted\tcheck\t1\t2026-11-22T00:00Z\n"
        columns = "organization_id, request_id, kind, score, recorded_at"
        with (
            pytest.raises(psycopg.Error) as error,
            driver.cursor() as cursor,
            cursor.copy(f"COPY ai_usage_outcomes ({columns}) FROM STDIN") as copy,
        ):
            copy.write(line)
        assert error.value.sqlstate in (DENIED, "0A000")


def test_another_organizations_negotiated_price_is_not_given_out(filled: Engine, warehouse_url: str) -> None:
    call = text(
        "SELECT cost_usd FROM modelscout.price_usage(:o, 'openai', 'shared', 'standard', '2026-11-22', "
        "1000000, 0, 0, 0, 0, 0, 0)"
    )
    with session(warehouse_url, "iso_acme") as connection:
        assert connection.execute(call, {"o": ACME}).scalar() == 7
        assert connection.execute(call, {"o": GLOBEX}).scalar() == 1
    with filled.connect() as connection:
        assert connection.execute(call, {"o": GLOBEX}).scalar() == 7
