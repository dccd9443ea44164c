"""Call-backs at the desk: promised with a request, called when it is their turn, and what came of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callcenter.core import events
from callcenter.core.ids import LineId, PersonId
from callcenter.requests.call_back_rules import CallBackRules
from tests.desk.request_desk import ANNA, BORIS, HEAD, LEBEDEV, NUMBER, SUPERVISOR, Desk, request_desk

pytestmark = pytest.mark.clause("ESTP 5.4.5")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """With Anna, who is free; the others pause."""
    async with request_desk(tmp_path) as made:
        yield made


async def promised(desk: Desk, who: str = ANNA, **more: Any) -> tuple[Any, Any]:
    """A form with a call-back for now. Returns the form and the call-back."""
    form = await desk.form(who)
    body: dict[str, Any] = {"version": form["version"], "number": NUMBER} | more
    return form, await desk.post(who, f"requests/{form['id']}/call-back", **body)


async def test_from_the_form_to_the_conversation(desk: Desk) -> None:
    form = await desk.form()
    told = await desk.get(ANNA, f"requests/{form['id']}/call-backs")
    assert (told["call_backs"], told["number"]) == ([], NUMBER)
    assert [one["title"] for one in told["groups"]] == ["Операторы", "managers"]
    suggested = told["suggested"]
    assert suggested["say"]["ru"].startswith("Мы перезвоним вам ")
    order = {"version": form["version"], "number": "8 342 000-07-77"}
    one = await desk.post(
        ANNA,
        f"requests/{form['id']}/call-back",
        **order,
        words="до обеда",
        since=suggested["since"],
        until=suggested["until"],
    )
    assert (one["number"], one["state"]) == (NUMBER, "waiting")
    await desk.line.looks()
    out = desk.line.called_out[-1]
    assert (out.number, out.phone) == (NUMBER, "desk-1")
    me = desk.line.operator(PersonId(ANNA))
    assert me is not None
    assert me.outgoing is not None
    assert me.outgoing.call_back == one["id"]
    shown = await desk.get(ANNA, f"call-backs/{one['id']}")
    assert (shown["name"], shown["request"], shown["state"]) == ("Иванова", form["id"], "under_way")
    desk.line.talks()
    await desk.line.looks()
    after = await desk.get(ANNA, f"requests/{form['id']}/call-backs")
    assert [t["result"] for t in after["call_backs"][0]["tries"]] == ["talked"]
    assert after["call_backs"][0]["tries"][0]["in_time"]
    desk.line.tell(events.Return(PersonId(ANNA)))
    desk.line.passes(3600)
    await desk.line.looks()
    assert len(desk.line.called_out) == 1, "nobody is called twice"


@pytest.mark.clause("ESTP 5.5.2")
async def test_whoever_tells_an_answer_by_telephone_may_read_it_and_it_counts_as_delivered_then(desk: Desk) -> None:
    filed = await desk.in_work(way="telephone", address=NUMBER)
    answered = await desk.act(LEBEDEV, filed, "answer", text="Перевыпустите сертификат.")
    assert [m["fate"] for m in answered["messages"]] == ["waiting"]
    assert "messages" not in await desk.get(BORIS, f"requests/{filed['id']}")
    desk.line.tell(events.Pause("lunch", person=PersonId(ANNA)), events.Return(PersonId(BORIS)))
    await desk.line.looks()
    assert desk.line.called_out[-1].phone == "desk-2"
    read = await desk.get(BORIS, f"requests/{filed['id']}")
    assert read["messages"][0]["text"] == "Перевыпустите сертификат."
    desk.line.talks()
    await desk.line.looks()
    read = await desk.get(LEBEDEV, f"requests/{filed['id']}")
    assert (read["state"], read["messages"][0]["fate"]) == ("answered", "sent")


async def test_a_machine_says_the_operator_and_it_is_tried_again(desk: Desk) -> None:
    form, one = await promised(desk)
    await desk.line.looks()
    desk.line.talks()
    await desk.line.looks()
    said = await desk.post(ANNA, f"call-backs/{one['id']}/said", word="voicemail")
    assert (said["state"], said["tries"][0]["result"]) == ("waiting", "voicemail")
    assert await desk.post(ANNA, f"call-backs/{one['id']}/said", 400, word="busy")
    page = await desk.page(ANNA, f"/requests/{form['id']}")
    assert "автоответчик" in page


async def test_moved_by_the_page_and_withdrawn_while_the_phone_rings(desk: Desk) -> None:
    filed = await desk.new()
    path = f"/requests/{filed['number']}/call-back"
    page = await desk.page(HEAD, f"/requests/{filed['number']}")
    assert "Обещать перезвонить" in page
    fields = {"version": filed["version"], "number": NUMBER, "since": "2026-11-30T12:00", "until": "2026-11-30T16:00"}
    moment = re.search(r'name="since" value="([^"]+)"', page)
    until = re.search(r'name="until" value="([^"]+)"', page)
    assert moment
    assert until
    fields |= {"since": moment[1], "until": until[1], "groups": ""}
    await desk.send(HEAD, f"{path}/order", fields)
    await desk.line.looks()
    ringing = desk.line.called_out[-1].call
    (one,) = (await desk.get(HEAD, f"requests/{filed['id']}/call-backs"))["call_backs"]
    assert one["state"] == "under_way"
    await desk.send(
        HEAD, f"{path}/withdraw", {"version": one["version"], "call_back": one["id"], "why": "не надо"}, 409
    )
    desk.line.tell(events.OutgoingNotPlaced(ringing, events.OfferFailure.NO_ANSWER))
    await desk.line.looks()


async def test_wrong_wishes_have_names_and_stay_as_they_were_typed(desk: Desk) -> None:
    filed = await desk.new()
    path = f"requests/{filed['id']}/call-back"
    body = {"version": filed["version"], "number": NUMBER}
    for more, word in (
        ({"number": "112"}, "number_emergency"),
        ({"number": "+375291234567"}, "number_abroad"),
        ({"number": "+74951234567"}, "number_outside"),
        ({"since": "2020-01-01T10:00:00+03:00", "until": "2020-01-01T12:00:00+03:00"}, "window_past"),
        ({"groups": ["law"]}, "unknown_group"),
        ({"since": "2020-01-01T10:00:00+03:00"}, "wrong_value"),
        ({"words": "утром"}, "wrong_value"),
    ):
        told = await desk.post(ANNA, path, 400, **body | more)
        assert told.get("reason", told["answer"]) == word, told
    answer = await desk.send(
        HEAD,
        f"/requests/{filed['id']}/call-back/order",
        {"version": filed["version"], "number": "<b>112", "since": "", "until": "", "groups": ""},
        400,
    )
    assert "&lt;b&gt;112" in await answer.text()
    stranger = await desk.post(BORIS, path, 403, **body)
    assert stranger["answer"] == "not_yours"


async def test_only_vip_customers_order_one_where_the_line_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = desk.call_backs.book._rules[LineId("estp")]
    assert isinstance(rules.call_backs, CallBackRules)
    vip = replace(rules, call_backs=replace(rules.call_backs, levels=frozenset({"VIP"})))
    monkeypatch.setitem(desk.call_backs.book._rules, LineId("estp"), vip)
    form = await desk.form(inn="5902000001")
    path, body = f"requests/{form['id']}/call-back", {"version": form["version"], "number": NUMBER}
    assert (await desk.post(ANNA, path, 403, **body))["answer"] == "level"
    await desk.post(HEAD, path, **body)


async def test_the_heads_list(desk: Desk) -> None:
    _, one = await promised(desk)
    page = await desk.page(SUPERVISOR, "/call-backs")
    assert "Иванова" in page
    listed = await desk.get(HEAD, "call-backs?which=open")
    assert [row["id"] for row in listed["call_backs"]] == [one["id"]]
    assert (await desk.get(HEAD, "call-backs?which=all", 400))["answer"] == "wrong_value"
    assert (await desk.get(ANNA, "call-backs/cb-0000", 404))["answer"] == "unknown"
    assert (await desk.get(BORIS, f"call-backs/{one['id']}", 403))["answer"] == "not_yours"
    assert (await desk.post(BORIS, f"call-backs/{one['id']}/said", 403, word="talked"))["answer"] == "not_yours"


async def test_after_a_crash_of_the_core_everything_that_is_due_is_told_again_and_dialled_once(desk: Desk) -> None:
    _, one = await promised(desk)
    await desk.line.looks()
    desk.line.restart()
    desk.line.call_backs = type(desk.line.call_backs)(
        desk.call_backs.book,
        desk.line.register,
        desk.line.take,
        lambda: desk.line.view().call_backs,
        desk.line.call_backs._clock,
    )
    await desk.line.looks()
    (waiting,) = desk.line.view().call_backs
    assert (waiting.call_back, waiting.attempt) == (one["id"], 1)
