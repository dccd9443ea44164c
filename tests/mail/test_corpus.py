"""Each mail of the corpus is read as what it is: pure, and as quick as reading."""

from __future__ import annotations

import pytest

from callcenter.mail.charsets import text_of
from callcenter.mail.page import page
from callcenter.mail.page import text_of as words_of
from callcenter.mail.reading import MOST_FILES, read
from callcenter.requests.belonging import Nature
from callcenter.requests.quotes import new_part, pieces
from tests.mail.corpus import CORPUS, IDS, Sample, m, part, parts


@pytest.mark.parametrize("sample", CORPUS, ids=lambda sample: sample.name)
@pytest.mark.clause("eLot 2.3")
def test_a_mail_is_read_as_what_it_is(sample: Sample) -> None:
    found = read(sample.raw)
    assert new_part(found.text).replace("\n\n\n", "\n\n") == sample.new
    text = found.text
    assert "".join(one.text for one in pieces(text)) == text, "nothing is left out"
    assert sample.quoted in "".join(one.text for one in pieces(text) if one.quoted)
    assert found.sender == sample.sender
    assert sample.subject is None or found.subject == sample.subject
    assert (found.nature, found.quiet) == (sample.nature, sample.quiet)
    assert tuple(IDS.keys_of(found.refers)) == sample.answers
    assert tuple(one.name for one in found.files) == sample.files
    assert found.readable is sample.readable
    assert bool(found.page) is sample.page
    if sample.nature is Nature.RETURNED:
        assert "5.1.1" in found.why


def test_there_are_forty_of_them() -> None:
    assert len({sample.name for sample in CORPUS}) == len(CORPUS) >= 40


def test_a_mail_has_the_same_id_by_whatever_way_it_came_and_another_one_has_another() -> None:
    one = m("Message-ID: <1@x>", body="Да")
    again = b"Received: from elsewhere\r\nDelivered-To: other@estp.ru\r\n" + one
    assert read(one).key == read(again).key
    assert read(m("Message-ID: <1@x>", body="Нет")).key != read(one).key, "a program that counts wrongly loses no mail"


def test_mails_nested_without_end_are_told_of_and_cost_no_more_than_a_moment() -> None:
    deep = b"From: a@b.ru\r\nSubject: deep\r\n"
    for level in range(1500):
        deep += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
    found = read(deep)
    assert (found.readable, found.subject) == (False, "deep")
    assert "прочитать его не удалось" in found.text


def test_of_a_thousand_files_some_are_kept_and_the_others_named() -> None:
    found = read(parts(part("Вот"), *(part(b"x", "application/pdf") for _ in range(300))))
    assert len(found.files) == MOST_FILES
    assert "остальные в исходном письме" in found.text


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    source = (
        '<img src="cid:a"><img src="cid:b"><img src="https://spy/1.gif"><img src="data:image/png;base64,x">'
        '<a href="javascript:x()">1</a><a href="https://x.ru">2</a><form action="/x"><input></form><svg onload="x()">'
        '<div style="background:url(https://spy/2.gif);color:red;position:fixed" onclick="x()">3</div><link href="https://spy">'
        '<meta http-equiv="refresh" content="0;url=https://spy"><iframe src="https://spy"></iframe><base href="https://spy">'
    )
    made = page(source, "<script>", {"a": ("image/png", b"PNG"), "b": ("image/svg+xml", b"<svg onload=x()>")})
    assert "data:image/png;base64,UE5H" in made
    for word in (
        "spy",
        "javascript",
        "onclick",
        "onload",
        "<form",
        "<svg",
        "position",
        "http-equiv",
        "<iframe",
        "<base",
        "url(",
    ):
        assert word not in made, word
    assert "<title>&lt;script&gt;</title>" in made


def test_whatever_the_bytes_are_they_become_text() -> None:
    assert text_of(bytes(range(256)), "utf-8")
    assert text_of(b"\xff\xfe", "no such charset")
    assert text_of("naïve café".encode("latin-1"), "iso-8859-1")


@pytest.mark.parametrize(
    "source",
    [
        "<html><head><meta charset=utf-8><body>Контракт <b>не</b> подписывается",
        "<title>Письмо<p>Контракт не подписывается",
        "<head><title>Письмо</title><style>p{color:red}</style><table><tr><td>Контракт не подписывается",
        "<noscript>Контракт не подписывается</noscript><script>alert(1)</script>",
    ],
)
def test_what_is_not_closed_swallows_no_words(source: str) -> None:
    assert words_of(source).strip() == "Контракт не подписывается"
