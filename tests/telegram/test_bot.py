"""A line's bot against a server that speaks the Bot API: each message once, whenever the program dies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from callcenter.app.channels import Bots
from callcenter.channels.channel import Arrived, Came, Leaving
from callcenter.channels.receiver import Receiver
from callcenter.request_register.arrivals import ArrivalRegister
from callcenter.request_register.attachments import Attachments
from callcenter.request_register.filed import Filed
from callcenter.request_register.outbox import Outbox
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.sender import OutboxSender
from callcenter.requests import actions as do
from callcenter.requests.lifecycle import State
from callcenter.requests.request import Assignee, AssigneeKind, Fate, Way
from callcenter.store import RegisterError
from callcenter.system import files
from callcenter.telegram import bot as bots
from callcenter.telegram.bot import Bot
from callcenter.telegram.bot_api import LARGEST_FILE, BotError
from tests.channels.conftest import ESTP
from tests.patience import patience
from tests.request_register.stories import CALLED, MINUTE, act
from tests.telegram.bot_server import TOKEN, BotServer
from tests.telegram.conftest import MakeBot

pytestmark = pytest.mark.clause("eLot 2.3")
FIRST = "ESTP-2026-000001"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_FIRST_PAUSE", "_AFTER_REFUSAL", "_AFTER_RIVAL", "_ONE_CHAT"):
        monkeypatch.setattr(bots, name, 0.01)


async def until(bot: Bot, arrivals: ArrivalRegister, done: Callable[[Receiver], bool]) -> Receiver:
    """Let the bot receive until something is the case."""
    receiver = Receiver(bot, arrivals, lambda: CALLED)
    running = asyncio.create_task(receiver.run())
    try:
        async with patience(30):
            while not running.done() and not done(receiver):  # noqa: ASYNC110 - what another program does
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    return receiver


async def eventually(true: Callable[[], bool]) -> None:
    async with patience(30):
        while not true():  # noqa: ASYNC110 - what another program does
            await asyncio.sleep(0.01)


def confirmed(server: BotServer) -> Callable[[Receiver], bool]:
    return lambda receiver: not server.updates


async def answered(requests: RequestRegister, number: str, text: str) -> Filed:
    filed = await requests.numbered(number)
    filed = await act(requests, filed, do.Assign("401", Assignee(AssigneeKind.PERSON, "201")), CALLED + MINUTE)
    filed = await act(requests, filed, do.Start("201"), CALLED + MINUTE)
    return await act(requests, filed, do.Answer("201", text), CALLED + MINUTE)


def sender(outbox: Outbox, requests: RequestRegister, bot: Bot, minutes: int = 2) -> OutboxSender:
    return OutboxSender(outbox, requests, {Way.TELEGRAM: bot}, timedelta(hours=48), lambda: CALLED + minutes * MINUTE)


@pytest.mark.clause("eLot 2.6")
async def test_what_is_written_to_the_bot_is_a_request_and_is_answered_in_the_same_conversation(
    server: BotServer, make_bot: MakeBot, arrivals: ArrivalRegister, requests: RequestRegister, outbox: Outbox
) -> None:
    server.writes(77, "/start")
    asked = server.writes(77, "Не подписывается контракт")
    server.writes(77, "Вчера ещё подписывался")
    bot = make_bot()
    await until(bot, arrivals, confirmed(server))
    filed = await requests.numbered(FIRST)
    assert [message.text for message in filed.received] == ["Не подписывается контракт", "Вчера ещё подписывался"]
    assert filed.requester.name == "Анна Ли"
    assert filed.request.reply is not None
    assert (filed.request.reply.way, filed.request.reply.address) == (Way.TELEGRAM, "77")
    await answered(requests, FIRST, "Перевыпустите сертификат.")
    await sender(outbox, requests, bot).send_due()
    greeting, told, answer = server.sent
    assert greeting["text"] == "Здравствуйте! Пишите."
    assert told["text"].startswith(f"Номер {FIRST}")
    assert (answer["chat_id"], answer["text"]) == ("77", "Перевыпустите сертификат.")
    assert answer["reply_parameters"]["message_id"] == asked["message"]["message_id"] + 1, "to what was written last"
    assert (await requests.numbered(FIRST)).request.messages[-1].fate is Fate.SENT

    server.writes(77, "Не помогло", reply_to_message={"message_id": answer["message_id"]})
    await until(make_bot(), arrivals, confirmed(server))
    assert (await requests.numbered(FIRST)).request.state is State.IN_WORK, "an answer to our message goes on"


async def test_another_day_another_matter_but_an_answer_to_our_message_finds_its_own(
    server: BotServer, make_bot: MakeBot, arrivals: ArrivalRegister, requests: RequestRegister, outbox: Outbox
) -> None:
    server.writes(77, "Первый вопрос")
    await until(make_bot(), arrivals, confirmed(server))
    filed = await answered(requests, FIRST, "Ответ.")
    await sender(outbox, requests, make_bot()).send_due()
    await act(requests, await requests.filed(filed.request.id), do.Close("201"), CALLED + 3 * MINUTE)
    ours = server.sent[-1]["message_id"]
    server.writes(77, "Другой вопрос")
    server.writes(78, "Чужой ответ на чужое", reply_to_message={"message_id": ours})
    await until(make_bot(), arrivals, confirmed(server))
    assert (await requests.numbered("ESTP-2026-000002")).received[0].text == "Другой вопрос", "the first one is closed"
    assert (await requests.numbered("ESTP-2026-000003")).received[0].text.startswith("Чужой"), "of another conversation"


async def test_files_come_with_their_message_and_leave_with_the_answer(
    server: BotServer,
    make_bot: MakeBot,
    arrivals: ArrivalRegister,
    requests: RequestRegister,
    attachments: Attachments,
    outbox: Outbox,
) -> None:
    server.files["act"] = b"%PDF-1.4 the act"
    server.writes(77, caption="Акт", document={"file_id": "act", "file_name": "../акт.pdf", "file_size": 16})
    server.writes(77, document={"file_id": "film", "file_name": "film.mp4", "file_size": LARGEST_FILE + 1})
    bot = make_bot()
    await until(bot, arrivals, confirmed(server))
    filed = await requests.numbered(FIRST)
    [kept] = filed.attachments
    assert (kept.name, kept.size) == ("акт.pdf", 16)
    assert filed.received[1].text == "[Файл «film.mp4» больше 20 МБ: Telegram его не передаёт.]"
    assert [one["text"] for one in server.sent] == ["Пришлите через форму."]
    filed = await act(requests, filed, do.Assign("401", Assignee(AssigneeKind.PERSON, "201")), CALLED + MINUTE)
    filed = await act(requests, filed, do.Start("201"), CALLED + MINUTE)
    await act(requests, filed, do.Answer("201", "Вот ваш акт.", files=(kept.sha256,)), CALLED + MINUTE)
    await sender(outbox, requests, bot).send_due()
    assert (server.sent[-1]["document"], server.sent[-1]["name"]) == (b"%PDF-1.4 the act", "акт.pdf")


async def test_a_change_is_kept_beside_what_it_changes(
    server: BotServer, make_bot: MakeBot, arrivals: ArrivalRegister, requests: RequestRegister
) -> None:
    first = server.writes(77, "Не подписывается")["message"]
    server.update(edited_message={**first, "text": "Не подписывается договор", "edit_date": 1796000100})
    await until(make_bot(), arrivals, confirmed(server))
    texts = [message.text for message in (await requests.numbered(FIRST)).received]
    assert texts == ["Не подписывается", "[Сообщение исправлено]\nНе подписывается договор"]


@pytest.mark.parametrize("dies", ["before the register", "after the register", "before it is confirmed"])
async def test_a_message_is_taken_once_wherever_the_program_dies(
    server: BotServer,
    make_bot: MakeBot,
    arrivals: ArrivalRegister,
    requests: RequestRegister,
    monkeypatch: pytest.MonkeyPatch,
    dies: str,
) -> None:
    server.writes(77, "Не подписывается")

    async def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if dies == "before the register":
            patch.setattr(arrivals, "take", killed)
        elif dies == "after the register":
            patch.setattr(Bot, "kept", killed)
        else:
            patch.setattr(Bot, "_settled", killed)
        with pytest.raises(KeyboardInterrupt):
            await Receiver(make_bot(), arrivals, lambda: CALLED).run()
    assert len(server.updates) == 1, "the server still has it"
    await until(make_bot(), arrivals, confirmed(server))
    assert len((await requests.numbered(FIRST)).received) == 1
    assert server.updates == []


async def test_an_answer_whose_pieces_were_sent_in_part_goes_on_where_it_was(
    server: BotServer, make_bot: MakeBot, arrivals: ArrivalRegister, requests: RequestRegister, outbox: Outbox
) -> None:
    server.writes(77, "Вопрос")
    await until(make_bot(), arrivals, confirmed(server))
    bot = make_bot()
    await sender(outbox, requests, bot).send_due()
    await answered(requests, FIRST, "Первое. " * 300 + "\n\n" + "Второе. " * 300 + "\n\n" + "Третье. " * 300)
    server.sent.clear()
    send, calls = bot._api.send, list[str]()

    async def dies_at_the_second(chat: str, text: str, answers: int | None = None) -> int:
        calls.append(text)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return await send(chat, text, answers)

    bot._api.send = dies_at_the_second  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await sender(outbox, requests, bot).send_due()
    await sender(outbox, requests, make_bot()).send_due()
    assert [one["text"].split(".")[0] for one in server.sent] == ["Первое", "Второе", "Третье"]
    assert (await requests.numbered(FIRST)).request.messages[-1].fate is Fate.SENT


@pytest.mark.parametrize(
    ("refusal", "fate"),
    [
        ((403, "Forbidden: bot was blocked by the user", 0), Fate.FAILED),
        ((400, "Bad Request: chat not found", 0), Fate.FAILED),
        ((429, "Too Many Requests", 3600), Fate.WAITING),
        ((401, "Unauthorized", 0), Fate.WAITING),
        ((500, "Internal", 0), Fate.WAITING),
    ],
)
async def test_what_cannot_be_delivered_is_tried_again_only_if_that_can_help(
    server: BotServer,
    make_bot: MakeBot,
    arrivals: ArrivalRegister,
    requests: RequestRegister,
    outbox: Outbox,
    refusal: tuple[int, str, int],
    fate: Fate,
) -> None:
    server.writes(77, "Вопрос")
    await until(make_bot(), arrivals, confirmed(server))
    await sender(outbox, requests, make_bot()).send_due()
    await answered(requests, FIRST, "Ответ.")
    server.refusals.append(refusal)
    await sender(outbox, requests, make_bot()).send_due()
    filed = await requests.numbered(FIRST)
    assert filed.request.messages[-1].fate is fate


async def test_a_short_pause_that_the_server_asks_for_is_waited_out(
    server: BotServer, make_bot: MakeBot, arrivals: ArrivalRegister, requests: RequestRegister, outbox: Outbox
) -> None:
    server.writes(77, "Вопрос")
    await until(make_bot(), arrivals, confirmed(server))
    server.refusals.append((429, "Too Many Requests: retry after 1", 1))
    await sender(outbox, requests, make_bot()).send_due()
    assert len(server.sent) == 1


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ((401, "Unauthorized", 0), "its token is wrong"),
        ((409, "Conflict: terminated by other getUpdates request", 0), "somebody else reads the bot's messages"),
        ((502, "Bad Gateway", 0), "502 Bad Gateway"),
    ],
)
async def test_a_server_that_refuses_is_named_and_asked_again_and_the_token_is_in_no_log(
    server: BotServer,
    make_bot: MakeBot,
    arrivals: ArrivalRegister,
    requests: RequestRegister,
    caplog: pytest.LogCaptureFixture,
    refusal: tuple[int, str, int],
    told: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.writes(77, "Вопрос")
    server.refusals.append(refusal)
    await until(make_bot(), arrivals, confirmed(server))
    logged = "\n".join(one.getMessage() for one in caplog.records if one.name != "aiohttp.access")  # the server's own
    assert told in logged
    assert TOKEN not in logged
    assert len((await requests.numbered(FIRST)).received) == 1


async def test_a_server_that_is_away_is_no_error_of_ours(
    make_bot: MakeBot, arrivals: ArrivalRegister, server: BotServer, caplog: pytest.LogCaptureFixture
) -> None:
    bot = make_bot()
    bot._api._base = "http://127.0.0.1:9"
    await until(bot, arrivals, lambda receiver: bool(bot.problem))
    assert "cannot be used (ClientConnectorError)" in bot.problem
    assert TOKEN not in caplog.text + bot.problem


async def test_ids_that_begin_anew_after_a_quiet_week_lose_nothing(
    server: BotServer, make_bot: MakeBot, arrivals: ArrivalRegister, requests: RequestRegister
) -> None:
    server.next_update = 900_000
    server.writes(77, "Первый")
    bot = make_bot()
    running = asyncio.create_task(Receiver(bot, arrivals, lambda: CALLED).run())
    try:
        await eventually(lambda: not server.updates and server.calls[-3:] == ["getUpdates"] * 3)
        server.next_update = 10
        server.writes(78, "Второй")
        await eventually(lambda: not server.updates)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert (await requests.numbered("ESTP-2026-000002")).received[0].text == "Второй"


async def test_a_message_that_the_register_cannot_take_holds_up_no_other_and_comes_later(
    server: BotServer,
    make_bot: MakeBot,
    arrivals: ArrivalRegister,
    requests: RequestRegister,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    server.writes(77, "Плохое")
    server.writes(78, "Хорошее")
    take = arrivals.take

    async def fails_for_one(arrived: Arrived, at: Any) -> Any:
        if arrived.text == "Плохое":
            raise RegisterError("the register is locked")
        return await take(arrived, at)

    with monkeypatch.context() as patch:
        patch.setattr(arrivals, "take", fails_for_one)
        await until(make_bot(), arrivals, confirmed(server))
    assert (await requests.numbered(FIRST)).received[0].text == "Хорошее"
    assert len(list((tmp_path / "telegram" / "aside").iterdir())) == 1
    aside = tmp_path / "telegram" / "aside"
    await until(make_bot(), arrivals, lambda receiver: not list(aside.iterdir()))
    assert (await requests.numbered("ESTP-2026-000002")).received[0].text == "Плохое"


async def test_a_file_that_the_server_has_not_got_just_now_is_waited_for(
    server: BotServer, make_bot: MakeBot, arrivals: ArrivalRegister, requests: RequestRegister
) -> None:
    server.files["act"] = b"%PDF-1.4"
    server.writes(77, document={"file_id": "act", "file_name": "a.pdf"})
    bot = make_bot()
    fetch = bot._api.fetch
    failures = [502, 0]

    async def fails_twice(file: str, to: Path) -> None:
        if failures:
            raise BotError(failures.pop(), "Bad Gateway")
        await fetch(file, to)

    bot._api.fetch = fails_twice  # type: ignore[method-assign]
    await until(bot, arrivals, confirmed(server))
    assert [one.name for one in (await requests.numbered(FIRST)).attachments] == ["a.pdf"]


async def test_the_answer_of_a_line_whose_bot_is_gone_waits() -> None:
    leaving = Leaving("k", None, None, ESTP, Way.TELEGRAM, "77", "", "Ответ.", CALLED, CALLED, 0, "")
    assert (await Bots({}).deliver(leaving)).came is Came.AGAIN


async def test_a_reply_while_the_register_is_away_waits_and_a_full_disk_confirms_nothing(
    server: BotServer,
    make_bot: MakeBot,
    arrivals: ArrivalRegister,
    requests: RequestRegister,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.files["act"] = b"%PDF-1.4"
    server.writes(77, "Вопрос", reply_to_message={"message_id": 5}, document={"file_id": "act", "file_name": "a.pdf"})
    bot = make_bot()
    key_of, failures = bot._sent.key_of, [1, 2]

    async def away_twice(*asked: Any) -> str | None:
        if failures:
            failures.pop()
            raise RegisterError("the register is locked")
        return await key_of(*asked)

    monkeypatch.setattr(bot._sent, "key_of", away_twice)
    full = [OSError(28, "No space left on device")] * 7
    fetched, replace = bot._api.fetch, files.replace

    async def fetch(file: str, to: Path) -> None:
        if full:
            raise full.pop()
        await fetched(file, to)

    def put(*asked: Any) -> None:
        if full:
            raise full[-1]
        replace(*asked)

    monkeypatch.setattr(bot._api, "fetch", fetch)
    monkeypatch.setattr(files, "replace", put)
    await until(bot, arrivals, confirmed(server))
    await until(make_bot(), arrivals, lambda receiver: not list((bot._folder / "aside").iterdir()))
    filed = await requests.numbered(FIRST)
    assert [one.text for one in filed.received] == ["Вопрос"]
    assert [one.name for one in filed.attachments] == ["a.pdf"]
