"""Requests in a running controller: an answer leaves by a real mail server, the head is warned, figures are seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from callcenter.accounts.secrets import Secrets, SecretsError
from callcenter.app.requests import Requests
from callcenter.app.settings_in_force import SettingsInForce
from callcenter.app.supervision import end
from callcenter.auctions.hours import HoursInForce
from callcenter.calendar.clock import Clock
from callcenter.config import Config
from callcenter.core.ids import LineId
from callcenter.registering.note_table import NoteTable
from callcenter.registering.notes import NoteText
from callcenter.requests import actions as do
from callcenter.requests.lifecycle import State
from callcenter.requests.request import Fate, Reply, Way
from callcenter.store import Register
from tests.app.harness import Harness, configuration
from tests.e2e.station import until
from tests.mail.test_smtp import Postbox, serving
from tests.request_register.stories import CALLED, act, answered, draft
from tests.store.stories import arrival, fill
from tests.wall import Wall

pytestmark = pytest.mark.clause("ESTP 5.5.4")


def written(folder: Path, head: str | None = "head@example.ru", **more: object) -> Config:
    """The harness' line, with requests."""
    content = yaml.safe_load(configuration(2, 3))
    content["lines"]["estp"]["hours"] = {"opens": "09:00", "closes": "18:00"}
    content["lines"]["estp"]["requests"] = {"head_email": head, "asks_before_closing": False}
    (folder / "config.yaml").write_text(yaml.safe_dump(content | more, allow_unicode=True), encoding="utf-8")
    return Config.load(folder / "config.yaml")


@asynccontextmanager
async def running(config: Config, wall: Wall) -> AsyncIterator[Requests]:
    register = await Register.open(config.database)
    secrets, clock = Secrets.load_or_create(config.var, config), Clock(asyncio.get_running_loop().time, wall)
    settings = SettingsInForce(config, register, clock, lambda _: True)
    hours = HoursInForce(settings.lines, register)
    requests = Requests(config, secrets, register, clock, lambda _: True, tuple, settings, hours)
    tasks = [asyncio.create_task(work()) for work, _ in requests.work()]
    try:
        yield requests
        assert not [task for task in tasks if task.done()], "a task that ends by itself would be restarted for ever"
    finally:
        await end(tasks)
        await register.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    for what in ("sender.EVERY", "watch.EVERY", "conduct.EVERY"):
        monkeypatch.setattr(f"callcenter.request_register.{what}", 0.02)
    monkeypatch.setattr("callcenter.app.requests.COUNT_EVERY", 0.02)


@pytest.mark.clause("ESTP 5.5.6")
async def test_an_answer_leaves_by_mail_and_the_head_is_warned_of_an_old_form(tmp_path: Path) -> None:
    box, wall = Postbox(), Wall(CALLED + timedelta(minutes=50))
    async with serving(box) as server:
        mail = {"host": server.host, "port": server.port, "tls": "none", "from": "info@estp.ru"}
        async with running(written(tmp_path, mail=mail), wall) as requests:
            filed = await answered(requests.register, at=CALLED + timedelta(minutes=45))
            await draft(requests.register)
            await until(lambda: len(box.took) == 2)
            by_recipient = {str(one["To"]): one for one in box.took}
            assert by_recipient["zakazchik@example.ru"]["Message-ID"].startswith("<ESTP-2026-000001.1.")
            assert "форма не передана" in by_recipient["head@example.ru"].get_content()
            await until(lambda: requests.state().sent == 2)
            seen = await requests.register.filed(filed.request.id)
            assert seen.request.messages[0].fate is Fate.SENT
            assert (await act(requests.register, seen, do.Close("201"), wall())).request.state is State.CLOSED
            await until(lambda: requests.state().open == {("estp", "draft"): 1})
            assert requests.state().warnings == {("estp", "form", "before"): 1}
            assert requests.state().overdue == {("estp", "form"): 0, ("estp", "assignment"): 0, ("estp", "answer"): 0}


async def test_without_mail_answers_wait_and_that_is_seen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = written(tmp_path)
    async with running(config, Wall(CALLED + timedelta(minutes=10))) as requests:
        await answered(requests.register)
        await until(lambda: requests.state().waiting == {"email": 1})
        assert requests.state().oldest["email"] >= 300
        assert not requests.mail_leaves
        await until(lambda: "wait in the outbox" in caplog.text)
    assert caplog.text.count("1 e-mails wait in the outbox: `mail` is not configured.") == 1


@pytest.mark.clause("ESTP 5.5.2")
async def test_a_letter_that_nobody_posts_in_time_is_counted(tmp_path: Path) -> None:
    wall = Wall(CALLED + timedelta(minutes=10))
    async with running(written(tmp_path), wall) as requests:
        filed = await answered(requests.register, reply=Reply(Way.LETTER, "614000, г. Пермь"))
        await until(lambda: requests.state().waiting == {"letter": 1})
        assert requests.state().letters_late == {"estp": 0}
        wall.set(wall() + timedelta(days=2))
        await until(lambda: requests.state().letters_late == {"estp": 1})
        await requests.register.report(do.Delivered(filed.request.messages[-1].key), wall())
        await until(lambda: requests.state().letters_late == {"estp": 0})


async def test_a_line_without_a_head_has_nobody_to_tell(tmp_path: Path) -> None:
    async with running(written(tmp_path, head=None), Wall(CALLED)) as requests:
        await draft(requests.register)
        await until(lambda: requests.state().open == {("estp", "draft"): 1})


async def test_a_mail_server_with_a_password_needs_it_in_the_secrets(tmp_path: Path) -> None:
    mail = {"host": "smtp.example.ru", "from": "info@estp.ru", "user": "info@estp.ru"}
    config = written(tmp_path, mail=mail)
    with pytest.raises(
        SecretsError, match="no password for info@estp.ru at smtp.example.ru; write it there, as `mail`"
    ):
        Secrets.load_or_create(config.var, config)
    path = config.var / "secrets.yaml"
    await asyncio.to_thread(path.write_text, "mail: 'pass;\"word'\n", encoding="utf-8")
    assert Secrets.load_or_create(config.var, config).mail == 'pass;"word'


async def test_a_controller_runs_with_and_without_requests(harness: Harness) -> None:
    async with harness.running() as controller:
        assert controller.requests.lines == {}
        assert "callcenter_requests_open" in controller.metrics.text().decode()
    assert LineId("estp") in harness.config.lines


@pytest.mark.clause("ESTP 5.6.3")
async def test_the_head_gets_an_e_mail_of_a_call_refused_for_conduct(tmp_path: Path) -> None:
    box, wall = Postbox(), Wall(CALLED)
    async with serving(box) as server:
        mail = {"host": server.host, "port": server.port, "tls": "none", "from": "info@estp.ru"}
        config = written(tmp_path, mail=mail)
        async with running(config, wall):
            operators = await Register.open(config.database)
            await fill(operators, [arrival("1.1", operator="101")])
            await NoteTable(operators).register("1.1", "101", NoteText("", "Брань", "refused", conduct=True), CALLED)
            await operators.close()
            await until(lambda: len(box.took) == 1)
    assert box.took[0]["To"] == "head@example.ru"
    assert box.took[0]["Message-ID"].startswith("<conduct.1.1.")
