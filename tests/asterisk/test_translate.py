"""Every message of Asterisk that concerns us and every wish of the core; and that nothing a stranger sends gets out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callcenter.asterisk import refusals, translate
from callcenter.asterisk.event_check import TOKEN
from callcenter.asterisk.messages import Message, parse, rendered
from callcenter.asterisk.refusals import Refusals
from callcenter.asterisk.render import LONGEST_FOLDER
from callcenter.asterisk.translate import LogInByPhone, NoteByPhone, Target, Translator, channel_seen
from callcenter.core import commands, events
from callcenter.core.commands import Answer, Command, OfferKind, Place, Reply, Ring, SyncQueueMember
from callcenter.core.events import Customer, Event, InnEntry, OfferFailure
from callcenter.core.ids import CallId, PhoneName, ReplyTo
from callcenter.core.question import Question
from callcenter.core.queue.announcement import LONGER, Wording, call_phrases, phrases
from callcenter.core.server import ONLY
from callcenter.core.settings import Promises
from callcenter.customers.directory import normalise
from callcenter.requests.inn import valid_inn
from callcenter.voice.prompts import Catalogue

PROJECT = Path(__file__).parents[2]
BY_NUMBER = Customer("Управление закупок", "Заказчик", "5902000001")
BY_INN = Customer("Больница № 1", "Заказчик", "7707083893")
INN = "7707083893"

TRANSLATOR = Translator(
    normalise,
    {"+73422921960": BY_NUMBER}.get,
    {INN: BY_INN}.get,
    valid_inn,
    ("lunch", "break"),
    Path("/srv/prompts"),
    {"*22": Target("technical"), "201": Target(colleague="201")},
)


def said(event: str, **headers: str) -> Event | LogInByPhone | NoteByPhone | None:
    """What the core is told of a message about the channel 1.7."""
    return TRANSLATOR.event({"Event": event, "Uniqueid": "1.7", "Channel": "PJSIP/city-07", **headers})


def user(name: str, **headers: str) -> Event | LogInByPhone | NoteByPhone | None:
    return said("UserEvent", UserEvent=name, **headers)


# -- from Asterisk -------------------------------------------------------------------------------------------------

PHONE = ReplyTo("phone:1.7")


class Desk(TypedDict):
    """Whose phone it is, and where the answer goes."""

    phone: PhoneName
    reply_to: ReplyTo


DESK: Desk = {"phone": PhoneName("101"), "reply_to": PHONE}


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (said("Hangup", Cause="17", **{"Cause-txt": "User busy"}), events.ChannelHungUp("1.7", 17, "User busy")),
        (said("Hangup"), events.ChannelHungUp("1.7", 0, "")),
        (said("Hangup", Cause="127", ChannelState="4"), events.ChannelHungUp("1.7", 16, "Normal Clearing")),
        (said("Hangup", Cause="127", ChannelState="6"), events.ChannelHungUp("1.7", 127, "")),
        (said("Hangup", Cause="99999999999999999999"), events.ChannelHungUp("1.7", 0, "")),
        (said("HangupRequest", Uniqueid="offer-b-1", Cause="16"), events.PhoneHungUp("offer-b-1")),
        (said("HangupRequest", Uniqueid="offer-b-1", Cause="127"), events.PhoneHungUp("offer-b-1", 127)),
        (said("HangupRequest"), None),
        (said("SoftHangupRequest", Uniqueid="offer-b-1", Cause="44"), events.PhoneHungUp("offer-b-1", 44)),
        (said("SoftHangupRequest", Cause="44"), events.CallerVanished("1.7")),
        (said("SoftHangupRequest", Uniqueid="offer-b-1", Cause="16"), None),
        (said("BridgeEnter", BridgeUniqueid="b1"), events.BridgeEntered("1.7", "b1")),
        (said("BridgeLeave", BridgeUniqueid="b1"), events.BridgeLeft("1.7", "b1")),
        (said("Newstate", Uniqueid="offer-b-1", ChannelState="5"), events.OfferRinging("offer-b-1")),
        (said("Newstate", Uniqueid="offer-b-1", ChannelState="6"), None),
        (said("Newstate", ChannelState="5"), None),
        (user("CCGreeted"), events.GreetingHeard("1.7")),
        (user("CCGreeted", Language="ru", Chosen="en"), events.GreetingHeard("1.7", "en")),
        (user("CCGreeted", Chosen="fr\n"), events.GreetingHeard("1.7")),
        (user("CCUrgency", Digit="1"), events.UrgencyGiven("1.7", "1")),
        (user("CCUrgency", Digit=""), events.UrgencyGiven("1.7", "")),
        (user("CCUrgency", Digit="2", Queue="yes"), events.UrgencyGiven("1.7", "2", in_queue=True)),
        (
            user("CCInn", Digits="", Status="TIMEOUT", Queue="yes"),
            events.InnGiven("1.7", InnEntry.TIMEOUT, in_queue=True),
        ),
        (user("CCInn", Digits="59*", Status="OK"), events.InnGiven("1.7", InnEntry.SKIPPED)),
        (user("CCSpoken", Number="3"), events.AnnouncementSpoken("1.7", 3)),
        (user("CCSpoken", Number="three"), events.AnnouncementSpoken("1.7", 0)),
        (user("CCInfo"), events.InfoMenuVisited("1.7")),
        (user("CCRequest", Digits="2026000123", Try="2"), events.RequestNumberGiven("1.7", "2026000123", 2)),
        (user("CCRequest", Digits="20x26&", Try="-1"), events.RequestNumberGiven("1.7", "2026", 0)),
        (user("CCKeepAsked"), events.KeepPlaceAsked("1.7")),
        (user("CCKeepTyped", Number="89125550101"), events.KeepPlaceAsked("1.7", "+79125550101", True)),
        (user("CCKeepTyped", Number="12"), events.KeepPlaceAsked("1.7", "", True)),
        (user("CCKeepConfirmed", Number="+79125550101"), events.KeepPlaceConfirmed("1.7", "+79125550101")),
        (user("CCGeneral", Status="ANSWER"), events.GeneralLineEnded("1.7", True)),
        (user("CCGeneral", Status="NOANSWER"), events.GeneralLineEnded("1.7", False)),
        (user("CCGeneral", Status="UNCONFIGURED"), events.GeneralLineEnded("1.7", False)),
        (user("CCAnswered"), events.OfferAnswered("1.7")),
        (
            user("CCLogIn", Phone="101", Id="101", Pin="123456"),
            LogInByPhone("101", "101", "phone:1.7", "1.7", "123456"),
        ),
        (user("CCLogOut", Phone="101"), events.LogOut(**DESK)),
        (user("CCEnd", Phone="101"), events.EndConversation(**DESK, requeue=True)),
        (user("CCReferred", To="*22"), events.TransferredByKey("1.7", "technical")),
        (user("CCReferred", To="201"), events.TransferredByKey("1.7", colleague="201")),
        (user("CCReferred", To="999"), events.TransferredByKey("1.7")),
        (user("CCDialled", Phone="101", To="*22"), events.ColleagueDialled("1.7", "101", "technical", "", PHONE)),
        (user("CCDialled", Phone="101", To="201"), events.ColleagueDialled("1.7", "101", "", "201", PHONE)),
        (user("CCDialled", Phone="101", To="999"), events.ColleagueDialled("1.7", "101", "", "", PHONE)),
        (user("CCReturn", Phone="101"), events.Return(**DESK, channel="1.7")),
        (user("CCPause", Phone="101", Key="2"), events.Pause("break", **DESK)),
        (user("CCPause", Phone="101", Key="3"), events.Pause("", **DESK)),
        (user("CCPause", Phone="101", Key="0"), events.Pause("", **DESK)),
        (user("CCPause", Phone="101", Key="*"), events.Pause("", **DESK)),
        (user("CCNote", Phone="101", Note="subject-3"), NoteByPhone("101", 3, PHONE)),
        (user("CCNote", Phone="101", Note="conduct"), NoteByPhone("101", 0, PHONE)),
        (user("CCNote", Phone="101", Note="subject-0"), None),
        (user("CCNote", Phone="101", Note="subject-10"), None),
        (user("CCNote", Phone="101"), None),
        (user("CCFeature", Feature="take-back"), events.CancelTransfer(leg="1.7", reply_to=PHONE)),
        (user("CCFeature", Feature="complete"), events.CompleteTransfer(leg="1.7", reply_to=PHONE)),
        (
            user("CCFeature", Feature="not-customer"),
            events.Transfer("general", not_customer=True, leg="1.7", reply_to=PHONE),
        ),
        (user("CCFeature", Feature="transfer-general"), events.Transfer("general", leg="1.7", reply_to=PHONE)),
        (
            user("CCFeature", Feature="transfer-technical"),
            events.Transfer("technical", leg="1.7", reply_to=PHONE),
        ),
        (
            user("CCFeature", Feature="consult-key-clients"),
            events.Transfer("key-clients", consult=True, leg="1.7", reply_to=PHONE),
        ),
        (user("CCFeature", Feature="consult-"), None),
        (user("CCFeature", Feature="dance-technical"), None),
        (user("SomebodyElses"), None),
        (said("VarSet"), None),
        (TRANSLATOR.event({"Response": "Success"}), None),
    ],
)
def test_a_message_becomes_the_cores_event(heard: object, told: object) -> None:
    assert heard == told


@pytest.mark.parametrize(
    ("number", "name", "known_as", "shown", "customer"),
    [
        ("73422921960", "", "+73422921960", "", BY_NUMBER),
        ("%2B7%20342%20292-19-60", "%D0%9E%D0%BB%D1%8C%D0%B3%D0%B0%2C%20%22%D0%9E%D0%9E%D0%9E%22",
         "+73422921960", 'Ольга, "ООО"', BY_NUMBER),
        ("89025550101", "", "+79025550101", "", None),
        ("anonymous", "Anonymous", "anonymous", "Anonymous", None),
        ("", "", "", "", None),
        ("101", "%0D%0AAction%3A%20Originate", "101", "\r\nAction: Originate", None),
        ("%FF%FE", "%E2%98%8E", "\ufffd\ufffd", "☎", None),
    ],
)  # fmt: skip
@pytest.mark.clause("ESTP 2.1")
def test_a_caller_is_known_by_number_and_shown_as_sent(
    number: str, name: str, known_as: str, shown: str, customer: Customer | None
) -> None:
    arrived = user("CCArrived", Line="estp", Number=number, Name=name)
    assert arrived == events.CallArrived("1.7", "PJSIP/city-07", "estp", known_as, shown, customer)


@pytest.mark.parametrize(
    ("digits", "status", "entry", "valid", "customer"),
    [
        (INN, "OK", InnEntry.ENTERED, True, BY_INN),
        ("5902000000", "OK", InnEntry.ENTERED, False, None),
        ("500100732259", "OK", InnEntry.ENTERED, True, None),
        (INN[:4], "OK", InnEntry.ENTERED, False, None),
        ("", "OK", InnEntry.SKIPPED, False, None),
        ("", "TIMEOUT", InnEntry.TIMEOUT, False, None),
        (INN, "TIMEOUT", InnEntry.ENTERED, True, BY_INN),
        ("", "HANGUP", InnEntry.TIMEOUT, False, None),
        ("", "ERROR", InnEntry.TIMEOUT, False, None),
        ("", "SKIPPED", InnEntry.SKIPPED, False, None),
    ],
)
@pytest.mark.clause("ESTP 2.1")
def test_what_was_typed_as_the_inn(
    digits: str, status: str, entry: InnEntry, valid: bool, customer: Customer | None
) -> None:
    assert user("CCInn", Digits=digits, Status=status) == events.InnGiven("1.7", entry, digits, valid, customer)


@pytest.mark.parametrize(
    ("reason", "failure"),
    [
        ("3", "no_answer"),
        ("5", "busy"),
        ("8", "not_placed"),
        ("0", "not_placed"),
        ("", "not_placed"),
        ("?", "not_placed"),
    ],
)
def test_why_a_phone_could_not_be_rung(reason: str, failure: str) -> None:
    told = said("OriginateResponse", Response="Failure", ActionID="offer-b-1", Uniqueid="<null>", Reason=reason)
    assert told == events.OfferFailed("offer-b-1", OfferFailure(failure))


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("Reachable", events.PhoneFound("101")),
        ("Unreachable", events.PhoneLost("101")),
        ("Unknown", None),
        ("", None),
    ],
)
def test_whether_a_phone_can_be_reached(status: str, event: Event | None) -> None:
    told = {"Event": "PeerStatus", "ChannelType": "PJSIP", "Peer": "PJSIP/101", "PeerStatus": status}
    assert TRANSLATOR.event(told) == event


def test_the_list_of_phones_says_nothing_of_those_in_use() -> None:
    states = {"101": "NOT_INUSE", "102": "UNAVAILABLE", "103": "INVALID", "104": "INUSE", "105": "RINGING"}
    listed = [{"Device": f"PJSIP/{name}", "State": state} for name, state in states.items()]
    names = [*states, "106"]  # the last one has never been reached
    assert translate.phones_listed([*listed, {}], names, 7.0, ONLY) == events.PhonesListed(
        frozenset({PhoneName("101")}), frozenset(PhoneName(name) for name in ("102", "103", "106")), 7.0
    )


def test_a_pin_is_not_shown_when_the_attempt_is_printed() -> None:
    attempt = user("CCLogIn", Phone="101", Id="101", Pin="918273")
    assert isinstance(attempt, LogInByPhone)
    assert "918273" not in repr(attempt)


def test_a_channel_of_the_snapshot() -> None:
    message = parse(
        "Event: Status\r\nUniqueid: 1.7\r\nChannel: PJSIP/city-07\r\nBridgeID: b1\r\nSeconds: 75\r\n"
        "CallerIDNum: 1\r\nVariable: CC_WHO=8342%32921960\r\nVariable: CC_LINE=estp\r\n"
        "Variable: CC_STAGE=a=b\u2028c\r\nVariable: odd"
    )
    assert message is not None
    seen = channel_seen(message, normalise)
    assert (seen.channel_id, seen.channel, seen.bridge, seen.seconds) == ("1.7", "PJSIP/city-07", "b1", 75.0)
    assert seen.variables == {"CC_LINE": "estp", "CC_STAGE": "a=b\u2028c"}
    assert seen.number == "+73422921960"
    assert channel_seen({}, normalise) == events.ChannelSeen("", "")


HEADERS = (
    "Queue",
    "Uniqueid", "Channel", "Cause", "Cause-txt", "BridgeUniqueid", "ChannelState", "Response", "ActionID",
    "Reason", "Line", "Number", "Name", "Digits", "Status", "Digit", "Phone", "Id", "Pin", "Key", "Feature",
    "Variable", "Seconds", "CallerIDNum", "BridgeID", "Age", "Why", "To", "Note", "Call", "Try", "Chosen",
)  # fmt: skip
KINDS = (
    "UserEvent",
    "Hangup",
    "HangupRequest",
    "SoftHangupRequest",
    "BridgeEnter",
    "BridgeLeave",
    "Newstate",
    "OriginateResponse",
    "Status",
)
DIALPLAN = (PROJECT / "dialplan/extensions.conf.j2").read_text()
USER_EVENTS = tuple(re.findall(r",UserEvent\((\w+)", DIALPLAN))

HOSTILE = st.text(st.characters(), max_size=40) | st.sampled_from(
    [
        "",
        "\r\nAction: Originate",
        "a,b=c",
        '"; \\',
        "%",
        "%ZZ%D0",
        "😀" * 4096,
        "9" * 4096,
        "\ud800",
        "١٢",
        "offer-",
        "5",
    ]
)
MESSAGES = st.builds(
    lambda event, user_event, rest: {"Event": event, "UserEvent": user_event, **rest},
    st.sampled_from(KINDS) | HOSTILE,
    st.sampled_from(USER_EVENTS) | HOSTILE,
    st.dictionaries(st.sampled_from(HEADERS) | HOSTILE, HOSTILE),
)


@pytest.mark.parametrize(
    ("age", "seconds"), [("", 0.0), ("11", 1.1), ("-5", 0.0), ("36000", 60.0), ("17953197051", 0.0)]
)
def test_who_comes_to_asterisks_own_queue_arrived_so_many_tenths_of_a_second_ago(age: str, seconds: float) -> None:
    told = user("CCFallback", Line="estp", Age=age)
    assert isinstance(told, events.InFallbackQueue)
    assert told.seconds == pytest.approx(seconds)


def test_a_dialplan_of_before_calls_the_fallback_queue_by_its_old_name() -> None:
    """An Asterisk with calls keeps the settings it started with: a newer controller understands them."""
    told = user("CCAlone", Line="estp", Age="11")
    assert told == user("CCFallback", Line="estp", Age="11")
    assert translate.served_by_fallback_queue({"Event": "UserEvent", "UserEvent": "CCAlone"})


def test_the_dialplan_tells_nothing_that_is_not_understood() -> None:
    fallback = "CCFallback"  # no event of the core: what is true is to be asked for
    assert translate.served_by_fallback_queue({"Event": "UserEvent", "UserEvent": fallback})
    assert not translate.served_by_fallback_queue({"Event": "UserEvent", "UserEvent": "CCArrived"})
    assert Refusals().take({"Event": "UserEvent", "UserEvent": refusals.EVENT, "Line": "l", "Why": "line"}, 0.0)
    for name in {*USER_EVENTS} - {fallback, refusals.EVENT}:
        assert user(name, Feature="complete", Note="conduct") is not None, name
    sent = {header for told in re.findall(r",UserEvent\((.*)\)\n", DIALPLAN) for header in re.findall(r",(\w+):", told)}
    assert sent <= {*HEADERS, TOKEN}
    told = re.findall(r",UserEvent\((.*)\)\n", DIALPLAN)
    assert all(f"{TOKEN}: ${{CC_TOKEN}}" in event for event in told), "nobody who only calls can say the token"


@given(MESSAGES)
@example({"Event": "UserEvent", "UserEvent": "CCPause", "Key": "²"})
@example({"Event": "Hangup", "Cause": "²"})
def test_no_message_whatever_stands_in_it_raises(message: Message) -> None:
    TRANSLATOR.event(message)
    channel_seen(message, normalise)


@given(HOSTILE, HOSTILE)
def test_whatever_a_caller_calls_themselves_arrives_as_it_is(number: str, name: str) -> None:
    headers = {"Number": quote(number, errors="replace"), "Name": quote(name, errors="replace")}
    arrived = user("CCArrived", Line="estp", **headers)
    assert isinstance(arrived, events.CallArrived)
    assert arrived.name == name.encode(errors="replace").decode()
    assert arrived.number in (normalise(number), number.encode(errors="replace").decode())


# -- to Asterisk ---------------------------------------------------------------------------------------------------


def ring(kind: OfferKind = OfferKind.QUEUE, **changes: str) -> Ring:
    values: dict[str, Any] = {
        "caller_channel": "PJSIP/city-07",
        "caller_number": "+73422921960",
        "label": "Срочно: Больница",
    }
    return Ring("offer-b-1", kind, "101", "1.7", timeout=15.0, **(values | changes))


def set_variable(channel: str, variable: str, value: str) -> translate.Action:
    return {"Action": "Setvar", "Channel": channel, "Variable": variable, "Value": value}


ORIGINATE = {
    "Action": "Originate", "ActionID": "offer-b-1", "Channel": "PJSIP/101", "ChannelId": "offer-b-1",
    "Context": "cc-offer", "Exten": "s", "Priority": "1", "Timeout": "15000",
    "CallerID": '"Срочно: Больница" <+73422921960>', "Async": "true",
    "Variable": ["CC_CALLER=PJSIP/city-07", "FORWARD_CONTEXT=cc-forwarded"],
}  # fmt: skip


def redirect(place: str) -> translate.Action:
    return {"Action": "Redirect", "Channel": "1.7", "Context": f"cc-{place}", "Exten": "s", "Priority": "1"}


@pytest.mark.parametrize(
    ("wanted", "done"),
    [
        (commands.Redirect("1.7", Place.GREETING), [redirect("greeting")]),
        (
            commands.Redirect("1.7", Place.IDENTIFY, ("ask-inn",)),
            [set_variable("1.7", "CC_SAY", "0:ask-inn"), redirect("identify")],
        ),
        (
            commands.Redirect("1.7", Place.WAITING, ("position-2", "wait-5"), 3),
            [
                set_variable("1.7", "CC_AFTER", "hold"),
                set_variable("1.7", "CC_SAY", "3:position-2&wait-5"),
                redirect("waiting"),
            ],
        ),
        (
            commands.Redirect("1.7", Place.WAITING, queue_priority=600.04),
            [set_variable("1.7", "CC_AFTER", "hold"), set_variable("1.7", "CC_LEAD", "6000"), redirect("waiting")],
        ),
        (commands.Announce("1.7", 4, ("wait-5",)), [set_variable("1.7", "CC_SAY", "4:wait-5")]),
        (
            commands.Announce("1.7", 0, ("ask-urgency",), Question.URGENCY, queue_priority=187.26),
            [
                set_variable("1.7", "CC_LEAD", "1873"),
                set_variable("1.7", "CC_SAY", "0:ask-urgency:urgency"),
            ],
        ),
        (commands.AfterBridge("1.7", Place.GOODBYE), [set_variable("1.7", "CC_AFTER", "goodbye")]),
        (
            commands.AfterBridge("1.7", Place.HOLD),
            [set_variable("1.7", "CC_AFTER", "hold"), set_variable("1.7", "SHARED(CC_TALK)", "")],
        ),
        (
            commands.KeepLeg("offer-b-1", True, "PJSIP/trunk-city-00000007"),
            [
                set_variable("offer-b-1", "CC_CALLER", "PJSIP/trunk-city-00000007"),
                set_variable("offer-b-1", "CC_KEEP", "1"),
                set_variable("offer-b-1", "TRANSFER_CONTEXT", "cc-consultation"),
            ],
        ),
        (
            commands.KeepLeg("offer-b-1", False),
            [
                set_variable("offer-b-1", "CC_KEEP", "0"),
                set_variable("offer-b-1", "TRANSFER_CONTEXT", "cc-transfer"),
            ],
        ),
        (commands.CallColleague("1.9", "201"), [set_variable("1.9", "CC_DIAL", "PJSIP/201")]),
        (commands.CallColleague("1.9", ""), [set_variable("1.9", "CC_DIAL", "wait")]),
        (commands.Record("1.7", "estp"), [set_variable("1.7", "CC_RECORDED", "1")]),
        (commands.HangUp("offer-b-1"), [{"Action": "Hangup", "Channel": "offer-b-1", "Cause": "16"}]),
        (ring(), [ORIGINATE]),
        (commands.LookForPhone("101"), [{"Action": "PJSIPQualify", "Endpoint": "101"}]),
        (ring(OfferKind.TRANSFER), [ORIGINATE | {"Variable": [*ORIGINATE["Variable"], "CC_HANDOVER=1"]}]),
        (
            ring(OfferKind.CONSULT, consult_leg="offer-b-9"),
            [ORIGINATE | {"Context": "cc-consult", "Variable": [*ORIGINATE["Variable"], "CC_COLLEAGUE=offer-b-9"]}],
        ),
        (Reply("phone:1.7", Answer.PAUSED), [set_variable("1.7", "CC_TELL", "/srv/prompts/ru/op-paused")]),
        (
            Reply("phone:1.7", Answer.RETURNED_AFTER_MISS),
            [set_variable("1.7", "CC_TELL", "/srv/prompts/ru/op-missed-paused&/srv/prompts/ru/op-returned")],
        ),
        (
            Reply("phone:1.7", Answer.NONE_FREE, "managers"),
            [set_variable("1.7", "CC_TELL", "/srv/prompts/ru/op-none-free-managers")],
        ),
        (
            Reply("phone:1.7", Answer.NONE_FREE, "lawyers"),
            [set_variable("1.7", "CC_TELL", "/srv/prompts/ru/op-none-free")],
        ),
        (Reply("web:4", Answer.PAUSED), []),
        (commands.FinishRecording("1.7", "estp", 10.0, 5.0), []),
        (commands.Notice(commands.Severity.INFO, "Line 'estp' is open."), []),
    ],
)  # fmt: skip
def test_a_wish_of_the_core_becomes_actions(wanted: Command, done: list[translate.Action]) -> None:
    assert TRANSLATOR.actions(wanted) == done


@pytest.mark.parametrize(
    ("seconds", "tenths"),
    [(0.04, "0"), (0.06, "1"), (86400.0, "864000"), (1e30, "864000"), (float("inf"), "864000"), (-5.0, None),
     (float("nan"), None)],
)  # fmt: skip
def test_a_lead_is_a_whole_number_that_asterisks_queue_can_bear(seconds: float, tenths: str | None) -> None:
    actions = TRANSLATOR.actions(commands.Redirect("1.7", Place.WAITING, queue_priority=seconds))
    assert [action["Value"] for action in actions if action.get("Variable") == "CC_LEAD"] == [tenths] * bool(tenths)


def test_the_fallback_queue_queues_follow_who_is_on_shift() -> None:
    paused = TRANSLATOR.sync_queue_member(
        SyncQueueMember("101", "operators", "desk-1", on_shift=True, paused=True), ["cc-a", "cc-b"]
    )
    assert [(a["Action"], a["Queue"], a["Interface"], a["Paused"]) for a in paused] == [
        ("QueueAdd", "cc-a", "PJSIP/desk-1", "true"),
        ("QueuePause", "cc-a", "PJSIP/desk-1", "true"),
        ("QueueAdd", "cc-b", "PJSIP/desk-1", "true"),
        ("QueuePause", "cc-b", "PJSIP/desk-1", "true"),
    ]
    gone = TRANSLATOR.sync_queue_member(
        SyncQueueMember("101", "operators", "desk-1", on_shift=False, paused=False), ["cc-a"]
    )
    assert gone == [{"Action": "QueueRemove", "Queue": "cc-a", "Interface": "PJSIP/desk-1"}]


IDS = st.text("0123456789.-abcPJSI/", min_size=1, max_size=149)
"""Asterisk's own: unique ids and channels' names have fewer than 150 bytes."""
WORDS = st.text("abcdefgh-_0123456789", min_size=1, max_size=31)
PHRASES = st.lists(st.sampled_from(Catalogue.load(PROJECT / "ivr_prompts").ids()), max_size=4).map(tuple)
PLACES = st.sampled_from(list(Place))
COMMANDS = st.one_of(
    st.builds(commands.Redirect, IDS, PLACES, PHRASES, st.integers(0, 10**6)),
    st.builds(commands.Announce, IDS, st.integers(0, 10**6), PHRASES),
    st.builds(commands.AfterBridge, IDS, PLACES),
    st.builds(commands.Record, IDS, WORDS),
    st.builds(
        Ring, IDS, st.sampled_from(list(OfferKind)), WORDS, IDS, IDS | HOSTILE.map(lambda text: text[:149]),
        HOSTILE, HOSTILE, st.floats(0.1, 120), IDS,
    ),
    st.builds(commands.HangUp, IDS),
    st.builds(commands.CallColleague, IDS, WORDS),
    st.builds(commands.KeepLeg, IDS, st.booleans(), IDS | HOSTILE.map(lambda text: text[:149])),
    st.builds(Reply, IDS.map("phone:{}".format), st.sampled_from(list(Answer)), HOSTILE),
    st.builds(SyncQueueMember, WORDS, WORDS, WORDS, st.booleans(), st.booleans()),
)  # fmt: skip


def of(command: Command) -> list[translate.Action]:
    if isinstance(command, SyncQueueMember):
        return TRANSLATOR.sync_queue_member(command, ["cc-estp"])
    return TRANSLATOR.actions(command)


@given(COMMANDS)
@example(ring(label="x" * 4096, caller_number="9" * 4096))
@example(ring(label='Иван" <112>\r\nAction: Command\r\n', caller_number="1>\r\nVariable: CC_HANDOVER=1"))
@example(ring(label="📞\ud800" * 100, caller_channel="PJSIP/a,CC_HANDOVER=1"))
def test_no_name_or_number_gets_out_of_its_line(command: Command) -> None:
    for action in of(command):
        assert rendered(action)


@given(HOSTILE, HOSTILE, HOSTILE.map(lambda text: text[:149]), st.sampled_from(list(OfferKind)))
def test_a_ring_says_one_name_one_number_and_the_variables_that_were_meant(
    label: str, number: str, channel: str, kind: OfferKind
) -> None:
    legs = {"consult_leg": "1.9", "kept_leg": "offer-b-9"}
    wanted = ring(kind, label=label, caller_number=number, caller_channel=channel, **legs)
    [action] = TRANSLATOR.actions(wanted)
    assert isinstance(action["CallerID"], str)
    assert re.fullmatch(r'"[^"<>\\]{0,60}" <[^"<>\\]{0,32}>', action["CallerID"])
    more = {OfferKind.TRANSFER: ["CC_HANDOVER"], OfferKind.CONSULT: ["CC_COLLEAGUE", "CC_KEPT"]}
    as_asterisk_reads_them = [part for header in action["Variable"] for part in header.split(",")]
    assert [variable.partition("=")[0] for variable in as_asterisk_reads_them] == [
        "CC_CALLER",
        "FORWARD_CONTEXT",
        *more.get(kind, []),
    ]


def test_the_longest_announcement_fits_a_line_from_the_longest_folder_that_is_allowed() -> None:
    deep = Translator(normalise, lambda _: None, lambda _: None, valid_inn, (), Path("/" + "x" * 199))
    assert len(str(deep.prompts)) == LONGEST_FOLDER
    ids = sorted(Catalogue.load(PROJECT / "ivr_prompts").ids(), key=len)
    waiting = ("inn-unknown-go-on", "position-50", "wait-over-30", "press-for-info")
    for prompts in (waiting, tuple(ids[-4:])):
        for action in deep.actions(commands.Redirect(CallId("1" * 149), Place.WAITING, prompts, 999_999)):
            assert rendered(action)


def test_what_we_ask_and_say_regularly_is_fit_to_send() -> None:
    for action in (translate.SNAPSHOT, translate.heartbeat(1_800_000_000)):
        assert rendered(action)
    assert translate.heartbeat(7) == {"Action": "Setvar", "Variable": "CC_HEARTBEAT", "Value": "7"}


def test_channels_are_sorted_by_their_age_whatever_their_server_is_called() -> None:
    ids = ["a-1795298577.12", "a-1795298577.2", "a-1795298576.30"]
    assert [one["Uniqueid"] for one in sorted(({"Uniqueid": id} for id in ids), key=translate.birth)] == ids[::-1]
    assert translate.birth({"Uniqueid": "1795298577.12"}) == translate.birth({"Uniqueid": ids[0]})


# -- prompts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", list(Answer))
def test_every_answer_has_something_to_say(answer: Answer) -> None:
    [action] = TRANSLATOR.actions(Reply("phone:1.7", answer))
    spoken = Catalogue.load(PROJECT / "ivr_prompts")
    assert isinstance(action["Value"], str)
    for file in action["Value"].split("&"):
        assert file.removeprefix("/srv/prompts/ru/") in spoken.prompts


def words(text: str) -> Iterable[str]:
    """Quoted words of a source that look like the id of a prompt: two words at least, joined by hyphens."""
    return re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+)"', text)


def in_core() -> set[str]:
    files = (
        "queue/announcement",
        "call/arrival",
        "call/question",
        "call/waiting",
        "call/redirect",
        "call/transfer",
        "call/keep_place",
        "call/paid_period",
        "question",
    )
    texts = [(PROJECT / f"callcenter/core/{name}.py").read_text() for name in files]
    return {word for text in texts for word in words(text)} | {"connecting", "identified"}


def in_announcements() -> set[str]:
    rules = Promises()
    times = [Wording(minutes) for minutes in (None, *rules.minutes, LONGER)]
    said = {part for ahead in range(60) for time in times for part in phrases(ahead, time, rules)}
    return said | {part for time in times for part in call_phrases(time)} | {f"keep-place-{key}" for key in "023456789"}


def in_dialplan() -> set[str]:
    text = (PROJECT / "dialplan/extensions.conf.j2").read_text()
    named = set(re.findall(r"\$\{CC_PROMPTS\}/([a-z][a-z0-9-]*)", text)) | set(words(text))
    return {
        name for prompt in named for name in ([f"{prompt}{n}" for n in range(10)] if prompt[-1] == "-" else [prompt])
    }


def in_translate() -> set[str]:
    return {part for told in translate.TELL.values() for part in told.split("&")} | {
        "op-none-free-technical",
        "op-none-free-managers",
    }


@pytest.mark.parametrize(
    ("source", "one_of_them"),
    [
        (in_core, "inn-unknown-go-on"),
        (in_announcements, "position-50"),
        (in_dialplan, "info-subjects"),
        (in_translate, "op-try-later"),
    ],
)
def test_every_prompt_that_is_named_anywhere_is_in_the_catalogue(
    source: Callable[[], set[str]], one_of_them: str
) -> None:
    named = source()
    assert one_of_them in named
    assert named <= set(Catalogue.load(PROJECT / "ivr_prompts").ids())
