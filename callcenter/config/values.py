"""The types of single values in the configuration, each as narrow as its use allows.

Many values are rendered into Asterisk's files, where a newline, a `;` or a `${` would have a special meaning: such a
value is refused here, and the character named. A validator raises `ValueError` with a text that says what is *allowed*;
`problems.py` adds what was found.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import holidays
import phonenumbers
from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo

from callcenter.core import ids

HOME_REGION = "RU"
"""The country of numbers without a country code."""

# Names with a special meaning as a section, extension or target in Asterisk's files or in the core.
_RESERVED = frozenset({"general", "global", "globals", "system", "default", "udp", "peer"})
TRUNK_PREFIX = "trunk-"
"""Prefix of the trunks' names in Asterisk: a phone with such a name would be taken for the trunk."""
_SPECIAL = frozenset("\"'`;\\$|^{}[]()<>,")
_HOST_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_HOST = re.compile(rf"{_HOST_LABEL}(?:\.{_HOST_LABEL})*")
_EMAIL = rf"[A-Za-z0-9._%+-]{{1,64}}@{_HOST_LABEL}(?:\.{_HOST_LABEL})+"


def describe(char: str) -> str:
    """Describe a character so that an engineer finds it: printed form, code point and name."""
    return f"{char!r} (U+{ord(char):04X} {unicodedata.name(char, 'control character')})"


def _of_form(pattern: str, allowed: str) -> Callable[[str], str]:
    expression = re.compile(pattern)

    def check(text: str) -> str:
        if not expression.fullmatch(text):
            raise ValueError(allowed)
        return text

    return check


def _name(pattern: str, allowed: str) -> Callable[[str], str]:
    expression = re.compile(pattern)

    def check(text: str) -> str:
        if text in _RESERVED:
            raise ValueError(f"another name: {text!r} has a meaning of its own in Asterisk's files")
        if text.lower().startswith(TRUNK_PREFIX):
            raise ValueError(f"another name: those that begin with {TRUNK_PREFIX!r} are the trunks' own in Asterisk")
        if not expression.fullmatch(text):
            odd = next((char for char in text if not re.fullmatch(r"[A-Za-z0-9_-]", char)), None)
            raise ValueError(allowed + (f", not {describe(odd)}" if odd else ""))
        return text

    return check


def _line_name(text: str) -> str:
    """Refuse names with a special meaning: lines are extensions in the dialplan, next to others."""
    if len(text) == 1 or text in ("queue", "back"):
        raise ValueError(f"another name: {text!r} has a meaning of its own in the dialplan")
    return text


def _display_text(text: str) -> str:
    for char in text:
        if char in _SPECIAL or (unicodedata.category(char)[0] in "CZ" and char != " "):
            raise ValueError(
                f"letters, digits, spaces and simple punctuation, not {describe(char)}: "
                "this text is written into Asterisk's files"
            )
    if not text.strip():
        raise ValueError("a text that can be seen")
    return text.strip()


def _plain_text(text: str) -> str:
    for char in text:
        if unicodedata.category(char)[0] == "C":
            raise ValueError(f"one line of text, not {describe(char)}")
    return text.strip()


def _spoken_text(text: str) -> str:
    for char in text:
        if not re.fullmatch(r"[А-Яа-яЁё0-9\u0301 ,.!?:;()«»—–-]", char):
            raise ValueError(
                f"what a Russian voice can say: Russian letters, digits, simple punctuation, not {describe(char)}"
            )
    if not re.search(r"[А-Яа-яЁё0-9]", text):
        raise ValueError("words that can be heard")
    return text.strip()


def _english_text(text: str) -> str:
    for char in text:
        if not re.fullmatch(r"[A-Za-z0-9 ,.!?:;()'’—–-]", char):
            raise ValueError(
                f"what an English voice can say: Latin letters, digits, simple punctuation, not {describe(char)}"
            )
    if not re.search(r"[A-Za-z0-9]", text):
        raise ValueError("words that can be heard")
    return text.strip()


def normalise_number(text: str) -> str:
    """Convert a telephone number to E.164, such as +73422921960; a number without a country code is Russian.

    Raises ValueError.
    """
    try:
        parsed = phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or parsed.extension or not phonenumbers.is_possible_number(parsed):
        raise ValueError("a whole telephone number, such as +7 342 292-19-60")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def normalise_dialled(text: str) -> str:
    """Convert what an operator wants to dial: to E.164, or to a short number of 2 to 6 digits. Raises ValueError."""
    bare = re.sub(r"[\s().-]", "", text, flags=re.ASCII)
    return bare if re.fullmatch(r"[0-9]{2,6}", bare) else normalise_number(text)


def _number_range(text: str) -> str:
    bare = re.sub(r"[ ()-]", "", text)
    if not re.fullmatch(r"\+[1-9][0-9]{0,14}X{0,14}|[0-9]{2,6}", bare) or len(bare) > 16:
        raise ValueError(
            "the beginning of numbers, such as +7 342, with an X for each digit that follows, if their number is fixed "
            "(+7 342 XXX XX XX), or a short number in full"
        )
    return bare


def dialled_forms(number: str) -> tuple[str, ...]:
    """The forms in which trunks deliver a number: E.164 digits, with + or 00, with the national prefix, and national.

    >>> dialled_forms("+7 342 292-19-60")
    ('73422921960', '+73422921960', '0073422921960', '83422921960', '3422921960')
    """
    parsed = phonenumbers.parse(number, HOME_REGION)
    international = f"{parsed.country_code}{(national := phonenumbers.national_significant_number(parsed))}"
    region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    prefix = phonenumbers.ndd_prefix_for_region(region, True) or ""
    return tuple(dict.fromkeys((international, f"+{international}", f"00{international}", prefix + national, national)))


def _area(text: str) -> str:
    parsed = re.fullmatch(r"\+\d{2,9}", re.sub(r"[ ()-]", "", text))
    if not parsed or not 4 <= local_digits(parsed[0]) <= 8:
        raise ValueError("country and area code, which complete a local number of 4 to 8 digits, such as +7 342")
    return parsed[0]


def local_digits(area: str) -> int:
    """Return the number of digits of a local number in an area, 0 if there is none.

    >>> local_digits("+7342")
    7
    """
    try:
        country = phonenumbers.parse(area + "0" * (12 - len(area))).country_code
    except phonenumbers.NumberParseException:
        return 0
    example = phonenumbers.example_number(phonenumbers.region_code_for_country_code(country or 0))
    if example is None:
        return 0
    return max(0, len(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)) - len(area))


def _ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    # The library accepts any text as the zone of an IPv6 address, even a `;` or a newline.
    if "%" in text:
        raise ValueError("an IP address without a zone")
    return ipaddress.ip_address(text)


def _host(text: str) -> str:
    try:
        return str(_ip_address(text))
    except ValueError:
        # A dotted number that is not an address is a mistyped address, not a host name.
        if len(text) > 253 or not _HOST.fullmatch(text) or re.fullmatch(r"[\d.]+", text):
            raise ValueError("an IP address or a host name") from None
        return text.lower()


CRM_VALUES = ("number", "inn", "customer", "call", "line")
"""What can stand in braces in the address of a page that knows more of a caller."""


def _crm_url(text: str) -> str:
    """Refuse anything but an address of the web whose host is fixed: a caller's name must not choose where it leads."""
    allowed = f"an address such as https://crm.example.ru/?inn={{inn}}; known: {', '.join(CRM_VALUES)}"
    match = re.fullmatch(r"https?://(?P<host>[^/?#\s]+)(?P<rest>[/?#][!-~]*)?", text)
    if not match or not re.fullmatch(rf"{_HOST.pattern}(?::\d{{1,5}})?", match["host"]):
        raise ValueError(allowed)
    rest = match["rest"] or ""
    if re.search(r"[\"'<>\\`]", rest):
        raise ValueError(allowed)
    bare = re.sub(r"\{(\w+)\}", lambda found: "" if found[1] in CRM_VALUES else found[0], rest)
    if "{" in bare or "}" in bare:
        raise ValueError(allowed)
    return text


def _bind(text: str) -> str:
    try:
        return str(_ip_address(text))
    except ValueError:
        raise ValueError("an IP address of this machine, such as 127.0.0.1") from None


@dataclass(frozen=True, slots=True)
class SipAddress:
    """Where a SIP message is sent: host (address or name) and UDP port."""

    host: str
    port: int = 5060

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def ip(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The IP address; None if the host is a name."""
        try:
            return _ip_address(self.host)
        except ValueError:
            return None


def _sip_address(text: object) -> SipAddress:
    match = re.fullmatch(r"(?:\[(?P<six>[0-9a-fA-F:]+)\]|(?P<host>[^\s:]+))(?::(?P<port>\d{1,5}))?", str(text))
    if not match:
        raise ValueError("address:port, such as 127.0.2.11:5060")
    port = int(match["port"] or 5060)
    if not 1 <= port <= 65535:
        raise ValueError("address:port with a port from 1 to 65535")
    return SipAddress(_host(match["six"] or match["host"]), port)


def _phone_address(address: SipAddress) -> SipAddress:
    if address.ip is None or address.ip.is_unspecified:
        raise ValueError("the phone's IP address and port, such as 127.0.2.11:5060")
    return address


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(text: object) -> Network:
    allowed = ValueError("a network such as 127.0.1.0/24, or one address")
    if "%" in str(text):
        raise allowed
    try:
        return ipaddress.ip_network(str(text))
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(str(text), strict=False)
    except ValueError:
        raise allowed from None
    raise ValueError(f"a network without host bits: {meant} perhaps")


def _time_of_day(text: object) -> time:
    match = re.fullmatch(r"(\d{1,2}):(\d{2})", str(text))
    if match and (match[0] == "24:00" or (int(match[1]) < 24 and int(match[2]) < 60)):
        return time(int(match[1]) % 24, int(match[2]))
    raise ValueError("a time of day such as 09:00; 24:00 for the end of the day")


def _date(text: object) -> date:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(text)):
        try:
            return date.fromisoformat(str(text))
        except ValueError:
            pass
    raise ValueError("a date such as 2026-12-31")


def _zone(text: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(text))
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError("a time zone of the IANA database, such as Europe/Moscow") from None


def _country(text: str) -> str:
    if text not in holidays.list_supported_countries():
        raise ValueError("the two-letter code of a country, such as RU")
    return text


def _growing(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse numbers that are not in ascending order."""
    for number, following in pairwise(numbers):
        if following <= number:
            raise ValueError(f"found {following} after {number}; numbers that grow, such as [1, 2, 3, 5]")
    return numbers


def _path(path: Path, info: ValidationInfo) -> Path:
    return Path(info.context["folder"]) / path if info.context else path


_SERVER = "postgresql://user@host/database"
_DATABASE_OPTIONS = frozenset(
    {
        "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "channel_binding", "connect_timeout",
        "target_session_attrs", "application_name",
    }
)  # fmt: skip
"""Of libpq's; the others could name files or set what the register relies on."""


def _database(given: object, info: ValidationInfo) -> Path | str:
    if not isinstance(given, str | Path) or not str(given):
        raise ValueError(f"a file, or an address such as {_SERVER}")
    return _path(Path(given), info) if isinstance(given, Path) or "://" not in given else checked_database(given)


def checked_database(given: str) -> str:
    """Return the address of a database. Raises ValueError, which never repeats it: a password may be in it."""
    try:
        url = urlsplit(given)
        known = parse_qs(url.query, strict_parsing=bool(url.query))
        password, port = url.password, url.port
    except ValueError:
        raise ValueError(f"found an address that can't be understood; allowed: {_SERVER}") from None
    if password is not None or "password" in known:
        raise ValueError("found a password; it belongs into var/secrets.yaml, as `database`, and not into this file")
    if url.scheme != "postgresql":
        raise ValueError(f"found {url.scheme[:20]}://…; allowed: a file (SQLite), or {_SERVER}")
    if not url.path.strip("/") or url.fragment or port == 0:
        raise ValueError(f"found an address without a database; allowed: {_SERVER}")
    if unknown := sorted(set(known) - _DATABASE_OPTIONS):
        allowed = ", ".join(sorted(_DATABASE_OPTIONS))
        raise ValueError(f"found the option {unknown[0][:40]}; allowed after the ?: {allowed}")
    return given


_ID = AfterValidator(
    _name(r"[a-z][a-z0-9_-]{0,30}", "up to 31 of a-z, 0-9, _ and -, the first a small letter (such as estp)")
)
_DIALLED = AfterValidator(_name(r"[A-Za-z0-9_-]{1,32}", "up to 32 of A-Z, a-z, 0-9, _ and - (such as 101)"))
Id = Annotated[str, _ID]
LineId = Annotated[ids.LineId, _ID, AfterValidator(_line_name)]
GroupId = Annotated[ids.GroupId, _ID]
PhoneName = Annotated[ids.PhoneName, _DIALLED]
PersonId = Annotated[ids.PersonId, _DIALLED]
DisplayText = Annotated[str, Field(max_length=80), AfterValidator(_display_text)]
PlainText = Annotated[str, Field(max_length=200), AfterValidator(_plain_text)]
BotServer = Annotated[
    str,
    AfterValidator(
        _of_form(r"https?://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?", "an address such as https://api.telegram.org")
    ),
]
Email = Annotated[str, AfterValidator(_of_form(_EMAIL, "an e-mail address, such as info@estp.ru"))]
SECOND_LANGUAGES = frozenset({"en"})
"""For which there is a catalogue of prompts, and a voice with a free licence."""
EnglishText = Annotated[str, Field(max_length=600), AfterValidator(_english_text)]
SpokenText = Annotated[str, Field(max_length=600), AfterValidator(_spoken_text)]
Site = Annotated[
    str,
    Field(max_length=100),
    AfterValidator(
        _of_form(rf"{_HOST_LABEL}(?:\.{_HOST_LABEL})+(?:/[A-Za-z0-9_-]+)*", "a web address, such as estp.ru")
    ),
]
Number = Annotated[str, AfterValidator(normalise_number)]
NumberRange = Annotated[str, AfterValidator(_number_range)]
PromptId = Annotated[str, AfterValidator(_of_form(r"[a-z][a-z0-9-]{0,60}", "the id of a prompt, such as greeting"))]
AreaCode = Annotated[str, AfterValidator(_area)]
Username = Annotated[
    str,
    AfterValidator(_of_form(r"\+?[A-Za-z0-9._@-]{1,64}", "up to 64 letters, digits and . _ @ -, perhaps after a +")),
]
WaitingKey = Annotated[str, AfterValidator(_of_form(r"[02-9]", "one key of a telephone: 0 or 2-9 (1 is information)"))]
Digit = Annotated[str, AfterValidator(_of_form(r"[0-9*#]", "one key of a telephone: 0-9, * or #"))]
Code = Annotated[str, AfterValidator(_of_form(r"[0-9*#]{1,6}", "one to six keys of a telephone: 0-9, * and #"))]
TransferCode = Annotated[str, AfterValidator(_of_form(r"[0-9]{1,3}", "one to three digits"))]
Extension = Annotated[str, AfterValidator(_of_form(r"[0-9]{1,4}", "one to four digits"))]
Host = Annotated[str, AfterValidator(_host)]
WebSocketUrl = Annotated[
    str,
    AfterValidator(
        _of_form(
            rf"wss?://{_HOST_LABEL}(?:\.{_HOST_LABEL})*(?::\d{{1,5}})?(?:/[A-Za-z0-9._~-]+)+",
            "an address such as wss://desk.example.ru/phone",
        )
    ),
]
WebUrl = Annotated[
    str,
    AfterValidator(
        _of_form(
            rf"https://{_HOST_LABEL}(?:\.{_HOST_LABEL})*(?::\d{{1,5}})?(?:/[A-Za-z0-9._~%-]*)*"
            r"|http://(?:127\.0\.0\.1|localhost)(?::\d{1,5})?(?:/[A-Za-z0-9._~%-]*)*",
            "an address such as https://id.example.ru/realms/house; without TLS only on this machine",
        )
    ),
]
Origin = Annotated[
    str,
    AfterValidator(
        _of_form(
            rf"https?://{_HOST_LABEL}(?:\.{_HOST_LABEL})*(?::\d{{1,5}})?",
            "the address of a site without anything behind it, such as https://www.estp.ru",
        )
    ),
]
IceUrl = Annotated[
    str,
    AfterValidator(
        _of_form(
            rf"(?:stuns?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*(?::\d{{1,5}})?"
            rf"|turns?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*(?::\d{{1,5}})?(?:\?transport=(?:udp|tcp))?)",
            "an address such as turn:turn.example.ru:3478?transport=udp, turns:… or stun:…",
        )
    ),
]
CrmUrl = Annotated[str, Field(max_length=1000), AfterValidator(_crm_url)]
Bind = Annotated[str, AfterValidator(_bind)]
Port = Annotated[int, Field(ge=1, le=65535)]
Address = Annotated[SipAddress, PlainValidator(_sip_address)]
PhoneAddress = Annotated[SipAddress, PlainValidator(_sip_address), AfterValidator(_phone_address)]
Subnet = Annotated[Network, PlainValidator(_network)]
TimeOfDay = Annotated[time, PlainValidator(_time_of_day)]
Day = Annotated[date, PlainValidator(_date)]
Zone = Annotated[ZoneInfo, PlainValidator(_zone)]
Country = Annotated[str, AfterValidator(_country)]
FilePath = Annotated[Path, AfterValidator(_path)]
Database = Annotated[Path | str, PlainValidator(_database)]
"""A file of SQLite, or the address of a database on a PostgreSQL server, without a password."""
Seconds = Annotated[float, Field(gt=0, le=86_400)]
SpokenMinutes = Annotated[
    tuple[Annotated[int, Field(ge=1, le=1440)], ...], Field(min_length=1), AfterValidator(_growing)
]
