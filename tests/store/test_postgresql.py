"""Stories of a register on a real PostgreSQL server: what may be wrong with it, and what happens when it dies."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine, make_url, text

from callcenter.app.register import open_register
from callcenter.config import Config
from callcenter.reports.audit import Audit, AuditCheck
from callcenter.request_register.call_backs import CallBackRegister
from callcenter.request_register.register import RequestRegister
from callcenter.requests.call_back import CallBackState, Withdraw
from callcenter.store import Register, RegisterError, Writer
from callcenter.store.spool import Spool
from tests.databases import SYNCED, Server, stored
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, MINUTE, answered, new
from tests.store.stories import arrival, eventually, presence, wall
from tests.store.test_database import alembic_config


@asynccontextmanager
async def opened(url: str, **options: str) -> AsyncIterator[Register]:
    register = await Register.open(url, busy_timeout=0.05, **options)  # type: ignore[arg-type]
    try:
        yield register
    finally:
        await register.close()


def by(user: str, url: str, password: str = "") -> str:
    """The address for another user."""
    return make_url(url).set(username=user, password=password or None).render_as_string(hide_password=False)


# -- what is told ----------------------------------------------------------------------------------------------


async def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(RegisterError, match="can't be reached"):
        await Register.open(f"postgresql://callcenter@/x?host={tmp_path}", password="very-secret")
    with pytest.raises(
        RegisterError, match=r"^the register postgresql://callcenter@127.0.0.1:1/x can't be reached"
    ) as it:
        await Register.open("postgresql://callcenter@127.0.0.1:1/x", password="very-secret")
    assert "very-secret" not in f"{it.value} {it.value.__cause__}"


async def test_a_database_that_is_not_there(postgresql: Server) -> None:
    with pytest.raises(RegisterError, match="nowhere"):
        await Register.open(postgresql.url("nowhere"))


async def test_a_database_that_cannot_keep_every_text(postgresql: Server) -> None:
    with postgresql.connect() as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(RegisterError, match="encoding LATIN1; make the database with ENCODING 'UTF8'"):
        await Register.open(postgresql.url("latin"))
    postgresql.drop("latin")


async def test_a_database_of_another_program_is_left_alone(postgresql: Server) -> None:
    name = postgresql.copy("template0")
    stored(postgresql.url(name), "CREATE TABLE bookmarks (url text)")
    with pytest.raises(RegisterError, match="some other program"):
        await Register.open(postgresql.url(name))
    postgresql.drop(name)


async def test_a_register_of_a_newer_version_is_left_alone(postgresql_url: str) -> None:
    stored(postgresql_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RegisterError, match=r"newer version .*9999"):
        await Register.open(postgresql_url)


async def test_a_user_who_may_make_no_tables_is_told_so_before_anything_is_tried(postgresql: Server) -> None:
    name = postgresql.copy("template0")
    with postgresql.connect() as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN")
    with pytest.raises(RegisterError, match="may make no tables there; let it own the database"):
        await Register.open(by("guest", postgresql.url(name)), create=False)
    with pytest.raises(RegisterError, match="too few rights"):
        await Register.open(by("guest", postgresql.url(name)))
    postgresql.drop(name)


async def test_two_controllers_that_start_at_once_make_the_tables_once(postgresql: Server) -> None:
    name = postgresql.copy("template0")
    for register in await asyncio.gather(*(Register.open(postgresql.url(name), busy_timeout=30) for _ in range(3))):
        await register.close()
    assert stored(postgresql.url(name), "SELECT count(*) FROM alembic_version") == [(1,)]
    postgresql.drop(name)


async def test_the_upgrade_can_be_taken_back(postgresql_url: str) -> None:
    engine = create_engine(make_url(postgresql_url).set(drivername="postgresql+psycopg"))
    for to in ("base", "head"):
        with engine.begin() as connection:
            (command.downgrade if to == "base" else command.upgrade)(alembic_config(connection), to)
    engine.dispose()
    async with opened(postgresql_url) as register:
        await Audit(register).enter(wall(0), "anna", "register show", "")


# -- troubles --------------------------------------------------------------------------------------------------

AWAY = (
    "53100",
    "53200",
    "53300",
    "57014",
    "57P01",
    "57P03",
    "40001",
    "40P01",
    "55P03",
    "25006",
    "08006",
    "42501",
    "42P01",
)
"""Disk full, out of memory, too many connections, cancelled, shut down, starting, changed meanwhile, deadlock, locked,
read only, connection lost, no rights, no such table."""
TO_BLAME = ("22001", "22003", "22P02", "23502", "23503", "23505", "22021")
"""A fact that is too long, out of range, malformed, empty, without its call, there already, of no encoding."""
_FAIL = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.call = 'bad' THEN RAISE EXCEPTION 'trouble' USING ERRCODE = '{state}'; END IF;
    RETURN NEW;
END $$"""


@pytest.mark.parametrize("state", AWAY)
async def test_a_trouble_that_passes_sets_no_fact_aside(postgresql_url: str, tmp_path: Path, state: str) -> None:
    stored(postgresql_url, _FAIL.format(state=state))
    stored(postgresql_url, "CREATE TRIGGER fail BEFORE INSERT ON calls FOR EACH ROW EXECUTE FUNCTION fail()")
    spool = Spool(tmp_path / "spool")
    async with opened(postgresql_url) as register:
        writer = Writer(register, wall, spool)
        writer.start()
        for call in ("before", "bad", "after"):
            writer.put(arrival(call))
        await eventually(lambda: writer.failures >= 1)
        assert (writer.refused, writer.pending, spool.facts) == (0, 3, 3)
        stored(postgresql_url, "DROP TRIGGER fail ON calls")
        assert await writer.stop(10)
    assert stored(postgresql_url, "SELECT call FROM calls ORDER BY id") == [("before",), ("bad",), ("after",)]
    spool.close()


@pytest.mark.parametrize("state", TO_BLAME)
async def test_a_fact_that_is_to_blame_holds_up_no_other(
    postgresql_url: str, tmp_path: Path, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    stored(postgresql_url, _FAIL.format(state=state))
    stored(postgresql_url, "CREATE TRIGGER fail BEFORE INSERT ON calls FOR EACH ROW EXECUTE FUNCTION fail()")
    spool = Spool(tmp_path / "spool")
    async with opened(postgresql_url) as register:
        writer = Writer(register, wall, spool)
        writer.start()
        for call in ("before", "bad", "after"):
            writer.put(arrival(call))
        assert await writer.stop(10)
        assert (writer.refused, spool.facts) == (1, 0)
    assert stored(postgresql_url, "SELECT call FROM calls ORDER BY id") == [("before",), ("after",)]
    assert "+73420000001" not in caplog.text, "personal data"
    spool.close()


async def test_a_number_that_no_column_holds_is_set_aside(postgresql_url: str, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    async with opened(postgresql_url) as register:
        writer = Writer(register, wall, spool)
        writer.start()
        writer.put(arrival("bad", cause=2**40))
        writer.put(arrival("good"))
        assert await writer.stop(10)
        assert writer.refused == 1
    assert stored(postgresql_url, "SELECT call FROM calls") == [("good",)]
    spool.close()


@pytest.mark.clause("ESTP 5.6.1")
async def test_a_server_that_dies_and_comes_back_has_every_fact_once(own_server: Server, tmp_path: Path) -> None:
    """Killed like a machine without power, in the middle of writing; the controller goes on by itself."""
    with own_server.connect() as connection:
        connection.execute("CREATE DATABASE line")
    url, spool = own_server.url("line"), Spool(tmp_path / "spool")
    async with opened(url) as register:
        writer = Writer(register, wall, spool)
        writer.start()
        for number in range(3000):
            writer.put(arrival(f"{number}", number))
            if number == 1500:
                await eventually(lambda: writer.written > 0)
                own_server.kill()
            await asyncio.sleep(0)
        await eventually(lambda: writer.failures >= 1)
        with pytest.raises(RegisterError, match="can't be reached|takes no connection|just being stopped or started"):
            await register.owed_calls(wall(0))
        own_server.run(os.getpid(), **SYNCED)
        assert await writer.drain(30)
        assert await register.owed_calls(wall(0)) == [], "connections of before are not offered to anybody"
        writer.put(presence("101", 9.0, "available", "log in"))
        assert await writer.stop(10)
        assert writer.refused == 0
    assert stored(url, "SELECT count(*), count(DISTINCT call) FROM calls") == [(3000, 3000)]
    spool.close()


async def test_the_password_of_the_secrets_file_is_used_and_never_told(own_server: Server, tmp_path: Path) -> None:
    with own_server.connect() as connection:
        connection.execute("SET password_encryption = 'scram-sha-256'")
        connection.execute("CREATE ROLE keeper LOGIN PASSWORD 'very-secret'")
        connection.execute("CREATE DATABASE line OWNER keeper")
        hba = own_server.folder / "data" / "pg_hba.conf"
        hba.write_text("local all callcenter trust\nlocal all keeper scram-sha-256\n")
        connection.execute("SELECT pg_reload_conf()")
    path = tmp_path / "config.yaml"
    address = by("keeper", own_server.url("line"))
    path.write_text(f"lines: {{estp: {{numbers: ['+73422921960']}}}}\ndatabase: {address}\n")
    config = Config.load(path)
    with pytest.raises(RegisterError, match="no password supplied"):
        await open_register(config)
    config.var.mkdir()
    for password, told in (("very-wrong", "takes no connection: password authentication failed"), ("very-secret", "")):
        secrets = config.var / "secrets.yaml"
        secrets.write_text(f"ami: x\ndevices: x\nturn: x\ndatabase: {password}\n")
        secrets.chmod(0o600)
        if told:
            with pytest.raises(RegisterError, match=told) as caught:
                await open_register(config)
            assert password not in f"{caught.value} {caught.value.__cause__!r}"
        else:
            register = await open_register(config)
            assert "very-secret" not in f"{register.name} {register.engine!r}"
            await register.close()


async def test_a_server_without_a_free_connection_is_waited_for(own_server: Server, tmp_path: Path) -> None:
    with own_server.connect() as connection:
        connection.execute("CREATE DATABASE line")
    url = own_server.url("line")
    async with opened(url) as register:
        writer = Writer(register, wall, Spool(tmp_path / "spool"))
        with own_server.connect() as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'line'")
        others: list[psycopg.Connection[Any]] = []
        with suppress(psycopg.OperationalError):
            while len(others) < 30:
                others.append(own_server.connect())
        assert len(others) < 30
        writer.start()
        writer.put(arrival("1"))
        await eventually(lambda: writer.failures >= 1)
        for other in others:
            other.close()
        assert await writer.stop(20)
    assert stored(url, "SELECT call FROM calls") == [("1",)]


# -- two processes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("patience", [0.3, 5.0], ids=["a lock is held too long", "a deadlock"])
async def test_two_that_hold_what_the_other_one_waits_for_both_come_through(
    postgresql_url: str, patience: float
) -> None:
    """One withdraws the call-back of a request, whose words another process erases just then, call-back and all."""
    register = await Register.open(postgresql_url, busy_timeout=patience)
    try:
        book = CallBackRegister(register, of_lines)
        filed = await new(RequestRegister(register, of_lines))
        number, version, at = filed.requester.number, filed.request.version, CALLED + 5 * MINUTE
        one = await book.order(filed.request.id, version, number, None, (), "101", at)
        with psycopg.connect(postgresql_url) as other:
            other.execute("UPDATE requests SET essentials = ''")
            withdrawn = asyncio.create_task(book.act(one.id, Withdraw("no use"), "201", at + MINUTE))
            with psycopg.connect(postgresql_url, autocommit=True) as watching:
                waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
                await eventually(lambda: watching.execute(waits).fetchone() == (1,))
            await asyncio.to_thread(other.execute, "UPDATE call_backs SET words = ''")
        assert (await withdrawn).state is CallBackState.WITHDRAWN
    finally:
        await register.close()
    assert stored(postgresql_url, "SELECT state, words FROM call_backs") == [("withdrawn", "")]
    assert stored(postgresql_url, "SELECT essentials FROM requests") == [("",)]


# -- rights ----------------------------------------------------------------------------------------------------


async def test_a_controller_that_may_not_change_what_is_only_added_to(postgresql: Server, postgresql_url: str) -> None:
    """As docs/database.md has it: the tables of the two histories belong to somebody else."""
    document = (Path(__file__).parents[2] / "docs" / "database.md").read_text()
    rights = document.partition("-- rights\n")[2].partition("```")[0]
    with postgresql.connect() as connection:
        for role in ("worker", "callcenter_keeper"):
            connection.execute(f"DROP ROLE IF EXISTS {role}".encode())
        connection.execute("CREATE ROLE worker LOGIN")
        connection.execute("CREATE ROLE callcenter_keeper")
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO worker")
        connection.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO worker")
        connection.execute("ALTER DATABASE " + str(make_url(postgresql_url).database) + " OWNER TO worker")
        connection.execute(rights.replace(" callcenter;", " worker;").encode())
    async with opened(by("worker", postgresql_url)) as register:
        log = Audit(register)
        await log.enter(wall(0), "anna", "register show", "")
        await log.enter(wall(0), "boris", "register show", "")
        assert [problem async for problem in AuditCheck(register).problems()] == []
        filed = await answered(RequestRegister(register, of_lines))
        assert filed.request.version > 1
        for statement in (
            "UPDATE audit SET who = 'nobody'",
            "TRUNCATE audit",
            "ALTER TABLE audit DISABLE TRIGGER ALL",
            "DELETE FROM request_history",
            "UPDATE request_history SET by = 'nobody'",
            "DROP TABLE request_history",
        ):
            with pytest.raises(RegisterError, match="too few rights"):
                await register.read(lambda connection, what=statement: connection.execute(text(what)).close())  # type: ignore[misc]
    postgresql.drop(str(make_url(postgresql_url).database))
    with postgresql.connect() as connection:
        for role in ("worker", "callcenter_keeper"):
            connection.execute(f"DROP ROLE {role}".encode())
