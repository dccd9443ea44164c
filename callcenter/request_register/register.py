"""Everything that changes a request. One action is one transaction: all of it is stored, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from callcenter.core.ids import LineId
from callcenter.request_register.filed import Filed, Outcome, Requester
from callcenter.requests.actions import Action
from callcenter.requests.request import Entry, RequestId, Way
from callcenter.requests.rules import LineRules
from callcenter.store import Register

Rules = Callable[[], Mapping[LineId, LineRules]]
"""Makes the rules of all lines that have requests. Each of its callers gets working hours of its own, because their
table grows while it is asked, and one thread alone may do so."""


class RequestRegister:
    """The requests of all lines. `version` is that of the request as whoever acts has seen it; `at` is the present.

    All methods raise `UnknownRequest`, and `RegisterError` if the database is locked, slow or away. Those that change
    something raise `ChangedMeanwhile` and `ActionRefused`, too; then nothing has changed.
    """

    def __init__(self, register: Register, rules: Rules) -> None:
        self._register = register
        self.rules = rules()
        """By line; for the event loop."""

    # -- reading -----------------------------------------------------------------------------------------------

    async def filed(self, request: RequestId) -> Filed:
        """Return a request with all that is kept beside it."""
        raise NotImplementedError

    async def numbered(self, number: str) -> Filed:
        """Return the request with the registration number that somebody typed; «estp-2026-000123» will do."""
        raise NotImplementedError

    async def history(self, request: RequestId) -> list[Entry]:
        """Return all rows of its history, the oldest first."""
        raise NotImplementedError

    def promise(self, line: LineId, urgency: str, received_at: datetime) -> datetime | None:
        """Return until when the answer would be given: the date to say (ESTP 5.5.1). None: none is promised.

        Raises `NoRequests` or `ActionRefused` for an urgency that the line does not have.
        """
        raise NotImplementedError

    # -- acting ------------------------------------------------------------------------------------------------

    async def open_draft(
        self,
        line: LineId,
        by: str,
        received_at: datetime,
        at: datetime,
        requester: Requester = Requester(),  # noqa: B008 - it is frozen
        call: str = "",
    ) -> Filed:
        """Open the form of what was asked at `received_at`; from then on its hour counts (ESTP 5.5.3).

        `call`: the call it comes from. If the same person has a draft of this call already, that one is returned.
        Raises `NoRequests`.
        """
        raise NotImplementedError

    async def act(self, request: RequestId, version: int, action: Action, at: datetime) -> Filed:
        """Do something to a request: any of `callcenter.requests.actions`. `Submit` and `Refuse` get their counter here.

        Not for `Delivered` and `NotDelivered`, which are the outbox's to report.
        """
        raise NotImplementedError

    async def act_on_many(
        self, requests: Iterable[tuple[RequestId, int]], action: Action, at: datetime
    ) -> list[Outcome]:
        """Do the same to several requests, each with the version that was seen; one that fails hinders no other."""
        raise NotImplementedError

    async def describe(self, request: RequestId, version: int, requester: Requester, by: str, at: datetime) -> Filed:
        """Change what is known of who asks."""
        raise NotImplementedError

    async def tell(self, request: RequestId, version: int, words: str, by: str, at: datetime) -> Filed:
        """Store the words in which the customer was told until when the answer comes (ESTP 5.5.1)."""
        raise NotImplementedError

    async def receive(
        self,
        request: RequestId,
        key: str,
        way: Way,
        sender: str,
        text: str,
        by: str,
        at: datetime,
        *,
        from_customer: bool = True,
    ) -> Filed:
        """File a message that came in, whatever the version. `key`: what its channel knows it by; filed once."""
        raise NotImplementedError

    async def merge(
        self, request: RequestId, version: int, into: RequestId, into_version: int, by: str, why: str, at: datetime
    ) -> tuple[Filed, Filed]:
        """End `request`: what it asks is answered in `into`. Returns both."""
        raise NotImplementedError

    async def split(
        self, request: RequestId, version: int, subject: str, essentials: str, by: str, why: str, at: datetime
    ) -> tuple[Filed, Filed]:
        """Make a part of what a request asks a request of its own. Returns both, the new one last."""
        raise NotImplementedError
