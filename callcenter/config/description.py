"""The content of `config.yaml`, section by section."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from callcenter.config.line_sections import Line
from callcenter.config.public_section import Public
from callcenter.config.request_sections import Antivirus, Mail, Signatures
from callcenter.config.section import Section
from callcenter.config.sections import (
    Accounts,
    Asterisk,
    Audit,
    Certificate,
    Codes,
    Group,
    Http,
    News,
    Person,
    PersonalData,
    Phone,
    Recordings,
    SignOn,
    Timings,
    Trunk,
)
from callcenter.config.values import Database, DisplayText, FilePath, GroupId, Id, LineId, PersonId, PhoneName
from callcenter.config.webhook_section import Webhook
from callcenter.core import ids

_PROJECT = Path(__file__).resolve().parents[2]


class Description(Section):
    """The whole content of `config.yaml`, with absolute paths. Read by `Config.load`."""

    folder: Path = Field(alias="(folder)")
    """The folder of the file."""
    var: FilePath
    """The folder of everything made at run time: secrets, rendered settings, database, logs."""
    lines: dict[LineId, Line] = {}
    groups: dict[GroupId, Group]
    people: dict[PersonId, Person] = {}
    phones: dict[PhoneName, Phone] = {}
    trunks: dict[Id, Trunk] = {}
    pause_reasons: dict[Id, DisplayText] = {
        "lunch": "Обед",
        "break": "Перерыв",
        "training": "Обучение",
        "paperwork": "Оформление",
    }
    """Id -> title; on the telephone the first reason is digit 1, the second 2, …"""
    codes: Codes = Codes()
    timings: Timings = Timings()
    accounts: Accounts = Accounts()
    sign_on: SignOn | None = None
    news: News = News()
    recordings: Recordings
    personal_data: PersonalData = PersonalData()
    audit: Audit = Audit()
    antivirus: Antivirus | None = None
    """Who is asked about files of requests; None: nobody, they are handed out as they came."""
    signatures: Signatures = Signatures()
    """Whom signatures beside files are trusted by."""
    mail: Mail | None = None
    """How e-mail leaves; None: it does not, and what has to leave waits."""
    database: Database
    """A file of SQLite, or the address of a database on a PostgreSQL server (docs/database.md)."""
    http: Http = Http()
    public: Public = Public()
    webhooks: dict[Id, Webhook] = {}
    """Other programs that are told what happens (docs/webhooks.md)."""
    tls: Certificate | None = None
    """None: the page is served without TLS, to this machine or to a reverse proxy. Phones in the page follow it."""
    asterisk: Asterisk = Asterisk()
    prompts: FilePath = _PROJECT / "ivr_prompts"
    dialplan: FilePath = _PROJECT / "dialplan"
    """The folder of the templates of Asterisk's files."""

    @property
    def spoken_prompts(self) -> Path:
        """The folder of prompts that were spoken on this machine; in Asterisk's folder, because it plays them."""
        return self.var / "asterisk" / "prompts" / "spoken"

    @property
    def line_prompts(self) -> Path:
        """The folder of the folders of the lines' prompts."""
        return self.var / "asterisk" / "prompts" / "lines"

    def prompts_of(self, line: ids.LineId, language: str = "ru") -> Path:
        """Return the folder of everything that a line's callers hear in a language, as Asterisk plays it.

        An id of a line has no dot.
        """
        return self.line_prompts / (line if language == "ru" else f"{line}.{language}")

    @property
    def call_takers(self) -> dict[PersonId, Person]:
        """The people who open shifts."""
        return {id: person for id, person in self.people.items() if person.takes_calls}

    def way_out(self, line: Line) -> Trunk | None:
        """Return the trunk over which the line's general number is dialled; None if there is none."""
        return self._way(line.general_trunk)

    def way_to_customers(self, line: Line) -> Trunk | None:
        """Return the trunk over which operators call out on behalf of the line; None if there is none."""
        named = line.outgoing.trunk if line.outgoing else None
        return self._way(named if named is not None else line.general_trunk)

    def _way(self, named: str | None) -> Trunk | None:
        if named is not None:
            return self.trunks.get(named)
        return next((trunk for trunk in self.trunks.values() if trunk.places_calls), None)
