"""What the head is told by e-mail of targets that are near or missed. No personal data: numbers and dates."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from callcenter.core.ids import LineId
from callcenter.requests.escalation import Warn
from callcenter.requests.request import Request
from callcenter.requests.targets import TargetKind

MOST = 50
"""Warnings that are named in one e-mail."""
WHAT = {
    TargetKind.FORM: "форма не передана руководителю",
    TargetKind.ASSIGNMENT: "не назначен ответственный",
    TargetKind.FIRST_ANSWER: "нет первого ответа",
    TargetKind.ANSWER: "нет ответа",
    TargetKind.CUSTOMER_REPLY: "нет ответа клиента",
    TargetKind.CLOSING: "не закрыто",
}
"""The head reads these, in Russian as all e-mail of the line."""


@dataclass(frozen=True, slots=True)
class Told:
    """One warning, and the request that it is about."""

    request: Request
    warn: Warn


@dataclass(frozen=True, slots=True)
class Letter:
    """An e-mail. Its key is made of what it tells, so that it leaves once."""

    key: str
    subject: str
    text: str


def letter_to_head(line: LineId, warnings: Sequence[Told], zone: tzinfo, at: datetime) -> Letter:
    """Return the e-mail for new warnings of a line's requests."""
    inorder = sorted(warnings, key=lambda told: told.warn.expected)
    missed = sum(told.warn.expected <= at for told in inorder)
    subject = f"Сроки обращений ({line}): пропущено {missed}, скоро истекают {len(inorder) - missed}"
    lines = [_sentence(told, zone, at) for told in inorder[:MOST]]
    if len(inorder) > MOST:
        lines.append(f"… и ещё {len(inorder) - MOST}")
    named = "".join(f"{told.warn}" for told in inorder)
    return Letter(f"warning/{line}/{hashlib.sha256(named.encode()).hexdigest()[:24]}", subject, "\n".join(lines) + "\n")


def _sentence(told: Told, zone: tzinfo, at: datetime) -> str:
    request, warn = told.request, told.warn
    who = str(request.number) if request.number else f"Черновик от {request.received_at.astimezone(zone):%d.%m %H:%M}"
    when = f"{warn.expected.astimezone(zone):%d.%m.%Y %H:%M}"
    late = "срок истёк" if warn.expected <= at else "срок"
    assignee = f", {request.assignee.id}" if request.assignee else ""
    return f"{who}: {WHAT[warn.kind]}, {late} {when}{assignee}"
