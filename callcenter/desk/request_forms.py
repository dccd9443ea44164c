"""The forms on the page of a request: which there are for whom, and what they bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any

from aiohttp import web

from callcenter.desk import bodies
from callcenter.desk import request_bodies as allowed
from callcenter.desk.forms import Form
from callcenter.desk.request_access import Access
from callcenter.desk.request_actions import RequestActions
from callcenter.request_register.filed import Filed
from callcenter.requests.lifecycle import ENDS, REQUEST, UNFINISHED, State, Step
from callcenter.requests.request import AssigneeKind

ACTS: Mapping[str, type[allowed.Acts]] = {
    "submit": allowed.Submitted,
    "assign": allowed.Assigned,
    "hand-back": allowed.HandedBack,
    "start": allowed.Started,
    "ask": allowed.Question,
    "resume": allowed.Resumed,
    "inform": allowed.Interim,
    "answer": allowed.Answered,
    "close": allowed.Closed,
    "close-without-reply": allowed.ClosedWithoutReply,
    "reopen": allowed.Reopened,
    "refuse": allowed.Refused,
    "urgency": allowed.Urgency,
    "reply": allowed.NewReply,
}
"""The last word of a form's address, and what it brings."""
FORMS = (*ACTS, "fill", "tell", "receive", "delivery", "merge", "split")
_YES_OR_NO = {"yes": True, "no": False}
_STEPS: Mapping[str, Step] = {
    "start": Step.START,
    "answer": Step.ANSWER,
    "ask": Step.ASK,
    "resume": Step.RESUME,
    "close": Step.CLOSE,
    "assign": Step.ASSIGN,
    "inform": Step.INFORM,
    "reopen": Step.REOPEN,
    "hand-back": Step.HAND_BACK,
    "refuse": Step.REFUSE,
    "merge": Step.MERGE,
    "submit": Step.SUBMIT,
}
_LED = {"assign", "refuse", "merge", "split", "urgency"}


def offered(filed: Filed, access: Access) -> list[str]:
    """Return the forms that the page offers: what the state allows, and this person may do."""
    if access is Access.READS or access is Access.STATE:
        return []
    possible = list(_possible(filed))
    if access is Access.WORKS and filed.request.state is not State.DRAFT:
        return [one for one in possible if one not in _LED]
    return possible


def _possible(filed: Filed) -> Iterator[str]:
    state = filed.request.state
    if state is State.DRAFT:
        yield "fill"
    for name, step in _STEPS.items():
        if name == "close" and state is State.PENDING:
            yield "close-without-reply"
        elif REQUEST.allows(state, step):
            yield name
    if state in UNFINISHED:
        yield from ("urgency", "split")
    if state not in ENDS and state is not State.DRAFT:
        yield "reply"
    if state is not State.DRAFT:
        yield "receive"


def act(request: web.Request, name: str, form: Form, zone: tzinfo) -> allowed.Acts:
    """Return what a form brings, checked as the API checks it. Raises `BadRequest`."""
    return bodies.checked(request, ACTS[name], values(ACTS[name], form, zone))


def values(model: type[allowed.Acts | bodies.Body], form: Form, zone: tzinfo) -> dict[str, Any]:
    """Return the fields of a model from those of a form; what was left empty and may be is left out."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if name == "version":
            found[name] = form.number(name)
        elif name == "causes":
            found[name] = tuple(line.strip() for line in form.one(name).splitlines() if line.strip())
        elif name == "files":
            found[name] = form.all(name)
        elif name == "reply":
            if form.one("reply_way"):
                found[name] = {"way": form.one("reply_way"), "address": form.one("reply_address")}
        elif name in ("expected", "convenient_from", "convenient_until"):
            found[name] = form.moment(name, zone)
        elif name in ("posted_on", "dated") and not form.one(name):
            continue
        elif name in ("plain", "again"):
            found[name] = form.ticked(name)
        elif name in ("solved", "more", "delivered"):
            found[name] = _YES_OR_NO.get(form.one(name))
        elif name in ("kind", "id"):
            found |= assignee_fields(form)
        elif name in form.names and (form.one(name) or field.is_required() or name != "way"):
            found[name] = form.one(name)
    return found


def assignee_fields(form: Form) -> dict[str, Any]:
    """Return who was chosen in a list of people, groups and departments: 'person:201'."""
    kind, _, id_ = form.one("assignee").partition(":")
    found: dict[str, Any] = {"kind": kind, "id": id_}
    if form.one("text").strip():
        found["text"] = form.one("text")
    return found


def assignees(desk: RequestActions) -> list[tuple[AssigneeKind, list[tuple[str, str]]]]:
    """Return who can be responsible, by kind: values of the list, and names."""
    departments = sorted({name for line in desk.lines.values() for name in line.departments})
    people = sorted((one.name, one.id) for one in desk.workers())
    found = [
        (AssigneeKind.PERSON, [(f"person:{id_}", name) for name, id_ in people]),
        (AssigneeKind.GROUP, [(f"group:{id_}", title) for id_, title in desk.groups.items()]),
        (AssigneeKind.DEPARTMENT, [(f"department:{name}", name) for name in departments]),
    ]
    return [(kind, those) for kind, those in found if those]
