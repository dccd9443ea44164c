"""The pages of the knowledge base: everybody reads there, authors write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from aiohttp import web

from callcenter.desk import bodies, forms, html
from callcenter.desk import knowledge_bodies as allowed
from callcenter.desk.bodies import BadRequest
from callcenter.desk.forms import Form
from callcenter.desk.gate import ABOUT, AUTHORS, EVERYBODY, NOTES, SENDER, Route
from callcenter.desk.knowledge import KnowledgeApi, answering, known, version_of
from callcenter.desk.news_pages import NameOf, preview
from callcenter.knowledge import markdown
from callcenter.knowledge import text as texts
from callcenter.knowledge.article import Article, ArticleText

_ARTICLE = r"/articles/{name:[\w-]{1,64}}"
_MOST_HITS, _MOST_HEADINGS = 50, 500
_LONGEST_QUESTION = 200
_EMPTY: dict[str, Any] = dict.fromkeys(("title", "subject", "text", "name"), "") | {
    "lines": (),
    "public": False,
    "version": 0,
}


class ArticlePages:
    """The request handlers. `api`: checks what is written, and has the tables."""

    def __init__(self, api: KnowledgeApi, name_of: NameOf) -> None:
        self._api = api
        self._name_of = name_of

    def routes(self) -> list[Route]:
        """The list, each article, and the forms."""
        return [
            Route("GET", "/articles", self.list, EVERYBODY, page=True),
            Route("GET", _ARTICLE, self.article, EVERYBODY, page=True),
            Route("GET", _ARTICLE + "/edit", self.edit, AUTHORS, page=True),
            Route("POST", _ARTICLE + "/edit", self.change, AUTHORS, notes="article changed", page=True),
            Route("GET", "/write/article", self.new, AUTHORS, page=True),
            Route("POST", "/write/article", self.write, AUTHORS, notes="article written", page=True),
            Route("POST", r"/feedback/{feedback:[0-9]{1,9}}", self.settle, AUTHORS, page=True),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Show all articles by subject, or those found by `q`; to authors also what did not help."""
        asked = request.query.get("q", "").strip()[:_LONGEST_QUESTION]
        author = request[SENDER].may(AUTHORS)
        async with answering():
            hits = await self._api.article_table.search(asked, limit=_MOST_HITS) if asked else []
            all_of_them = [] if asked else await self._api.article_table.headings(limit=_MOST_HEADINGS)
            feedback = await self._api.article_table.feedback(None) if author else []
        return self._page(
            request, "articles.html", author=author, asked=asked, hits=hits, headings=all_of_them, feedback=feedback
        )

    async def article(self, request: web.Request) -> web.StreamResponse:
        """Show an article; the address may say a `version`."""
        name = request.match_info["name"]
        version = version_of(request)
        async with answering():
            found = await self._api.article_table.article(name, version)
            versions = await self._api.article_table.versions(name)
            text = await asyncio.to_thread(markdown.html, found.written.text)
        author = request[SENDER].may(AUTHORS)
        return self._page(request, "article.html", article=found, text=text, versions=versions, author=author)

    async def new(self, request: web.Request) -> web.StreamResponse:
        """Show an empty form."""
        return await self._form(request, None, _EMPTY)

    async def edit(self, request: web.Request) -> web.StreamResponse:
        """Show the form of an article; the address may say the `version` from which to go on."""
        name = request.match_info["name"]
        shown = version_of(request)
        async with answering():
            present = await self._api.article_table.article(name)
            found = present if shown is None else await self._api.article_table.article(name, shown)
        return await self._form(request, present, _draft(found) | {"version": present.version})

    @bodies.reads_later
    async def write(self, request: web.Request) -> web.StreamResponse:
        """Save a new article, or preview it."""
        author = request[SENDER].id
        form = await forms.read(request, allowed.MAX_TEXT_BODY)

        async def save() -> str:
            values = _values(form) | {"name": form.one("name") or None}
            body = bodies.checked(request, allowed.NewArticle, values)
            name = body.name or texts.name_of(body.title)
            await self._save(name, 0, body, author)
            request[ABOUT] = f"name {name}"
            return name

        return await self._done(request, form, None, save)

    @bodies.reads_later
    async def change(self, request: web.Request) -> web.StreamResponse:
        """Save a new version, withdraw the article, or preview what was written."""
        author, name = request[SENDER].id, request.match_info["name"]
        form = await forms.read(request, allowed.MAX_TEXT_BODY)
        async with answering():
            present = await self._api.article_table.article(name)

        async def save() -> str:
            version = form.number("version")
            if form.one("action") == "withdraw":
                request[NOTES] = "article withdrawn"
                async with answering():
                    await self._api.article_table.withdraw(name, version, author, self._api.wall())
                return ""
            body = bodies.checked(request, allowed.ChangedArticle, _values(form) | {"version": version})
            await self._save(name, version, body, author)
            return name

        return await self._done(request, form, present, save)

    async def settle(self, request: web.Request) -> web.StreamResponse:
        """Enter that nothing more is to be done about a feedback."""
        author = request[SENDER].id
        await forms.read(request)
        async with answering():
            await self._api.article_table.settle(int(request.match_info["feedback"]), author, self._api.wall())
        return html.go_on(request, "/articles")

    async def _save(self, name: str, version: int, body: allowed.NewArticle | allowed.ChangedArticle, who: str) -> None:
        written = ArticleText(body.title, body.subject, body.text, known(body.lines, self._api.lines), body.public)
        async with answering():
            await self._api.article_table.save(name, version, written, who, self._api.wall())

    async def _done(
        self, request: web.Request, form: Form, present: Article | None, save: Callable[[], Awaitable[str]]
    ) -> web.StreamResponse:
        """Save, and show the article; what cannot be saved is shown again as it was typed, with the reason."""
        more: dict[str, Any] = {}
        try:
            if form.one("action") != "preview":
                name = await save()
                address = f"/articles/{quote(name)}" if name else "/articles"
                return html.go_on(request, address)
            request[NOTES] = ""
            more["preview"] = await preview(request, form)
        except BadRequest as problem:
            more |= {"problem": problem, "status": problem.status}
        draft = _values(form) | {"name": form.one("name"), "version": form.number("version")}
        if present is not None and draft["version"] != present.version:
            # Somebody else was faster: their text is shown beside, and the next saving replaces it knowingly.
            more["theirs"] = await asyncio.to_thread(markdown.html, present.written.text)
            draft["version"] = present.version
        return await self._form(request, present, draft, **more)

    async def _form(
        self, request: web.Request, present: Article | None, draft: dict[str, Any], **more: Any
    ) -> web.Response:
        async with answering():
            subjects = await self._api.article_table.subjects()
        values = {"preview": None, "problem": None, "theirs": None} | more
        return self._page(request, "article_form.html", article=present, draft=draft, subjects=subjects, **values)

    def _page(self, request: web.Request, template: str, **values: Any) -> web.Response:
        return html.page(request, template, self._api.zone, name_of=self._name_of, lines=self._api.lines, **values)


def _values(form: Form) -> dict[str, Any]:
    return {
        "title": form.one("title"),
        "subject": form.one("subject"),
        "text": form.one("text"),
        "lines": form.all("lines"),
        "public": form.one("public") == "yes",
    }


def _draft(article: Article) -> dict[str, Any]:
    written = article.written
    return {
        "title": written.title,
        "subject": written.subject,
        "text": written.text,
        "lines": written.lines,
        "public": written.public,
        "name": article.name,
    }
