"""Says in Russian words what a configuration has in figures: times, dates, sums, telephone numbers, addresses.

Pure. `said` does so for whatever stands in a text; a number in a text is said in the nominative, or in the genitive
after a word that asks for it («до 5 минут»). What no rule covers, Latin words above all, stays: `unspeakable` finds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time
from enum import Enum
from typing import NamedTuple

import phonenumbers

MOST = 10**12
"""Numbers from here on are said digit by digit."""


class Case(Enum):
    NOMINATIVE = 0
    GENITIVE = 1


class Gender(Enum):
    MASCULINE = 0
    FEMININE = 1
    NEUTER = 2


class Noun(NamedTuple):
    """One thing that is counted: «один час, два часа, пять часов», genitive «одного часа, двух часов»."""

    one: str
    few: str
    """Nominative after 2, 3 and 4; also the genitive after 1."""
    many: str
    gender: Gender = Gender.MASCULINE


HOUR = Noun("час", "часа", "часов")
MINUTE = Noun("минута", "минуты", "минут", Gender.FEMININE)
ROUBLE = Noun("рубль", "рубля", "рублей")
KOPECK = Noun("копейка", "копейки", "копеек", Gender.FEMININE)
_SCALES = (
    Noun("тысяча", "тысячи", "тысяч", Gender.FEMININE),
    Noun("миллион", "миллиона", "миллионов"),
    Noun("миллиард", "миллиарда", "миллиардов"),
)

_ONE = {Case.NOMINATIVE: ("один", "одна", "одно"), Case.GENITIVE: ("одного", "одной", "одного")}
_TWO = {Case.NOMINATIVE: ("два", "две", "два"), Case.GENITIVE: ("двух", "двух", "двух")}
_SMALL = {
    Case.NOMINATIVE: "ноль один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать "
    "четырнадцать пятнадцать шестнадцать семнадцать восемнадцать девятнадцать",
    Case.GENITIVE: "ноля одного двух трёх четырёх пяти шести семи восьми девяти десяти одиннадцати двенадцати "
    "тринадцати четырнадцати пятнадцати шестнадцати семнадцати восемнадцати девятнадцати",
}
_TENS = {
    Case.NOMINATIVE: "двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто",
    Case.GENITIVE: "двадцати тридцати сорока пятидесяти шестидесяти семидесяти восьмидесяти девяноста",
}
_HUNDREDS = {
    Case.NOMINATIVE: "сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот",
    Case.GENITIVE: "ста двухсот трёхсот четырёхсот пятисот шестисот семисот восьмисот девятисот",
}
_ORDINALS = (
    "нулевого первого второго третьего четвёртого пятого шестого седьмого восьмого девятого десятого одиннадцатого "
    "двенадцатого тринадцатого четырнадцатого пятнадцатого шестнадцатого семнадцатого восемнадцатого девятнадцатого"
)
_ORDINAL_TENS = "двадцатого тридцатого сорокового пятидесятого шестидесятого семидесятого восьмидесятого девяностого"
_ORDINAL_HUNDREDS = (
    "сотого двухсотого трёхсотого четырёхсотого пятисотого шестисотого семисотого восьмисотого девятисотого"
)
_MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря"

# Latin words of addresses that every listener knows; the others are spelled. The accents are for the synthesiser.
_KNOWN = {
    "info": "и́нфо", "help": "хелп", "mail": "мэйл", "support": "саппо́рт", "office": "о́фис", "portal": "порта́л",
    "www": "вэ-вэ-вэ", "ru": "ру", "com": "ком", "org": "орг", "net": "нэт", "su": "эс, у",
    "kz": "ка, зэт", "by": "бэ, игрек",
}  # fmt: skip
_LETTERS = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        "а бэ цэ дэ е эф гэ аш и йот ка эль эм эн о пэ ку эр эс тэ у вэ дубль-вэ икс игрек зэт".split(),  # noqa: SIM905
        strict=True,
    )
)
_SIGNS = {
    "@": "собака",
    ".": "точка",
    "-": "дефис",
    "_": "подчёркивание",
    "/": "косая черта",
    "+": "плюс",
    "%": "процент",
}


def plural(number: int, noun: Noun, case: Case = Case.NOMINATIVE) -> str:
    """Return the noun as it stands after the number."""
    single = number % 10 == 1 and number % 100 != 11
    if case is Case.GENITIVE:
        return noun.few if single else noun.many
    if single:
        return noun.one
    return noun.few if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else noun.many


def cardinal(number: int, case: Case = Case.NOMINATIVE, gender: Gender = Gender.MASCULINE) -> str:
    """Return a number from 0 to below `MOST`. Raises ValueError for others."""
    if not 0 <= number < MOST:
        raise ValueError(f"{number} is not from 0 to {MOST - 1}")
    if number == 0:
        return _SMALL[case].split()[0]
    words: list[str] = []
    for power in range(len(_SCALES), 0, -1):
        if part := number // 1000**power % 1000:
            scale = _SCALES[power - 1]
            words += [*_below_thousand(part, case, scale.gender), plural(part, scale, case)]
    return " ".join([*words, *_below_thousand(number % 1000, case, gender)])


def _below_thousand(number: int, case: Case, gender: Gender) -> list[str]:
    words = [_HUNDREDS[case].split()[number // 100 - 1]] if number >= 100 else []
    rest = number % 100
    if rest >= 20:
        words.append(_TENS[case].split()[rest // 10 - 2])
        rest %= 10
    if rest in (1, 2):
        words.append((_ONE, _TWO)[rest - 1][case][gender.value])
    elif rest:
        words.append(_SMALL[case].split()[rest])
    return words


def ordinal(number: int) -> str:
    """Return an ordinal from 0 to 9999 in the genitive, masculine and neuter: «двадцать шестого», «двухтысячного»."""
    if not 0 <= number < 10_000:
        raise ValueError(f"{number} is not from 0 to 9999")
    thousands, below = divmod(number, 1000)
    if thousands and not below:
        return ("" if thousands == 1 else cardinal(thousands, Case.GENITIVE)) + "тысячного"
    last = number % 100 if number % 100 < 20 and number % 100 else number % 10 or number % 100 or below
    if last < 20:
        word = _ORDINALS.split()[last]
    elif last < 100:
        word = _ORDINAL_TENS.split()[last // 10 - 2]
    else:
        word = _ORDINAL_HUNDREDS.split()[last // 100 - 1]
    return f"{cardinal(number - last).removeprefix('одна ')} {word}" if number > last else word


def counted(number: int, noun: Noun, case: Case = Case.NOMINATIVE) -> str:
    """Return «двадцать одна минута», «двадцати одной минуты»."""
    return f"{cardinal(number, case, noun.gender)} {plural(number, noun, case)}"


def clock(at: time, case: Case = Case.NOMINATIVE, *, ends_day: bool = False) -> str:
    """Return a time of day, «восемнадцати часов тридцати минут»; midnight as 24 hours if it `ends_day`."""
    hours = counted(24 if ends_day and at == time(0) else at.hour, HOUR, case)
    return f"{hours} {counted(at.minute, MINUTE, case)}" if at.minute else hours


def from_to(opens: time, closes: time) -> str:
    """Return opening hours, «с девяти до восемнадцати часов»; closing at midnight is 24:00."""
    if opens == closes == time(0):
        return "круглосуточно"
    until = clock(closes, Case.GENITIVE, ends_day=True)
    if opens.minute or closes.minute:
        return f"с {clock(opens, Case.GENITIVE)} до {until}"
    return f"с {cardinal(opens.hour, Case.GENITIVE)} до {until}"


def day(on: date) -> str:
    """Return a date in the genitive: «первого декабря две тысячи двадцать шестого года»."""
    return f"{ordinal(on.day)} {_MONTHS.split()[on.month - 1]} {ordinal(on.year)} года"


def digits(text: str) -> str:
    """Return figures of a telephone number by twos and threes: «двести сорок восемь, ноль шесть»."""
    pairs = [text] if len(text) <= 3 else [text[max(0, end - 2) : end] for end in range(len(text), 0, -2)][::-1]
    return ", ".join(_group(pair) for pair in pairs)


def _group(text: str) -> str:
    bare = text.lstrip("0")
    return " ".join([*["ноль"] * (len(text) - len(bare)), *([cardinal(int(bare))] if bare else [])])


def telephone(number: str) -> str:
    """Return a telephone number in E.164 as it is dialled in Russia: «восемь, четыреста девяносто пять, …»."""
    parsed = phonenumbers.parse(number)
    shown = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    groups = re.findall(r"\d+", shown)[1:]
    country = (
        "восемь" if phonenumbers.region_code_for_number(parsed) == "RU" else f"плюс {digits(str(parsed.country_code))}"
    )
    return ", ".join([country, *(digits(group) for group in groups)])


def address(text: str) -> str:
    """Return an e-mail or web address, part by part: «и́нфо, собака, е, эс, тэ, пэ, точка, ру»."""
    parts = re.findall(r"[a-z]+|[а-яё]+|\d+|.", re.sub(r"^https?://|/$", "", text.lower()))
    return ", ".join(_part(part) for part in parts)


def _part(part: str) -> str:
    if part in _SIGNS:
        return _SIGNS[part]
    if part.isdecimal():
        return digits(part)
    if part in _KNOWN or not part.isascii():
        return _KNOWN.get(part, part)
    return ", ".join(_LETTERS.get(letter, letter) for letter in part)


_HOST_NAME = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
_AFTER_GENITIVE = re.compile(
    r"(?<!\w)(?:с|со|до|от|около|после|позднее|более|менее|больше|меньше|в течение) $", re.IGNORECASE
)
_FEMININE = re.compile(r" (?:минут|секунд|копе|недел|тысяч|заявк|цифр)")
_SPEAKABLE = re.compile(r"[А-Яа-яЁё\u0301 ,.!?:;()«»—–-]")


def said(text: str) -> str:
    """Return the text with its figures, times, dates, sums, telephone numbers and addresses in words."""
    for form, words in _FORMS:
        text = form.sub(words, text)
    return " ".join(text.split())


def _case(found: re.Match[str]) -> Case:
    """Return the case that the word before asks for, as far as it can be known."""
    return Case.GENITIVE if _AFTER_GENITIVE.search(found.string[: found.start()]) else Case.NOMINATIVE


def _counting(found: re.Match[str]) -> str:
    number = int(found[0])
    if number >= MOST or (found[0][0] == "0" and len(found[0]) > 1):
        return digits(found[0])
    feminine = _FEMININE.match(found.string, found.end())
    return cardinal(number, _case(found), Gender.FEMININE if feminine else Gender.MASCULINE)


def _sum(found: re.Match[str]) -> str:
    roubles, kopecks, case = int(re.sub(r"\D", "", found[1])), int(found[2] or 0), _case(found)
    return counted(roubles, ROUBLE, case) + (f" {counted(kopecks, KOPECK, case)}" if kopecks else "")


def _dialled(found: re.Match[str]) -> str:
    bare = re.sub(r"\D", "", found[0])
    return telephone(f"+7{bare[1:]}") if len(bare) == 11 else found[0]


def _dated(found: re.Match[str]) -> str:
    try:
        return day(date(int(found[3]), int(found[2]), int(found[1])))
    except ValueError:
        return found[0]


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(rf"[A-Za-z0-9._%+-]+@{_HOST_NAME}"), lambda found: address(found[0])),
    (re.compile(rf"(?:https?://)?{_HOST_NAME}(?:/[A-Za-z0-9_./-]*[A-Za-z0-9_/])?"), lambda found: address(found[0])),
    (re.compile(r"(?<!\d)(?:\+7|8|7)[ -]?\(?\d{3,5}\)?(?:[ -]?\d{1,3}){2,3}(?!\d)"), _dialled),
    (re.compile(r"(?<!\d)(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)"), _dated),
    (
        re.compile(r"(?<!\d)([01]?\d|2[0-3]):([0-5]\d)(?!\d)"),
        lambda found: clock(time(int(found[1]), int(found[2])), _case(found)),
    ),
    (
        re.compile(r"(?<!\d)(\d{1,3}(?:[ \u00a0]\d{3}){1,3}|\d{1,11})(?:,(\d\d))? ?(?:₽|руб(?:\.|л[а-яё]*)?)(?!\w)"),
        _sum,
    ),
    (re.compile(r"\d+", re.ASCII), _counting),
    (re.compile("№ ?"), lambda _: "номер "),
)
"""What stands for words in a text, in the order in which it is looked for."""


def unspeakable(text: str) -> str:
    """Return what a Russian voice cannot read in a text, a whole word or sign; '' if there is nothing."""
    odd = next((i for i, sign in enumerate(text) if not _SPEAKABLE.fullmatch(sign)), None)
    if odd is None:
        return ""
    word = re.match(r"[A-Za-z][A-Za-z.-]*", text[odd:])
    return word[0].rstrip(".-") if word else text[odd]
