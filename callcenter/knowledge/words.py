"""Russian words and their dictionary forms (lemmas): «подписей» and «подпись» are the same word.

Decision 24 says why lemmas and not stems. The dictionary is loaded with the first word, which takes half a second: not
for the event loop.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from functools import cache, lru_cache

from pymorphy3 import MorphAnalyzer

WORD = re.compile(r"[^\W_]+")
"""A word or number of a text: letters and digits of any alphabet. FTS5's unicode61 sees the same words."""

_LONGEST = 64
"""Characters of a word that are looked at."""
_MOST_FORMS = 3
_CYRILLIC = re.compile("[а-яё]+")
_FUNCTION_WORDS = frozenset({"PREP", "CONJ", "PRCL", "INTJ", "NPRO"})
"""Parts of speech that say nothing about the subject: preposition, conjunction, particle, interjection, pronoun."""

logging.getLogger("pymorphy3").setLevel(logging.WARNING)  # it tells of every loading
_loading = threading.Lock()


@cache
def _loaded() -> MorphAnalyzer:
    return MorphAnalyzer(lang="ru")


def _dictionary() -> MorphAnalyzer:
    with _loading:
        return _loaded()


@lru_cache(maxsize=100_000)
def lemmas(word: str) -> tuple[str, ...]:
    """Return the dictionary forms that `word` may belong to, the likeliest first: «стали» → стать, сталь.

    In lower case, with е for ё. Words of other alphabets and numbers are returned as they are.
    """
    word = word[:_LONGEST].lower()
    if not _CYRILLIC.fullmatch(word):
        return (word,)
    found = dict.fromkeys(parse.normal_form.replace("ё", "е") for parse in _dictionary().parse(word))
    return tuple(found)[:_MOST_FORMS]


@lru_cache(maxsize=10_000)
def is_function_word(word: str) -> bool:
    """Return whether the word joins others and says nothing by itself: «как», «для», «не»."""
    word = word[:_LONGEST].lower()
    if not _CYRILLIC.fullmatch(word):
        return False
    return str(_dictionary().parse(word)[0].tag.POS) in _FUNCTION_WORDS


def slots(text: str) -> Iterator[str]:
    """Return for each word of the text its lemmas, joined by '/'."""
    return ("/".join(lemmas(word)) for word in WORD.findall(text))
