"""Somebody on the network who writes SIP by hand: whatever header they like, and no manners."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
from collections.abc import Mapping
from typing import cast

_branches = itertools.count(1)


class Stranger(asyncio.DatagramProtocol):
    """One address and port from which raw SIP is sent; `answers` has every response, as text."""

    def __init__(self, address: str, proxy: tuple[str, int], port: int = 0) -> None:
        self.address, self.proxy, self.port = address, proxy, port
        self.answers: list[str] = []
        self._last: dict[str, str] = {}
        self.transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Stranger:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, self.port))
        assert self.transport
        self.port = self.transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self.transport:
            self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.answers.append(data.decode(errors="replace"))

    def invite(
        self,
        number: str,
        sender: str,
        headers: Mapping[str, str] | None = None,
        *,
        sdp: Mapping[str, str] | None = None,
        call_id: str = "",
    ) -> str:
        """Send an INVITE that nobody will ever ACK; `sender` is the whole From, without its tag. Returns the Call-ID.

        `headers` replace those that stand there by themselves, or are added; `sdp` replaces lines by their letter.
        """
        call_id = call_id or f"{secrets.token_hex(8)}@{self.address}"
        host, port = self.proxy
        lines = {"v": "0", "o": f"- 1 1 IN IP4 {self.address}", "s": "-", "c": f"IN IP4 {self.address}", "t": "0 0"}
        lines |= {"m": "audio 40000 RTP/AVP 8"} | dict(sdp or {})
        body = "".join(f"{letter}={value}\r\n" for letter, value in lines.items())
        branch = f"z9hG4bK{next(_branches)}{secrets.token_hex(4)}"
        parts = {
            "Via": f"SIP/2.0/UDP {self.address}:{self.port};branch={branch};rport",
            "Max-Forwards": "70",
            "From": f"{sender};tag={secrets.token_hex(4)}",
            "To": f"<sip:{number}@{host}>",
            "Call-ID": call_id,
            "CSeq": "1 INVITE",
            "Contact": f"<sip:x@{self.address}:{self.port}>",
            "Content-Type": "application/sdp",
        } | dict(headers or {})
        head = "".join(f"{name}: {value}\r\n" for name, value in parts.items())
        self.send(
            f"INVITE sip:{number}@{host}:{port} SIP/2.0\r\n{head}Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )
        self._last = parts
        return call_id

    def cancel(self, number: str) -> None:
        """CANCEL the last INVITE."""
        self._request("CANCEL", number, {"CSeq": "1 CANCEL"})

    def bye(self, number: str, headers: Mapping[str, str] | None = None) -> None:
        """ACK and BYE for the last INVITE, if it was answered."""
        call_id = self._last["Call-ID"]
        answer = next((text for text in self.answers if text.startswith("SIP/2.0 200") and "1 INVITE" in text), "")
        to = re.search(r"^To: (.*)\r$", answer, re.MULTILINE)
        if to and call_id in answer:
            self._request("ACK", number, {"To": to[1], "CSeq": "1 ACK"})
            self._request("BYE", number, {"To": to[1], "CSeq": "2 BYE", **(headers or {})})
        else:
            self.cancel(number)

    async def is_answered(self, within: float = 1.5) -> bool:
        """Whether the last INVITE takes a line; False when it is refused, or passed over in silence."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while loop.time() < deadline:
            found = [int(text[8:11]) for text in self.answers if "1 INVITE" in text]
            if any(status >= 200 for status in found):
                return 200 in found
            if not found and loop.time() > deadline - within + 0.3:
                return False
            await asyncio.sleep(0.01)
        return False

    def _request(self, method: str, number: str, headers: Mapping[str, str]) -> None:
        host, port = self.proxy
        kept = {name: self._last[name] for name in ("Via", "Max-Forwards", "From", "To", "Call-ID")}
        if method != "CANCEL":
            kept["Via"] += secrets.token_hex(2)
        text = "".join(f"{name}: {value}\r\n" for name, value in (kept | dict(headers)).items())
        self.send(f"{method} sip:{number}@{host}:{port} SIP/2.0\r\n{text}Content-Length: 0\r\n\r\n")

    def send(self, text: str) -> None:
        """One datagram."""
        assert self.transport
        self.transport.sendto(text.encode(errors="surrogateescape"), self.proxy)

    def statuses(self, call_id: str) -> list[int]:
        """Of all answers to this call, in their order."""
        return [int(text[8:11]) for text in self.answers if call_id in text and text.startswith("SIP/2.0 ")]
