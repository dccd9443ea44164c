"""The HTTP API of news and knowledge base: what is to be read, what can be looked up, and writing both.

Everybody reads; heads write. Texts are markdown; `html` in an answer is safe to put into a page as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, tzinfo
from typing import Any

from aiohttp import web

from callcenter.calendar.clock import WallClock
from callcenter.desk import bodies
from callcenter.desk import knowledge_bodies as allowed
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import ABOUT, AUTHORS, EVERYBODY, SENDER, Route
from callcenter.desk.language import N_
from callcenter.desk.responses import as_json
from callcenter.knowledge import markdown
from callcenter.knowledge import text as texts
from callcenter.knowledge.article import Article, ArticleText, Feedback, Heading
from callcenter.knowledge.article_table import ArticleTable
from callcenter.knowledge.errors import ChangedMeanwhileError, KnowledgeError, NameTakenError
from callcenter.knowledge.news import NewsItem, NewsText
from callcenter.knowledge.news_table import NewsTable
from callcenter.knowledge.reading import Reading
from callcenter.knowledge.search import Hit
from callcenter.store import RegisterError

_ANSWER_WITHIN = 5.0
"""Seconds."""
_MOST_HITS, _MOST_HEADINGS = 50, 500
_NEWS = r"/api/news/{news:[0-9]{1,9}}"
_ARTICLE = r"/api/articles/{name:[\w-]{1,64}}"


class KnowledgeApi:
    """The request handlers. `lines` and `groups`: those that exist, with their titles.

    `zone`: in which authors write dates on their pages.
    """

    def __init__(
        self,
        articles: ArticleTable,
        news: NewsTable,
        reading: Reading,
        wall: WallClock,
        lines: Mapping[str, str],
        groups: Mapping[str, str],
        zone: tzinfo = UTC,
    ) -> None:
        self.article_table = articles
        self.news_table = news
        self.reading = reading
        self.wall = wall
        self.lines = lines
        self.groups = groups
        self.zone = zone

    def routes(self) -> list[Route]:
        """All routes of news and knowledge base."""
        return [
            Route("GET", "/api/news", self.my_news, EVERYBODY),
            Route("POST", "/api/news/confirm", self.confirm, EVERYBODY),
            Route("GET", "/api/news/all", self.all_news, AUTHORS),
            Route("POST", "/api/news", self.write_news, AUTHORS, notes="news written"),
            Route("GET", _NEWS, self.news_item, AUTHORS),
            Route("GET", _NEWS + "/versions", self.news_versions, AUTHORS),
            Route("GET", _NEWS + "/confirmations", self.confirmations, AUTHORS),
            Route("POST", _NEWS, self.change_news, AUTHORS, notes="news changed"),
            Route("POST", _NEWS + "/withdraw", self.withdraw_news, AUTHORS, notes="news withdrawn"),
            Route("GET", "/api/articles", self.articles, EVERYBODY),
            Route("POST", "/api/articles", self.write_article, AUTHORS, notes="article written"),
            Route("GET", _ARTICLE, self.article, EVERYBODY),
            Route("GET", _ARTICLE + "/versions", self.article_versions, EVERYBODY),
            Route("POST", _ARTICLE, self.change_article, AUTHORS, notes="article changed"),
            Route("POST", _ARTICLE + "/withdraw", self.withdraw_article, AUTHORS, notes="article withdrawn"),
            Route("POST", _ARTICLE + "/feedback", self.did_not_help, EVERYBODY),
            Route("GET", "/api/subjects", self.subjects, EVERYBODY),
            Route("GET", "/api/feedback", self.feedback, AUTHORS),
            Route("POST", r"/api/feedback/{feedback:[0-9]{1,9}}/settle", self.settle, AUTHORS),
            Route("POST", "/api/preview", self.preview, AUTHORS),
        ]

    # -- news --------------------------------------------------------------------------------------------------

    async def my_news(self, request: web.Request) -> web.Response:
        """Return the news that is valid now and concerns the person, and whether they have confirmed it."""
        person = request[SENDER].id
        async with answering():
            found = await self.reading.of(person)
            shown = await _shown([item for item, _ in found])
        return as_json({"news": [news | {"read": read} for news, (_, read) in zip(shown, found, strict=True)]})

    async def confirm(self, request: web.Request) -> web.Response:
        """Enter that the person has read a version; 409 if it has to be read in a newer one."""
        person = request[SENDER].id
        body = await bodies.read(request, bodies.Read)
        async with answering():
            await self.news_table.confirm(body.news, body.version, person, self.wall())
        return as_json({"news": body.news, "version": body.version})

    async def all_news(self, request: web.Request) -> web.Response:
        """Return the latest news without its texts, withdrawn and outdated ones too, the newest first."""
        async with answering():
            return as_json({"news": list(map(_news, await self.news_table.all()))})

    async def news_item(self, request: web.Request) -> web.Response:
        """Return a piece of news for its authors; the address may say a `version`."""
        async with answering():
            [shown] = await _shown([await self.news_table.item(_number(request, "news"), version_of(request))])
        return as_json(shown)

    async def news_versions(self, request: web.Request) -> web.Response:
        """Return who saved which version when, the newest first; each can be asked for by its number."""
        async with answering():
            return as_json({"versions": list(map(_news, await self.news_table.versions(_number(request, "news"))))})

    async def confirmations(self, request: web.Request) -> web.Response:
        """Return who has read which version of a piece of news, and when."""
        async with answering():
            found = await self.news_table.confirmations(_number(request, "news"))
        told = [{"version": one.version, "who": one.who, "at": one.at.isoformat()} for one in found]
        return as_json({"confirmations": told})

    @bodies.reads_later
    async def write_news(self, request: web.Request) -> web.Response:
        """Save a new piece of news."""
        author = request[SENDER].id
        body = await bodies.read(request, allowed.NewNews, allowed.MAX_TEXT_BODY)
        async with answering():
            item = await self.news_table.write(self.news_text(body), author, self.wall())
        request[ABOUT] = f"news {item.id}"
        return as_json({"id": item.id, "version": item.version})

    @bodies.reads_later
    async def change_news(self, request: web.Request) -> web.Response:
        """Save a new version; 409 if it is not the present one that was changed."""
        author = request[SENDER].id
        body = await bodies.read(request, allowed.ChangedNews, allowed.MAX_TEXT_BODY)
        news, written = _number(request, "news"), self.news_text(body)
        async with answering():
            item = await self.news_table.change(
                news, body.version, written, author, self.wall(), read_again=body.read_again
            )
        return as_json({"id": item.id, "version": item.version})

    async def withdraw_news(self, request: web.Request) -> web.Response:
        """Withdraw a piece of news: nobody has to read it any more."""
        author = request[SENDER].id
        body = await bodies.read(request, allowed.Version)
        async with answering():
            item = await self.news_table.withdraw(_number(request, "news"), body.version, author, self.wall())
        return as_json({"id": item.id, "version": item.version})

    def news_text(self, body: allowed.NewNews) -> NewsText:
        """Return what an author has written. Raises `BadRequest` for what makes no sense here."""
        # In UTC: two moments of the same zone are compared by their hands, which go back once a year.
        begins = (body.valid_from or self.wall()).astimezone(UTC)
        ends = body.valid_until and body.valid_until.astimezone(UTC)
        if ends is not None and ends <= begins:
            raise BadRequest(400, "wrong_value", N_("The news ends before it begins."))
        lines = known(body.lines, self.lines)
        groups = known(body.groups, self.groups)
        return NewsText(body.title, body.text, begins, ends, lines, groups, body.urgent)

    # -- articles ----------------------------------------------------------------------------------------------

    async def articles(self, request: web.Request) -> web.Response:
        """Return the articles found by `q`, the best first; without it all, by subject and title.

        The address may say `line` (with the articles for all lines), `subject`, and `limit`.
        """
        asked, subject = request.query.get("q", "").strip(), request.query.get("subject") or None
        line = self._line(request)
        async with answering():
            if asked:
                hits = await self.article_table.search(asked, line, subject, _limit(request, 20, _MOST_HITS))
                return as_json({"articles": [_hit(*hit) for hit in hits]})
            found = await self.article_table.headings(line, subject, _limit(request, 200, _MOST_HEADINGS))
        return as_json({"articles": [_heading(one) for one in found]})

    async def subjects(self, request: web.Request) -> web.Response:
        """Return the subjects and how many articles each has; the address may say `line`."""
        async with answering():
            found = await self.article_table.subjects(self._line(request))
        return as_json({"subjects": [{"subject": name, "articles": number} for name, number in found.items()]})

    async def article(self, request: web.Request) -> web.Response:
        """Return an article; the address may say a `version`."""
        async with answering():
            found = await self.article_table.article(request.match_info["name"], version_of(request))
            return as_json(await _page(found))

    async def article_versions(self, request: web.Request) -> web.Response:
        """Return who saved which version when, the newest first; each can be asked for by its number."""
        async with answering():
            found = await self.article_table.versions(request.match_info["name"])
        return as_json({"versions": [_saved(one) for one in found]})

    @bodies.reads_later
    async def write_article(self, request: web.Request) -> web.Response:
        """Save a new article; 409 if there is one of its name."""
        author = request[SENDER].id
        body = await bodies.read(request, allowed.NewArticle, allowed.MAX_TEXT_BODY)
        written = ArticleText(body.title, body.subject, body.text, known(body.lines, self.lines), body.public)
        name = body.name or texts.name_of(body.title)
        request[ABOUT] = f"name {name}"
        async with answering():
            return as_json(
                {"name": name, "version": await self.article_table.save(name, 0, written, author, self.wall())}
            )

    @bodies.reads_later
    async def change_article(self, request: web.Request) -> web.Response:
        """Save a new version; 409 if it is not the present one that was changed."""
        author, name = request[SENDER].id, request.match_info["name"]
        body = await bodies.read(request, allowed.ChangedArticle, allowed.MAX_TEXT_BODY)
        written = ArticleText(body.title, body.subject, body.text, known(body.lines, self.lines), body.public)
        async with answering():
            version = await self.article_table.save(name, body.version, written, author, self.wall())
        return as_json({"name": name, "version": version})

    async def withdraw_article(self, request: web.Request) -> web.Response:
        """Withdraw an article: it is found no more, but all its versions stay."""
        author, name = request[SENDER].id, request.match_info["name"]
        body = await bodies.read(request, allowed.Version)
        async with answering():
            version = await self.article_table.withdraw(name, body.version, author, self.wall())
        return as_json({"name": name, "version": version})

    async def did_not_help(self, request: web.Request) -> web.Response:
        """Tell the authors of an article that it did not help («не помогло»)."""
        person, name = request[SENDER].id, request.match_info["name"]
        body = await bodies.read(request, allowed.DidNotHelp)
        async with answering():
            await self.article_table.did_not_help(name, body.version, body.text, person, self.wall())
        return as_json({"name": name})

    async def feedback(self, request: web.Request) -> web.Response:
        """Return what is said of the articles that the person wrote or changed; with `all=1` of all articles."""
        author = request[SENDER].id
        async with answering():
            found = await self.article_table.feedback(None if request.query.get("all") == "1" else author)
        return as_json({"feedback": [_feedback(one) for one in found]})

    async def settle(self, request: web.Request) -> web.Response:
        """Enter that nothing more is to be done about a feedback."""
        author, feedback = request[SENDER].id, _number(request, "feedback")
        await bodies.read(request, bodies.Body)
        async with answering():
            await self.article_table.settle(feedback, author, self.wall())
        return as_json({"id": feedback})

    @bodies.reads_later
    async def preview(self, request: web.Request) -> web.Response:
        """Return the HTML of a text that is being written."""
        body = await bodies.read(request, allowed.Preview, allowed.MAX_TEXT_BODY)
        return as_json({"html": await asyncio.to_thread(markdown.html, body.text)})

    # -- who and what ------------------------------------------------------------------------------------------

    def _line(self, request: web.Request) -> str | None:
        line = request.query.get("line")
        return known([line], self.lines)[0] if line else None


async def shown_news(items: Sequence[NewsItem]) -> dict[str, Any]:
    """Return what a log-in answers when there is news to read first."""
    return {"news": await _shown(items)}


@asynccontextmanager
async def answering() -> AsyncIterator[None]:
    """Turn what goes wrong with the register into the API's answers."""
    try:
        async with asyncio.timeout(_ANSWER_WITHIN):
            yield
    except ChangedMeanwhileError as problem:
        sentence = N_("Somebody else has changed it meanwhile; nothing was saved. Its version now:")
        raise BadRequest(409, "changed_meanwhile", sentence, str(problem.present)) from None
    except NameTakenError:
        raise BadRequest(409, "name_taken", N_("There is an article of this name already.")) from None
    except KnowledgeError:
        raise BadRequest(404, "unknown", N_("There is nothing of that number or name.")) from None
    except RegisterError as problem:
        raise TimeoutError(str(problem)) from problem


def known(names: Collection[str], those: Collection[str]) -> tuple[str, ...]:
    """Return these names without repetitions. Raises `BadRequest` if one is not among `those`."""
    if any(name not in those for name in names):
        raise BadRequest(400, "unknown_name", N_("A line or group does not exist. Allowed:"), ", ".join(those) or "—")
    return tuple(dict.fromkeys(names))


def _number(request: web.Request, name: str) -> int:
    return int(request.match_info[name])


def version_of(request: web.Request) -> int | None:
    """Return the version that the address asks for; None: the present one. Raises `BadRequest`."""
    asked = request.query.get("version", "")
    if asked and not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        raise BadRequest(400, "wrong_value", N_("A value is not allowed."), "version")
    return int(asked) if asked else None


def _limit(request: web.Request, usual: int, most: int) -> int:
    asked = request.query.get("limit", str(usual))
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10 and 0 < int(asked) <= most):
        raise BadRequest(400, "wrong_value", N_("A value is not allowed."), f"limit: 1–{most}")
    return int(asked)


async def _shown(items: Sequence[NewsItem]) -> list[dict[str, Any]]:
    texts = await asyncio.to_thread(lambda: [markdown.html(item.written.text) for item in items])
    return [_news(item) | {"text": item.written.text, "html": html} for item, html in zip(items, texts, strict=True)]


def _news(item: NewsItem) -> dict[str, Any]:
    written = item.written
    return {
        "id": item.id,
        "version": item.version,
        "title": written.title,
        "urgent": written.urgent,
        "lines": written.lines,
        "groups": written.groups,
        "valid_from": written.valid_from.isoformat(),
        "valid_until": written.valid_until.isoformat() if written.valid_until else None,
        "at": item.at.isoformat(),
        "who": item.who,
        "withdrawn": item.withdrawn,
    }


def _heading(heading: Heading | Hit) -> dict[str, Any]:
    return {name: getattr(heading, name) for name in ("name", "version", "title", "subject", "lines")}


def _hit(hit: Hit, snippet: Sequence[tuple[str, bool]]) -> dict[str, Any]:
    return _heading(hit) | {"snippet": [{"text": text, "found": found} for text, found in snippet]}


def _saved(article: Article) -> dict[str, Any]:
    return {
        "name": article.name,
        "version": article.version,
        "title": article.written.title,
        "subject": article.written.subject,
        "lines": article.written.lines,
        "public": article.written.public,
        "at": article.at.isoformat(),
        "who": article.who,
        "withdrawn": article.withdrawn,
    }


async def _page(article: Article) -> dict[str, Any]:
    text = article.written.text
    html, short = await asyncio.to_thread(lambda: (markdown.html(text), markdown.short(text)))
    return _saved(article) | {"text": text, "html": html, "short": short}


def _feedback(feedback: Feedback) -> dict[str, Any]:
    return {
        "id": feedback.id,
        "article": feedback.article,
        "title": feedback.title,
        "version": feedback.version,
        "at": feedback.at.isoformat(),
        "who": feedback.who,
        "text": feedback.text,
    }
