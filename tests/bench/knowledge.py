"""Measure the search of articles: `python -m tests.bench.knowledge [ARTICLES]`.

Articles of 300 words in random forms, words as frequent as in a language (Zipf); questions of one to four words in
other forms, and beginnings of words. Each is asked through `ArticleTable.search`, snippets included. Meanwhile a clock
ticks in the event loop: how much later than it should is how long a call's event would have waited.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice, product
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from callcenter.knowledge import words
from callcenter.knowledge.article import ArticleText
from callcenter.knowledge.article_table import ArticleTable
from callcenter.store import Register
from tests.wall import MONDAY_NOON

COMMON = (
    *(
        "подпись",
        "заявка",
        "контракт",
        "сертификат",
        "аукцион",
        "заказчик",
        "обеспечение",
        "гарантия",
        "договор",
        "срок",
    ),
    *("документ", "площадка", "ключ", "доступ", "пароль", "жалоба", "протокол", "закупка", "участник", "ошибка"),
    *("получить", "подписать", "продлить", "вернуть", "изменить", "проверить", "открыть", "электронный", "новый"),
)
"""Words that every other article has."""
OTHERS = 4000
PER_ARTICLE = 300
TICK = 0.002
"""Seconds."""
QUESTIONS = 400


def forms() -> list[list[str]]:
    """Return the forms of each word: first the common ones, then others from all over the dictionary."""
    dictionary = words._dictionary()
    others: set[str] = set()
    for first, second in product("абвгдзиклмнопрстуф", "аеиоурлн"):
        known = islice(dictionary.iter_known_word_parses(first + second), 0, 3000, 29)
        others.update(parse.normal_form for parse in known if parse.tag.POS in ("NOUN", "INFN", "ADJF"))
    lemmas = [*COMMON, *random.Random(7).sample(sorted(others), OTHERS)]
    likeliest = [dictionary.parse(lemma)[0] for lemma in lemmas]
    return [sorted({form.word for form in one.lexeme if form.tag.POS == one.tag.POS}) for one in likeliest]


def articles(number: int, vocabulary: Sequence[Sequence[str]], chance: random.Random) -> list[tuple[str, ArticleText]]:
    """Return articles of random words; of the rarest there is one in a few articles only."""
    weights = [1 / (place + 1) for place in range(len(vocabulary))]

    def written(article: int) -> ArticleText:
        chosen = [chance.choice(some) for some in chance.choices(vocabulary, weights, k=PER_ARTICLE)]
        lines = [" ".join(chosen[begin : begin + 15]) + "." for begin in range(0, len(chosen), 15)]
        return ArticleText(" ".join(chosen[1:4]), chosen[6], "\n\n".join(lines))

    return [(f"a{article}", written(article)) for article in range(number)]


def questions(vocabulary: Sequence[Sequence[str]], chance: random.Random) -> list[str]:
    """Return what operators type."""
    likely = vocabulary[: OTHERS // 4]
    asked = [" ".join(chance.choice(chance.choice(likely)) for _ in range(1 + i % 4)) for i in range(QUESTIONS)]
    return [text[: len(text) - 2] if i % 5 == 4 and len(text) > 6 else text for i, text in enumerate(asked)]


async def ticking(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Do the work; return its seconds, and by how many seconds the latest tick of the event loop was late."""
    late = 0.0

    async def tick() -> None:
        nonlocal late
        while True:
            due = time.perf_counter() + TICK
            await asyncio.sleep(TICK)
            late = max(late, time.perf_counter() - due)

    clock = asyncio.create_task(tick())
    await asyncio.sleep(0.05)
    begin = time.perf_counter()
    await work()
    took = time.perf_counter() - begin
    await asyncio.sleep(0.01)
    clock.cancel()
    return took, late


async def measure(number: int, folder: Path) -> None:
    """Measure with so many articles, and print the figures."""
    chance = random.Random(13)
    register = await Register.open(folder / "register.sqlite")
    table = ArticleTable(register)
    vocabulary = await asyncio.to_thread(forms)
    written = articles(number, vocabulary, chance)
    begin = time.perf_counter()
    await table.replace(written, "bench", MONDAY_NOON)
    print(f"{number} articles of {PER_ARTICLE} words imported in {time.perf_counter() - begin:.1f} s")
    size = await asyncio.to_thread(lambda: sum(path.stat().st_size for path in folder.iterdir()))
    print(f"register {size / 1e6:.0f} MB; texts {sum(len(text.text.encode()) for _, text in written) / 1e6:.0f} MB")

    took, late, before = [], [], time.process_time()
    for asked in questions(vocabulary, chance):
        seconds, delay = await ticking(lambda asked=asked: table.search(asked))  # type: ignore[misc]
        took.append(seconds * 1000)
        late.append(delay * 1000)
    p95 = quantiles(took, n=20)[-1]
    print(f"search, {len(took)} questions: median {median(took):.1f} ms, p95 {p95:.1f}, longest {max(took):.1f}")
    print(
        f"processor time of a search: {(time.process_time() - before) / len(took) * 1000:.1f} ms, the clock's included"
    )
    print(f"event loop meanwhile: latest tick, median {median(late):.1f} ms, p95 {quantiles(late, n=20)[-1]:.1f}")
    for asked in ("подписей", "заявка на аукцион", "электронной подписи документа", "подп"):
        repeated = [(await ticking(lambda asked=asked: table.search(asked)))[0] * 1000 for _ in range(20)]  # type: ignore[misc]
        print(f"  «{asked}»: {median(repeated):.1f} ms, longest {max(repeated):.1f}")
    longest = ArticleText("Длинная", "Прочее", " ".join(chance.choice(chance.choice(vocabulary)) for _ in range(4000)))
    seconds, delay = await ticking(lambda: table.save("longest", 0, longest, "bench", MONDAY_NOON))
    print(f"saving {len(longest.text)} characters: {seconds * 1000:.0f} ms, latest tick {delay * 1000:.1f} ms late")
    await register.close()


def main() -> None:
    """Run it."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with TemporaryDirectory() as folder:
        asyncio.run(measure(number, Path(folder)))


if __name__ == "__main__":
    main()
