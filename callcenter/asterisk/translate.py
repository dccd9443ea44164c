"""Translates AMI messages to events of the core, and commands of the core to AMI actions. It makes no decisions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from callcenter.config.values import SECOND_LANGUAGES, TRUNK_PREFIX
from callcenter.core import commands, events
from callcenter.core.commands import Answer, Command, OfferKind, Place
from callcenter.core.events import DialResult, Event, InnEntry, OfferFailure
from callcenter.core.ids import (
    NO_GROUP,
    NO_PERSON,
    BridgeId,
    CallId,
    ChannelId,
    ChannelName,
    GroupId,
    LineId,
    OfferId,
    PersonId,
    PhoneName,
    ReplyTo,
    ServerId,
)
from callcenter.core.question import Question
from callcenter.core.records import NORMAL_CAUSE
from callcenter.core.server import OFFER_PREFIX, OUTGOING_PREFIX

Message = Mapping[str, str]
Action = dict[str, str | list[str]]

PHONE = "phone:"
"""Prefix of a `reply_to` that is a channel: a phone that dialled a code."""

TELL: Mapping[Answer, str] = {
    Answer.LOGGED_IN: "op-logged-in",
    Answer.LOGGED_IN_WITH_NEWS: "op-logged-in&op-unread-news",
    Answer.NEWS_FIRST: "op-news-first",
    Answer.LOGGED_OUT: "op-logged-out",
    Answer.PAUSED: "op-paused",
    Answer.RETURNED: "op-returned",
    Answer.RETURNED_AFTER_MISS: "op-missed-paused&op-returned",
    Answer.RETURNED_AFTER_DECLINE: "op-declined-paused&op-returned",
    Answer.RETURNED_AFTER_DO_NOT_DISTURB: "op-dnd-paused&op-returned",
    Answer.RETURNED_AFTER_FORWARDING: "op-forwarded-paused&op-returned",
    Answer.WRONG_SECRET: "op-wrong-pin",
    Answer.TRY_LATER: "op-try-later",
    Answer.PHONE_TAKEN: "op-not-possible",
    Answer.UNKNOWN_PHONE: "op-not-possible",
    Answer.NOT_LOGGED_IN: "op-not-logged-in",
    Answer.UNKNOWN_REASON: "op-not-possible",
    Answer.RINGING_COLLEAGUE: "op-transfer-ringing",
    Answer.NONE_FREE: "op-none-free",
    Answer.TRANSFERRED: "op-beep",
    Answer.TAKEN_BACK: "op-hold-resume",
    Answer.ENDED: "op-beep",
    Answer.IDENTIFIED: "op-beep",
    Answer.PROLONGED: "op-beep",
    Answer.REGISTERED: "op-beep",
    Answer.CALLING_OUT: "op-beep",
    Answer.NUMBER_NOT_ALLOWED: "op-not-possible",
    Answer.MAY_NOT_CALL_OUT: "op-not-possible",
    Answer.ALL_LINES_BUSY: "op-not-possible",
    Answer.NOT_POSSIBLE: "op-not-possible",
    **dict.fromkeys(
        (
            Answer.LINE_OPENED,
            Answer.LINE_CLOSED,
            Answer.ALREADY_OPEN,
            Answer.ALREADY_CLOSED,
            Answer.OUT_OF_TURN,
            Answer.CALL_GONE,
            Answer.RINGS_ALREADY,
            Answer.IN_CONVERSATION,
            Answer.NOT_PAUSED,
        ),
        "op-not-possible",  # nobody can ask for it by telephone
    ),
}
"""The prompt that a phone hears for each answer; `&` joins several."""

FALLBACK_EVENTS = ("CCFallback", "CCAlone")
"""UserEvents for a caller in the fallback queue; the second is the name that a former dialplan uses."""

_INN_ENTRY = {"TIMEOUT": InnEntry.TIMEOUT, "HANGUP": InnEntry.TIMEOUT, "ERROR": InnEntry.TIMEOUT}
_RING_TIMEOUT, _RING_BUSY = "3", "5"
_PHONE_STATES = {"NOT_INUSE": True, "UNAVAILABLE": False, "INVALID": False}
"""Whether a phone can be reached. Its other states are those of its channels, and do not tell."""
_NOT_FOR_SIP = re.compile(r'[\x00-\x1f\x7f"\\<>\ud800-\udfff]')
_NEXT_VARIABLE = re.compile(r'[\x00-\x1f",\\\ud800-\udfff]')
"""Characters removed from channel names: Asterisk treats text after a comma as another variable. No channel's name has
a comma."""
_RINGING, _UP = "5", "6"
_ENDED_SOMEHOW, _NOT_ANSWERED = "127", "4"
"""What Asterisk makes of a caller's CANCEL: 487 is 127 to it, which after the answer means that the phone is gone."""
_NO_SIGN_OF_LIFE = "44"
"""The cause that Asterisk gives to a channel that it ends because nothing is received from it. Our own commands that
hang up, which are reported in the same way, give another one."""
_HIGHEST_PRIORITY = 86400.0
"""Seconds. A position in Asterisk's own queue is a 32-bit number."""
_LONGEST_UNTIL_FALLBACK = 60.0
"""Maximum seconds from a call's arrival to Asterisk's own queue, for a call first reported there: only a greeting comes
between. A larger value means that somebody set the clock."""
_KEYS = re.compile(r"[^0-9*#A-D]")
_DIALLED = re.compile(r"\+?[0-9]{2,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogInByPhone:
    """Id and PIN dialled at a phone. They are verified before the core gets `LogIn`. The PIN is never logged."""

    person: PersonId
    phone: PhoneName
    reply_to: ReplyTo
    channel: ChannelId
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoteByPhone:
    """A code with which a call is registered. `subject`: its number in the line's list, from 1; 0: «хулиганство»."""

    phone: PhoneName
    subject: int
    reply_to: ReplyTo


@dataclass(frozen=True, slots=True)
class Target:
    """Where a transfer goes: a group or the general line, or one colleague; none of them: nobody knows."""

    group: GroupId = NO_GROUP
    colleague: PersonId = NO_PERSON
    not_customer: bool = False


@dataclass(frozen=True, slots=True)
class Translator:
    """`by_number`, `by_inn` and `by_contract` ask the customers' directory, which is in memory."""

    normalise: Callable[[str], str]
    by_number: Callable[[str], events.Customer | None]
    by_inn: Callable[[str], events.Customer | None]
    valid_inn: Callable[[str], bool]
    pause_reasons: tuple[str, ...]
    prompts: Path
    targets: Mapping[str, Target] = field(default_factory=dict)
    """What a phone's own transfer key may dial, and a phone to talk with a colleague."""
    by_contract: Callable[[str], events.Customer | None] = lambda digits: None

    # -- from Asterisk -----------------------------------------------------------------------------------------

    def event(self, message: Message) -> Event | LogInByPhone | NoteByPhone | None:
        """Return the core's event for an AMI message; None if there is none."""
        channel = ChannelId(message.get("Uniqueid", ""))
        match message.get("Event"):
            case "UserEvent" if channel:  # a variable set for an empty channel would be global in Asterisk
                return self._user_event(message, channel)
            case "Hangup" if message.get("Cause") == _ENDED_SOMEHOW and message.get("ChannelState") == _NOT_ANSWERED:
                return events.ChannelHungUp(channel, NORMAL_CAUSE, "Normal Clearing")
            case "Hangup":
                return events.ChannelHungUp(channel, _number(message.get("Cause", "")), message.get("Cause-txt", ""))
            case "HangupRequest" if channel.startswith((OFFER_PREFIX, OUTGOING_PREFIX)):
                return events.PhoneHungUp(OfferId(channel), _number(message.get("Cause", "")) or NORMAL_CAUSE)
            case "SoftHangupRequest" if message.get("Cause") == _NO_SIGN_OF_LIFE:
                return _vanished(channel)
            case "BridgeEnter":
                return events.BridgeEntered(channel, BridgeId(message.get("BridgeUniqueid", "")))
            case "BridgeLeave":
                return events.BridgeLeft(channel, BridgeId(message.get("BridgeUniqueid", "")))
            case "Newstate" if message.get("ChannelState") == _RINGING:
                return _rings(channel, message.get("Channel", ""))
            case "OriginateResponse" if message.get("Response") == "Failure":
                return _not_placed(ChannelId(message.get("ActionID", "")), _failure(message.get("Reason", "")))
            case "PeerStatus":
                return _phone_event(message)
        return None

    def _user_event(self, message: Message, channel: ChannelId) -> Event | LogInByPhone | NoteByPhone | None:
        name = message.get("UserEvent", "")
        if name == "CCArrived":
            return self._arrived(message, channel)
        if name == "CCInn":
            return self._inn(message, channel)
        if name == "CCKeepTyped":
            return events.KeepPlaceAsked(CallId(channel), self.normalise(_keys(message, "Number")) or "", other=True)
        if name == "CCReferred":
            target = self.targets.get(message.get("To", ""), Target())
            return events.TransferredByKey(CallId(channel), target.group, target.colleague, target.not_customer)
        if name == "CCDialled":
            target = self.targets.get(message.get("To", ""), Target())
            phone, reply_to = PhoneName(message.get("Phone", "")), ReplyTo(PHONE + channel)
            return events.ColleagueDialled(channel, phone, target.group, target.colleague, reply_to)
        if name in FALLBACK_EVENTS:
            raw = unquote(message.get("Number", ""), errors="replace")
            age = min(_number(message.get("Age", "")) / 10.0, _LONGEST_UNTIL_FALLBACK)
            return events.InFallbackQueue(
                CallId(channel),
                ChannelName(message.get("Channel", "")),
                LineId(message.get("Line", "")),
                self.normalise(raw) or raw,
                seconds=age,
            )
        if name in _SIMPLE:
            return _SIMPLE[name](message, channel)
        phone, reply_to = PhoneName(message.get("Phone", "")), ReplyTo(PHONE + channel)
        match name:
            case "CCLogIn":
                return LogInByPhone(PersonId(_keys(message, "Id")), phone, reply_to, channel, _keys(message, "Pin"))
            case "CCLogOut":
                return events.LogOut(phone=phone, reply_to=reply_to)
            case "CCEnd":
                return events.EndConversation(phone=phone, requeue=True, reply_to=reply_to)
            case "CCReturn":
                return events.Return(phone=phone, reply_to=reply_to, channel=channel)
            case "CCPause":
                return events.Pause(self._reason(_keys(message, "Key")), phone=phone, reply_to=reply_to)
            case "CCNote":
                return _note(message.get("Note", ""), phone, reply_to)
            case "CCFeature":
                return _feature(message.get("Feature", ""), OfferId(channel), reply_to)
        return None

    def _arrived(self, message: Message, channel: ChannelId) -> Event:
        raw = unquote(message.get("Number", ""), errors="replace")
        number = self.normalise(raw)
        return events.CallArrived(
            CallId(channel),
            ChannelName(message.get("Channel", "")),
            LineId(message.get("Line", "")),
            number or raw,
            unquote(message.get("Name", ""), errors="replace"),
            self.by_number(number) if number else None,
        )

    def _inn(self, message: Message, channel: ChannelId) -> Event:
        digits = _keys(message, "Digits")
        if "*" in digits:  # skipped, like #
            return events.InnGiven(CallId(channel), InnEntry.SKIPPED, in_queue=_in_queue(message))
        entry = _INN_ENTRY.get(message.get("Status", ""), InnEntry.ENTERED if digits else InnEntry.SKIPPED)
        if digits and entry is InnEntry.TIMEOUT:
            entry = InnEntry.ENTERED  # the caller typed, but did not press hash
        valid = self.valid_inn(digits)
        customer = self.by_inn(digits) if valid else None
        return events.InnGiven(
            CallId(channel), entry, digits, valid, customer, _in_queue(message), self.by_contract(digits)
        )

    def _reason(self, key: str) -> str:
        place = int(key) if key.isdecimal() else 0
        return self.pause_reasons[place - 1] if 1 <= place <= len(self.pause_reasons) else ""

    # -- to Asterisk -------------------------------------------------------------------------------------------

    def actions(self, command: Command) -> list[Action]:
        """Return the AMI actions that perform a command; [] if it is not for Asterisk."""
        match command:
            case commands.Redirect():
                return self._redirect(command)
            case commands.Announce():
                return self._announce(command)
            case commands.TellRequest(channel, attempt, prompts):
                return [_set(channel, "CC_ANSWER", f"{attempt}:{'&'.join(prompts)}")]
            case commands.AfterBridge(channel, place):
                # A colleague is called for this caller: the length of the conversation so far no longer counts.
                forgotten = [_set(channel, "SHARED(CC_TALK)", "")] if place is Place.HOLD else []
                return [_set(channel, "CC_AFTER", place.value), *forgotten]
            case commands.KeepLeg(leg, keep, caller):
                way = "cc-consultation" if keep else "cc-transfer"
                to_whom = [_set(leg, "CC_CALLER", _NEXT_VARIABLE.sub("", caller))] if keep else []
                return [*to_whom, _set(leg, "CC_KEEP", "1" if keep else "0"), _set(leg, "TRANSFER_CONTEXT", way)]
            case commands.Record(channel):
                return [_set(channel, "CC_RECORDED", "1")]
            case commands.CallColleague(channel, phone):
                return [_set(channel, "CC_DIAL", f"PJSIP/{phone}" if phone else "wait")]
            case commands.Ring():
                return [_originate(command)]
            case commands.CallOut():
                return [_call_out(command)]
            case commands.LookForPhone(phone):
                return [{"Action": "PJSIPQualify", "Endpoint": phone}]
            case commands.HangUp(channel):
                return [{"Action": "Hangup", "Channel": channel, "Cause": "16"}]
            case commands.Reply(reply_to, answer, target) if reply_to.startswith(PHONE):
                return [_set(reply_to.removeprefix(PHONE), "CC_TELL", self._files(_told(answer, target)))]
        return []

    def sync_queue_member(self, command: commands.SyncQueueMember, queues: Sequence[str]) -> list[Action]:
        """Return the actions that update the fallback queues. A member already added or removed is not an error."""
        interface = f"PJSIP/{command.phone}"
        if not command.on_shift:
            return [{"Action": "QueueRemove", "Queue": queue, "Interface": interface} for queue in queues]
        paused = "true" if command.paused else "false"
        member = {"Interface": interface, "MemberName": command.operator, "Paused": paused}
        actions: list[Action] = []
        for queue in queues:
            actions.append({"Action": "QueueAdd", "Queue": queue, **member})
            actions.append({"Action": "QueuePause", "Queue": queue, "Interface": interface, "Paused": paused})
        return actions

    def _redirect(self, command: commands.Redirect) -> list[Action]:
        say = _set(command.channel, "CC_SAY", self._say(command.announcement, command.prompts, command.question))
        redirect: Action = {
            "Action": "Redirect",
            "Channel": command.channel,
            "Context": f"cc-{command.place.value}",
            "Exten": "s",
            "Priority": "1",
        }
        before = []
        if command.place is Place.KEEP_PLACE:
            before = [_set(command.channel, "CC_KEEP_TO", _dialled(command.number) if command.number else "")]
        if command.place is Place.WAITING:
            before = [_set(command.channel, "CC_AFTER", Place.HOLD.value)]
            before += _queue_priority(command)
        return [*before, *([say] if command.prompts else []), redirect]

    def _announce(self, command: commands.Announce) -> list[Action]:
        said = self._say(command.number, command.prompts, command.question)
        return [*_queue_priority(command), _set(command.channel, "CC_SAY", said)]

    def _say(self, number: int, prompts: tuple[str, ...], question: Question) -> str:
        asked = f":{question.value}" if question is not Question.NOTHING else ""
        return f"{number}:{'&'.join(prompts)}{asked}"

    def _files(self, prompts: str) -> str:
        return "&".join(f"{self.prompts}/ru/{prompt}" for prompt in prompts.split("&"))


def _language(message: Message) -> str:
    """Return the second language that the caller has chosen; '': none that we know.

    `Language` itself is in each event of a channel: that of its sounds.
    """
    found = message.get("Chosen", "")
    return found if found in SECOND_LANGUAGES else ""


_SIMPLE: Mapping[str, Callable[[Message, ChannelId], Event]] = {
    "CCGreeted": lambda message, channel: events.GreetingHeard(CallId(channel), _language(message)),
    "CCUrgency": lambda message, channel: events.UrgencyGiven(
        CallId(channel), _keys(message, "Digit"), _in_queue(message)
    ),
    "CCSpoken": lambda message, channel: events.AnnouncementSpoken(CallId(channel), _number(message.get("Number", ""))),
    "CCInfo": lambda message, channel: events.InfoMenuVisited(CallId(channel)),
    "CCRequest": lambda message, channel: events.RequestNumberGiven(
        CallId(channel), _keys(message, "Digits"), _number(message.get("Try", ""))
    ),
    "CCKeepAsked": lambda message, channel: events.KeepPlaceAsked(CallId(channel)),
    "CCKeepConfirmed": lambda message, channel: events.KeepPlaceConfirmed(
        CallId(channel), message.get("Number", "")[:32]
    ),
    "CCGeneral": lambda message, channel: events.GeneralLineEnded(CallId(channel), message.get("Status") == "ANSWER"),
    "CCAnswered": lambda message, channel: events.OfferAnswered(OfferId(channel)),
    "CCOutgoing": lambda message, channel: events.OutgoingPhoneAnswered(CallId(channel)),
    "CCOutDialled": lambda message, channel: events.CustomerDialled(
        _carried(message), channel, ChannelName(message.get("Channel", ""))
    ),
    "CCOutAnswered": lambda message, channel: events.CustomerAnswered(
        _carried(message), channel, ChannelName(message.get("Channel", ""))
    ),
    "CCOutEnded": lambda message, channel: events.CustomerNotReached(
        CallId(channel), _dial_result(message), _number(message.get("Cause", ""))
    ),
}


def _carried(message: Message) -> CallId:
    """Return the id of the outgoing call, which the customer's channel carries."""
    return CallId(ChannelId(message.get("Call", "")))


_DIAL_CAUSES: Mapping[int, DialResult] = {
    1: DialResult.WRONG_NUMBER,
    17: DialResult.BUSY,
    18: DialResult.NO_ANSWER,
    19: DialResult.NO_ANSWER,
    20: DialResult.NO_ANSWER,
    21: DialResult.REFUSED,
    22: DialResult.WRONG_NUMBER,
    28: DialResult.WRONG_NUMBER,
}
"""Q.850: no such number, busy, no reaction, not answered, not reachable now, rejected, number changed, incomplete."""
_DIAL_STATUS: Mapping[str, DialResult] = {
    "BUSY": DialResult.BUSY,
    "NOANSWER": DialResult.NO_ANSWER,
    "FORBIDDEN": DialResult.FORBIDDEN,
}


def _dial_result(message: Message) -> DialResult:
    """Return what came of dialling; the carrier's cause tells more than Asterisk's summary of it."""
    status = _DIAL_STATUS.get(message.get("Status", ""))
    return status or _DIAL_CAUSES.get(_number(message.get("Cause", "")), DialResult.FAILED)


def _rings(channel: ChannelId, name: str) -> Event | None:
    if channel.startswith(OFFER_PREFIX):
        return events.OfferRinging(OfferId(channel))
    if channel.startswith(OUTGOING_PREFIX):
        return events.OutgoingPhoneRings(CallId(channel))
    return events.CustomerRings(channel) if name.startswith(f"PJSIP/{TRUNK_PREFIX}") else None


def _not_placed(channel: ChannelId, failure: OfferFailure) -> Event:
    if channel.startswith(OUTGOING_PREFIX):
        return events.OutgoingNotPlaced(CallId(channel), failure)
    return events.OfferFailed(OfferId(channel), failure)


def _in_queue(message: Message) -> bool:
    """Return whether a question was asked in the waiting room."""
    return message.get("Queue") == "yes"


def _queue_priority(command: commands.Redirect | commands.Announce) -> list[Action]:
    if not command.queue_priority > 0.0:  # nor if it is no number
        return []
    return [_set(command.channel, "CC_LEAD", str(round(min(command.queue_priority, _HIGHEST_PRIORITY) * 10)))]


def await_recorder(call: CallId) -> Action:
    """Return the action that asks the dialplan to begin one recorder when it hears the key: cc-recorder."""
    return _set(call, "CC_RECORDER", "1")


def press_recorder_key(call: CallId) -> Action:
    """Return the action that presses the key that no telephone has: features.conf.

    AMI's own MixMonitor would require the right "system", with which one can also load modules and run programs.
    """
    return {"Action": "PlayDTMF", "Channel": call, "Digit": "D", "Receive": "yes"}


def recorder_awaited(call: CallId) -> Action:
    """Return the action that asks whether the key is still to be heard: '1' until the dialplan begins the recorder."""
    return {"Action": "Getvar", "Channel": call, "Variable": "CC_RECORDER"}


def end_recorder(call: CallId) -> Action:
    """Return the action that ends the recorder of a conversation."""
    return {"Action": "StopMixMonitor", "Channel": call}


def channel_seen(message: Message, normalise: Callable[[str], str]) -> events.ChannelSeen:
    """Return one channel of the answer to `SNAPSHOT`."""
    variables = dict(entry.split("=", 1) for entry in message.get("Variable", "").split("\n") if "=" in entry)
    number = unquote(variables.pop("CC_WHO", ""), errors="replace")
    return events.ChannelSeen(
        ChannelId(message.get("Uniqueid", "")),
        ChannelName(message.get("Channel", "")),
        BridgeId(message.get("BridgeID", "")),
        float(_number(message.get("Seconds", ""))),
        variables,
        normalise(number) or number,
        phone_of(message.get("Channel", "")),
    )


def birth(message: Message) -> tuple[int, int]:
    """Return a key that sorts channels oldest first, also within one second. Asterisk's unique ids are the second of
    creation and the channel's number since Asterisk's start: 1795298577.12, or a-1795298577.12 with a systemname."""
    second, _, number = message.get("Uniqueid", "").rpartition(".")
    return _whole(second.rpartition("-")[2]), _whole(number)


def _whole(digits: str) -> int:
    return int(digits) if digits.isdecimal() and len(digits) < 16 else 0


def phone_of(channel: str) -> PhoneName:
    """Return the phone of a channel: PJSIP/101-0000002a belongs to phone 101. '' if it is not a PJSIP channel."""
    return PhoneName(channel.removeprefix("PJSIP/").rpartition("-")[0] if channel.startswith("PJSIP/") else "")


SNAPSHOT: Action = {
    "Action": "Status",
    "Variables": "CC_LINE,CC_STAGE,CC_AFTER,CC_SERVED,CC_RECORDED,CC_PART,CC_SINCE,CC_WHO,CC_OUTGOING,CC_KEEP_TO",
    "AllVariables": "false",
}
"""Lists every channel; `channel_seen` parses the answers. CC_SINCE: tenths of a second of the epoch. CC_SERVED, for a
caller who is held or leaving: "1" if the dialplan says good-bye by itself, because there was a real conversation.
CC_OUTGOING, for both channels of an outgoing call: its id. CC_KEEP_TO: where a caller who keeps the place is called."""


def served_by_fallback_queue(message: Message) -> bool:
    """Return whether a caller has just entered Asterisk's own queue: our heartbeat was late, somebody set the clock, or
    we came back while the caller heard the greeting."""
    return message.get("Event") == "UserEvent" and message.get("UserEvent") in FALLBACK_EVENTS


_NO_COMMON_FORMAT = "58"
"""The hang-up cause of a phone that answered 488."""


def without_format(message: Message) -> PhoneName:
    """Return the phone that refuses our calls because it has none of our audio formats; '' if that is not it."""
    refused = message.get("Event") == "Hangup" and message.get("Cause") == _NO_COMMON_FORMAT
    offered = refused and message.get("Uniqueid", "").startswith("offer-")
    return phone_of(message.get("Channel", "")) if offered else PhoneName("")


CHANNELS: Action = {"Action": "CoreShowChannels"}
"""Lists all channels; only their ids are used, where in the dialplan they are, and which of them are answered."""

_SERVED_BY_CONTROLLER = frozenset(
    {"cc-greeting", "cc-greeting-again", "cc-identify", "cc-urgency", "cc-waiting", "cc-hold", "cc-fallback"}
)


def is_served(message: Message) -> bool:
    """Return whether a listed channel is a caller's whom the controller must know: nothing else moves them on."""
    return message.get("Context") in _SERVED_BY_CONTROLLER


def is_answered_leg(message: Message) -> bool:
    """Return whether a listed channel is an answered one of a phone or trunk."""
    return message.get("ChannelState") == _UP and message.get("Channel", "").startswith("PJSIP/")


def reception(channel: ChannelId) -> Action:
    """Return the action that asks for what has been received of a channel, RTP and RTCP.

    Not as a variable of Status: that holds the channel's lock while it waits for the channel's SIP thread.
    """
    return {"Action": "Getvar", "Channel": channel, "Variable": "CHANNEL(rtcp,all)"}


def ask_for_life(channel: ChannelId) -> Action:
    """Return the action that sends a re-INVITE, with the present media: each phone must answer it."""
    return _set(channel, "PJSIP_SEND_SESSION_REFRESH()", "invite")


PHONES: Action = {"Action": "DeviceStateList"}
"""Lists the phones and trunks that were reached since Asterisk's start; `phones_listed` parses the answers."""


def phones_listed(
    devices: Iterable[Message], names: Iterable[str], asked_at: float, server: ServerId
) -> events.PhonesListed:
    """Return which of the phones (and trunks) `names` Asterisk can reach, of the answers to `PHONES`.

    A phone that is not in the list has never been reached.
    """
    states = {one.get("Device", "").removeprefix("PJSIP/"): one.get("State", "") for one in devices}
    known = {PhoneName(name): _PHONE_STATES.get(states[name]) if name in states else False for name in names}
    return events.PhonesListed(
        frozenset(name for name, reachable in known.items() if reachable is True),
        frozenset(name for name, reachable in known.items() if reachable is False),
        asked_at,
        server,
    )


def end_vanished(channel: ChannelId) -> Action:
    """Return the action that ends a channel as Asterisk itself ends one from which nothing is received."""
    return {"Action": "Hangup", "Channel": channel, "Cause": _NO_SIGN_OF_LIFE}


def token(value: str) -> Action:
    """Return the action that sets the token; each event of the dialplan must carry it from now on (event_check.py)."""
    return {"Action": "Setvar", "Variable": "CC_TOKEN", "Value": value}


def page_password(phone: PhoneName, digest: str) -> Action:
    """Return the action that gives the phone in a page its password. `digest`: MD5 of name, realm and password, hex.

    The dialplan writes it (cc-page-password): the action DBPut needs a right with which modules can be loaded, too. The
    answer comes when it is written.
    """
    return {
        "Action": "Originate",
        "Channel": "Local/write@cc-page-password",
        "Context": "cc-page-password",
        "Exten": "written",
        "Priority": "1",
        "Timeout": "2000",
        "Variable": [f"CC_PHONE={phone}", f"CC_DIGEST={digest}"],
    }


DIALPLAN: Action = {"Action": "Getvar", "Variable": "CC_DIALPLAN"}
"""Asks for the version of the dialplan that Asterisk has loaded."""


def heartbeat(epoch: int) -> Action:
    """Return the heartbeat action: the controller is alive. `epoch`: seconds, by the clock that Asterisk reads, too; 0
    when the controller stops."""
    return {"Action": "Setvar", "Variable": "CC_HEARTBEAT", "Value": str(epoch)}


def line_hours(line: LineId, days: str) -> Action:
    """Return the action that tells the dialplan the hours of a line, as `line_hours.days_told` writes them."""
    return {"Action": "Setvar", "Variable": f"CC_DAYS_{line}", "Value": days}


def _vanished(channel: ChannelId) -> Event:
    if channel.startswith((OFFER_PREFIX, OUTGOING_PREFIX)):
        return events.PhoneHungUp(OfferId(channel), int(_NO_SIGN_OF_LIFE))
    return events.CallerVanished(CallId(channel))


def _note(name: str, phone: PhoneName, reply_to: ReplyTo) -> NoteByPhone | None:
    """Return what a code says of a call: 'conduct', or 'subject-1' to 'subject-9'."""
    found = re.fullmatch(r"conduct|subject-(?P<number>[1-9])", name)
    return NoteByPhone(phone, int(found["number"] or 0), reply_to) if found else None


def _feature(name: str, leg: OfferId, reply_to: ReplyTo) -> Event | None:
    if name == "take-back":
        return events.CancelTransfer(leg=leg, reply_to=reply_to)
    if name == "complete":
        return events.CompleteTransfer(leg=leg, reply_to=reply_to)
    if name == "not-customer":
        return events.Transfer(events.GENERAL_LINE, leg=leg, not_customer=True, reply_to=reply_to)
    kind, _, target = name.partition("-")
    if kind in ("transfer", "consult") and target:
        return events.Transfer(GroupId(target), leg=leg, consult=kind == "consult", reply_to=reply_to)
    return None


def _originate(ring: commands.Ring) -> Action:
    consult = ring.kind is OfferKind.CONSULT
    name = _NOT_FOR_SIP.sub(" ", ring.label)[:60].strip()
    number = _NOT_FOR_SIP.sub("", ring.caller_number)[:32]
    # A phone that forwards (302) makes Asterisk dial what it says, in this context: there is no number in it.
    variables = [f"CC_CALLER={_NEXT_VARIABLE.sub('', ring.caller_channel)}", "FORWARD_CONTEXT=cc-forwarded"]
    if consult:
        variables.append(f"CC_COLLEAGUE={_NEXT_VARIABLE.sub('', ring.consult_leg)}")
        if ring.kept_leg:
            variables.append(f"CC_KEPT={_NEXT_VARIABLE.sub('', ring.kept_leg)}")
    elif ring.kind is OfferKind.TRANSFER:
        variables.append("CC_HANDOVER=1")
    return {
        "Action": "Originate",
        "ActionID": ring.offer,
        "Channel": f"PJSIP/{ring.phone}",
        "ChannelId": ring.offer,
        "Context": "cc-consult" if consult else "cc-offer",
        "Exten": "s",
        "Priority": "1",
        "Timeout": str(round(ring.timeout * 1000)),
        "CallerID": f'"{name}" <{number}>',
        "Async": "true",
        "Variable": variables,
    }


def _call_out(call: commands.CallOut) -> Action:
    """Return the action that rings the operator's phone; the dialplan dials, and checks the number once more."""
    number = _dialled(call.number)
    name = _NOT_FOR_SIP.sub(" ", call.label)[:60].strip()
    return {
        "Action": "Originate",
        "ActionID": call.call,
        "Channel": f"PJSIP/{call.phone}",
        "ChannelId": call.call,
        "Context": "cc-outgoing",
        "Exten": "s",
        "Priority": "1",
        "Timeout": str(round(call.timeout * 1000)),
        "CallerID": f'"{name}" <{number}>',
        "Async": "true",
        "Variable": [
            f"CC_OUT_LINE={call.line}",
            f"CC_OUT_TO={number}",
            f"CC_RECORDED={'1' if call.recorded else ''}",
            "FORWARD_CONTEXT=cc-forwarded",
        ],
    }


def _dialled(number: str) -> str:
    if not _DIALLED.fullmatch(number):
        raise ValueError(f"{number!r} is not a normalised number")
    return number


def _told(answer: Answer, target: GroupId) -> str:
    return f"op-none-free-{target}" if answer is Answer.NONE_FREE and target in _NONE_FREE else TELL[answer]


_NONE_FREE = frozenset({"technical", "managers"})
"""Groups that have their own prompt for «nobody is free»."""


def _set(channel: str, variable: str, value: str) -> Action:
    return {"Action": "Setvar", "Channel": channel, "Variable": variable, "Value": value}


def _failure(reason: str) -> OfferFailure:
    if reason == _RING_TIMEOUT:
        return OfferFailure.NO_ANSWER
    return OfferFailure.BUSY if reason == _RING_BUSY else OfferFailure.NOT_PLACED


def _phone_event(message: Message) -> Event | None:
    phone, status = PhoneName(message.get("Peer", "").removeprefix("PJSIP/")), message.get("PeerStatus")
    if status == "Unreachable":
        return events.PhoneLost(phone)
    return events.PhoneFound(phone) if status == "Reachable" else None


def _keys(message: Message, header: str) -> str:
    return _KEYS.sub("", message.get(header, ""))[:32]


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
