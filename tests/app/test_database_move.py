"""Stories of a register that goes from a file to a server: all of it, or nothing that a controller would start on."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection

from callcenter.app import database_move
from callcenter.app.database_move import Moved, MoveError, move_register
from callcenter.cli.main import main
from callcenter.config import VAR_OVERRIDE, Config
from callcenter.core.records import PromiseResult
from callcenter.knowledge.article import ArticleText
from callcenter.knowledge.article_table import ArticleTable
from callcenter.reports.audit import Audit, AuditCheck
from callcenter.request_register.board import RequestBoard
from callcenter.request_register.call_backs import CallBackRegister
from callcenter.request_register.register import RequestRegister
from callcenter.store import Register, RegisterError, Writer
from callcenter.store.spool import Spool
from tests.databases import Server, held, programs, stored
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, MINUTE, answered, draft, new
from tests.store.stories import announcement, arrival, presence, wall

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PROJECT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The shipped configuration, with a register of its own."""
    monkeypatch.setenv(VAR_OVERRIDE, str(tmp_path / "var"))
    return Config.load(PROJECT / "config.yaml")


@pytest.fixture
async def file(config: Config) -> Path:
    """A register with something of everything, and some rows taken out again."""
    register = await Register.open(config.database)
    writer = Writer(register, wall)
    writer.start()
    for number in range(25):
        writer.put(arrival(f"{number}", 60.0 * number, waiting=number / 3, customer="Кедр 🌲 'и' \\ другие"))
        writer.put(announcement(f"{number}", 1, 60.0 * number, waited=0.1, result=PromiseResult.ANSWERED))
    writer.put(presence("101", 0.0, "available", "log in"))
    assert await writer.stop(10)
    log = Audit(register)
    for number in range(5):
        await log.enter(wall(number), "anna", "register show", f"{number}")
    requests = RequestRegister(register, of_lines)
    for number in range(4):
        await answered(requests, words=f"Не подписывается контракт {number}")
    form = await draft(requests)
    await CallBackRegister(register, of_lines).order(
        form.request.id, form.request.version, form.requester.number, None, (), "101", CALLED + 5 * MINUTE
    )
    text = ArticleText("Подпись", "ЭЦП", "Как *подписать* контракт.", ("estp",))
    await ArticleTable(register).save("podpis", 0, text, "301", NOW)
    await register.close()
    assert isinstance(config.database, Path)
    return config.database


async def moved(config: Config, url: str) -> dict[str, Moved]:
    return {one.table: one for one in await move_register(config, url, "tester", NOW, lambda _: None)}


async def test_every_row_arrives_and_the_line_goes_on_with_it(config: Config, file: Path, postgresql_url: str) -> None:
    tables = await moved(config, postgresql_url)
    assert (tables["calls"].rows, tables["announcements"].rows, tables["audit"].rows) == (25, 25, 6)
    for name in tables:
        if name != "day_sums":
            query = f"SELECT * FROM {name} ORDER BY 1, 2"
            assert repr(stored(postgresql_url, query)) == repr(stored(file, query)), name
    register = await Register.open(postgresql_url)
    assert [problem async for problem in AuditCheck(register).problems()] == []
    writer = Writer(register, wall)
    writer.start()
    writer.put(arrival("new"))
    assert await writer.stop(10)
    assert stored(postgresql_url, "SELECT id FROM calls WHERE call = 'new'") == [(26,)]
    filed = await new(RequestRegister(register, of_lines))
    assert str(filed.request.number) == "ESTP-2026-000005"
    assert len(await RequestBoard(register).search("контракты")) == 6
    assert len(await RequestBoard(register).search("сертификат")) == 6
    assert len(await CallBackRegister(register, of_lines).waiting()) == 1
    assert [hit.name for hit, _ in await ArticleTable(register).search("подписали")] == ["podpis"]
    await register.close()


async def test_a_move_that_is_broken_off_goes_on_and_nobody_starts_on_half_a_register(
    config: Config, file: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_move, "BATCH", 10)
    put, calls = database_move._put, 0

    def dies(table: Any, rows: Any, connection: Connection) -> None:
        nonlocal calls
        calls += table.name == "calls"
        if calls == 3:
            raise KeyboardInterrupt
        put(table, rows, connection)

    monkeypatch.setattr(database_move, "_put", dies)
    with pytest.raises(KeyboardInterrupt):
        await moved(config, postgresql_url)
    assert stored(postgresql_url, "SELECT count(*) FROM calls") == [(20,)]
    with pytest.raises(RegisterError, match="was begun and not finished; finish it with `callcenter database move`"):
        await Register.open(postgresql_url)
    monkeypatch.setattr(database_move, "_put", put)
    tables = await moved(config, postgresql_url)
    assert (tables["calls"].rows, tables["audit"].rows) == (25, 7)
    await (await Register.open(postgresql_url)).close()


async def test_what_was_changed_since_the_move_was_begun_is_found(
    config: Config, file: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_move, "_compared", _never)
    with pytest.raises(KeyboardInterrupt):
        await moved(config, postgresql_url)
    monkeypatch.undo()
    stored(file, "UPDATE calls SET waiting = 3.0000001 WHERE id = 7")
    with pytest.raises(MoveError, match=r"row \(7,\) of calls is not the same .* make that database anew"):
        await moved(config, postgresql_url)
    with pytest.raises(RegisterError, match="not finished"):
        await Register.open(postgresql_url)


async def _never(*_: object) -> Moved:
    raise KeyboardInterrupt


async def test_only_into_an_empty_database(config: Config, file: Path, postgresql_url: str, tmp_path: Path) -> None:
    register = await Register.open(postgresql_url)
    await Audit(register).enter(NOW, "anna", "register show", "")
    await register.close()
    with pytest.raises(MoveError, match="is not empty: its table audit has rows"):
        await moved(config, postgresql_url)
    with pytest.raises(MoveError, match="is not on PostgreSQL"):
        await moved(config, str(tmp_path / "other.sqlite"))


async def test_not_into_what_another_register_has_begun_to_move_into(
    config: Config, file: Path, postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(database_move, "_compared", _never)
        with pytest.raises(KeyboardInterrupt):
            await moved(config, postgresql_url)
    copy = tmp_path / "copy.sqlite"
    shutil.copy(file, copy)
    with pytest.raises(MoveError, match="a move of .*register.sqlite into .* was begun and not finished"):
        await moved(config.model_copy(update={"database": copy}), postgresql_url)


async def test_a_row_that_the_server_cannot_take_is_named_and_not_quoted(
    config: Config, file: Path, postgresql_url: str
) -> None:
    stored(file, "UPDATE calls SET customer = 'Иванов' || char(0) WHERE id = 7")
    with pytest.raises(MoveError, match=r"row \(7,\) of calls can't be copied") as caught:
        await moved(config, postgresql_url)
    assert "Иванов" not in str(caught.value)
    stored(file, "UPDATE calls SET customer = 'Иванов' WHERE id = 7")
    assert (await moved(config, postgresql_url))["calls"].rows == 25


async def test_not_while_somebody_else_holds_the_register(
    config: Config, file: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_move, "_WAIT", 0.05)
    with held(file), pytest.raises(RegisterError, match="locked by another process"):
        await moved(config, postgresql_url)

    async def written_down(*_: object) -> None:
        """Somebody takes the lock just then."""

    monkeypatch.setattr(Audit, "enter", written_down)
    with held(file), pytest.raises(RegisterError, match="locked by another process"):
        await moved(config, postgresql_url)


async def test_not_while_a_controller_runs(config: Config, file: Path, postgresql_url: str) -> None:
    spool = Spool(config.var / "spool")
    with pytest.raises(RegisterError, match="in use by another controller"):
        await moved(config, postgresql_url)
    spool.close()


def run(config_path: Path, *words: str) -> Any:
    return CliRunner().invoke(main, [*words, "--config", str(config_path)])


@pytest.fixture
def on_server(tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose register is on a server."""
    monkeypatch.delenv(VAR_OVERRIDE, raising=False)
    path = tmp_path / "config.yaml"
    path.write_text(
        f"var: {tmp_path / 'var'}\nlines: {{estp: {{numbers: ['+73422921960']}}}}\ndatabase: {postgresql_url}\n"
    )
    return path


def test_a_copy_is_entered_made_and_brought_back(
    on_server: Path, postgresql: Server, postgresql_url: str, tmp_path: Path
) -> None:
    row = "(imported_at, source, customers, skipped) VALUES (now(), '', 1, 2)"
    stored(postgresql_url, f"INSERT INTO directory_imports {row}")
    stored(postgresql_url, "UPDATE alembic_version SET version_num = '0014'")  # before the upgrade, as it should be
    made = run(on_server, "backup", str(tmp_path / "copy"))
    assert made.exit_code == 0, made.output
    dump = tmp_path / "copy" / "var" / "register.dump"
    assert dump.stat().st_mode & 0o077 == 0
    name = postgresql.copy("template0")
    restored = postgresql.url(name)
    words: list[str | Path] = [programs() / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={restored}", dump]
    subprocess.run(words, check=True)
    for table in ("audit", "directory_imports", "alembic_version"):
        found = stored(restored, f"SELECT * FROM {table}")
        assert found == stored(postgresql_url, f"SELECT * FROM {table}")
        assert len(found) == 1
    with pytest.raises(Exception, match="only added to"):
        stored(restored, "DELETE FROM audit")
    postgresql.drop(name)


def test_check_says_what_is_wrong_with_the_server(on_server: Path, postgresql_url: str, tmp_path: Path) -> None:
    assert "warning: database" not in run(on_server, "check").output
    on_server.write_text(on_server.read_text().replace("/story", "/nowhere"))
    told = run(on_server, "check")
    assert "warning: database: the register" in told.output
    assert "does not exist" in told.output
    on_server.write_text("database: postgresql://callcenter:very-secret@db.example/callcenter\n")
    told = run(on_server, "check")
    assert "found a password; it belongs into var/secrets.yaml" in told.output
    assert "very-secret" not in told.output


def test_the_command_tells_each_table_and_what_to_write(config: Config, file: Path, postgresql_url: str) -> None:
    told = CliRunner().invoke(main, ["database", "--config", str(PROJECT / "config.yaml"), "move", postgresql_url])
    assert told.exit_code == 0, told.output
    assert "calls: 25 rows are the same, sha256 " in told.output
    assert f"database: {postgresql_url}" in told.output
    secret = "postgresql://x:very-secret@y/z"
    refused = CliRunner().invoke(main, ["database", "--config", str(PROJECT / "config.yaml"), "move", secret])
    assert refused.exit_code == 1
    assert "very-secret" not in refused.output
