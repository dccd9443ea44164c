"""Turns the core's answers into HTTP statuses and sentences for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from callcenter.core.commands import Answer, Reply
from callcenter.desk.language import N_, translated

STATUS = {
    Answer.WRONG_SECRET: 401,
    Answer.NOT_LOGGED_IN: 401,
    Answer.TRY_LATER: 429,
    Answer.NEWS_FIRST: 409,
    Answer.UNKNOWN_REASON: 400,
    Answer.PHONE_TAKEN: 409,
    Answer.UNKNOWN_PHONE: 400,
    Answer.NONE_FREE: 409,
    Answer.NUMBER_NOT_ALLOWED: 403,
    Answer.MAY_NOT_CALL_OUT: 403,
    Answer.ALL_LINES_BUSY: 409,
    Answer.ALREADY_OPEN: 409,
    Answer.ALREADY_CLOSED: 409,
    Answer.CALL_GONE: 409,
    Answer.RINGS_ALREADY: 409,
    Answer.IN_CONVERSATION: 409,
    Answer.NOT_PAUSED: 409,
    Answer.NOT_POSSIBLE: 409,
}
"""The HTTP status of a refusal. All other answers mean that the request was carried out: 200."""

SENTENCES = {
    Answer.LOGGED_IN: N_("You are on shift."),
    Answer.LOGGED_IN_WITH_NEWS: N_("You are on shift. There is news that you have not read yet."),
    Answer.NEWS_FIRST: N_("There is news to read before the shift begins."),
    Answer.LOGGED_OUT: N_("The shift is over."),
    Answer.PAUSED: N_("You are paused."),
    Answer.RETURNED: N_("You are on the line again."),
    Answer.RETURNED_AFTER_MISS: N_("You are on the line again. You had been paused because a call was missed."),
    Answer.RETURNED_AFTER_DECLINE: N_(
        "You are on the line again. You had been paused because a call was declined on your phone."
    ),
    Answer.RETURNED_AFTER_DO_NOT_DISTURB: N_(
        "You are on the line again. If “do not disturb” is still on at your phone, the next call pauses you again."
    ),
    Answer.RETURNED_AFTER_FORWARDING: N_(
        "You are on the line again. If your phone still forwards calls, the next call pauses you again."
    ),
    Answer.WRONG_SECRET: N_("Wrong id or password."),
    Answer.TRY_LATER: N_("Too many attempts. Please try again later."),
    Answer.PHONE_TAKEN: N_("Somebody else is logged in at this phone."),
    Answer.UNKNOWN_PHONE: N_("There is no such phone."),
    Answer.NOT_LOGGED_IN: N_("You are not on shift. Please log in."),
    Answer.UNKNOWN_REASON: N_("There is no such reason for a pause."),
    Answer.RINGING_COLLEAGUE: N_("A colleague's phone is ringing."),
    Answer.NONE_FREE: N_("Nobody is free there now. The caller stays with you."),
    Answer.TRANSFERRED: N_("The caller has been transferred."),
    Answer.TAKEN_BACK: N_("The caller is with you again."),
    Answer.ENDED: N_("The conversation is over."),
    Answer.IDENTIFIED: N_("The register knows now who called."),
    Answer.PROLONGED: N_("You have a minute more before the next call."),
    Answer.REGISTERED: N_("The call is registered."),
    Answer.CALLING_OUT: N_("Your phone rings: when you answer it, the number is dialled."),
    Answer.NUMBER_NOT_ALLOWED: N_("This number may not be called from here. Allowed:"),
    Answer.MAY_NOT_CALL_OUT: N_("Nobody of your group calls out on behalf of this line."),
    Answer.ALL_LINES_BUSY: N_("All places of the line are taken. Please try again in a moment."),
    Answer.LINE_OPENED: N_("The line is open."),
    Answer.LINE_CLOSED: N_("The line is closed. Who waits is still served; new callers hear that it is closed."),
    Answer.ALREADY_OPEN: N_("The line is open already."),
    Answer.ALREADY_CLOSED: N_("The line is closed already."),
    Answer.OUT_OF_TURN: N_("This caller is served next. It is written in the register, with your reason."),
    Answer.CALL_GONE: N_("This caller does not wait any more."),
    Answer.RINGS_ALREADY: N_("A phone rings for this caller already."),
    Answer.IN_CONVERSATION: N_("They are in a conversation: pause them, and log them out when it is over."),
    Answer.NOT_PAUSED: N_("They are not paused."),
    Answer.NOT_POSSIBLE: N_("That is not possible now."),
}


def as_json(data: Mapping[str, Any], status: int = 200) -> web.Response:
    """Make a JSON response in readable UTF-8: Cyrillic letters are not escaped."""
    return web.json_response(data, status=status, dumps=lambda d: json.dumps(d, ensure_ascii=False))


def refusal(
    request: web.BaseRequest, status: int, answer: str, sentence: str, detail: str = "", **more: Any
) -> web.Response:
    """Make a response in the API's usual form: a word for programs, a sentence for people, and `more`."""
    message = " ".join(filter(None, (translated(request, sentence), detail)))
    return as_json({"answer": answer, "message": message, **more}, status)


def response(request: web.BaseRequest, reply: Reply, **more: Any) -> web.Response:
    """Make the response for a reply of the core."""
    return refusal(request, STATUS.get(reply.answer, 200), reply.answer.value, SENTENCES[reply.answer], **more)
