"""The operators' page: one template that contains only texts; the page gets all state from the API."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from callcenter.desk.language import LANGUAGES, N_, TEXTS, chosen

HERE = Path(__file__).parent

REASONS = {
    "lunch": N_("lunch"),
    "break": N_("break"),
    "training": N_("training"),
    "paperwork": N_("paperwork"),
}
"""Pause reasons that have a translation. Other reasons are shown as they are configured."""

SCRIPT_TEXTS = {
    "available": N_("Free"),
    "paused": N_("Paused"),
    "offered": N_("Your phone is ringing"),
    "talking": N_("In conversation"),
    "consulting": N_("Talking to a colleague"),
    "advising": N_("A colleague asks for advice"),
    "wrapping_up": N_("Wrap-up"),
    "paused_after": N_("then paused"),
    "missed": N_("You were paused: a call was not answered."),
    "busy": N_("You were paused: your phone was busy."),
    "unreachable": N_("You were paused: your phone can't be reached."),
    "press_return": N_("Press “Return” to take calls again."),
    "transfer_ringing": N_("A colleague's phone is ringing."),
    "transfer_missed": N_("The colleague did not answer; the caller is with you."),
    "no_connection": N_("No connection with the controller. The page tries again by itself."),
    "not_recording": N_("Conversations are not recorded now. Please tell the engineer."),
    "by_number": N_("known by number"),
    "by_inn": N_("known by INN"),
    "inn_only": N_("INN not in the directory"),
    "by_operator": N_("not a Customer, by the operator"),
    "unknown": N_("not identified: please ask"),
    "urgent": N_("urgent"),
    "normal": N_("ordinary"),
    "anonymous": N_("number withheld"),
    "free": N_("free"),
    "directly": N_("transfer"),
    "talk_first": N_("talk first"),
    "waiting": N_("waiting"),
    "longest": N_("longest wait"),
    "closed": N_("closed"),
}
"""Words that the page's script combines with data from the API."""


class Page:
    """The page in both languages."""

    def __init__(self, pause_reasons: Collection[str]) -> None:
        self._pause_reasons = pause_reasons
        self._templates = {language: _template(language) for language in LANGUAGES}

    def routes(self) -> list[web.AbstractRouteDef]:
        """The page, its script and its style sheet."""
        return [web.get("/", self.show), web.static("/static", HERE / "static")]

    async def show(self, request: web.Request) -> web.Response:
        """Handle GET /."""
        language = chosen(request)
        gettext = TEXTS[language].gettext
        text = self._templates[language].render(
            language=language,
            other="en" if language == "ru" else "ru",
            reasons=[(reason, gettext(REASONS.get(reason, reason))) for reason in self._pause_reasons],
            texts={key: gettext(text) for key, text in SCRIPT_TEXTS.items()},
        )
        return web.Response(
            text=text,
            content_type="text/html",
            headers={"Content-Language": language, "Vary": "Accept-Language"},
        )


def _template(language: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    texts = TEXTS[language]
    environment.install_gettext_callables(texts.gettext, texts.ngettext, newstyle=True)  # type: ignore[attr-defined]
    return environment.get_template("operator.html")
