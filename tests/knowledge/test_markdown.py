"""What authors write becomes HTML that cannot do anything, and text that can be searched."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.knowledge import markdown

_TAG = re.compile(r"<(/?)([a-z0-9]*)([^>]*)>")
_ALLOWED = markdown._ELEMENTS


def assert_harmless(html: str) -> None:
    """Only allowed elements, with allowed attributes, and links that run nothing."""
    for _, element, attributes in _TAG.findall(html):
        assert element in _ALLOWED, html
        for name, value in re.findall(r'([^\s="]+)="([^"]*)"', attributes):
            assert name in ("href", "title", "rel", "start"), html
            if name == "href":
                scheme = re.match(r"[\s\x00-\x20]*([A-Za-z][A-Za-z0-9+.-]*):", value)
                assert scheme is None or scheme.group(1).lower() in ("http", "https", "mailto", "tel"), html


def test_what_an_author_may_use() -> None:
    written = (
        "# Подпись\n\n* раз\n* **два** и [ссылка](https://estp.ru/help)\n\n| а | б |\n|---|---|\n| 1 | 2 |"
        "\n\n~~нет~~ `код`"
    )
    html = markdown.html(written)
    for part in (
        "<h1>Подпись</h1>",
        "<li>раз</li>",
        "<strong>два</strong>",
        '<a href="https://estp.ru/help" rel="noopener noreferrer nofollow">ссылка</a>',
        "<td>2</td>",
        "<s>нет</s>",
        "<code>код</code>",
    ):
        assert part in html
    assert markdown.plain(written) == "Подпись\nраз\nдва и ссылка\nа\nб\n1\n2\nнет код"


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<a href="javascript:alert(1)">x</a>',
        "<iframe src=//evil.example></iframe><svg onload=alert(1)>",
        "<style>*{display:none}</style>",
        "<!-- --!><script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](java\tscript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "[x](file:///etc/passwd)",
        "<javascript:alert(1)>",
        '[x](https://a.ru "\\" onmouseover=\\"alert(1)")',
        '![x" onerror="alert(1)](http://evil.example/p.png)',
        "[x]: javascript:alert(1)\n\n[x]",
        "```html onload=alert(1)\n<script>\n```",
    ],
)
def test_hostile_markup_is_shown_as_text_or_left_out(hostile: str) -> None:
    html = markdown.html(hostile)
    assert_harmless(html)
    assert "<script" not in html


def test_links_are_checked_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown._MARKDOWN, "validateLink", lambda _: True)
    markdown.html.cache_clear()
    html = markdown.html("[a](javascript:alert(1)) [b](file:///etc/passwd) [c](data:text/html,x) [d](tel:+73420000001)")
    markdown.html.cache_clear()
    assert re.findall('href="([^"]*)"', html) == ["tel:+73420000001"]


@pytest.mark.parametrize("source", ["http://evil.example/p.png", "//evil.example/p.png", "p.png"])
def test_a_picture_becomes_a_link_and_loads_nothing(source: str) -> None:
    html = markdown.html(f"![кот]({source})")
    assert "<img" not in html
    assert f'<a href="{source}" rel="noopener noreferrer nofollow">кот</a>' in html


@given(st.text(st.sampled_from("<>\"'&[]()!`*_#|\\:/ \n\tajvscriptonlдЯ\u202e"), max_size=200))
def test_whatever_is_written_does_nothing(written: str) -> None:
    assert_harmless(markdown.html(written))
    markdown.plain(written)


def test_html_in_a_text_stays_to_be_read() -> None:
    assert "&lt;b&gt;важно&lt;/b&gt;" in markdown.html("<b>важно</b>")
    assert markdown.plain("<b>важно</b>") == "<b>важно</b>"


def test_stress_marks_and_soft_hyphens_do_not_split_words() -> None:
    assert markdown.plain("по́дпись до\u00adго\u00adвор") == "подпись договор"
