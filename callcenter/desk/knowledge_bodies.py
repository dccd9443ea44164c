"""The request bodies of news and knowledge base. Any other body is refused, and the refusal says what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from callcenter.desk.bodies import Body, Flag, Number, Word
from callcenter.desk.language import N_
from callcenter.knowledge import text as texts

MAX_TEXT_BODY = 256 * 1024
"""Bytes of a request that brings a text: JSON may write a Russian letter as six."""

_A_MOMENT = N_("date and time with zone, such as 2026-12-01T09:00:00+03:00, of the years 2000 to 2100")
_A_NAME = N_("1 to 64 small letters, digits, '-' and '_', beginning with a letter or digit")
_YEARS = range(2000, 2101)


def _of_length(longest: int, cleaned: Callable[[str], str]) -> AfterValidator:
    def check(raw: str) -> str:
        text = cleaned(raw)
        if not 0 < len(text.strip()) <= len(text) <= longest:
            raise ValueError
        return text

    return AfterValidator(check)


def _in_our_time(moment: AwareDatetime) -> AwareDatetime:
    if moment.year not in _YEARS:
        raise ValueError
    return moment


def _name(text: str) -> str:
    if not texts.is_name(text):
        raise ValueError
    return text


Title = Annotated[
    str, _of_length(texts.LONGEST_TITLE, texts.line), Field(description=N_("1 to 200 characters in one line"))
]
Subject = Annotated[
    str, _of_length(texts.LONGEST_SUBJECT, texts.line), Field(description=N_("1 to 64 characters in one line"))
]
Text = Annotated[str, _of_length(texts.LONGEST_TEXT, texts.note), Field(description=N_("1 to 40,000 characters"))]
Remark = Annotated[str, _of_length(texts.LONGEST_REMARK, texts.note), Field(description=N_("1 to 1000 characters"))]
Names = Annotated[tuple[Word, ...], Field(max_length=100, description=N_("a list of ids"))]
Moment = Annotated[
    AwareDatetime,
    AfterValidator(_in_our_time),
    Field(description=_A_MOMENT),
]
ArticleName = Annotated[
    str,
    AfterValidator(_name),
    Field(description=_A_NAME),
]


class Version(Body):
    """The version that is meant, such as the one that was on the screen when something was changed or withdrawn."""

    version: Number


class NewNews(Body):
    """POST /api/news. `valid_from`: default is now. `lines` and `groups` both empty: for everybody."""

    title: Title
    text: Text
    valid_from: Moment | None = Field(default=None, description=_A_MOMENT)
    valid_until: Moment | None = Field(default=None, description=_A_MOMENT)
    lines: Names = ()
    groups: Names = ()
    urgent: Flag = False


class ChangedNews(NewNews, Version):
    """POST /api/news/{id}. `version`: the one that was changed; `read_again`: even by those who have read it."""

    read_again: Flag = False


class NewArticle(Body):
    """POST /api/articles. `name`: part of its address; made from the title if it is not given."""

    title: Title
    subject: Subject
    text: Text
    lines: Names = ()
    public: Flag = False
    name: ArticleName | None = Field(default=None, description=_A_NAME)


class ChangedArticle(Version):
    """POST /api/articles/{name}. `version`: the one that was changed."""

    title: Title
    subject: Subject
    text: Text
    lines: Names = ()
    public: Flag = False


class DidNotHelp(Version):
    """POST /api/articles/{name}/feedback: «не помогло»."""

    text: Remark


class Preview(Body):
    """POST /api/preview."""

    text: Text
