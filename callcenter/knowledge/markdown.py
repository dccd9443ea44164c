"""Markdown to HTML that can be put into a page as it is, and to the plain text in which is searched.

HTML in the markdown is shown as text. A picture becomes a link to it: the page loads nothing from elsewhere, and nobody
learns who reads. What the renderer makes is then reduced by nh3 to the few elements and link schemes that are allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from callcenter.knowledge.text import without_stress

_ELEMENTS = frozenset(
    {"a", "blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s"}
    | {"strong", "table", "tbody", "td", "th", "thead", "tr", "ul"}
)
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_SCHEMES = frozenset({"http", "https", "mailto", "tel"})


class _Renderer(RendererHTML):
    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        token = tokens[idx]
        source = escapeHtml(str(token.attrs.get("src", "")))
        name = escapeHtml(token.content) or source
        return f'<a href="{source}">{name}</a>'


_SHORT = 600
"""Characters of an answer's paragraph or two."""

_MARKDOWN = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable(["table", "strikethrough"])


@lru_cache(maxsize=128)
def html(text: str) -> str:
    """Return the HTML of a text. Takes up to some tenths of a second: not for the event loop."""
    return nh3.clean(
        _MARKDOWN.render(text),
        tags=set(_ELEMENTS),
        attributes={element: set(names) for element, names in _ATTRIBUTES.items()},
        url_schemes=set(_SCHEMES),
        link_rel="noopener noreferrer nofollow",
    )


def plain(text: str) -> str:
    """Return what somebody reads who sees the rendered text, a block a line. Takes as long as `html`."""
    blocks = (" ".join("".join(_read(token)).split()) for token in _MARKDOWN.parse(text))
    return without_stress("\n".join(filter(None, blocks)))


def short(text: str) -> str:
    """Return the beginning of what `plain` returns, headings left out: as many whole blocks as are short, at least one.

    It is meant to be pasted into an answer.
    """
    tokens = _MARKDOWN.parse(text)
    headed = [before is not None and before.type == "heading_open" for before in (None, *tokens)]
    blocks = (
        " ".join("".join(_read(token)).split()) for token, heading in zip(tokens, headed, strict=False) if not heading
    )
    found = ""
    for block in map(without_stress, filter(None, blocks)):
        longer = f"{found}\n{block}" if found else block
        if found and len(longer) > _SHORT:
            break
        found = longer
    return found if len(found) <= _SHORT else f"{found[:_SHORT].rsplit(' ', 1)[0]} …"


def _read(token: Token) -> Iterator[str]:
    if token.children is not None:
        for child in token.children:
            yield from _read(child)
    elif token.type in ("softbreak", "hardbreak"):
        yield " "
    else:
        yield token.content
