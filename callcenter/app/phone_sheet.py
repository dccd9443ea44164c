"""What `callcenter phones` prints: what to enter into each phone."""

from __future__ import annotations

from collections.abc import Iterator

from callcenter.accounts.secrets import Secrets
from callcenter.config import Config, SipAddress
from callcenter.system.own_address import reachable


def server(config: Config) -> SipAddress:
    """Return the address and port that phones call."""
    asterisk = config.asterisk
    return SipAddress(asterisk.phone_address or reachable(asterisk.sip_bind), asterisk.sip_port)


def phone_sheet(config: Config, secrets: Secrets) -> Iterator[str]:
    """Yield the lines: the server's part, the same for all phones, and then one line for each phone."""
    asterisk, address = config.asterisk, server(config)
    ways = ["UDP", *(["TCP"] if asterisk.tcp else [])]
    yield f"Server:   {address.host}"
    yield f"Port:     {address.port} ({' or '.join(ways)})" + (f", {asterisk.tls.port} (TLS)" if asterisk.tls else "")
    yield f"Audio:    {', '.join(asterisk.codecs)}; encrypted (SRTP): {asterisk.encrypt_audio.replace('_', ' ')}"
    yield "Keys:     telephone events (RFC 4733, RFC 2833)"
    yield "Off:      do not disturb, forwarding, call waiting, auto-answer"
    yield ""
    yield f"{'phone and user name':<22}{'password':<34}who"
    for phone in (one for one in config.phones.values() if not one.browser):
        who = ", ".join(person.name for person in config.call_takers.values() if person.phone == phone.id)
        password = secrets.phones[phone.id] if phone.sip_registers else f"none; at {phone.address}"
        yield f"{phone.id:<22}{password:<34}{who}".rstrip()
