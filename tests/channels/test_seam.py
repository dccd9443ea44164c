"""A new channel is one file: what comes in, once, and what leaves, with a receipt, is the same for all of them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from callcenter.channels.channel import Arrived, Channel
from callcenter.channels.receiver import Receiver
from callcenter.request_register.arrivals import ArrivalRegister, Taken
from callcenter.request_register.attachments import Attachments
from callcenter.request_register.outbox import Outbox
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.sender import OutboxSender
from callcenter.requests import actions as do
from callcenter.requests.lifecycle import State
from callcenter.requests.request import Assignee, AssigneeKind, Fate, Way
from callcenter.store import RegisterError
from tests.channels.conftest import ESTP
from tests.channels.file_drop import FileDrop
from tests.patience import patience
from tests.request_register.stories import CALLED, MINUTE, act


@pytest.fixture
def drop(tmp_path: Path) -> FileDrop:
    for name in ("coming", "done", "leaving"):
        (tmp_path / name).mkdir()
    return FileDrop(ESTP, tmp_path / "coming", tmp_path / "done", tmp_path / "leaving")


async def until(receiver: Receiver, messages: int) -> None:
    """Let it receive until it has looked at so many."""
    running = asyncio.create_task(receiver.run())
    try:
        async with patience(30):
            while True:
                await asyncio.sleep(0.02)
                if receiver.outcomes.total() >= messages or running.done():
                    break
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@pytest.mark.clause("eLot 2.6")
async def test_what_is_dropped_is_a_request_and_its_answer_leaves_by_the_same_channel(
    drop: FileDrop,
    arrivals: ArrivalRegister,
    requests: RequestRegister,
    attachments: Attachments,
    outbox: Outbox,
) -> None:
    channel: Channel = drop
    (drop.coming / "1").write_text("anna\nПодпись\nНе подписывается контракт")
    await until(Receiver(channel, arrivals, lambda: CALLED), 1)
    filed = await requests.numbered("ESTP-2026-000001")
    assert (filed.request.state, filed.request.subject) == (State.NEW, "Подпись")
    assert filed.request.reply is not None
    assert (filed.request.reply.way, filed.request.reply.address) == (Way.CHAT, "anna")
    [received] = filed.received
    assert received.text.strip() == "Не подписывается контракт"
    [original] = filed.attachments
    assert original.part == "original"
    _, content = await attachments.open(filed.request.id, original.sha256)
    with content:
        assert content.read().decode().startswith("anna")
    assert [path.name for path in drop.done.iterdir()] == ["1"]

    filed = await act(requests, filed, do.Assign("401", Assignee(AssigneeKind.PERSON, "201")), CALLED + MINUTE)
    filed = await act(requests, filed, do.Start("201"), CALLED + MINUTE)
    await act(requests, filed, do.Answer("201", "Перевыпустите сертификат."), CALLED + MINUTE)
    sender = OutboxSender(outbox, requests, {Way.CHAT: channel}, timedelta(hours=48), lambda: CALLED + MINUTE)
    drop.leaving.rename(drop.leaving.with_suffix(".away"))
    await sender.send_due()
    assert (await requests.filed(filed.request.id)).request.messages[-1].fate is Fate.WAITING
    drop.leaving.with_suffix(".away").rename(drop.leaving)
    later = OutboxSender(outbox, requests, {Way.CHAT: channel}, timedelta(hours=48), lambda: CALLED + 5 * MINUTE)
    await later.send_due()
    assert (drop.leaving / "anna-ESTP-2026-000001.1").read_text() == "Перевыпустите сертификат."
    assert (await requests.filed(filed.request.id)).request.messages[-1].fate is Fate.SENT

    (drop.coming / "2").write_text("anna\nне помогло\nВсё равно не подписывается. refers to ESTP-2026-000001/1")
    await until(Receiver(channel, arrivals, lambda: CALLED + 10 * MINUTE), 1)
    assert (await requests.filed(filed.request.id)).request.state is State.IN_WORK, "it goes on"


async def test_what_the_register_does_not_take_now_is_taken_later_and_once(
    drop: FileDrop, arrivals: ArrivalRegister, requests: RequestRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drop.coming / "1").write_text("anna\nПодпись\nНе подписывается контракт")
    receiver = Receiver(drop, arrivals, lambda: CALLED)

    async def away(*_: object) -> None:
        raise RegisterError("the register is locked")

    with monkeypatch.context() as patch:
        patch.setattr(arrivals, "take", away)
        await until(receiver, 2)
    assert [path.name for path in drop.coming.iterdir()] == ["1"]

    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FileDrop, "kept", killed)
        with pytest.raises(KeyboardInterrupt):
            await receiver.run()
    await until(Receiver(drop, arrivals, lambda: CALLED), 1)
    filed = await requests.numbered("ESTP-2026-000001")
    assert len(filed.received) == 1
    assert [path.name for path in drop.done.iterdir()] == ["1"]


async def test_a_message_that_shows_a_defect_of_ours_keeps_no_other_from_being_taken(
    drop: FileDrop,
    arrivals: ArrivalRegister,
    requests: RequestRegister,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("1", "2"):
        (drop.coming / name).write_text(f"anna\nПодпись {name}\nНе подписывается")
    take = arrivals.take

    async def fails_for_one(arrived: Arrived, at: datetime) -> Taken:
        if arrived.place == "1":
            raise ZeroDivisionError
        return await take(arrived, at)

    monkeypatch.setattr(arrivals, "take", fails_for_one)
    await until(Receiver(drop, arrivals, lambda: CALLED), 2)
    assert (await requests.numbered("ESTP-2026-000001")).request.subject == "Подпись 2"
    assert [path.name for path in drop.coming.iterdir()] == ["1"]
    assert "is not taken; the others are" in caplog.text
