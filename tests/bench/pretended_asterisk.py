"""The manager interface of an Asterisk that costs next to nothing: it answers actions and tells of calls, as bytes.

For measuring what the controller's side of the interface can take in: no channel, no sound, only the events that
manager.conf lets through, with the headers that Asterisk 22 gives them. `python -m tests.bench.pretended_asterisk`
serves one connection in a process of its own: arguments are the number of calls and how many of them at a time; a third
is the number after which nobody comes until `GO_ON` is asked for.
"""

from __future__ import annotations

import contextlib
import re
import socket
import sys
from pathlib import Path

from callcenter.asterisk.render import dialplan_version

VERSION = dialplan_version(Path(__file__).parents[2] / "dialplan").encode()
_ACTION = re.compile(rb"Action: (\w+)\r\nActionID: ([^\r\n]*)((?:\r\n[^\r\n]+)*)\r\n\r\n")
"""panoramisk writes headers in the order of the alphabet."""
_CONTEXT = re.compile(rb"^Context: ([^\r]*)", re.MULTILINE)
_CALLER = re.compile(rb"^Variable: CC_CALLER=PJSIP/trunk-city-([0-9a-f]{8})", re.MULTILINE)
_CHANNEL = re.compile(rb"^Channel: ([^\r]*)", re.MULTILINE)
_TOKEN = re.compile(rb"^Value: ([^\r]*)\r\nVariable: CC_TOKEN", re.MULTILINE)
GO_ON = {"Action": "UserEvent", "UserEvent": "CallsGoOn"}
_OK = b"Response: Success\r\nActionID: %b\r\nMessage: Done\r\n\r\n"

_SNAPSHOT = (
    b"Privilege: %b,all\r\nChannel: PJSIP/trunk-city-%08x\r\nChannelState: %b\r\nChannelStateDesc: Up\r\n"
    b"CallerIDNum: +73422921960\r\nCallerIDName: <unknown>\r\nConnectedLineNum: <unknown>\r\n"
    b"ConnectedLineName: <unknown>\r\nLanguage: ru\r\nAccountCode: \r\nContext: cc-waiting\r\nExten: s\r\n"
    b"Priority: 1\r\nUniqueid: %b\r\nLinkedid: %b\r\n"
)
_BRIDGE = (
    b"BridgeUniqueid: bridge-%b\r\nBridgeType: basic\r\nBridgeTechnology: simple_bridge\r\nBridgeCreator: <unknown>\r\n"
    b"BridgeName: <unknown>\r\nBridgeNumChannels: 2\r\nBridgeVideoSourceMode: none\r\n"
)


class PretendedAsterisk:
    """Bytes in, bytes out. `calls` callers come, `at_once` of them are on the line; the next when one has gone.

    After `pause_after` callers nobody comes until `GO_ON`, so that the line can be looked at with nobody on it.
    """

    def __init__(self, calls: int, at_once: int, pause_after: int = 0) -> None:
        self._coming = calls
        self._at_once = at_once
        self._pause_after = pause_after
        self._number = 0
        self._rest = b""
        self.gone = 0
        """Callers who have been through."""
        self.events = 0
        """Told."""
        self.actions = 0
        """Answered."""
        self._told = b""
        self.token = b""
        """What our events have to say."""

    def begin(self) -> bytes:
        """The first callers."""
        self._fill()
        return self._take()

    def feed(self, data: bytes) -> bytes:
        """Actions, to be answered; and what happens on them."""
        end = 0
        data = self._rest + data
        for found in _ACTION.finditer(data):
            end = found.end()
            self.actions += 1
            self._obey(*found.groups())
        self._rest = data[end:]
        return self._take()

    def _obey(self, name: bytes, id: bytes, headers: bytes) -> None:
        if name == b"DeviceStateList":
            self._told += b"Response: Error\r\nActionID: %b\r\nMessage: Nothing is known of phones\r\n\r\n" % id
            return
        if name == b"Getvar" and b"CC_DIALPLAN" in headers:
            self._told += b"Response: Success\r\nActionID: %b\r\nValue: %b\r\n\r\n" % (id, VERSION)
            return
        self._told += _OK % id
        if name == b"Login":
            self._told += b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"
        elif name in (b"Status", b"CoreShowChannels"):
            self._told += b"Event: %bComplete\r\nActionID: %b\r\nEventList: Complete\r\n\r\n" % (name, id)
        elif name == b"Setvar":
            self.token = _group(_TOKEN, headers) or self.token
        elif name == b"Redirect":
            self._goes_on(_group(_CONTEXT, headers), _group(_CHANNEL, headers))
        elif name == b"Originate":
            self._conversation(id, b"1795298577.%d" % int(_group(_CALLER, headers), 16))
        elif name == b"UserEvent":
            self._pause_after = 0
            self._fill()

    def _fill(self) -> None:
        for _ in range(self._at_once):
            self._arrives()

    def _arrives(self) -> None:
        if self._coming and not 0 < self._pause_after <= self._number:
            self._coming -= 1
            self._number += 1
            call = b"1795298577.%d" % self._number
            self._says(b"CCArrived", call, b"Line: estp\r\nNumber: %%2B73422921960\r\nName: \r\n")

    def _goes_on(self, context: bytes, call: bytes) -> None:
        if context in (b"cc-greeting", b"cc-greeting-again"):
            self._says(b"CCGreeted", call)
        elif context == b"cc-urgency":
            self._says(b"CCUrgency", call, b"Digit: 2\r\n")
        elif context == b"cc-waiting":
            self._says(b"CCSpoken", call, b"Number: 1\r\n")

    def _conversation(self, leg: bytes, call: bytes) -> None:
        """The operator picks up, they talk, the caller hangs up."""
        self._tell(b"Newstate", leg, b"5", b"call")
        self._says(b"CCAnswered", leg)
        for channel in (leg, call):
            self._tell(b"BridgeEnter", channel, b"6", b"call", _BRIDGE % leg)
        self._tell(b"OriginateResponse", leg, b"6", b"call", b"Response: Success\r\nActionID: %b\r\n" % leg)
        for channel in (call, leg):
            self._tell(b"BridgeLeave", channel, b"6", b"call", _BRIDGE % leg)
        for channel in (call, leg):
            self._tell(b"Hangup", channel, b"6", b"call", b"Cause: 16\r\nCause-txt: Normal Clearing\r\n")
        self.gone += 1
        self._arrives()

    def _says(self, name: bytes, channel: bytes, headers: bytes = b"") -> None:
        self._tell(
            b"UserEvent", channel, b"6", b"user", b"Token: %b\r\nUserEvent: %b\r\n%b" % (self.token, name, headers)
        )

    def _tell(self, event: bytes, channel: bytes, state: bytes, kind: bytes, headers: bytes = b"") -> None:
        self.events += 1
        number = int(re.split(rb"[.-]", channel)[-1])
        snapshot = _SNAPSHOT % (kind, number, state, channel, channel)
        self._told += b"Event: %b\r\n%b%b\r\n" % (event, snapshot, headers)

    def _take(self) -> bytes:
        told, self._told = self._told, b""
        return told


def _group(pattern: re.Pattern[bytes], headers: bytes) -> bytes:
    found = pattern.search(headers)
    return found[1] if found else b""


def main(calls: int, at_once: int, pause_after: int = 0) -> None:
    """Serve one connection on a port that is written to the standard output; then what was told and answered."""
    asterisk = PretendedAsterisk(calls, at_once, pause_after)
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        connection, _ = server.accept()
        with connection, contextlib.suppress(ConnectionError):  # who stops may leave our last answers unread: a reset
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(b"Asterisk Call Manager/11.0.0\r\n")
            begun = False
            while data := connection.recv(1 << 18):
                answer = asterisk.feed(data)
                if asterisk.token and not begun:
                    begun, answer = True, answer + asterisk.begin()
                if answer:
                    connection.sendall(answer)
    print(asterisk.gone, asterisk.events, asterisk.actions, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
