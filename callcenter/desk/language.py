"""The desk's texts in Russian and English."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from callcenter.web.language import DEFAULT, LANGUAGES, N_, chosen, load

__all__ = ["DEFAULT", "LANGUAGES", "N_", "TEXTS", "chosen", "translated"]

LOCALES = Path(__file__).with_name("locale")
TEXTS = {language: load(LOCALES, language) for language in LANGUAGES}


def translated(request: web.BaseRequest, text: str) -> str:
    """Translate `text` into the language of the request."""
    return TEXTS[chosen(request)].gettext(text) if text else ""
