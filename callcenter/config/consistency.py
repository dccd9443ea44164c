"""Checks what must agree between different sections: references, ports, addresses, numbers, codes.

Each rule yields its problems. A rule looks only at the configuration and, for the waiting times that callers hear, at
the folder of prompts. `declared` contains all names in the file, also of entries with wrong settings, so that one
mistake is reported once.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path

from callcenter.config import limits
from callcenter.config.channel_sections import FORM_WAYS, ChatChannel, FormChannel, WrittenChannel
from callcenter.config.description import Description
from callcenter.config.line_sections import Line
from callcenter.config.problems import Problem, nearest
from callcenter.config.request_sections import Requests
from callcenter.config.sections import GENERAL_CODE
from callcenter.config.values import dialled_forms
from callcenter.core.ids import LineId
from callcenter.core.settings import WithoutPeriod
from callcenter.requests.request import Way

LONGEST_NAME = 32
"""Characters of a phone's name."""

Declared = Mapping[str, frozenset[str]]
"""Section -> names of its entries."""


def inconsistencies(config: Description, declared: Declared) -> Iterator[Problem]:
    """Yield everything that does not fit together."""
    if not declared["lines"]:
        yield Problem(("lines",), "found no line; at least one, with its numbers")
    yield from _references(config, declared)
    yield from _classes(config)
    yield from _promises(config)
    yield from _numbers(config)
    yield from _phones_and_people(config)
    yield from _page_phones(config)
    yield from _addresses(config)
    yield from _listening(config)
    yield from _ports(config)
    yield from _sign_on(config, declared)
    yield from _general_lines(config, declared)
    yield from _outgoing(config, declared)
    yield from _channels(config)
    yield from _keeping_places(config)
    yield from _contracts(config)
    yield from _subjects(config, declared)
    yield from _codes(config)
    yield from _retention(config)
    yield from _webhooks(config, declared)


def _references(config: Description, declared: Declared) -> Iterator[Problem]:
    for line in config.lines.values():
        for index, group in enumerate(line.answered_by):
            if group not in declared["groups"]:
                yield _unknown(("lines", line.id, "answered_by", index), "group", group, declared["groups"])
        for index, group in enumerate(line.written.groups if line.written else ()):
            place = ("lines", line.id, "written", "groups", index)
            if group not in declared["groups"]:
                yield _unknown(place, "group", group, declared["groups"])
            elif group in line.answered_by:
                yield Problem(place, f"found {group!r}, which answers the telephone, too; a group of its own")
    for person in config.call_takers.values():
        if person.group not in declared["groups"]:
            yield _unknown(("people", person.id, "group"), "group", person.group, declared["groups"])
        if person.phone not in declared["phones"]:
            yield _unknown(("people", person.id, "phone"), "phone", person.phone, declared["phones"])


def _webhooks(config: Description, declared: Declared) -> Iterator[Problem]:
    for name, hook in config.webhooks.items():
        for index, line in enumerate(hook.lines):
            if line not in declared["lines"]:
                yield _unknown(("webhooks", name, "lines", index), "line", line, declared["lines"])


def _unknown(location: tuple[str | int, ...], kind: str, name: str, known: Iterable[str]) -> Problem:
    return Problem(location, f"found {kind} {name!r}, which is not described; {nearest(name, known)}")


_FORBIDDEN_WAYS = frozenset({Way.CHAT, Way.TELEGRAM})
"""What a line without other channels does not have (ESTP 2.7)."""
_ANSWERED_THE_SAME_WAY = frozenset({Way.EMAIL.value, Way.TELEGRAM.value, Way.LETTER.value})
"""Channels that are a way of the answer, too (eLot 2.6)."""


def _channels(config: Description) -> Iterator[Problem]:
    for line in config.lines.values():
        ways = line.requests.ways if line.requests else frozenset()
        if line.channels.no_others and (wrong := sorted(ways & _FORBIDDEN_WAYS)):
            text = f"found {wrong[0].value}, but the line has no other channels (channels.no_others, ESTP 2.7)"
            yield Problem(("lines", line.id, "requests", "ways"), text)
        for name, channel in line.channels.described():
            place = ("lines", line.id, "channels", name)
            if line.channels.no_others and name != Way.EMAIL.value:
                yield Problem(place, "found a channel beside e-mail, but the line has no others (ESTP 2.7)")
            elif line.requests is None:
                yield Problem(place, "found a channel, but the line has no `requests`; what is written becomes one")
            else:
                yield from _channel(config, line, line.requests, name, channel)
    yield from _mailboxes(config)


def _channel(
    config: Description, line: Line, requests: Requests, name: str, channel: WrittenChannel
) -> Iterator[Problem]:
    place = ("lines", line.id, "channels", name)
    if name in _ANSWERED_THE_SAME_WAY and Way(name) not in requests.ways:
        yield Problem(place, f"found it, but `requests.ways` has no {name}; what comes by it is answered by it")
    if channel.subject is not None and channel.subject not in line.subjects:
        yield _unknown((*place, "subject"), "subject", channel.subject, line.subjects)
    if channel.group is not None and channel.group not in config.groups:
        yield _unknown((*place, "group"), "group", channel.group, config.groups)
    if channel.urgency is not None and channel.urgency not in requests.urgencies:
        yield _unknown((*place, "urgency"), "urgency", channel.urgency, requests.urgencies)
    if isinstance(channel, FormChannel):
        yield from _form(config, line, requests, channel)
    if isinstance(channel, ChatChannel):
        yield from _chat(config, line, requests, channel)


def _mailboxes(config: Description) -> Iterator[Problem]:
    mailboxes: dict[tuple[str, str, str], str] = {}
    for line in config.lines.values():
        email, place = line.channels.email, ("lines", line.id, "channels", "email")
        if email is None or line.requests is None:
            continue
        if config.mail is None:
            yield Problem(place, "found a mailbox, but no `mail`; without it nobody is answered")
        if email.address is None and line.email is None:
            yield Problem((*place, "address"), "found none; the address of the mailbox, here or as the line's `email`")
        mailbox = (email.imap.host, email.imap.user, email.imap.folder)
        if (other := mailboxes.setdefault(mailbox, line.id)) != line.id:
            yield Problem((*place, "imap"), f"found the mailbox of line {other!r}; each line has one of its own")
        if email.imap.folder == email.imap.done:
            yield Problem((*place, "imap", "done"), "found the mailbox's own folder; another one for what is done")


def _chat(config: Description, line: Line, requests: Requests, chat: ChatChannel) -> Iterator[Problem]:
    """A chat that nobody can answer becomes a request, which is answered by e-mail."""
    place = ("lines", line.id, "channels", "chat")
    if Way.EMAIL not in requests.ways:
        yield Problem(place, "found a chat, but `requests.ways` has no email; what nobody answers is answered so")
    for index, group in enumerate(chat.groups or ()):
        if group not in config.groups:
            yield _unknown((*place, "groups", index), "group", group, config.groups)


def _form(config: Description, line: Line, requests: Requests, form: FormChannel) -> Iterator[Problem]:
    place = ("lines", line.id, "channels", "form")
    for index, way in enumerate(form.ways):
        if way not in FORM_WAYS & requests.ways:
            allowed = ", ".join(sorted(FORM_WAYS & requests.ways)) or "none: `requests.ways` has neither"
            yield Problem((*place, "ways", index), f"found {way.value}; allowed are {allowed}")
    if form.unregistered_urgency is not None and form.unregistered_urgency not in requests.urgencies:
        yield _unknown((*place, "unregistered_urgency"), "urgency", form.unregistered_urgency, requests.urgencies)
    known = line.contracts.levels if line.contracts else {}
    for index, level in enumerate(form.levels):
        if level not in known:
            yield _unknown((*place, "for", index), "level", level, known)
    if form.levels and not form.required & {"login", "inn"}:
        yield Problem((*place, "required"), "found neither login nor inn; one of them, by which the level is known")
    if config.public.url is None:
        yield Problem(place, "found a form, but no `public.url`: where customers reach it, for the links in mails")


def _classes(config: Description) -> Iterator[Problem]:
    for line in config.lines.values():
        classes = line.queue.classes
        if len(set(classes)) < len(classes):
            yield Problem(("lines", line.id, "queue", "classes"), "found a class twice; each class once")
        if line.queue.default_class not in classes:
            place = ("lines", line.id, "queue", "default_class")
            yield _unknown(place, "class", line.queue.default_class, classes)
        for digit, name in line.ivr.urgency.items():
            if name not in classes:
                yield _unknown(("lines", line.id, "ivr", "urgency", digit), "class", name, classes)


def _promises(config: Description) -> Iterator[Problem]:
    recorded = _recorded(config.prompts, "wait") & _recorded(config.prompts, "wait-over")
    if not recorded:
        return  # a wrong folder is reported once, where it is used
    for line in config.lines.values():
        for index, number in enumerate(line.promises.minutes):
            if number not in recorded:
                text = f"found {number}, which nobody has recorded; there are {', '.join(map(str, sorted(recorded)))}"
                yield Problem(("lines", line.id, "promises", "minutes", index), text)


def _recorded(prompts: Path, family: str) -> set[int]:
    """Return the numbers of a prompt family that have a file."""
    names = (path.stem.removeprefix(f"{family}-") for path in (prompts / "ru").glob(f"{family}-*.wav"))
    return {int(name) for name in names if name.isdecimal()}


def _numbers(config: Description) -> Iterator[Problem]:
    taken: dict[tuple[str, str | None], str] = {}
    whose: dict[str, str] = {}
    for line in config.lines.values():
        for index, number in enumerate(line.numbers):
            forms = dialled_forms(number)
            other = next((taken[form, line.extension] for form in forms if (form, line.extension) in taken), None)
            # Beside a line that is not chosen by digits there is no other one.
            other = other or next((whose[form] for form in forms if _alone(config, whose.get(form), line)), None)
            if other:
                where = "this line" if other == line.id else f"line {other!r}"
                text = f"found {number}, which {where} has already; a number belongs to one line, once"
                if line.extension or config.lines[LineId(other)].extension:
                    text += ", unless each line has an extension of its own"
                yield Problem(("lines", line.id, "numbers", index), text)
            taken.update(dict.fromkeys(((form, line.extension) for form in forms), line.id))
            whose.update(dict.fromkeys(forms, line.id))


def _alone(config: Description, other: str | None, line: Line) -> bool:
    return other is not None and (config.lines[LineId(other)].extension is None or line.extension is None)


def _phones_and_people(config: Description) -> Iterator[Problem]:
    for name in sorted(set(config.phones) & set(config.trunks)):
        yield Problem(("phones", name), "found a phone and a trunk of this name; Asterisk needs different names")
    users: dict[str, str] = {}
    for person in config.call_takers.values():
        phone = config.phones.get(person.phone)
        if phone and not phone.shared and (other := users.get(person.phone)):
            text = (
                f"found phone {person.phone!r}, which {other!r} sits at; "
                f"a phone of one's own, or `shared: true` in phones.{person.phone}"
            )
            yield Problem(("people", person.id, "phone"), text)
        users.setdefault(person.phone, person.id)


def _page_phones(config: Description) -> Iterator[Problem]:
    for phone in config.phones.values():
        if phone.browser and len(phone.id) > LONGEST_NAME:
            person = phone.id.removesuffix("-web")
            text = f"found an id of {len(person)} characters; with phones in pages, at most {LONGEST_NAME - 4}"
            yield Problem(("people", person), text)


def _addresses(config: Description) -> Iterator[Problem]:
    seen: dict[object, str] = {}
    for phone in config.phones.values():
        if phone.address is None or (ip := phone.address.ip) is None:
            continue
        place = ("phones", phone.id, "address")
        if ip in seen:
            text = f"found {ip}, which phone {seen[ip]!r} has; calls are told apart by the IP address alone"
            yield Problem(place, text)
        seen.setdefault(ip, phone.id)
        for trunk in config.trunks.values():
            if any(ip in network for network in trunk.networks):
                text = f"found {ip}, which is in a network of trunk {trunk.id!r}; its calls would be callers'"
                yield Problem(place, text)
        if str(ip) == config.asterisk.sip_bind and phone.address.port == config.asterisk.sip_port:
            yield Problem(place, f"found {phone.address}, where Asterisk itself listens; the phone's own address")
    networks = [
        (trunk.id, index, network) for trunk in config.trunks.values() for index, network in enumerate(trunk.networks)
    ]
    for (other, _, first), (trunk_id, index, second) in combinations(networks, 2):
        if first.version == second.version and first.overlaps(second):
            text = f"found {second}, which overlaps {first} of trunk {other!r}; networks that do not overlap"
            yield Problem(("trunks", trunk_id, "networks", index), text)


def _sign_on(config: Description, declared: Declared) -> Iterator[Problem]:
    for value, person in (config.sign_on.people if config.sign_on else {}).items():
        if person not in declared["people"]:
            yield _unknown(("sign_on", "people", value), "person", person, declared["people"])


def _listening(config: Description) -> Iterator[Problem]:
    if config.asterisk.sip_bind == "::":
        text = "found ::, on which Asterisk would hear IPv6 alone; 0.0.0.0 for all of IPv4, or one IPv6 address"
        yield Problem(("asterisk", "sip_bind"), text)
    there = {"udp": True, "tcp": config.asterisk.tcp, "tls": config.asterisk.tls is not None}
    for trunk in config.trunks.values():
        if trunk.provider and not there[trunk.provider.transport]:
            way = trunk.provider.transport
            text = f"found {way}, but Asterisk is not told to use it; udp, or set `asterisk.{way}`, too"
            yield Problem(("trunks", trunk.id, "provider", "transport"), text)


def _ports(config: Description) -> Iterator[Problem]:
    asterisk, http = config.asterisk, config.http
    ports: list[tuple[tuple[str, ...], str, int]] = [
        (("asterisk", "sip_port"), asterisk.sip_bind, asterisk.sip_port),
        (("asterisk", "ami_port"), asterisk.ami_bind, asterisk.ami_port),
        (("http", "port"), http.bind, http.port),
    ]
    if asterisk.tls:
        ports.append((("asterisk", "tls", "port"), asterisk.sip_bind, asterisk.tls.port))
    if browsers := asterisk.browsers:
        ports.append((("asterisk", "browsers", "port"), browsers.bind, browsers.port))
    if http.metrics_port is not None:
        ports.append((("http", "metrics_port"), http.metrics_bind, http.metrics_port))
    if any(line.channels.form or line.channels.chat for line in config.lines.values()):
        ports.append((("public", "port"), config.public.bind, config.public.port))
    seen: list[tuple[str, str, int]] = []
    for place, bind, port in ports:
        for other, taken, its_port in seen:
            if port == its_port and _overlap(bind, taken):
                yield Problem(place, f"found {port}, which {other} has; a port of its own")
                break
        seen.append((".".join(place), bind, port))
    if asterisk.rtp_first <= asterisk.sip_port <= asterisk.rtp_last:
        text = f"found {asterisk.sip_port}, which is among the RTP ports; a port outside them"
        yield Problem(("asterisk", "sip_port"), text)
    found = asterisk.rtp_last - asterisk.rtp_first + 1
    needed = limits.rtp_ports(config)
    if found < needed:
        text = (
            f"found {max(found, 0)} RTP ports from rtp_first to rtp_last; at least {needed}, two for each call: "
            f"{limits.callers(config)} callers (capacity and spoken_refusals of all lines), "
            f"{limits.BEING_REFUSED} about to be refused, two for each phone, and those to general lines"
        )
        yield Problem(("asterisk", "rtp_last"), text)


def _overlap(bind: str, other: str) -> bool:
    """Return whether one port can be used only once at these two addresses."""
    one, two = ipaddress.ip_address(bind), ipaddress.ip_address(other)
    return one == two or (one.version == two.version and (one.is_unspecified or two.is_unspecified))


def _general_lines(config: Description, declared: Declared) -> Iterator[Problem]:
    for line in config.lines.values():
        if line.general_trunk is not None:
            yield from _places_calls(config, declared, ("lines", line.id, "general_trunk"), line.general_trunk)
        elif line.general_line and not config.way_out(line) and set(config.trunks) == declared["trunks"]:
            text = f"found {line.general_line}, but no trunk can place calls; a provider, or a trunk with `outgoing`"
            yield Problem(("lines", line.id, "general_line"), text)


def _places_calls(config: Description, declared: Declared, place: tuple[str, ...], name: str) -> Iterator[Problem]:
    """Check that there is such a trunk, and that calls can be placed over it."""
    trunk = config.trunks.get(name)
    if name not in declared["trunks"]:
        yield _unknown(place, "trunk", name, declared["trunks"])
    elif trunk and not trunk.places_calls:
        yield Problem(place, f"found trunk {name!r}, which only receives; give it `outgoing`, or name another")


def _outgoing(config: Description, declared: Declared) -> Iterator[Problem]:
    for line in config.lines.values():
        if line.outgoing is None:
            continue
        place = ("lines", line.id, "outgoing")
        for index, group in enumerate(line.outgoing.groups or ()):
            if group not in declared["groups"]:
                yield _unknown((*place, "groups", index), "group", group, declared["groups"])
        if line.outgoing.trunk is not None:
            yield from _places_calls(config, declared, (*place, "trunk"), line.outgoing.trunk)
        elif not config.way_to_customers(line) and set(config.trunks) == declared["trunks"]:
            yield Problem(place, "found no trunk that can place calls; a provider, or a trunk with `outgoing`")
        words, folder = line.outgoing.words, config.prompts / "ru"
        if words is not None and folder.is_dir() and not (folder / f"{words}.wav").exists():
            text = f"found prompt {words!r}, which nobody has recorded; {nearest(words, _prompts(folder))}"
            yield Problem((*place, "words"), text)


def _keeping_places(config: Description) -> Iterator[Problem]:
    """Check that callers who keep their place can be called, and told when."""
    recorded = _recorded(config.prompts, "call-in")
    for line in config.lines.values():
        if line.ivr.keep_place is None:
            continue
        if line.outgoing is None:
            yield Problem(("lines", line.id, "ivr", "keep_place"), "found, but the line has no `outgoing` to call back")
        if line.requests is None:
            text = "found, but the line has no `requests`, where call-backs are kept"
            yield Problem(("lines", line.id, "ivr", "keep_place"), text)
        missing = [number for number in line.promises.minutes if number not in recorded]
        if recorded and missing:
            text = f"found, but nobody has recorded call-in-{missing[0]}; promises.minutes names it"
            yield Problem(("lines", line.id, "ivr", "keep_place"), text)


def _subjects(config: Description, declared: Declared) -> Iterator[Problem]:
    for line in config.lines.values():
        for subject, rules in (line.requests.of_subjects if line.requests else {}).items():
            place = ("lines", line.id, "requests", "of_subjects", subject)
            if subject not in line.subjects:
                yield Problem(place, f"found {subject!r}, which is not in subjects; {nearest(subject, line.subjects)}")
            for index, urgency in enumerate(rules.urgencies):
                if line.requests and urgency not in line.requests.urgencies:
                    yield _unknown((*place, "urgencies", index), "urgency", urgency, line.requests.urgencies)
            if rules.group is not None and rules.group not in declared["groups"]:
                yield _unknown((*place, "group"), "group", rules.group, declared["groups"])


def _contracts(config: Description) -> Iterator[Problem]:
    for line in config.lines.values():
        if line.contracts is None:
            continue
        place, requests = ("lines", line.id, "contracts"), line.requests
        urgencies, refusals = (requests.urgencies, requests.refusals) if requests else ({}, ())
        yield from line.contracts.problems(place, line.queue.classes, line.subjects, urgencies, refusals)
        if line.contracts.without_period is WithoutPeriod.GENERAL_LINE and line.general_line is None:
            yield Problem(
                (*place, "without_period"), "found general_line, but the line has none; set it, or queue or end"
            )


def _prompts(folder: Path) -> list[str]:
    """Return the prompts that could be meant: whole sentences for callers."""
    names = (path.stem for path in folder.glob("*.wav"))
    return [name for name in names if not name.startswith("op-") and not name[-1].isdecimal()]


def _codes(config: Description) -> Iterator[Problem]:
    codes = config.codes
    at_rest = {name: getattr(codes, name) for name in ("log_in", "log_out", "pause", "return_", "end", "echo")}
    talking = {"transfer to the general line": codes.transfer + GENERAL_CODE}
    talking |= {name: getattr(codes, name) for name in ("take_back", "complete", "not_customer")}
    for group in config.groups.values():
        if group.transfer_code is not None:
            talking[f"transfer to {group.id}"] = codes.transfer + group.transfer_code
            talking[f"consult {group.id}"] = codes.consult + group.transfer_code
    for dialled in (at_rest, talking):
        dialled |= {name: getattr(codes, name) for name in ("subject", "conduct")}
        for (first, code), (second, other) in combinations(dialled.items(), 2):
            if code.startswith(other) or other.startswith(code):
                text = (
                    f"found {first.rstrip('_')} {code} and {second} {other}; "
                    "codes of which none is the beginning of another"
                )
                yield Problem(("codes",), text)
    if len(config.pause_reasons) > 9:
        text = f"found {len(config.pause_reasons)} reasons; at most 9, chosen by one digit in this order"
        yield Problem(("pause_reasons",), text)


def _retention(config: Description) -> Iterator[Problem]:
    """Check that recordings are not kept for less time than the law requires (ESTP 2.6)."""
    least = config.recordings.legal_minimum_days
    kept: list[tuple[tuple[str, ...], int]] = [(("recordings", "retention_days"), config.recordings.retention_days)]
    kept += [
        (("lines", line.id, "retention_days"), line.retention_days)
        for line in config.lines.values()
        if line.retention_days is not None
    ]
    for place, days in kept:
        if days < least:
            yield Problem(place, f"found {days}; at least {least}, which is recordings.legal_minimum_days")
