"""What happens again and again in stories of requests: a form is filled in, passed on, assigned, begun."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

from callcenter.calendar.hours import WorkingHours
from callcenter.calendar.working_time import WorkingTime
from callcenter.core.ids import LineId
from callcenter.request_register.filed import Filed, Requester
from callcenter.request_register.register import RequestRegister
from callcenter.requests import actions as do
from callcenter.requests.actions import Action
from callcenter.requests.request import Assignee, AssigneeKind, Reply, Way
from callcenter.requests.rules import LineRules
from tests.requests.lines import ESTP, MOSCOW, TBS, moscow

CALLED = moscow("2026-11-30 10:00")
"""A Monday."""
MINUTE = timedelta(minutes=1)
EMAIL = Reply(Way.EMAIL, "zakazchik@example.ru")
LEBEDEV = Assignee(AssigneeKind.PERSON, "201")
CALLER = Requester("Пётр Заказчиков", "+73422000001", "5902000001", "ООО «Заказчик»")
WORDS = "Не подписывается контракт: истёк сертификат"


def rules(line: str) -> LineRules:
    """With working hours of its own."""
    known = {"estp": ESTP, "tbs": TBS}[line]
    return replace(known, time=WorkingTime(WorkingHours(MOSCOW, time(9), time(18))))


async def act(requests: RequestRegister, filed: Filed, action: Action, at: datetime) -> Filed:
    """By who has seen the request as it is."""
    return await requests.act(filed.request.id, filed.request.version, action, at)


async def draft(
    requests: RequestRegister,
    *,
    line: str = "estp",
    urgency: str = "Контроль",
    words: str = WORDS,
    reply: Reply = EMAIL,
    requester: Requester = CALLER,
    call: str = "",
    at: datetime = CALLED,
    by: str = "101",
) -> Filed:
    """A form that is filled in."""
    opened = await requests.open_draft(LineId(line), by, at, at, requester, call)
    return await act(requests, opened, do.Fill(by, "Подпись", words, urgency, reply), at + MINUTE)


async def new(requests: RequestRegister, *, at: datetime = CALLED, **said: object) -> Filed:
    """With the head."""
    filed = await draft(requests, at=at, **said)  # type: ignore[arg-type]
    return await act(requests, filed, do.Submit("101"), at + 2 * MINUTE)


async def in_work(requests: RequestRegister, *, at: datetime = CALLED, **said: object) -> Filed:
    """With its assignee."""
    filed = await new(requests, at=at, **said)
    filed = await act(requests, filed, do.Assign("401", LEBEDEV), at + 3 * MINUTE)
    return await act(requests, filed, do.Start("201"), at + 4 * MINUTE)


async def answered(requests: RequestRegister, *, at: datetime = CALLED, **said: object) -> Filed:
    """The answer is in the outbox."""
    filed = await in_work(requests, at=at, **said)
    return await act(requests, filed, do.Answer("201", "Перевыпустите сертификат."), at + 5 * MINUTE)


def stored_text(path: Path) -> bytes:
    """Everything that is on the disk of a register, its log included."""
    return b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
