"""Puts together what customers open in a browser: the lines with a form, and the parts of their pages."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from callcenter.accounts.secrets import Secrets
from callcenter.app.chats import ChatsAtWork
from callcenter.app.public_server import PublicServer
from callcenter.app.requests import Requests
from callcenter.app.web_server import Keep
from callcenter.calendar.clock import WallClock
from callcenter.config import Config
from callcenter.config.channel_sections import FormChannel
from callcenter.config.line_sections import Line
from callcenter.core.contract import standing
from callcenter.core.ids import LineId
from callcenter.customers.directory import Directory, normalise
from callcenter.metrics import Metrics
from callcenter.public.app import Part
from callcenter.public.downloads import Downloads
from callcenter.public.fields import Asked
from callcenter.public.form import Desk, FormLine, FormPages, Known
from callcenter.public.incoming import Bounds, Incoming
from callcenter.public.keys import Links, Tickets
from callcenter.public.rates import Buckets
from callcenter.public.site import PublicLine, Site
from callcenter.public.status import StatusPages
from callcenter.public.work import Work, tasks
from callcenter.request_register.attachments import MB, OF_MAILS
from callcenter.request_register.filed import Requester
from callcenter.requests.inn import valid_inn

SCRIPTS = ("form.js", "chat.js", "work.js")
"""Built by `tools/front.py`."""


def make_public(
    config: Config,
    secrets: Secrets,
    requests: Requests,
    directory: Directory,
    chats: ChatsAtWork | None,
    wall: WallClock,
    metrics: Metrics,
    keep: Keep,
) -> PublicServer | None:
    """Return the server of the public pages; None: no line has any."""
    forms = {line.id: (line, form) for line in config.lines.values() if (form := line.channels.form) is not None}
    if not (forms or chats):
        return None
    public, now = config.public, asyncio.get_running_loop().time
    shown = [line for line in config.lines.values() if line.channels.form or line.channels.chat]
    site = Site({line.id: _public_line(line) for line in shown}, SCRIPTS)
    incoming = Incoming(config.var / "public" / "incoming", public.uploads, public.upload_within, now)
    of_work = Buckets(public.work_per_hour / 3600, max(1, public.work_per_hour / 10))
    work = Work(tasks(secrets.public), public.work_bits, of_work, now, wall, lambda: site.assets.address("work.js"))
    desk = Desk(
        site,
        {id: _form_line(line, form, directory, wall) for id, (line, form) in forms.items()},
        requests.channels.arrivals,
        incoming,
        Tickets(secrets.public),
        Links(secrets.public, public.url or ""),
        of_address=Buckets(public.forms_per_hour / 3600, max(1, public.forms_per_hour / 2)),
        of_all=Buckets(public.forms_per_hour_in_all / 3600, max(1, public.forms_per_hour_in_all / 10)),
        shortest=timedelta(seconds=public.shortest_seconds),
        now=now,
        wall=wall,
        work=work,
        count=metrics.observe_form,
    )
    downloads = Downloads(
        requests.attachments.open, Buckets(public.files_per_hour / 3600, public.files_per_hour / 4), now
    )
    parts: list[Part] = [FormPages(desk), StatusPages(desk, requests.register.numbered, downloads)]
    if chats:
        parts.append(chats.public(site, work))
    return PublicServer(config, site, parts, incoming.sweep, metrics.observe_request, keep)


def _public_line(line: Line) -> PublicLine:
    of_both = (one.allowed_origins for one in (line.channels.form, line.channels.chat) if one is not None)
    origins = tuple(dict.fromkeys(origin for origins in of_both for origin in origins))
    return PublicLine(line.id, line.title, line.zone, line.subjects, origins)


def _form_line(line: Line, form: FormChannel, directory: Directory, wall: WallClock) -> FormLine:
    contracts = line.contracts.rules if line.contracts else None
    needs_period = contracts is not None and contracts.needs_period
    how_to_get = contracts.how_to_get if contracts and needs_period else ""

    def look_up(of: LineId, who: Requester) -> Known:
        """By login and INN alone: whoever fills in a form may write any number."""
        found = directory.known(who.contract, who.inn, "")
        if found is None:
            return Known()
        by = standing(found.contracts, of, wall().astimezone(line.zone).date())
        level = by.level or (contracts.usual_level if contracts else "")
        return Known(True, level, how_to_get if needs_period and not by.paid else "")

    files = line.requests.files if line.requests else None
    endings = frozenset(files.types) | OF_MAILS if files else frozenset()
    longest = files.longest_mb * MB if files else 0
    return FormLine(
        Asked(line.subjects, form.ways, form.required, valid_inn, normalise),
        Bounds(form.together_mb * MB, min(longest, form.together_mb * MB), form.most_files, endings),
        form.consent,
        form.policy or "",
        how_to_get,
        form.unregistered_urgency or "",
        form.levels,
        Buckets(form.per_hour / 3600, form.per_hour),
        timedelta(days=form.link_days),
        look_up,
    )
