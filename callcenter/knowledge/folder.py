"""The knowledge base as a folder of markdown files: one article a file, its name that of the article.

A file begins with YAML between two lines of three dashes: `title`, `subject`, and `lines` unless it is for all. What is
exported and imported again is exported as the same files, byte by byte.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from callcenter.knowledge import text as texts
from callcenter.knowledge.article import ArticleText
from callcenter.knowledge.errors import KnowledgeError
from callcenter.system import files

SUFFIX = ".md"
_RULE = "---"
_LONGEST_FILE = 4 * texts.LONGEST_TEXT + 8192
"""Bytes: a letter of UTF-8 has at most four."""
_LONGEST_FRONT = 2000
"""Characters; YAML of more could take long to read."""
_NAME_ALLOWED = "1 to 64 small letters, digits, '-' and '_', beginning with a letter or digit"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in one file, and what is allowed."""

    file: str
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.file!r}: {self.found}; allowed: {self.allowed}"


class FrontMatterError(KnowledgeError):
    """A file's beginning is not what it has to be."""

    def __init__(self, found: str, allowed: str) -> None:
        super().__init__(f"{found}; allowed: {allowed}")
        self.found, self.allowed = found, allowed


def read(folder: Path, lines: Collection[str]) -> tuple[list[tuple[str, ArticleText]], list[Mistake]]:
    """Return the articles of a folder by name, in order, and everything that is wrong with it.

    Hidden files are left out. Links are not followed, and folders in it not entered. `lines`: those that an article may
    name. Raises `KnowledgeError` if the folder cannot be read.
    """
    try:
        entries = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise KnowledgeError(f"{folder} can't be read: {error.strerror}") from None
    articles: list[tuple[str, ArticleText]] = []
    mistakes: list[Mistake] = []
    for path in entries:
        if path.name.startswith("."):
            continue
        try:
            articles.append((_name(path), _article(path, lines)))
        except FrontMatterError as error:
            mistakes.append(Mistake(path.name, error.found, error.allowed))
    return articles, mistakes


def write(folder: Path, articles: Iterable[tuple[str, ArticleText]]) -> tuple[int, list[str]]:
    """Write the articles into a folder, which is made if need be. A link there is replaced, not followed.

    Returns how many were written, and the names of other markdown files in the folder: an import would take these for
    articles. Raises `KnowledgeError`.
    """
    written: set[str] = set()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, article in articles:
            if not texts.is_name(name):
                raise KnowledgeError(f"the article's name {name!r} can't be the name of a file")
            files.replace(folder / f"{name}{SUFFIX}", content(article).encode())
            written.add(f"{name}{SUFFIX}")
        others = sorted(path.name for path in folder.glob(f"*{SUFFIX}") if path.name not in written)
    except OSError as error:
        raise KnowledgeError(f"{error.filename or folder} can't be written: {error.strerror}") from None
    return len(written), others


def content(article: ArticleText) -> str:
    """Return the file of an article."""
    header = _yaml({"title": article.title, "subject": article.subject}, False)
    if article.public:
        header += _yaml({"public": True}, False)
    if article.lines:
        header += _yaml({"lines": list(article.lines)}, None)
    return f"{_RULE}\n{header}{_RULE}\n\n{article.text}\n"


def _yaml(front: dict[str, Any], flow: bool | None) -> str:
    return str(yaml.safe_dump(front, allow_unicode=True, sort_keys=False, default_flow_style=flow, width=1_000_000))


def _name(path: Path) -> str:
    if path.suffix != SUFFIX:
        raise FrontMatterError("is not a markdown file", f"files whose names end in {SUFFIX}")
    if not texts.is_name(path.stem):
        raise FrontMatterError("has a name that an article can't have", f"{_NAME_ALLOWED}, then {SUFFIX}")
    return path.stem


def _article(path: Path, lines: Collection[str]) -> ArticleText:
    try:
        with files.opened(path) as file:
            raw = file.read(_LONGEST_FILE + 1)
    except OSError as error:
        raise FrontMatterError(str(error.strerror), "a file that can be read") from None
    if len(raw) > _LONGEST_FILE:
        raise FrontMatterError(f"has more than {_LONGEST_FILE} bytes", f"1 to {texts.LONGEST_TEXT} characters of text")
    try:
        head, body = _split(raw.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError:
        raise FrontMatterError("is not UTF-8", "UTF-8") from None
    return _checked(head, body, lines)


def _split(file: str) -> tuple[dict[str, Any], str]:
    """Return the front matter and the text of a file."""
    first, _, rest = file.partition("\n")
    head, rule, body = f"\n{rest}".partition(f"\n{_RULE}\n")
    allowed = f"a line {_RULE}, then title: and subject:, then a line {_RULE}, then the text"
    if first.rstrip() != _RULE or not rule:
        raise FrontMatterError("has no front matter", allowed)
    if len(head) > _LONGEST_FRONT:
        raise FrontMatterError(f"front matter of {len(head)} characters", f"at most {_LONGEST_FRONT} characters")
    try:
        front = yaml.safe_load(head)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = f" (line {mark.line + 1})" if (mark := getattr(error, "problem_mark", None)) else ""
        raise FrontMatterError(f"front matter that is not YAML{where}", allowed) from None
    if not isinstance(front, dict):
        raise FrontMatterError("front matter that has no names", allowed)
    return front, body


def _checked(front: dict[str, Any], body: str, lines: Collection[str]) -> ArticleText:
    if unknown := [key for key in front if key not in ("title", "subject", "lines", "public")]:
        raise FrontMatterError(f"front matter has {str(unknown[0])[:40]!r}", "title, subject, lines, public")
    found = front.get("lines") or []
    if not isinstance(found, list) or not all(isinstance(line, str) and line in lines for line in found):
        raise FrontMatterError(
            "lines are not all known", f"a list of {', '.join(lines) or 'nothing: there is no line'}"
        )
    public = front.get("public", False)
    if not isinstance(public, bool):
        raise FrontMatterError("public is neither true nor false", "public: true, if customers may read it")
    title = _of_length(front.get("title"), "title", texts.LONGEST_TITLE)
    subject = _of_length(front.get("subject"), "subject", texts.LONGEST_SUBJECT)
    text = texts.note(body)
    if not 0 < len(text.strip()) <= len(text) <= texts.LONGEST_TEXT:
        raise FrontMatterError(f"a text of {len(text)} characters", f"1 to {texts.LONGEST_TEXT} characters")
    return ArticleText(title, subject, text, tuple(dict.fromkeys(found)), public)


def _of_length(value: object, name: str, longest: int) -> str:
    text = texts.line(value) if isinstance(value, str) else ""
    if not 0 < len(text) <= longest:
        found = f"a {name} of {len(text)} characters" if isinstance(value, str) else f"no {name} that is a text"
        raise FrontMatterError(found, f"1 to {longest} characters (in quotes, if it is a number or a date)")
    return text
