"""Renders Asterisk's configuration files from the templates in `dialplan/`.

Every value that a template prints passes one gate. It refuses what could break out of its place in an Asterisk file (a
line break, a comment sign, a variable, a section), even if the checks of the configuration accepted it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from callcenter.accounts.secrets import Secrets
from callcenter.asterisk.line_hours import last_minute
from callcenter.asterisk.targets import dialled_colleagues
from callcenter.asterisk.trunks import (
    dialled,
    extension_entries,
    general_dial,
    outgoing_entries,
    trunk_entry,
    trunk_name,
)
from callcenter.config import GENERAL_CODE, Config, limits
from callcenter.config.values import SipAddress
from callcenter.core.errors import ReadableError
from callcenter.core.events import GENERAL_LINE
from callcenter.core.ids import LineId
from callcenter.system import files, privacy

HEARTBEAT_STALE = 3
"""Seconds after the last heartbeat when the dialplan uses the fallback queue: two heartbeats may be missed. A shorter
time helps callers; a false alarm costs them a moment: the controller gets CCFallback and takes them back."""

ASK_AGAIN = 2.0
"""Seconds after which the dialplan asks the controller again what to do with a caller."""
AT_ONCE = 0.3
"""Seconds that the controller has to answer such a question before music starts."""

WAITING_TURN = 1
"""Seconds of one turn of the waiting loop: the delay until an announcement is played, or a stale heartbeat noticed."""

LOOKUP_WAIT = 5
"""Seconds that the dialplan waits for where a request stands: longer than the controller (`request_lookup.WITHIN`)."""

GATHER = WAITING_TURN + 0.3
"""Seconds from the stale heartbeat until the fallback queue opens: every waiting caller has checked the heartbeat by
then, even on a busy machine."""

APART = 0.1
"""Seconds between two callers who enter the fallback queue when it opens: Asterisk then knows which phone the first
one rings, even on a busy machine. A full line of 100 has entered after 10 s; those who would wait longest anyway enter
last."""

LONGEST_FOLDER = 200
"""Bytes. What an operator is told is four files in one AMI line of at most 1022 bytes; a recorder takes two files."""

DIALPLAN = "extensions.conf.j2"
"""The template of the dialplan."""

LONGEST_TARGET = 40
"""Characters of a phone number, a group's code or a person's id to which a phone may transfer with its own key."""

PAGE_PASSWORDS = "callcenter"
"""The family in Asterisk's own database under which the passwords of the phones in pages are."""

REALM = "callcenter"
"""The realm of SIP passwords."""

_UNSAFE = re.compile(r"[^\w .,:/@+*#=%~!-]")
_UNSAFE_IN_PASSWORD = re.compile(r'[^!-~]|[;"\\]')
"""Passwords may contain `$` and `&`, which providers use: they end their line, and nothing is expanded there."""


class RenderError(ReadableError):
    """Asterisk's files cannot be rendered or written; the text says why."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Asterisk's folders; all are under `var/asterisk`, only the control socket's folder may be elsewhere."""

    etc: Path
    lib: Path
    astspool: Path
    run: Path
    log: Path
    recording: Path
    journal: Path
    """Asterisk chooses this path: it would cut a path of our own off at 79 bytes."""

    @classmethod
    def under(cls, var: Path, run: Path | None = None) -> Folders:
        """Return the folders for the run-time folder `var`. `run`: folder of the control socket, if elsewhere."""
        home = var / "asterisk"
        astspool = home / "spool"
        run, log = run or home / "run", home / "log"
        return cls(home / "etc", home / "lib", astspool, run, log, astspool / "recording", log / "cel-custom")

    def make(self) -> None:
        """Create the missing folders. Asterisk may write to all but `etc`, if it has a user and a group of its own."""
        self.etc.mkdir(parents=True, exist_ok=True)
        if self.etc.is_symlink():
            raise RenderError(f"{self.etc} is a symbolic link, which is not followed; put a folder in its place")
        ours = (self.lib, self.lib / "keys", self.astspool, self.run, self.log, self.recording, self.journal)
        for folder in ours:
            folder.mkdir(parents=True, exist_ok=True)
        if privacy.forbidden() & privacy.GROUP:
            return
        # Also those of before: an earlier start with another umask may have taken them away from Asterisk.
        for folder, mode in ((self.etc, 0o050), *((folder, 0o2770) for folder in ours)):
            found = folder.stat()
            if found.st_uid == os.geteuid():
                folder.chmod(stat.S_IMODE(found.st_mode) | mode)  # its files get the folder's group, that of Asterisk


@dataclass(frozen=True, slots=True)
class Installation:
    """Folders of an installed Asterisk: its modules and its own data."""

    modules: Path
    data: Path


MOST_SUBJECTS = 9
"""They are chosen by one digit."""


@dataclass(frozen=True, slots=True)
class Second:
    """A second language that a line's callers are offered."""

    language: str
    key: str
    prompts: Path


@dataclass(frozen=True, slots=True)
class Feature:
    """A code dialled during a conversation. `name`: the `Feature` header of the event that the controller gets."""

    name: str
    code: str


def features(config: Config) -> tuple[Feature, ...]:
    """Return the codes that an operator can dial during a conversation, besides those of `notes`."""
    codes = config.codes
    found = [
        Feature("take-back", codes.take_back),
        Feature("complete", codes.complete),
        Feature("not-customer", codes.not_customer),
        Feature(f"transfer-{GENERAL_LINE}", codes.transfer + GENERAL_CODE),
    ]
    for group in config.groups.values():
        if group.transfer_code:
            found.append(Feature(f"transfer-{group.id}", codes.transfer + group.transfer_code))
            found.append(Feature(f"consult-{group.id}", codes.consult + group.transfer_code))
    return tuple(found)


def notes(config: Config) -> tuple[Feature, ...]:
    """Return the codes that register a call, during the conversation or afterwards."""
    most = max((len(line.subjects) for line in config.lines.values()), default=0)
    subjects = range(1, min(most, MOST_SUBJECTS) + 1)
    found = [Feature(f"subject-{number}", f"{config.codes.subject}{number}") for number in subjects]
    return (Feature("conduct", config.codes.conduct), *found)


def _second_languages(config: Config) -> dict[LineId, Second]:
    """Return what each line offers whose prompts of a second language are all there."""
    found: dict[LineId, Second] = {}
    for line in config.lines.values():
        if second := line.second_language:
            folder = config.prompts_of(line.id, second.language)
            if folder.is_dir():
                _check_folder("prompts of a second language", folder)
                found[line.id] = Second(second.language, second.key, folder)
    return found


def render(config: Config, secrets: Secrets, asterisk: Installation, folders: Folders) -> None:
    """Write all of Asterisk's files into `folders.etc`.

    Raises RenderError; if the reason is a setting, no file has been written.
    """
    _check_folder("prompts", config.prompts)
    own_prompts = {line: config.prompts_of(line) for line in config.lines if config.prompts_of(line).is_dir()}
    for folder in own_prompts.values():
        _check_folder("line's prompts", folder)
    _check_folder("recordings to be", folders.recording)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(config.dialplan),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML; `finalize` is the gate
        finalize=_gate(secrets),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["prefixed"] = lambda text, prefix: f"{prefix}{text}"
    values = {
        "config": config,
        "secrets": secrets,
        "asterisk": asterisk,
        "folders": folders,
        "prompts": config.prompts,
        "own_prompts": own_prompts,
        "second_languages": _second_languages(config),
        "features": features(config),
        "notes": notes(config),
        "codes": _codes(config),
        "colleagues": dialled_colleagues(config, [*_codes(config).values(), *(one.code for one in notes(config))]),
        "stale": HEARTBEAT_STALE,
        "at_once": AT_ONCE,
        "ask_again": ASK_AGAIN - AT_ONCE,
        "turn": WAITING_TURN,
        "gather": GATHER,
        "apart": APART,
        "false_answer": round(config.timings.false_answer * 10),
        "transports": _transports(config),
        "browsers": config.asterisk.browsers,
        "tls_bind": _tls_bind(config),
        "page_passwords": PAGE_PASSWORDS,
        "realm": REALM,
        "opus_modules": _opus(config, asterisk),
        "outgoing": outgoing_entries(config),
        "extensions": extension_entries(config),
        "ring_timeout": round(config.timings.ring_timeout),
        "digit_wait": 6,
        "lookup_wait": LOOKUP_WAIT,
        "heard": {line.id: line.requests.heard_by_callers for line in config.lines.values() if line.requests},
        "key_wait": 4,
        "dialled": dialled(config),
        "only_line": list(config.lines) if len(config.lines) == 1 else [],
        "general_lines": [(line.id, general_dial(config, line)) for line in config.lines.values()],
        "last_minute": last_minute,
        "max_calls": limits.channels(config),
        "trunks": [trunk_entry(config, trunk) for trunk in config.trunks.values()],
        "ami_networks": _ami_networks(config),
        "longest_target": LONGEST_TARGET,
        "version": dialplan_version(config.dialplan),
    }
    rendered = {name: _rendered(environment, name, values) for name in _templates(environment, config)}
    try:
        _write(rendered, folders)
    except OSError as error:
        raise RenderError(f"Asterisk's files cannot be written: {error.strerror}: {error.filename}") from error


def dialplan_version(templates: Path) -> str:
    """Return the version of the dialplan, from the content of its template without the comments. Raises RenderError."""
    path = templates / DIALPLAN
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise RenderError(f"{path} cannot be read: {error.strerror}") from error
    return hashlib.sha256(b"\n".join(line for line in lines if not line.startswith(b";"))).hexdigest()[:12]


def _write(rendered: dict[str, str], folders: Folders) -> None:
    folders.make()
    # asterisk.conf is written last: an Asterisk in a separate container waits for it; all other files exist then.
    for name, text in sorted(rendered.items(), key=lambda file: file[0] == "asterisk.conf.j2"):
        path = folders.etc / name.removesuffix(".j2")
        files.replace(path, text.encode(), mode=files.FOR_GROUP)  # it contains passwords


def _check_folder(what: str, folder: Path) -> None:
    """Refuse `,` and `:` and long paths: the dialplan passes these folders to applications, which split arguments."""
    path = str(folder)
    odd = next((character for character in path if character in ",:"), None)
    if odd:
        raise RenderError(f"the folder of the {what}, {path!r}: {odd!r} has a meaning in a dialplan; another folder")
    if len(path.encode()) > LONGEST_FOLDER:
        raise RenderError(
            f"the folder of the {what}, {path!r}: {len(path.encode())} bytes are too many for Asterisk's manager, "
            f"{LONGEST_FOLDER} are allowed; another folder"
        )


def _rendered(environment: jinja2.Environment, name: str, values: dict[str, Any]) -> str:
    try:
        return environment.get_template(name).render(values)
    except (jinja2.TemplateError, UnicodeDecodeError, RenderError) as error:
        raise RenderError(f"dialplan/{name}: {error}") from error


def _templates(environment: jinja2.Environment, config: Config) -> list[str]:
    names = [name for name in environment.list_templates() if name.endswith(".conf.j2")]
    if not names:
        raise RenderError(f"{config.dialplan}: no templates of Asterisk's files (*.conf.j2) there")
    return names


def _gate(secrets: Secrets) -> Callable[[object], object]:
    owners = {password: f"phones.{id}" for id, password in secrets.phones.items()}
    owners |= {password: f"trunks.{id}" for id, password in secrets.trunks.items()} | {secrets.ami: "ami"}

    def safe(value: object) -> object:
        # The brackets of an IPv6 address are allowed: only the host is checked.
        text = value.host if isinstance(value, SipAddress) else str(value)
        unsafe = (_UNSAFE_IN_PASSWORD if text in owners else _UNSAFE).search(text)
        if unsafe:
            shown = f"the password {owners[text]} of the secrets" if text in owners else repr(text)
            raise RenderError(f"{shown} cannot be written into Asterisk's files: {unsafe[0]!r} has a meaning there")
        return value

    return safe


@dataclass(frozen=True, slots=True)
class _Transport:
    protocol: str
    bind: SipAddress


def _transports(config: Config) -> list[_Transport]:
    asterisk = config.asterisk
    bind = SipAddress(asterisk.sip_bind, asterisk.sip_port)
    found = [_Transport("udp", bind)]
    if asterisk.tcp:
        found.append(_Transport("tcp", bind))
    if asterisk.tls:
        found.append(_Transport("tls", SipAddress(asterisk.sip_bind, asterisk.tls.port)))
    return found


def _tls_bind(config: Config) -> SipAddress | None:
    browsers = config.asterisk.browsers
    return SipAddress(browsers.bind, browsers.port) if browsers else None


def _opus(config: Config, asterisk: Installation) -> tuple[str, ...]:
    """Return the modules for Opus if it is configured; Debian's transcoder has another name than its maker's."""
    if "opus" not in config.asterisk.codecs:
        return ()
    for codec in ("codec_opus_open_source", "codec_opus"):
        if (asterisk.modules / f"{codec}.so").exists():
            return ("res_format_attr_opus", codec)
    raise RenderError(
        f"asterisk.codecs: found opus, which this Asterisk cannot convert (no codec_opus*.so in {asterisk.modules}); "
        "install its package, or leave opus out"
    )


def _codes(config: Config) -> dict[str, str]:
    codes = config.codes
    return {
        "log_in": codes.log_in,
        "log_out": codes.log_out,
        "pause": codes.pause,
        "return": codes.return_,
        "end": codes.end,
        "echo": codes.echo,
    }


def endpoints(config: Config) -> frozenset[str]:
    """Return Asterisk's names of phones and trunks; the names of their channels contain them."""
    return frozenset(config.phones) | {trunk_name(trunk) for trunk in config.trunks.values()}


def _ami_networks(config: Config) -> list[str]:
    """Return the networks that may log in to AMI: only this machine if AMI is bound to IPv4 loopback; []: any."""
    bind = ipaddress.ip_address(config.asterisk.ami_bind)
    return ["127.0.0.0/255.0.0.0"] if bind.is_loopback and bind.version == 4 else []
