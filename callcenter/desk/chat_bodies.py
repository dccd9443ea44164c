"""The request bodies of chats. Any other body is refused, and the refusal says what is allowed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from callcenter.chats.text import LONGEST
from callcenter.desk.bodies import Body
from callcenter.desk.language import N_

ChatText = Annotated[str, Field(max_length=LONGEST, description=N_("at most 4000 characters"))]
Written = Annotated[str, Field(min_length=1, max_length=LONGEST, description=N_("1 to 4000 characters"))]
Key = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$", description=N_("a random word of 8 to 64 letters or digits"))
]
Known = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$", description=N_("an id, or empty"))]


class ChatSaid(Body):
    """POST /api/chats/{chat}/messages. `key`: sent again with the same key, it is the same message."""

    key: Key
    text: Written


class ChatDrafted(Body):
    """POST /api/chats/{chat}/draft: what is typed and not sent."""

    text: ChatText


class ChatHandedOver(Body):
    """POST /api/chats/{chat}/hand-over: to a colleague, or to a group; without either, to whoever comes next."""

    to: Known = ""
    group: Known = ""


class ChatNoted(Body):
    """POST /api/chats/{chat}/note: what came of it, if it becomes no request."""

    subject: Known = ""
    text: ChatText
