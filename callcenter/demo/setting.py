"""The demonstration's configuration: the given one, moved to loopback addresses and open at all hours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import yaml

from callcenter.config import Config
from callcenter.config.yaml_file import read_yaml
from callcenter.core.ids import LineId
from callcenter.voice.line_words import line_words

TRUNK = "demo"
GENERAL_LINE_HOST = "1.200"
"""Where the general line answers, in the demonstration's network."""
_CALLERS, _PHONES = "1", "2"
_PORT = 5060
_DAYS_OPEN = 30
_PACE = {"ring_timeout": "8", "wrap_up": "5", "false_answer": "0.5", "phone_check": "0"}
"""Simulated phones do not answer the question whether they are there."""
_QUEUE_PACE = {"announce_every": "20", "expected_handling": "35"}


def make_setting(path: Path, today: date) -> Config:
    """Derive `var/demo/config.yaml` from the configuration at `path` and load it. Raises ConfigError.

    Callers, phones and the general line get their own addresses in the network of `asterisk.sip_bind` (127.0 if that is
    not a loopback address). Database, secrets and recordings are the demonstration's own.
    """
    real = Config.load(path)
    folder = real.var / "demo"
    data = derived(read_yaml(path).data, real, folder, today)
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "config.yaml"
    note = f"# Made anew by every `callcenter demo` from {path.name}; changes belong there.\n"
    written.write_text(note + yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return Config.load(written).model_copy(update={"var": folder})  # even if CALLCENTER_VAR is set


def network(config: Config) -> str:
    """Return the first half of every address of the demonstration: «127.0.»."""
    return ".".join(config.asterisk.sip_bind.split(".")[:2]) + "."


def caller_address(config: Config, host: int) -> str:
    """Return the address from which a group of callers calls."""
    return f"{network(config)}{_CALLERS}.{host}"


def derived(data: Mapping[str, Any], real: Config, folder: Path, today: date) -> dict[str, Any]:
    """Return the settings of the demonstration."""
    bind = real.asterisk.sip_bind
    bind = bind if ip_address(bind).is_loopback and ":" not in bind else "127.0.0.1"
    net = ".".join(bind.split(".")[:2])
    at: dict[str, Any] = {"sip_bind": bind, "start": "true", "codecs": ["alaw"]}
    if browsers := (data.get("asterisk") or {}).get("browsers"):
        at["browsers"] = {**browsers, "sound_check": "false"}  # a visitor's phone rings at once
    asterisk = {key: value for key, value in (data.get("asterisk") or {}).items() if key != "external_address"} | at
    return {
        **{key: value for key, value in data.items() if key != "tls"},  # on loopback, browsers need none
        "mail": None,  # nobody out there gets e-mail of a demonstration
        "var": str(folder),
        "database": str(folder / "register.sqlite"),
        "recordings": {**(data.get("recordings") or {}), "folder": str(folder / "recordings")},
        "prompts": str(real.prompts),
        "dialplan": str(real.dialplan),
        "lines": {name: _line(name, line, today, real) for name, line in (data.get("lines") or {}).items()},
        "phones": {
            phone.id: {"address": f"{net}.{_PHONES}.{place}:{_PORT}", "shared": str(phone.shared).lower()}
            for place, phone in enumerate((one for one in real.phones.values() if not one.browser), 1)
        },
        "trunks": {
            TRUNK: {
                "networks": [f"{net}.{_CALLERS}.0/24"],
                "outgoing": f"{net}.{GENERAL_LINE_HOST}:{_PORT}",
                "session_expires": "0",  # simulated callers confirm nothing
            },
        },
        "timings": _PACE,
        "asterisk": asterisk,
    }


def _line(name: str, line: Mapping[str, Any], today: date, real: Config) -> dict[str, Any]:
    """Open the line at every hour of these days. It tells the hours of the real one, whose words are recorded."""
    days = [(today + timedelta(days=day)).isoformat() for day in range(-1, _DAYS_OPEN)]
    always = {"opens": "00:00", "closes": "24:00", "extra_workdays": days, "extra_holidays": []}
    said = line_words(real.lines[LineId(name)]).values.get("hours")
    changed: dict[str, Any] = {
        **{name: value for name, value in line.items() if name != "changes"},
        "notice_days": "0",  # nobody has to be told
        "hours": {**(line.get("hours") or {}), **always},
        "queue": {**(line.get("queue") or {}), **_QUEUE_PACE},
        "spoken": {**(line.get("spoken") or {}), **({"hours": said} if said else {})},
    }
    return changed | ({"general_trunk": TRUNK} if line.get("general_line") else {})
