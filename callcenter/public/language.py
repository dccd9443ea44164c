"""The texts of the public pages in Russian and English."""

from __future__ import annotations

from pathlib import Path

from callcenter.web.language import LANGUAGES, load

LOCALES = Path(__file__).with_name("locale")
TEXTS = {language: load(LOCALES, language) for language in LANGUAGES}
