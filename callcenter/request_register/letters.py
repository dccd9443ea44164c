"""What a message of a request looks like when it leaves: a heading with the number, for a department the question."""

from __future__ import annotations

from callcenter.requests.request import Message, Purpose, Request
from callcenter.store.rows import Row

SUBJECTS = {
    Purpose.ANSWER: "Ответ на обращение {number}",
    Purpose.INTERIM: "О ходе рассмотрения обращения {number}",
    Purpose.QUESTION: "Просим уточнить: обращение {number}",
    Purpose.ASSIGNMENT: "Поручение по обращению {number}",
}
"""Customers read these, in Russian as the line's prompts are. The number finds the request again when they reply."""


def outbox_row(message: Message, request: Request) -> Row:
    """Return the row of the outbox for a message of a request, to be tried at once."""
    text = message.text
    if message.purpose is Purpose.ASSIGNMENT:
        text += f"\n\nОбращение {request.number}:\n\n{request.essentials}\n"
    return {
        "key": message.key,
        "line": request.line,
        "way": message.reply.way.value,
        "address": message.reply.address,
        "subject": SUBJECTS[message.purpose].format(number=request.number),
        "text": text,
        "queued_at": message.queued_at,
        "next_try_at": message.queued_at,
        "tries": 0,
        "problem": "",
        "settled_at": None,
        "sent": False,
        "files": list(message.files),
        "automatic": False,
    }
