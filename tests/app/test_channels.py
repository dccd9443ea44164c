"""The mailbox of a line in a running controller: a mail comes in, its writer is told, the answer goes out, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from callcenter.accounts.secrets import Secrets, SecretsError
from callcenter.config import Config
from callcenter.requests import actions as do
from callcenter.requests.lifecycle import State
from callcenter.requests.request import Assignee, AssigneeKind
from tests.app.harness import configuration
from tests.app.test_requests import quick, running
from tests.e2e.station import until
from tests.mail.conftest import dovecot, user
from tests.mail.dovecot import DONE, PASSWORD, Dovecot
from tests.mail.reading_mail import mail as from_customer
from tests.mail.test_smtp import Postbox, serving
from tests.request_register.stories import CALLED, act
from tests.telegram.bot_server import TOKEN, bot_server
from tests.wall import Wall

__all__ = ["dovecot", "quick", "user"]


def written(folder: Path, port: int, imap_port: int, user: str) -> Config:
    """The harness' line, with a mailbox."""
    content = yaml.safe_load(configuration(2, 3))
    line = content["lines"]["estp"]
    line["hours"] = {"opens": "09:00", "closes": "18:00"}
    line |= {"email": "info@estp.ru", "requests": {}}
    imap = {"host": "127.0.0.1", "port": imap_port, "tls": "none", "user": user}
    line["channels"] = {"no_others": True, "email": {"imap": imap, "signature": "Поддержка", "in_hours": "Звоните."}}
    content["mail"] = {"host": "127.0.0.1", "port": port, "tls": "none", "from": "robot@estp.ru"}
    (folder / "config.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return Config.load(folder / "config.yaml")


@pytest.mark.clause("ESTP 2.2c")
@pytest.mark.clause("eLot 2.6")
async def test_a_mail_is_acknowledged_answered_and_answered_again(dovecot: Dovecot, user: str, tmp_path: Path) -> None:
    box, wall = Postbox(), Wall(CALLED)
    async with serving(box) as server:
        config = written(tmp_path, server.port, dovecot.port, user)
        with pytest.raises(
            SecretsError, match="no password for the mailbox of estp; write it there, under `mailboxes`"
        ):
            Secrets.load_or_create(config.var, config)
        secrets = config.var / "secrets.yaml"
        content = yaml.safe_load(secrets.read_text())
        secrets.write_text(yaml.safe_dump(content | {"mailboxes": {"estp": PASSWORD}}))
        async with running(config, wall) as requests:
            await until(lambda: requests.state().channels.ages.get(("estp", "email"), 9) < 9 and _looked(requests))
            dovecot.put(user, from_customer("Подпись", "Не подписывается", Message_ID="<1@customer.ru>"))
            await until(lambda: len(box.took) == 1)
            [told] = box.took
            assert (told["From"], told["To"]) == ("info@estp.ru", "p@customer.ru")
            assert told["In-Reply-To"] == "<1@customer.ru>"
            assert "ESTP-2026-000001" in told.get_content()
            assert "до 01.12.2026 18:00" in told.get_content()
            assert "Звоните." in told.get_content()
            register = requests.register
            filed = await register.numbered("ESTP-2026-000001")
            filed = await act(register, filed, do.Assign("401", Assignee(AssigneeKind.PERSON, "201")), wall())
            filed = await act(register, filed, do.Start("201"), wall())
            await act(register, filed, do.Answer("201", "Перевыпустите сертификат."), wall())
            await until(lambda: len(box.took) == 2)
            answer = box.took[1]
            assert answer["References"] == "<1@customer.ru>"
            assert answer.get_content().replace("\r\n", "\n").endswith("\n\n-- \nПоддержка\n")
            dovecot.put(user, from_customer("Re: x", "Не помогло", In_Reply_To=answer["Message-ID"]))
            await until(lambda: requests.state().channels.outcomes.get(("estp", "email", "joined")) == 1)
            assert (await register.numbered("ESTP-2026-000001")).request.state is State.IN_WORK
            await until(lambda: dovecot.count(user) == 0)
    assert dovecot.count(user, "Callcenter") == 2
    assert dovecot.count(user, DONE) == 0


def _looked(requests: object) -> bool:
    channels = requests.channels  # type: ignore[attr-defined]
    return all(mailbox.looks for mailbox, _ in channels._receivers)


@pytest.mark.clause("eLot 2.3", "eLot 2.6")
async def test_a_message_to_the_bot_is_acknowledged_and_answered_without_a_mail_server(tmp_path: Path) -> None:
    wall = Wall(CALLED)
    async with bot_server() as telegram:
        content = yaml.safe_load(configuration(2, 3))
        line = content["lines"]["estp"]
        line["hours"] = {"opens": "09:00", "closes": "18:00"}
        line["requests"] = {"ways": ["telegram", "telephone"]}
        line["channels"] = {"telegram": {"api": telegram.url, "greeting": "Здравствуйте!"}}
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        config = Config.load(tmp_path / "config.yaml")
        with pytest.raises(SecretsError, match="no token for the bot of estp"):
            Secrets.load_or_create(config.var, config)
        secrets = config.var / "secrets.yaml"
        secrets.write_text(yaml.safe_dump(yaml.safe_load(secrets.read_text()) | {"bots": {"estp": TOKEN}}))
        async with running(config, wall) as requests:
            telegram.writes(77, "/start")
            telegram.writes(77, "Не подписывается")
            await until(lambda: len(telegram.sent) == 2)
            assert [one["text"][:12] for one in telegram.sent] == ["Здравствуйте", "Ваше обращен"]
            register = requests.register
            filed = await register.numbered("ESTP-2026-000001")
            filed = await act(register, filed, do.Assign("401", Assignee(AssigneeKind.PERSON, "201")), wall())
            filed = await act(register, filed, do.Start("201"), wall())
            await act(register, filed, do.Answer("201", "Перевыпустите сертификат."), wall())
            await until(lambda: len(telegram.sent) == 3)
            assert (telegram.sent[-1]["chat_id"], telegram.sent[-1]["text"]) == ("77", "Перевыпустите сертификат.")
            assert requests.state().channels.outcomes["estp", "telegram", "new"] == 1
