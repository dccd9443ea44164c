"""What can be done to a request at a terminal: each action with the options that it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, TypeVar

import click

from callcenter.config import Config
from callcenter.request_register.filed import Filed
from callcenter.requests import actions as do
from callcenter.requests.actions import Action
from callcenter.requests.request import Assignee, AssigneeKind, Reply, Way

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Given:
    """What stands on the command line; '' or None if nothing does."""

    by: str
    zone: tzinfo
    to: str
    text: str
    why: str
    reason: str
    urgency: str
    way: str | None
    address: str
    cause: tuple[str, ...]
    expected: datetime | None
    solved: bool | None
    more: bool | None
    key: str

    @property
    def reply(self) -> Reply | None:
        """The way of the answer, if one is named."""
        return None if self.way is None else Reply(Way(self.way), self.address)


def action_options(command: F) -> F:
    """Add the options from which `Given` is made."""
    for option in (
        click.option("--key", default="", help="Of a message, such as ESTP-2026-000001/1: `sent`, `returned`."),
        click.option("--more/--no-more", default=None, help="Whether the customer asks anything else: `close`."),
        click.option("--solved/--unsolved", default=None, help="Whether it is solved: `close`."),
        click.option("--expected", type=click.DateTime(["%Y-%m-%d %H:%M"]), help="The new date: `inform`."),
        click.option("--cause", multiple=True, help="Why it is delayed: `inform`; several times for several causes."),
        click.option("--address", default="", help="Where the answer goes to: `reply`."),
        click.option("--way", type=click.Choice([way.value for way in Way]), help="How: `reply`."),
        click.option("--urgency", default="", help="Of the line: `urgency`."),
        click.option("--reason", default="", help="One of the line's: `refuse`."),
        click.option("--why", default="", help="For the history."),
        click.option("--text", default="", help="What is said to the customer or the department."),
        click.option("--to", default="", help="A person, a group, or a department of the line: `assign`."),
    ):
        command = option(command)
    return command


def _assign(given: Given, config: Config, filed: Filed) -> Action:
    return do.Assign(given.by, assignee_of(config, filed.request.line, given.to), given.text)


def assignee_of(config: Config, line: str, name: str) -> Assignee:
    """Return the person, group or department of this name. Raises click's error, which names all."""
    settings = next((one.requests for one in config.lines.values() if one.id == line), None)
    departments = settings.departments if settings else {}
    if any(person == name for person in config.people):
        return Assignee(AssigneeKind.PERSON, name)
    if any(group == name for group in config.groups):
        return Assignee(AssigneeKind.GROUP, name)
    if name in departments:
        return Assignee(AssigneeKind.DEPARTMENT, name, departments[name])
    known = ", ".join([*config.people, *config.groups, *departments])
    raise click.BadParameter(f"'{name}' is nobody to assign to; known: {known}", param_hint="--to")


def _reply(given: Given, _config: Config, _filed: Filed) -> Action:
    if given.reply is None:
        raise click.BadParameter("the way is missing", param_hint="--way")
    return do.ChangeReply(given.by, given.reply, given.why)


def _inform(given: Given, _config: Config, _filed: Filed) -> Action:
    if given.expected is None:
        raise click.BadParameter("the new date is missing", param_hint="--expected")
    return do.Inform(given.by, given.cause, given.expected.replace(tzinfo=given.zone), given.text, given.reply)


ACTIONS: Mapping[str, Callable[[Given, Config, Filed], Action]] = {
    "submit": lambda given, config, filed: do.Submit(given.by),
    "assign": _assign,
    "hand-back": lambda given, config, filed: do.HandBack(given.by, given.why),
    "start": lambda given, config, filed: do.Start(given.by),
    "ask": lambda given, config, filed: do.Ask(given.by, given.text, given.why),
    "resume": lambda given, config, filed: do.Resume(given.by, given.why),
    "inform": _inform,
    "answer": lambda given, config, filed: do.Answer(given.by, given.text),
    "close": lambda given, config, filed: do.Close(given.by, given.solved, given.more),
    "close-without-reply": lambda given, config, filed: do.CloseWithoutReply(given.by, given.text),
    "reopen": lambda given, config, filed: do.Reopen(given.by, given.why),
    "refuse": lambda given, config, filed: do.Refuse(given.by, given.reason, given.why),
    "urgency": lambda given, config, filed: do.ChangeUrgency(given.by, given.urgency, given.why),
    "reply": _reply,
    "sent": lambda given, config, filed: do.Delivered(given.key, given.by),
    "returned": lambda given, config, filed: do.NotDelivered(given.key, given.why, given.by),
}


def action_of(name: str, given: Given, config: Config, filed: Filed) -> Action:
    """Return the action that was asked for. Raises click's error if something is missing."""
    return ACTIONS[name](given, config, filed)
