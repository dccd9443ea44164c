"""Russian and English texts: gettext catalogues, compiled in memory from the .po files at start-up."""

from __future__ import annotations

import gettext
import io
from pathlib import Path

from aiohttp import web
from babel.core import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

DEFAULT = "ru"
LANGUAGES = ("ru", "en")


def N_(text: str) -> str:  # noqa: N802  # gettext's own name for "to be translated later"
    """Mark a text for translation at a place where the language is not yet known."""
    return text


def load(locales: Path, language: str) -> gettext.NullTranslations:
    """Load the texts of a language from an application's folder. The source texts are English, which needs none."""
    if language == "en":
        return gettext.NullTranslations()
    with (locales / language / "LC_MESSAGES" / "callcenter.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def chosen(request: web.BaseRequest) -> str:
    """Return the language that the address or the browser asks for; Russian if it asks for neither of ours."""
    asked = request.query.get("lang", "")
    if asked in LANGUAGES:
        return asked
    header = request.headers.get("Accept-Language", "")[:200]
    wanted = [part.partition(";")[0].strip() for part in header.split(",")]
    return negotiate_locale([w for w in wanted if w], LANGUAGES, sep="-") or DEFAULT
