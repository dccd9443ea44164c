"""The HTML of a mail: as text, and cleaned as a page that loads nothing and runs nothing."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from html.parser import HTMLParser

import nh3

LONGEST = 2_000_000
"""Characters of HTML that are looked at."""
LONGEST_PICTURES = 4_000_000
"""Bytes of the pictures in one page."""
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_STYLES = frozenset(
    (
        "color",
        "background-color",
        "font-weight",
        "font-style",
        "font-size",
        "font-family",
        "text-align",
        "text-decoration",
    )
    + ("padding", "padding-left", "margin-left", "border", "border-collapse", "border-left", "width", "white-space")
)
_FROM_MAIL = re.compile(r'src="cid:([^"]{1,500})"')
_BLOCKS = frozenset(
    ("p", "div", "br", "tr", "li", "ul", "ol", "table", "blockquote", "hr", "pre", "h1", "h2", "h3", "h4", "h5", "h6")
    + ("section", "article", "header", "footer", "dd", "dt")
)
_UNSEEN = frozenset({"script", "style", "title"})
"""Not the head: many programs do not close it, and nothing else in it is text."""


def page(source: str, title: str, pictures: Mapping[str, tuple[str, bytes]]) -> str:
    """Return a whole page of cleaned HTML. `pictures`: those of the mail itself, by Content-ID: media type, content.

    Pictures from elsewhere are left out: they would tell their sender that, when and where the mail was read.
    """
    attributes = {tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()}
    attributes["img"] = {"src", "alt", "width", "height"}
    attributes["*"] = {"style", "dir", "title"}
    cleaned = nh3.clean(
        source[:LONGEST],
        tags=nh3.ALLOWED_TAGS - {"map", "area"},
        attributes=attributes,
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto", "cid"},
        filter_style_properties=set(_STYLES),
    )
    left = LONGEST_PICTURES

    def picture(found: re.Match[str]) -> str:
        nonlocal left
        media_type, content = pictures.get(html.unescape(found[1]), ("", b""))
        if media_type not in _PICTURES or len(content) > left:
            return 'src=""'
        left -= len(content)
        return f'src="data:{media_type};base64,{base64.b64encode(content).decode()}"'

    body = _FROM_MAIL.sub(picture, cleaned)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    return f"<!doctype html><html><head>{head}<title>{html.escape(title)}</title></head><body>{body}</body></html>"


def _kept(tag: str, name: str, value: str) -> str | None:
    if name in ("src", "background", "srcset", "poster"):
        return value if tag == "img" and name == "src" and value.startswith("cid:") else None
    return value


def text_of(source: str) -> str:
    """Return what HTML says, as text; quotes with «>» before them."""
    reader = _Reader()
    reader.feed(source[:LONGEST])
    reader.close()
    lines = [" ".join(line.split()) if not quote else quote + " ".join(line.split()) for quote, line in reader.lines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _Reader(HTMLParser):
    """Gathers words; blocks begin new lines."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[tuple[str, list[str]]] = [("", [])]
        self._unseen = 0
        self._quotes = 0

    def lines(self) -> list[tuple[str, str]]:
        return [(quote, "".join(words)) for quote, words in self._lines]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        if tag == "blockquote":
            self._quotes += 1
        if tag in _BLOCKS or tag == "body":
            self._unseen = 0  # a title that is not closed must not swallow the mail
            self._begin_line()
        if tag == "img" and (alt := dict(attrs).get("alt")):
            self.handle_data(f"[{alt}]")
        if tag == "td":
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        if tag in _BLOCKS:
            self._begin_line()

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._lines[-1][1].append(data)

    def _begin_line(self) -> None:
        if self._lines[-1][1] or (len(self._lines) > 1 and self._lines[-2][1]):
            self._lines.append((">" * min(self._quotes, 9) + (" " if self._quotes else ""), []))
        else:
            self._lines[-1] = (">" * min(self._quotes, 9) + (" " if self._quotes else ""), [])
