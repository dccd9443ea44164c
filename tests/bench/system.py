"""What is measured: a line that callers can dial, whoever keeps its queue."""

from __future__ import annotations

import shutil
import wave
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

from callcenter.config import Config
from tests.bench.usage import Usage
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT, configuration

_SHORT = ("greeting", "goodbye")
GREETING = 0.2
"""Seconds of a short greeting, and of a short farewell."""


class System(Protocol):
    """A running line."""

    config: Config
    taps: dict[str, Any]
    """What the daemon's taps saw, there when the line has been left; empty where there is no daemon."""

    @property
    def network(self) -> str:
        """«127.n.»; .0.1 is Asterisk, .1.x are callers, .2.x phones."""

    @property
    def proxy(self) -> tuple[str, int]:
        """Asterisk's address for SIP."""

    def usage(self) -> Usage:
        """Since the start."""

    def registered(self) -> int:
        """Calls in its register so far."""


Start = Callable[..., AbstractAsyncContextManager[System]]
"""Starts a system with so many operators, `101` and up, who are ready to take calls: (folder, operators, **changes of
the configuration)."""


def configured(folder: Path, operators: int, changes: dict[str, Any]) -> Config:
    """The configuration of a line open at all hours, asking its callers nothing; written into the folder."""
    data = configuration(ivr={"ask_inn": "false", "urgency": {}}, **changes)
    network = data["asterisk"]["sip_bind"].removesuffix("0.1")
    ids = [str(101 + place) for place in range(operators)]
    data["people"] = {id: {"name": f"Operator {id}", "group": "operators", "phone": id} for id in ids}
    data["phones"] = {id: {"address": f"{network}2.{place}:5060"} for place, id in enumerate(ids, 1)}
    data["timings"]["phone_check"] = 0  # sipp's phones do not answer OPTIONS
    data["trunks"]["city"]["session_expires"] = 0  # nor its callers a re-INVITE
    data["prompts"] = data.get("prompts") or str(PROJECT / "ivr_prompts")
    data["dialplan"] = data.get("dialplan") or str(PROJECT / "dialplan")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True))
    return Config.load(path)


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one of the templates of Asterisk's files."""

    file: str
    old: str
    new: str


ONE_PHONE = Edit(
    "pjsip.conf.j2", "{{ phone.id }}@{{ phone.address }}", "{{ phone.id }}@{{ config.phones['101'].address }}"
)
"""All operators' phones are at the address of the first: one program plays them all."""


def dialplan(folder: Path, *edits: Edit, base: Path = PROJECT / "dialplan", over: Sequence[Path] = ()) -> Path:
    """The templates of `base` with some files laid over them and some lines changed, in a new folder.

    Raises BrokenMeasurementError where there is nothing to change.
    """
    shutil.copytree(base, folder)
    for path in over:
        shutil.copy(path, folder)
    for edit in edits:
        path = folder / edit.file
        text = path.read_text()
        if edit.old not in text:
            raise BrokenMeasurementError(f"{path} has no {edit.old!r}")
        path.write_text(text.replace(edit.old, edit.new))
    return folder


def short_prompts(folder: Path) -> Path:
    """The prompts, but greeting and farewell of a moment: callers are here to wait."""
    shutil.copytree(PROJECT / "ivr_prompts", folder)
    for path in [path for name in _SHORT for path in (folder / "ru").rglob(f"{name}.*wav")]:  # and each line's own
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes(2 * int(8000 * GREETING)))
    return folder
