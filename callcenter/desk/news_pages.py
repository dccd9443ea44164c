"""The pages on which authors write news and see who has read it. The API checks what is written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from callcenter.core.ids import PersonId
from callcenter.desk import bodies, forms, html
from callcenter.desk import knowledge_bodies as allowed
from callcenter.desk.bodies import BadRequest
from callcenter.desk.forms import Form
from callcenter.desk.gate import ABOUT, AUTHORS, NOTES, SENDER, Route
from callcenter.desk.knowledge import KnowledgeApi, answering, version_of
from callcenter.desk.language import N_
from callcenter.knowledge import markdown
from callcenter.knowledge.news import NewsItem

NameOf = Callable[[PersonId], str]
"""Returns the displayed name of a person, or the id if there is nobody."""

_NEWS = r"/news/{news:[0-9]{1,9}}"
_EMPTY: dict[str, Any] = {
    "title": "", "text": "", "valid_from": "", "valid_until": "", "lines": (), "groups": (), "urgent": False,
    "read_again": False, "version": 0,
}  # fmt: skip


class NewsPages:
    """The request handlers. `api`: checks what is written, and has the tables."""

    def __init__(self, api: KnowledgeApi, name_of: NameOf) -> None:
        self._api = api
        self._name_of = name_of

    def routes(self) -> list[Route]:
        """The list, and a page for each piece of news."""
        return [
            Route("GET", "/news", self.list, AUTHORS, page=True),
            Route("GET", "/write/news", self.new, AUTHORS, page=True),
            Route("POST", "/write/news", self.write, AUTHORS, notes="news written", page=True),
            Route("GET", _NEWS, self.item, AUTHORS, page=True),
            Route("POST", _NEWS, self.change, AUTHORS, notes="news changed", page=True),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Show the latest news, and what has become of each."""
        async with answering():
            found = await self._api.news_table.all()
        now = self._api.wall()
        return self._page(request, "news.html", items=[(item, _standing(item, now)) for item in found])

    async def new(self, request: web.Request) -> web.StreamResponse:
        """Show an empty form."""
        return self._form(request, None, _EMPTY)

    async def item(self, request: web.Request) -> web.StreamResponse:
        """Show a piece of news with its versions and who has read it; the address may say a `version`."""
        shown = version_of(request)
        async with answering():
            item = await self._api.news_table.item(int(request.match_info["news"]))
            earlier = item if shown is None else await self._api.news_table.item(item.id, shown)
            more = await self._more(item)
        # Saving an earlier version again is a change of the present one.
        return self._form(request, item, self._draft(earlier) | {"version": item.version}, **more)

    @bodies.reads_later
    async def write(self, request: web.Request) -> web.StreamResponse:
        """Save what was written, or preview it."""
        author = request[SENDER].id
        form = await forms.read(request, allowed.MAX_TEXT_BODY)

        async def save() -> NewsItem:
            body = bodies.checked(request, allowed.NewNews, self._values(form))
            async with answering():
                item = await self._api.news_table.write(self._api.news_text(body), author, self._api.wall())
            request[ABOUT] = f"news {item.id}"
            return item

        return await self._done(request, form, None, save)

    @bodies.reads_later
    async def change(self, request: web.Request) -> web.StreamResponse:
        """Save a new version, withdraw the news, or preview what was written."""
        author = request[SENDER].id
        form = await forms.read(request, allowed.MAX_TEXT_BODY)
        async with answering():
            item = await self._api.news_table.item(int(request.match_info["news"]))
        now, table = self._api.wall(), self._api.news_table

        async def save() -> NewsItem:
            if form.one("action") == "withdraw":
                request[NOTES] = "news withdrawn"
                async with answering():
                    return await table.withdraw(item.id, form.number("version"), author, now)
            more = {"version": form.number("version"), "read_again": form.ticked("read_again")}
            body = bodies.checked(request, allowed.ChangedNews, self._values(form) | more)
            written = self._api.news_text(body)
            async with answering():
                return await table.change(item.id, body.version, written, author, now, read_again=body.read_again)

        return await self._done(request, form, item, save)

    # -- showing -----------------------------------------------------------------------------------------------

    async def _done(
        self, request: web.Request, form: Form, item: NewsItem | None, save: Callable[[], Awaitable[NewsItem]]
    ) -> web.StreamResponse:
        """Save, and go on to the list; what cannot be saved is shown again as it was typed, with the reason."""
        more: dict[str, Any] = {}
        try:
            if form.one("action") != "preview":
                await save()
                return html.go_on(request, "/news")
            request[NOTES] = ""
            more["preview"] = await preview(request, form)
        except BadRequest as problem:
            more |= {"problem": problem, "status": problem.status}
        draft = self._typed(form)
        if item is not None:
            async with answering():
                more |= await self._more(item)
        if item is not None and draft["version"] != item.version:
            # Somebody else was faster: their text is shown beside, and the next saving replaces it knowingly.
            more["theirs"] = await asyncio.to_thread(markdown.html, item.written.text)
            draft["version"] = item.version
        return self._form(request, item, draft, **more)

    async def _more(self, item: NewsItem) -> dict[str, Any]:
        versions = await self._api.news_table.versions(item.id)
        confirmations = {one.who: one for one in await self._api.news_table.confirmations(item.id)}
        concerned = self._api.reading.concerned(item)
        read = [(self._name_of(PersonId(who)), one) for who, one in confirmations.items()]
        unread = [who for who in concerned if who not in confirmations or confirmations[who].version < item.read_from]
        return {"versions": versions, "read": read, "unread": list(map(self._name_of, unread))}

    def _form(self, request: web.Request, item: NewsItem | None, draft: dict[str, Any], **more: Any) -> web.Response:
        values = {"versions": (), "read": (), "unread": (), "preview": None, "problem": None, "theirs": None} | more
        return self._page(request, "news_form.html", item=item, draft=draft, **values)

    def _page(self, request: web.Request, template: str, **values: Any) -> web.Response:
        lines, groups = self._api.lines, self._api.groups
        return html.page(request, template, self._api.zone, name_of=self._name_of, lines=lines, groups=groups, **values)

    # -- forms -------------------------------------------------------------------------------------------------

    def _values(self, form: Form) -> dict[str, Any]:
        zone = self._api.zone
        return {
            "title": form.one("title"),
            "text": form.one("text"),
            "valid_from": form.moment("valid_from", zone),
            "valid_until": form.moment("valid_until", zone),
            "lines": form.all("lines"),
            "groups": form.all("groups"),
            "urgent": form.ticked("urgent"),
        }

    @staticmethod
    def _typed(form: Form) -> dict[str, Any]:
        ones = ("title", "text", "valid_from", "valid_until")
        return {
            **{name: form.one(name) for name in ones},
            "lines": form.all("lines"),
            "groups": form.all("groups"),
            "urgent": form.ticked("urgent"),
            "read_again": form.ticked("read_again"),
            "version": form.number("version"),
        }

    def _draft(self, item: NewsItem) -> dict[str, Any]:
        written, zone = item.written, self._api.zone
        return {
            "title": written.title,
            "text": written.text,
            "valid_from": forms.minutes(written.valid_from, zone),
            "valid_until": forms.minutes(written.valid_until, zone),
            "lines": written.lines,
            "groups": written.groups,
            "urgent": written.urgent,
            "read_again": False,
            "version": item.version,
        }


async def preview(request: web.Request, form: Form) -> str:
    """Return the HTML of the text in a form. Raises `BadRequest`."""
    body = bodies.checked(request, allowed.Preview, {"text": form.one("text")})
    return await asyncio.to_thread(markdown.html, body.text)


def _standing(item: NewsItem, now: datetime) -> str:
    if item.withdrawn:
        return N_("withdrawn")
    if now < item.written.valid_from:
        return N_("later")
    until = item.written.valid_until
    return N_("over") if until is not None and until <= now else N_("valid")
