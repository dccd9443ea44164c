"""Pages that the server renders: the templates in both languages, and what every page of the desk has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from aiohttp import web
from babel.dates import format_date, format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from callcenter.desk.accounts import Account
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import (
    AUTHORS,
    DIRECTORY,
    EVERYBODY,
    FLOOR_LIVE,
    KEEPS_AUCTIONS,
    LEADS_REQUESTS,
    OTHER_ACCOUNTS,
    REQUEST_BOARD,
    SEES_REQUESTS,
    SENDER,
    WORKS_ON_REQUESTS,
)
from callcenter.desk.language import LANGUAGES, N_, TEXTS, chosen, translated
from callcenter.request_register.in_force import Tally

TEMPLATES = Path(__file__).with_name("templates")
SESSION_TEXTS = {
    "session_ends": N_("Your session ends in a minute. With your password you stay, and nothing typed is lost."),
    "session_stay": N_("Stay"),
    "password": N_("Password"),
    "no_connection": N_("No connection with the controller. The page tries again by itself."),
}
"""Words of the warning before a session ends, which every page has."""
WARNED: web.AppKey[Callable[[Account], Tally]] = web.AppKey("warned")
"""Of how many requests somebody is warned; there only with requests."""
HAS_CHATS: web.AppKey[bool] = web.AppKey("has_chats", bool)
"""Set when a line has a chat."""
KEEPS_DIRECTORY: web.AppKey[bool] = web.AppKey("keeps_directory", bool)
"""Whether the customers' directory is kept at the desk; there only if so."""
FOLLOWS_AUCTIONS: web.AppKey[bool] = web.AppKey("follows_auctions", bool)
"""Whether the hours of a line follow auctions; there only if so."""
TAKES_LETTERS: web.AppKey[bool] = web.AppKey("takes_letters", bool)
"""Whether a line has letters on paper, in or out; there only if so."""
SHOWS_FLOOR: web.AppKey[bool] = web.AppKey("shows_floor", bool)
"""Whether there is a page of the floor; there only if so."""
FORMS: web.RequestKey[bool] = web.RequestKey("forms", bool)
"""Set for a page with forms: its Content-Security-Policy allows them."""


def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    texts = TEXTS[language]
    environment.install_gettext_callables(texts.gettext, texts.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.globals["language"] = language
    return environment


_ENVIRONMENTS = {language: _environment(language) for language in LANGUAGES}


def rendered(language: str, template: str, **values: Any) -> str:
    """Return a template's text in a language."""
    return _ENVIRONMENTS[language].get_template(template).render(**values)


@dataclass(frozen=True, slots=True)
class Told:
    """What a page says on top: a sentence, and whether it is a problem."""

    text: str = ""
    problem: bool = False


def page(request: web.Request, template: str, zone: tzinfo, status: int = 200, **values: Any) -> web.Response:
    """Answer with a page that may have forms. `zone`: of the dates that it shows.

    `values` may replace what every page has: `told`, and `path`, under which the page is shown in the other language.
    """
    language = chosen(request)
    request[FORMS] = True
    texts = {key: TEXTS[language].gettext(text) for key, text in SESSION_TEXTS.items()} | values.pop("texts", {})
    sender = request.get(SENDER)
    warned = request.app.get(WARNED)
    of_every_page = {
        "told": Told(),
        "texts": texts,
        "path": request.path,
        "other": next(one for one in LANGUAGES if one != language),
        "sender": sender,
        "reads": sender is not None and sender.may(EVERYBODY),
        "writes": sender is not None and sender.may(AUTHORS),
        "keeps_auctions": FOLLOWS_AUCTIONS in request.app and sender is not None and sender.may(KEEPS_AUCTIONS),
        "sees_floor": SHOWS_FLOOR in request.app and sender is not None and sender.may(FLOOR_LIVE),
        "sees_requests": sender is not None and sender.may(SEES_REQUESTS),
        "sees_chats": HAS_CHATS in request.app and sender is not None and sender.may(SEES_REQUESTS),
        "sees_board": sender is not None and sender.may(REQUEST_BOARD),
        "leads_requests": sender is not None and sender.may(LEADS_REQUESTS),
        "works_on_requests": sender is not None and sender.may(WORKS_ON_REQUESTS),
        "warned": warned(sender.account) if warned and sender else Tally(),
        "keeps_directory": KEEPS_DIRECTORY in request.app and sender is not None and sender.may(DIRECTORY),
        "keeps_accounts": sender is not None and sender.may(OTHER_ACCOUNTS),
        "moment": _moments(language, zone),
        "day": lambda day: format_date(day, "long", locale=language),
        "takes_letters": TAKES_LETTERS in request.app and sender is not None and sender.may(WORKS_ON_REQUESTS),
        "at": lambda address: in_its_language(request, address),
    }
    return web.Response(
        text=rendered(language, template, **(of_every_page | values)),
        status=status,
        content_type="text/html",
        headers={"Content-Language": language, "Vary": "Accept-Language"},
    )


def go_on(request: web.Request, address: str) -> web.Response:
    """Send the browser to another page, after a form for example."""
    return web.Response(status=303, headers={"Location": in_its_language(request, address)})


def in_its_language(request: web.Request, address: str) -> str:
    """Return the address; who has chosen a language in the address of the page keeps it."""
    together = "&" if "?" in address else "?"
    asked = request.query.get("lang")
    return f"{address}{together}lang={asked}" if asked in LANGUAGES else address


def in_words(request: web.Request, problem: BadRequest) -> str:
    """Return a refusal in the reader's language."""
    return " ".join(filter(None, (translated(request, problem.sentence), problem.detail)))


def _moments(language: str, zone: tzinfo) -> Callable[[datetime], str]:
    return lambda moment: format_datetime(moment.astimezone(zone), "short", locale=language)
