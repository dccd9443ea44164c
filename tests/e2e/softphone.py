"""A telephone in a few hundred lines: real SIP and RTP over UDP, told what to do by a test, remembering what it heard.

sipp plays crowds; this plays people, who press keys when they hear something and hang up when they please.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import itertools
import re
import secrets
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, cast
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from tests.patience import patience

RATE = 8000
FRAME = 160
"""Samples of one RTP packet: 20 ms."""
_PT_ALAW, _PT_EVENT = 8, 101
_KEYS = "0123456789*#ABCD"
_SIOCGSTAMPNS = 0x8907
"""Of Linux: when the packet that was read last came in."""
_tags = itertools.count(1)


def _alaw_tables() -> tuple[npt.NDArray[np.int16], npt.NDArray[np.uint8]]:
    codes = np.arange(256, dtype=np.int32) ^ 0x55
    sign, exponent, mantissa = codes & 0x80, (codes >> 4) & 7, codes & 0x0F
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    decode = np.where(sign != 0, magnitude, -magnitude).astype(np.int16)
    order = np.argsort(decode, kind="stable")
    middle = (decode[order][1:].astype(np.int32) + decode[order][:-1]) // 2
    encode = order[np.searchsorted(middle, np.arange(-32768, 32768))].astype(np.uint8)
    return decode, encode


_DECODE, _ENCODE = _alaw_tables()


def tone(hertz: float, seconds: float, level: float = 0.3) -> npt.NDArray[np.int16]:
    """A sine of `level` full scales."""
    t = np.arange(int(RATE * seconds)) / RATE
    return (np.sin(2 * np.pi * hertz * t) * level * 32767).astype(np.int16)


def alaw(samples: npt.NDArray[np.int16]) -> bytes:
    """G.711 A-law."""
    return bytes(_ENCODE[samples.astype(np.int32) + 32768])


def from_alaw(data: bytes) -> npt.NDArray[np.int16]:
    """The opposite of `alaw`."""
    return _DECODE[np.frombuffer(data, np.uint8)]


class Arrival(NamedTuple):
    """One packet of sound that came in."""

    at: float
    """When the kernel received it, POSIX seconds: a receiver that is late reads the same time."""
    heard: int
    """How much had been heard before it, in samples."""


class Media(asyncio.DatagramProtocol):
    """The audio side: sends a sound in a loop and keys when told, keeps everything it receives."""

    def __init__(self) -> None:
        self.transport: asyncio.DatagramTransport | None = None
        self.peer: tuple[str, int] | None = None
        self.heard = bytearray()
        """A-law, as it came in."""
        self.arrivals: list[Arrival] = []
        self.keyed: list[tuple[float, float]] = []
        """From when to when keys were sent, POSIX seconds: a phone sends no sound meanwhile."""
        self.ticks: list[float] = []
        """When this phone was there to send, POSIX seconds: every 20 ms, unless the machine was late."""
        self._sequence = secrets.randbelow(1 << 15)
        self._stamp = secrets.randbelow(1 << 30)
        self._source = secrets.randbelow(1 << 31)
        self._sound = alaw(np.zeros(FRAME, np.int16))
        self._position = 0
        self.bunch = 1
        """So many packets are sent together, as on a bad radio link; they are as many as without."""
        self.muted = False
        """The phone sends nothing, but its clock goes on, as with silence suppression."""
        self._waiting: list[bytes] = []
        self._keys: asyncio.Queue[tuple[str, asyncio.Future[None]]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        with contextlib.suppress(OSError):  # nothing has come yet; from now on the kernel notes the times
            self._came_at()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) > 12 and data[1] & 0x7F == _PT_ALAW:
            self.arrivals.append(Arrival(self._came_at(), len(self.heard)))
            self.heard += data[12:]

    def _came_at(self) -> float:
        """When the packet that was read last came in, by the kernel."""
        assert self.transport
        there: socket.socket = self.transport.get_extra_info("socket")
        seconds, nanoseconds = struct.unpack("qq", fcntl.ioctl(there.fileno(), _SIOCGSTAMPNS, bytes(16)))
        return float(seconds + nanoseconds / 1e9)

    def say(self, samples: npt.NDArray[np.int16]) -> None:
        """Say this in a loop from now on."""
        sound = alaw(samples)
        self._sound = sound + sound[: -len(sound) % FRAME]
        self._position = 0

    def restart(self, sequence: int, new_source: bool = False) -> None:
        """Begin the stream anew at this sequence number, as phones do after a hold or with another audio device."""
        self._sequence = sequence
        self._stamp = secrets.randbelow(1 << 30)
        if new_source:
            self._source = secrets.randbelow(1 << 31)

    async def press(self, keys: str) -> None:
        """Press keys one after the other; returns when they have been sent, or when the call is over."""
        for key in keys:
            sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._keys.put_nowait((key, sent))
            await asyncio.wait([sent, self._stopped], return_when=asyncio.FIRST_COMPLETED)

    def start(self, peer: tuple[str, int]) -> None:
        """Begin to send to `peer`, or go on sending to another one."""
        self.peer = peer
        if self._task is None:
            self._task = asyncio.create_task(self._send())

    def be_silent(self) -> None:
        """Send no audio any more, not even silence: muted, or a microphone that suppresses silence."""
        if self._task:
            self._task.cancel()

    def report(self) -> None:
        """Send one RTCP receiver report, as a phone does every few seconds even if it has nothing to say."""
        assert self.peer
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp:
            rtcp.sendto(struct.pack("!BBHI", 0x80, 201, 1, self._source), (self.peer[0], self.peer[1] + 1))

    def stop(self) -> None:
        if self._task:
            self._task.cancel()
        if not self._stopped.done():
            self._stopped.set_result(None)
        if self.transport:
            self.transport.close()

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if not self._keys.empty():
                key, sent = self._keys.get_nowait()
                due = await self._send_key(key, due)
                sent.set_result(None)
            chunk = self._sound[self._position : self._position + FRAME]
            self._position = (self._position + FRAME) % len(self._sound)
            if not self.muted:
                self._packet(_PT_ALAW, chunk)
            self.ticks.append(time.time())
            self._stamp += FRAME
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _send_key(self, key: str, due: float) -> float:
        """RFC 4733: one event of 120 ms, its end said three times, then a pause."""
        loop, code, began = asyncio.get_running_loop(), _KEYS.index(key), time.time()
        for step in range(1, 9):
            end = 0x80 if step > 5 else 0
            self._packet(_PT_EVENT, struct.pack("!BBH", code, end | 10, min(step, 6) * FRAME), marker=step == 1)
            self.ticks.append(time.time())
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))
        self._stamp += 8 * FRAME
        self.keyed.append((began, time.time()))
        return due

    def _packet(self, kind: int, payload: bytes, marker: bool = False) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = struct.pack("!BBHII", 0x80, (0x80 if marker else 0) | kind, self._sequence, self._stamp, self._source)
        self._waiting.append(header + payload)
        if self.transport and self.peer and not self.transport.is_closing() and len(self._waiting) >= self.bunch:
            for packet in self._waiting:
                self.transport.sendto(packet, self.peer)
            self._waiting.clear()


@dataclass
class Call:
    """One call of a phone, incoming or outgoing."""

    phone: Softphone
    call_id: str
    media: Media
    local: str = ""
    remote: str = ""
    target: str = ""
    branch: str = ""
    cseq: int = 1
    invite: str = ""
    status: int = 0
    """Last status of the INVITE: 180 rings, 200 answered, 4xx refused."""
    caller_id: str = ""
    ringing: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ended_by_us: bool = False
    answered_at: float = 0.0
    """When our phone was told of the answer. POSIX seconds, as is the next."""
    ended_at: float = 0.0
    held: bool = False
    """The other side is on hold."""
    asked: int = 0
    """Re-INVITEs received."""
    extra: str = ""
    """Headers of the INVITE beside the usual ones."""
    referred: int = 0
    """The answer to a REFER."""
    told: str = ""
    """What Asterisk last told about it (NOTIFY)."""
    accepted: str = ""
    """The whole answer with which our INVITE was accepted."""

    @property
    def caller_number(self) -> str:
        """Who is calling, as the phone shows it."""
        found = re.search(r"\+7\d{10}", self.caller_id)
        assert found, self.caller_id
        return found[0]

    def heard(self, seconds: float = 0.0) -> npt.NDArray[np.int16]:
        """All audio so far, or the last seconds of it."""
        return from_alaw(bytes(self.media.heard[-int(RATE * seconds) :] if seconds else self.media.heard))

    def say(self, samples: npt.NDArray[np.int16]) -> None:
        self.media.say(samples)

    async def press(self, keys: str) -> None:
        await self.media.press(keys)

    def answer(self) -> None:
        """Pick up an incoming call."""
        self.phone.respond(self.invite, 200, self.local, self.phone.sdp(self.media))
        self.status = 200
        self.answered.set()
        self.media.start(_media_address(self.invite))

    def reject(self, status: int = 486, elsewhere: str = "") -> None:
        """Refuse an incoming call: 486 busy, 480 unavailable, 603 declined; 302 sends it to a URI `elsewhere`."""
        self.phone.respond(self.invite, status, self.local, contact=elsewhere)
        self._end(by_us=True)

    def hang_up(self) -> None:
        """BYE, or CANCEL before the answer."""
        if self.ended.is_set():
            return
        if self.answered.is_set():
            self.cseq += 1
            self.phone.request("BYE", self, self.target)
        elif self.local and not self.caller_id:
            self.phone.request("CANCEL", self, self.target)
        self._end(by_us=True)

    def transfer(self, to: str, other: Call | None = None) -> None:
        """The phone's own transfer key, then a number (REFER); `referred` has the answer, `told` what came of it.

        `other`: attended, to whoever is in this other call of the phone.
        """
        self.cseq += 1
        to = f"{to}@{self.phone.proxy[0]}"
        if other:
            to += "?Replaces=" + quote(other.replaces.removeprefix("Replaces: ").strip(), safe="")
        self.phone.request("REFER", self, self.target, extra=f"Refer-To: <sip:{to}>\r\n")

    @property
    def replaces(self) -> str:
        """The header with which another phone would ask for this call."""
        mine, theirs = (re.search(r";tag=([^;>]+)", party) for party in (self.local, self.remote))
        assert mine
        assert theirs
        return f"Replaces: {self.call_id};to-tag={theirs[1]};from-tag={mine[1]}\r\n"

    def hold(self) -> None:
        """Put the other side on hold by a re-INVITE; nothing is sent meanwhile."""
        self.held = True
        self._offer("sendonly")
        self.media.muted = True

    def resume(self, sequence: int | None = None) -> None:
        """Take the other side back, with a stream that begins anew at this sequence number, or goes on."""
        if sequence is not None:
            self.media.restart(sequence)
        self.held = False
        self._offer("sendrecv")
        self.media.muted = False

    async def move(self, sequence: int) -> None:
        """Go on from another port, by a re-INVITE: the phone's network or its audio device has changed."""
        loop = asyncio.get_running_loop()
        old = self.media.transport
        await loop.create_datagram_endpoint(lambda: self.media, local_addr=(self.phone.address, 0))
        self.media.restart(sequence, new_source=True)
        self._offer("sendrecv")
        if old:
            old.close()

    def _offer(self, direction: str) -> None:
        self.cseq += 1
        self.local = self.local or self.phone.user
        body = self.phone.sdp(self.media).replace("a=sendrecv", f"a={direction}")
        self.phone.request("INVITE", self, self.target, body)

    def _end(self, by_us: bool = False) -> None:
        self.ended_by_us = self.ended_by_us or by_us
        self.ended_at = self.ended_at or time.time()
        self.ended.set()
        self.media.stop()


class Softphone(asyncio.DatagramProtocol):
    """A phone at `address`; `proxy` is Asterisk. `on_call` decides what an incoming call does (default: it rings)."""

    def __init__(self, user: str, address: str, port: int, proxy: tuple[str, int], password: str = "") -> None:
        self.user, self.address, self.port, self.proxy, self.password = user, address, port, proxy, password
        self.calls: dict[str, Call] = {}
        self.incoming: asyncio.Queue[Call] = asyncio.Queue()
        self.on_call: Callable[[Call], None] | None = None
        self.transport: asyncio.DatagramTransport | None = None
        self.registered = asyncio.Event()
        self.expires = 300
        """Seconds of a registration."""
        self.silent = False
        """Nothing reaches it and nothing comes back: no power, or no network."""
        self.deaf = False
        """Whether it answers no re-INVITE."""
        self.questions: set[str] = set()
        """Questions whether it is there (OPTIONS) that it has answered, by Call-ID."""
        self.loses_questions = False
        """Whether questions that begin now are lost, with all their repetitions."""
        self.lost_questions: set[str] = set()
        self._authorised: set[str] = set()

    async def __aenter__(self) -> Softphone:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, self.port))
        assert self.transport
        self.port = self.transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        for call in list(self.calls.values()):
            call.hang_up()
        await asyncio.sleep(0)
        if self.transport:
            self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    # -- what a person does ------------------------------------------------------------------------------------

    async def dial(self, number: str, name: str = "", extra: str = "") -> Call:
        """Call a number; returns at once, `call.answered` tells when somebody is there."""
        call = await self._new_call(f"{secrets.token_hex(8)}@{self.address}")
        call.target = f"sip:{number}@{self.proxy[0]}:{self.proxy[1]}"
        shown = f'"{name}" ' if name else ""
        call.local = f"{shown}<sip:{self.user}@{self.address}>;tag={next(_tags)}{secrets.token_hex(3)}"
        call.remote = f"<sip:{number}@{self.proxy[0]}>"
        call.extra = extra
        self.request("INVITE", call, call.target, self.sdp(call.media), extra)
        return call

    def unregister(self) -> None:
        """End the registration."""
        self.register(expires=0)

    def loses_power(self) -> None:
        """Nothing is sent or answered any more; nobody says good-bye."""
        assert self.transport
        self.transport.close()
        for call in self.calls.values():
            call.media.stop()
            call.ended.set()

    def register(self, expires: int = 300) -> None:
        """Register with the password; `registered` tells when it is done."""
        self.expires = expires
        call = Call(self, f"{secrets.token_hex(8)}@{self.address}", Media())
        call.local = f"<sip:{self.user}@{self.proxy[0]}>;tag={next(_tags)}"
        call.remote = f"<sip:{self.user}@{self.proxy[0]}>"
        call.target = f"sip:{self.proxy[0]}:{self.proxy[1]}"
        self.calls[call.call_id] = call
        self.request("REGISTER", call, call.target)

    async def rings(self, within: float = 10.0) -> Call:
        """Wait until somebody calls this phone. Who was called twice meanwhile can only answer what rings still."""
        async with patience(within):
            call = await self.incoming.get()
        while call.ended.is_set() and not self.incoming.empty():
            call = self.incoming.get_nowait()
        return call

    # -- SIP ---------------------------------------------------------------------------------------------------

    async def _new_call(self, call_id: str) -> Call:
        loop = asyncio.get_running_loop()
        _, media = await loop.create_datagram_endpoint(Media, local_addr=(self.address, 0))
        call = self.calls[call_id] = Call(self, call_id, media)
        return call

    def sdp(self, media: Media) -> str:
        """Our offer or answer: A-law and telephone events."""
        assert media.transport
        port = media.transport.get_extra_info("sockname")[1]
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {self.address}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
            "a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
        )

    def request(self, method: str, call: Call, target: str, body: str = "", extra: str = "") -> None:
        """Send a request of a call."""
        if method not in ("ACK", "CANCEL"):
            call.branch = f"z9hG4bK{secrets.token_hex(6)}"
        expires = f"Expires: {self.expires}\r\n" if method == "REGISTER" else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self._send(
            f"{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {self.address}:{self.port};branch={call.branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {call.local}\r\nTo: {call.remote}\r\nCall-ID: {call.call_id}\r\n"
            f"CSeq: {call.cseq} {method}\r\nContact: <sip:{self.user}@{self.address}:{self.port}>\r\n"
            f"{expires}{extra}{kind}Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )

    def respond(self, request: str, status: int, to: str = "", body: str = "", contact: str = "") -> None:
        """Answer a request."""
        contact = contact or f"sip:{self.user}@{self.address}:{self.port}"
        headers = "".join(f"Via: {via}\r\n" for via in _all(request, "Via"))
        headers += "".join(f"Record-Route: {route}\r\n" for route in _all(request, "Record-Route"))
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self._send(
            f"SIP/2.0 {status} {_REASON.get(status, 'X')}\r\n{headers}From: {_one(request, 'From')}\r\n"
            f"To: {to or _one(request, 'To')}\r\nCall-ID: {_one(request, 'Call-ID')}\r\n"
            f"CSeq: {_one(request, 'CSeq')}\r\n"
            f"Contact: <{contact}>\r\n"
            f"{kind}Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )

    def _send(self, text: str) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.sendto(text.encode(), self.proxy)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.silent:
            return
        text = data.decode(errors="replace")
        call = self.calls.get(_one(text, "Call-ID"))
        if text.startswith("SIP/2.0 "):
            if call:
                self._response(call, text, int(text[8:11]))
            return
        method = text.split(" ", 1)[0]
        if method == "INVITE" and call is None and ";tag=" in _one(text, "To"):
            self.respond(text, 481)  # of a call from before this phone was restarted
        elif method == "INVITE" and call is None:
            task = asyncio.ensure_future(self._invited(text))
            task.add_done_callback(lambda done: done.result())
        elif method == "INVITE" and self.deaf:
            return
        elif method == "INVITE" and call is not None:
            call.asked += 1
            call.invite = text  # a re-INVITE: media moves
            answer = self.sdp(call.media).replace("a=sendrecv", "a=sendonly" if call.held else "a=sendrecv")
            self.respond(text, 200, call.local if call.caller_id else "", answer)
            call.media.start(_media_address(text))
        elif method in ("BYE", "CANCEL"):
            self.respond(text, 200)
            if call:
                if method == "CANCEL" and not call.ended.is_set():
                    self.respond(call.invite, 487, call.local)
                call._end()
        elif method == "OPTIONS":
            self._is_asked(text, _one(text, "Call-ID"))
        elif method == "NOTIFY":
            self.respond(text, 200)
            if call:
                call.told = text.split("\r\n\r\n", 1)[-1].strip()

    def _is_asked(self, text: str, question: str) -> None:
        if self.loses_questions and question not in self.questions:
            self.lost_questions.add(question)
        if question not in self.lost_questions:
            self.questions.add(question)
            self.respond(text, 200)

    async def _invited(self, text: str) -> None:
        call = await self._new_call(_one(text, "Call-ID"))
        call.invite, call.caller_id = text, _one(text, "From")
        call.local = f"{_one(text, 'To')};tag={next(_tags)}"
        call.remote = _one(text, "From")
        contact = re.search(r"<([^>]+)>", _one(text, "Contact"))
        call.target = contact[1] if contact else ""
        self.respond(text, 180, call.local)
        call.ringing.set()
        if self.on_call:
            self.on_call(call)
        self.incoming.put_nowait(call)

    def _response(self, call: Call, text: str, status: int) -> None:
        cseq, method = _one(text, "CSeq").split(" ", 1)
        if status in (401, 407) and call.call_id not in self._authorised:
            self._authorised.add(call.call_id)
            if method == "INVITE":
                self.request("ACK", call, call.target)
            call.cseq += 1
            body = self.sdp(call.media) if method == "INVITE" else ""
            self.request(method, call, call.target, body, call.extra + self._authorisation(text, method, call.target))
        elif method == "REGISTER":
            (self.registered.set if status == 200 else call.ended.set)()
            call.status = status
        elif method == "REFER":
            call.referred = status
        elif method == "INVITE" and int(cseq) <= call.cseq and not (call.ended.is_set() and status < 200):
            self._invite_progress(call, text, status)

    def _invite_progress(self, call: Call, text: str, status: int) -> None:
        call.status = status
        if status >= 200:
            call.remote = _one(text, "To")
            if status < 300:
                contact = re.search(r"<([^>]+)>", _one(text, "Contact"))
                call.target = contact[1] if contact else call.target
            branch, call.branch = call.branch, f"z9hG4bK{secrets.token_hex(6)}" if status < 300 else call.branch
            self.request("ACK", call, call.target)
            call.branch = branch
        if 200 <= status < 300 and call.ended.is_set():  # the answer was quicker than our CANCEL
            call.cseq += 1
            self.request("BYE", call, call.target)
            return
        if 180 <= status < 200:
            call.ringing.set()
            if "m=audio" in text:
                call.media.start(_media_address(text))
        elif 200 <= status < 300 and not call.answered.is_set():
            call.media.start(_media_address(text))
            call.accepted = text
            call.answered_at = time.time()
            call.answered.set()
        elif status >= 300:
            call._end()

    def _authorisation(self, text: str, method: str, target: str) -> str:
        challenge = _one(text, "WWW-Authenticate") or _one(text, "Proxy-Authenticate")
        part = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))

        def md5(value: str) -> str:
            return hashlib.md5(value.encode()).hexdigest()

        secret = md5(f"{self.user}:{part['realm']}:{self.password}")
        fields = f'username="{self.user}",realm="{part["realm"]}",nonce="{part["nonce"]}",uri="{target}"'
        if "qop" in part:
            cnonce = secrets.token_hex(4)
            answer = md5(f"{secret}:{part['nonce']}:00000001:{cnonce}:auth:{md5(f'{method}:{target}')}")
            fields += f',qop=auth,nc=00000001,cnonce="{cnonce}"'
        else:
            answer = md5(f"{secret}:{part['nonce']}:{md5(f'{method}:{target}')}")
        if "opaque" in part:
            fields += f',opaque="{part["opaque"]}"'
        name = "Proxy-Authorization" if "Proxy-Authenticate" in text else "Authorization"
        return f'{name}: Digest {fields},response="{answer}",algorithm=MD5\r\n'


_REASON = {
    180: "Ringing",
    200: "OK",
    302: "Moved Temporarily",
    480: "Unavailable",
    486: "Busy Here",
    487: "Request Terminated",
    603: "Decline",
}


def _all(text: str, name: str) -> list[str]:
    return [
        line.split(":", 1)[1].strip()
        for line in text.split("\r\n\r\n")[0].split("\r\n")[1:]
        if line.split(":", 1)[0].strip().lower() == name.lower()
    ]


def _one(text: str, name: str) -> str:
    return next(iter(_all(text, name)), "")


def _media_address(text: str) -> tuple[str, int]:
    host = re.search(r"^c=IN IP4 (\S+)", text, re.M)
    port = re.search(r"^m=audio (\d+)", text, re.M)
    assert host, text
    assert port, text
    return host[1], int(port[1])
