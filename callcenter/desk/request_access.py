"""Who sees and does how much of a request (decision 37): rules alone, for pages, lists and the API alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

from callcenter.config.roles import Role
from callcenter.desk.accounts import Account
from callcenter.request_register.filed import BoardRow
from callcenter.requests.lifecycle import State
from callcenter.requests.request import Assignee, AssigneeKind


class Access(IntEnum):
    """How much of one request somebody may see and do; each has what those before it have."""

    STATE = 0
    """Where it stands (ESTP 5.7.1)."""
    READS = 1
    WORKS = 2
    LEADS = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """A request in a list, as somebody sees it; not `in_full`: only where it stands."""

    row: BoardRow
    in_full: bool


def access_of(
    account: Account,
    own_names: Collection[str],
    state: State,
    opened_by: str,
    assignee: Assignee | None,
    *,
    confidential: bool = False,
) -> Access:
    """Return how much of a request in this state they may see and do. `own_names`: assignees that mean them.

    `confidential`: a complaint about an employee, for its group and the heads alone (E-SAUDA 3.7).
    """
    mine = opened_by == account.id
    if Role.HEAD in account.roles:
        return Access.LEADS
    if account.takes_calls and state is State.DRAFT and mine:
        return Access.WORKS
    inside = assignee is not None and assignee.kind is not AssigneeKind.DEPARTMENT
    if account.takes_calls and inside and assignee and assignee.id in own_names:
        return Access.WORKS
    if confidential:
        return Access.STATE
    return Access.READS if mine or Role.SUPERVISOR in account.roles else Access.STATE


def seen_by(
    account: Account,
    own_names: Collection[str],
    rows: Iterable[BoardRow],
    *,
    at_hand: bool = False,
    confidential: Callable[[BoardRow], bool] = lambda row: False,
) -> Iterator[Seen]:
    """Yield a list as they may see it: of others' requests where these stand, of others' forms nothing.

    `at_hand`: these are of their own caller, whom they have to answer: they see them in full.
    """
    for row in rows:
        secret = confidential(row)
        access = access_of(account, own_names, row.state, row.opened_by, row.assignee, confidential=secret)
        if (at_hand and not secret) or access >= Access.READS:
            yield Seen(row, in_full=True)
        elif row.state is not State.DRAFT:
            bare = replace(row, subject="", urgency="", essentials="", requester="", assignee=None, opened_by="")
            yield Seen(bare, in_full=False)
