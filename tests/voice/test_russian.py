"""What figures are in Russian words: a table checked by hand, and rules that hold for every value."""

from __future__ import annotations

import re
from datetime import date, time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from callcenter.voice import russian
from callcenter.voice.russian import (
    HOUR,
    MINUTE,
    MOST,
    ROUBLE,
    Case,
    Gender,
    address,
    cardinal,
    clock,
    counted,
    day,
    from_to,
    ordinal,
    said,
    telephone,
    unspeakable,
)

BY_HAND = {
    "с 09:00 до 18:30": "с девяти часов до восемнадцати часов тридцати минут",
    "с 09:30 до 18:30": "с девяти часов тридцати минут до восемнадцати часов тридцати минут",
    "в 21:01": "в двадцать один час одна минута",
    "от 1 минуты до 21 минуты": "от одной минуты до двадцати одной минуты",
    "2 минуты, 2 часа": "две минуты, два часа",
    "не более 40 человек": "не более сорока человек",
    "01.12.2026": "первого декабря две тысячи двадцать шестого года",
    "до 31.01.2000": "до тридцать первого января двухтысячного года",
    "1000 ₽ в месяц, 2500 ₽ за 3 месяца": "одна тысяча рублей в месяц, две тысячи пятьсот рублей за три месяца",
    "от 1 500,50 руб.": "от одной тысячи пятисот рублей пятидесяти копеек",
    "21 рубль, 22 рубля, 25 рублей": "двадцать один рубль, двадцать два рубля, двадцать пять рублей",
    "2 000 000 ₽": "два миллиона рублей",
    "7 (342) 292-19-60": "восемь, триста сорок два, двести девяносто два, девятнадцать, шестьдесят",
    "+7 (495) 248-06-46": "восемь, четыреста девяносто пять, двести сорок восемь, ноль шесть, сорок шесть",
    "8-812-908-09-70": "восемь, восемьсот двенадцать, девятьсот восемь, ноль девять, семьдесят",
    "info@estp.ru": "и́нфо, собака, е, эс, тэ, пэ, точка, ру",
    "help@estp.ru": "хелп, собака, е, эс, тэ, пэ, точка, ру",
    "i.ivanov-2@mail.ru": "и, точка, и, вэ, а, эн, о, вэ, дефис, два, собака, мэйл, точка, ру",
    "https://www.estp.ru/help": "вэ-вэ-вэ, точка, е, эс, тэ, пэ, точка, ру, косая черта, хелп",
    "e-sauda.kz": "е, дефис, эс, а, у, дэ, а, точка, ка, зэт",
    "окно № 7": "окно номер семь",
    "007": "ноль ноль семь",
    "99.99.2026": "девяносто девять.девяносто девять.две тысячи двадцать шесть",
    "без цифр": "без цифр",
}
"""As an announcer would read it."""


@pytest.mark.parametrize(("written", "heard"), BY_HAND.items())
def test_what_is_configured_is_said_as_an_announcer_reads_it(written: str, heard: str) -> None:
    assert said(written) == heard


@pytest.mark.parametrize(
    ("opens", "closes", "heard"),
    [
        (time(9), time(18), "с девяти до восемнадцати часов"),
        (time(9), time(18, 30), "с девяти часов до восемнадцати часов тридцати минут"),
        (time(9, 30), time(18, 30), "с девяти часов тридцати минут до восемнадцати часов тридцати минут"),
        (time(11), time(21), "с одиннадцати до двадцати одного часа"),
        (time(0), time(1), "с ноля до одного часа"),
        (time(8, 1), time(0), "с восьми часов одной минуты до двадцати четырёх часов"),
        (time(0), time(0), "круглосуточно"),
    ],
)
def test_opening_hours_are_in_the_genitive(opens: time, closes: time, heard: str) -> None:
    assert from_to(opens, closes) == heard


@pytest.mark.parametrize(
    ("number", "heard"),
    [
        (1, "первого"),
        (3, "третьего"),
        (20, "двадцатого"),
        (40, "сорокового"),
        (112, "сто двенадцатого"),
        (1000, "тысячного"),
        (1900, "тысяча девятисотого"),
        (2000, "двухтысячного"),
        (2001, "две тысячи первого"),
        (2100, "две тысячи сотого"),
        (5000, "пятитысячного"),
    ],
)
def test_only_the_last_word_of_an_ordinal_is_one(number: int, heard: str) -> None:
    assert ordinal(number) == heard


def test_a_number_of_another_country_says_its_code() -> None:
    assert telephone("+77172000000") == "плюс семь, семьдесят один, семьдесят два, ноль ноль, ноль ноль, ноль ноль"


# --- For every value ----------------------------------------------------------------------------------------------

WORDS = {
    word: number
    for case in Case
    for number, word in [
        *enumerate(russian._SMALL[case].split()),
        *zip(range(20, 100, 10), russian._TENS[case].split(), strict=True),
        *zip(range(100, 1000, 100), russian._HUNDREDS[case].split(), strict=True),
    ]
} | {"одна": 1, "одно": 1, "одной": 1, "две": 2}
SCALES = {"тысяч": 10**3, "миллион": 10**6, "миллиард": 10**9}


def understood(words: str) -> int:
    """What somebody who hears a number writes down."""
    total = part = 0
    for word in words.split():
        scale = next((scale for stem, scale in reversed(SCALES.items()) if word.startswith(stem)), None)
        if scale:
            total, part = total + part * scale, 0
        else:
            part += WORDS[word]
    return total + part


@given(some.integers(0, MOST - 1), some.sampled_from(Case), some.sampled_from(Gender))
def test_every_number_is_understood_as_it_was_meant(number: int, case: Case, gender: Gender) -> None:
    assert understood(cardinal(number, case, gender)) == number


@given(some.integers(0, MOST - 1), some.sampled_from([HOUR, MINUTE, ROUBLE]), some.sampled_from(Case))
def test_the_last_word_of_a_number_decides_about_the_noun(number: int, noun: russian.Noun, case: Case) -> None:
    *_, last, counts = counted(number, noun, case).split()
    if case is Case.GENITIVE:
        assert counts == (noun.few if last in ("одного", "одной") else noun.many)
    elif last in ("один", "одна"):
        assert (counts, last == "одна") == (noun.one, noun.gender is Gender.FEMININE)
    elif last in ("два", "две", "три", "четыре"):
        assert counts == noun.few
        assert last not in ("два", "две") or (last == "две") is (noun.gender is Gender.FEMININE)
    else:
        assert counts == noun.many


@given(some.times(), some.sampled_from(Case))
def test_every_time_of_day_is_understood(at: time, case: Case) -> None:
    hours, _, rest = clock(at.replace(second=0, microsecond=0), case).partition(" час")
    minutes = re.sub(r"^\w* | минут\w*$", "", rest) if "минут" in rest else "ноль"
    assert (understood(hours), understood(minutes)) == (at.hour, at.minute)


@given(some.dates(date(1000, 1, 1), date(9999, 12, 31)))
def test_no_two_dates_sound_alike_and_all_are_russian(on: date) -> None:
    assert unspeakable(day(on)) == ""
    following = date.fromordinal(on.toordinal() + 1) if on < date(9999, 12, 31) else date(1000, 1, 1)
    assert day(on) != day(following)


@given(some.from_regex(r"\+7[3489][0-9]{9}", fullmatch=True))
def test_the_figures_of_a_telephone_number_are_all_heard_in_order(number: str) -> None:
    heard = telephone(number).removeprefix("восемь, ").removeprefix("плюс семь, ")
    figures = "".join("0" * group.split().count("ноль") + str(understood(group) or "") for group in heard.split(", "))
    assert figures == number[2:]


ADDRESSES = some.from_regex(r"[a-z0-9][a-z0-9._+-]{0,20}@([a-z0-9-]{1,12}\.){1,2}[a-z]{2,5}", fullmatch=True)


@given(ADDRESSES)
def test_every_address_is_dictated_in_russian(written: str) -> None:
    heard = address(written)
    assert unspeakable(heard) == ""
    assert heard.split(", ").count("собака") == 1
    assert heard.split(", ").count("точка") == written.count(".")


@given(some.text(alphabet="абвг АЯё0123456789:.,-()₽№+руб минут", max_size=60))
def test_no_figure_is_left_and_saying_it_again_changes_nothing(text: str) -> None:
    heard = said(text)
    assert not re.search(r"[0-9]", heard)
    assert said(heard) == heard


@given(some.text(max_size=200))
def test_nothing_that_people_write_breaks_it_and_what_cannot_be_said_is_named(text: str) -> None:
    odd = unspeakable(said(text))
    assume(odd)
    assert odd in said(text)


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("портал E-SAUDA приветствует", "E-SAUDA"),
        ("<speak>раз</speak>", "<"),
        ("раз\x00два", "\x00"),
        ("«эЛот», Пермь; да?", ""),
        ("цена $5", "$"),
        ("日本", "日"),
    ],
)
def test_what_a_voice_cannot_say_is_named_as_a_word(text: str, odd: str) -> None:
    assert unspeakable(said(text)) == odd


@pytest.mark.parametrize("number", [-1, MOST])
def test_other_numbers_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match="is not from 0"):
        cardinal(number)
