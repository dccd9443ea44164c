"""What the templates of Asterisk's files need to know of the trunks and the numbers that are dialled over them."""

from __future__ import annotations

from dataclasses import dataclass

from callcenter.config import Config, limits
from callcenter.config.line_sections import Line
from callcenter.config.sections import SipRegistration, Trunk
from callcenter.config.values import TRUNK_PREFIX, SipAddress, dialled_forms, local_digits
from callcenter.core.ids import LineId


@dataclass(frozen=True, slots=True)
class TrunkEntry:
    """A trunk in Asterisk's files."""

    id: str
    name: str
    provider: SipRegistration | None
    contact: SipAddress | None
    matches: tuple[str, ...]
    context: str
    transport: str
    dtmf: str
    behind_nat: bool
    max_calls: int
    session_expires: int
    area: str
    local_digits: int
    local_numbers: list[tuple[str, LineId]]
    """What this trunk may dial without the area code, with the id of the line."""


def dialled(config: Config) -> list[tuple[str, str]]:
    """Return what a trunk may dial, with the id of the line. Many providers send the account's name, not a number.

    Of lines that share a number, it is the first: the digits of the extension choose among them (`extension_entries`).
    """
    lines = list(config.lines.values())
    backwards = reversed(lines)
    found = {form: line.id for line in backwards for number in line.numbers for form in dialled_forms(number)}
    if len(lines) == 1:
        accounts = [trunk.provider.username for trunk in config.trunks.values() if trunk.provider]
        found = dict.fromkeys(accounts, lines[0].id) | found
    return list(found.items())


@dataclass(frozen=True, slots=True)
class ExtensionEntry:
    """A number after whose answer digits choose the line (TBS 2.6)."""

    first: LineId
    """The line of those who dial no digits."""
    lines: list[tuple[str, LineId]]
    """Extension, line."""


def extension_entries(config: Config) -> list[ExtensionEntry]:
    """Return the lines that are reached by an extension, with those that share a number with the first of them."""
    found: dict[LineId, dict[str, LineId]] = {}
    for number in dict.fromkeys(number for line in config.lines.values() for number in line.numbers):
        sharing = [line for line in config.lines.values() if number in line.numbers and line.extension]
        if sharing:
            found.setdefault(sharing[0].id, {}).update({line.extension or "": line.id for line in sharing})
    return [ExtensionEntry(first, list(lines.items())) for first, lines in found.items()]


@dataclass(frozen=True, slots=True)
class OutgoingEntry:
    """How the dialplan calls out on behalf of a line."""

    line: LineId
    patterns: list[str]
    """Of the numbers that are dialled; there are no others in its context."""
    trunk: str
    trunk_calls: int
    caller_id: str
    ring: int
    limit: int
    words: str


def outgoing_entries(config: Config) -> list[OutgoingEntry]:
    """Return the lines on behalf of which operators call out."""
    found = []
    for line in config.lines.values():
        out, trunk = line.outgoing, config.way_to_customers(line)
        if out and trunk:
            found.append(
                OutgoingEntry(
                    line.id,
                    [_pattern(numbers) for numbers in dict.fromkeys(out.ranges)],
                    trunk_name(trunk),
                    limits.trunk_calls(config, trunk),
                    out.caller_id or line.numbers[0],
                    round(out.ring),
                    round(out.limit),
                    out.words or "",
                )
            )
    return found


def _pattern(numbers: str) -> str:
    """Return a range as an extension: +7342 is the beginning of a number, and a short number is itself.

    >>> [_pattern(numbers) for numbers in ("+7342", "+7342XXXXXXX", "0890")]
    ['_+7342.', '_+7342XXXXXXX', '0890']
    """
    if not numbers.startswith("+"):
        return numbers
    return f"_{numbers}" if numbers.endswith("X") else f"_{numbers}."


def general_dial(config: Config, line: Line) -> str:
    """Return what Asterisk dials for a line's general line; '' if there is none."""
    trunk = config.way_out(line) if line.general_line else None
    return f"PJSIP/{line.general_line}@{trunk_name(trunk)}" if trunk and line.general_line else ""


def trunk_name(trunk: Trunk) -> str:
    """Return the trunk's name in Asterisk."""
    return f"{TRUNK_PREFIX}{trunk.id}"


def trunk_entry(config: Config, trunk: Trunk) -> TrunkEntry:
    """Return what Asterisk's files need to know of a trunk."""
    if trunk.provider:
        contact: SipAddress | None = SipAddress(trunk.provider.host, trunk.provider.port)
        matches: tuple[str, ...] = (trunk.provider.host,)
    else:
        contact = trunk.outgoing
        matches = tuple(str(network) for network in trunk.networks)
    area = trunk.area or ""
    local = {
        number.removeprefix(area): line.id
        for line in reversed(config.lines.values())
        for number in line.numbers
        if area and number.startswith(area)
    }
    return TrunkEntry(
        id=trunk.id,
        name=trunk_name(trunk),
        provider=trunk.provider,
        contact=contact,
        matches=matches,
        context=f"cc-from-{trunk.id}" if area else "cc-trunk",
        transport=trunk.provider.transport if trunk.provider else "udp",
        dtmf=trunk.dtmf,
        behind_nat=trunk.behind_nat,
        max_calls=limits.trunk_calls(config, trunk),
        session_expires=trunk.session_expires,
        area=area,
        local_digits=local_digits(area) if area else 0,
        local_numbers=list(local.items()),
    )
