"""Performs the core's commands: in Asterisk, in the register, with timers and tasks.

It makes no decisions and never waits. A command for Asterisk goes to the server that has the channel.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol, get_args

from callcenter.app.containment import attempt
from callcenter.app.timers import Timers
from callcenter.asterisk.link import Link
from callcenter.asterisk.translate import PHONE
from callcenter.core import commands
from callcenter.core.commands import Command, Reply, Save, Severity, ToAll, ToAsterisk, channel_of
from callcenter.core.ids import ChannelId, PersonId, ServerId
from callcenter.core.operator import Presence
from callcenter.store import Writer

log = logging.getLogger(__name__)

_SAVES = get_args(Save)
_TO_ASTERISK = get_args(ToAsterisk)


class CallBackBook(Protocol):
    """Those who keep the wishes for call-backs. Neither may wait or raise; they may be told the same twice."""

    def over(self, told: commands.CallBackOver) -> None:
        """Enter what came of an attempt."""

    def keep_place(self, wanted: commands.KeepPlace) -> None:
        """Enter the wish of a caller who has hung up, and tell the core soon that the call-back is due."""


class ChatBook(Protocol):
    """Those who keep the chats. It may neither wait nor raise."""

    def moved(self, moved: commands.ChatMoved) -> None:
        """Take where a chat is now."""


class Performer:
    """`server_of` returns the server of a channel.

    `finish_recording` and `look_up_request` start a task; `answer` delivers a reply to a page (False: it is for a
    phone); `contained` is called for a call for which a step failed and was undone; `shift_over` for a person whose
    shift has ended. `call_backs`: None where nobody keeps wishes for call-backs;
    `chats`: None where no line has a chat.
    """

    def __init__(
        self,
        links: Mapping[ServerId, Link],
        server_of: Callable[[ChannelId], ServerId],
        writer: Writer,
        timers: Timers,
        finish_recording: Callable[[commands.FinishRecording], None],
        look_up_request: Callable[[commands.LookUpRequest], None],
        answer: Callable[[Reply], bool],
        contained: Callable[[commands.Contained], None],
        shift_over: Callable[[PersonId], None],
        call_backs: CallBackBook | None = None,
        chats: ChatBook | None = None,
    ) -> None:
        self._links = links
        self._server_of = server_of
        self._writer = writer
        self._timers = timers
        self._finish_recording = finish_recording
        self._look_up_request = look_up_request
        self._answer = answer
        self._contained = contained
        self._shift_over = shift_over
        self._call_backs = call_backs
        self._chats = chats
        only = next(iter(links.values())) if len(links) == 1 else None
        self._only = only
        self._together: Callable[[], AbstractContextManager[None]] = only.ami.together if only else self._all_together

    def perform(self, wanted: Collection[Command]) -> None:
        """Perform all commands of one event: those for Asterisk first, in one write, then the others; each in order."""
        to_asterisk = [command for command in wanted if isinstance(command, _TO_ASTERISK)]
        if to_asterisk:
            with self._together():  # so that no phone ever rings without the order to record the conversation
                for command in to_asterisk:
                    attempt(self._tell_asterisk, command)
        for command in wanted:
            if not isinstance(command, _TO_ASTERISK):
                attempt(self._do, command)

    def _tell_asterisk(self, command: ToAsterisk) -> None:
        if isinstance(command, ToAll):
            for link in self._links.values():
                link.perform(command)
        else:
            (self._only or self._link(channel_of(command))).perform(command)

    def _do(self, command: Command) -> None:
        if isinstance(command, _SAVES):
            self._writer.put(command)
            if isinstance(command, commands.SavePresence) and command.record.presence == Presence.OFF:
                self._shift_over(command.record.operator)
            return
        match command:
            case commands.SetTimer(timer, at):
                self._timers.set(timer, at)
            case commands.CancelTimer(timer):
                self._timers.cancel(timer)
            case commands.Notice(severity, text):
                log.log(logging.WARNING if severity is Severity.WARNING else logging.INFO, "%s", text)
            case commands.CallBackOver() if self._call_backs:
                self._call_backs.over(command)
            case commands.KeepPlace() if self._call_backs:
                self._call_backs.keep_place(command)
            case commands.ChatMoved() if self._chats:
                self._chats.moved(command)
            case commands.FinishRecording():
                self._finish_recording(command)
            case commands.LookUpRequest():
                self._look_up_request(command)
            case commands.Contained(call, during, problem):
                log.error("A defect of the core at %s of %s; the line goes on.", during, call, exc_info=problem)
                self._contained(command)
            case Reply():
                self._reply(command)

    def _reply(self, reply: Reply) -> None:
        if not self._answer(reply) and reply.reply_to.startswith(PHONE):
            (self._only or self._link(ChannelId(reply.reply_to.removeprefix(PHONE)))).perform(reply)

    def _link(self, channel_id: ChannelId) -> Link:
        return self._links[self._server_of(channel_id)]

    @contextmanager
    def _all_together(self) -> Iterator[None]:
        with ExitStack() as stack:
            for link in self._links.values():
                stack.enter_context(link.ami.together())
            yield
