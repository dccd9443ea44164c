"""What `config.yaml` says, section by section."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from callcenter.config.sections import (
    Accounts,
    Asterisk,
    Codes,
    Group,
    Http,
    Line,
    Person,
    Phone,
    Recordings,
    Section,
    Timings,
    Trunk,
)
from callcenter.config.values import DisplayText, FilePath, Id, LineId, PersonId, PhoneName

_PROJECT = Path(__file__).resolve().parents[2]


class Description(Section):
    """Everything that `config.yaml` says; paths are absolute. Read by `Config.load`."""

    folder: Path = Field(alias="(folder)")
    """Where the file lies."""
    var: FilePath
    """Everything made at run time: secrets, rendered settings, database, logs."""
    lines: dict[LineId, Line] = {}
    groups: dict[Id, Group]
    people: dict[PersonId, Person] = {}
    phones: dict[PhoneName, Phone] = {}
    trunks: dict[Id, Trunk] = {}
    pause_reasons: dict[Id, DisplayText] = {
        "lunch": "Обед",
        "break": "Перерыв",
        "training": "Обучение",
        "paperwork": "Оформление",
    }
    """id -> title; on the telephone the first is digit 1, the second 2, …"""
    codes: Codes = Codes()
    timings: Timings = Timings()
    accounts: Accounts = Accounts()
    recordings: Recordings
    database: FilePath
    http: Http = Http()
    asterisk: Asterisk = Asterisk()
    prompts: FilePath = _PROJECT / "ivr_prompts"
    dialplan: FilePath = _PROJECT / "dialplan"
    """Folder of the templates of Asterisk's files."""

    def way_out(self, line: Line) -> Trunk | None:
        """The trunk over which the line's general number is dialled."""
        if line.general_trunk is not None:
            return self.trunks.get(line.general_trunk)
        return next((trunk for trunk in self.trunks.values() if trunk.places_calls), None)
