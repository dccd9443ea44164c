"""The knowledge base as a folder of files: what goes in comes out, and nothing else goes in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.knowledge import folder as folders
from callcenter.knowledge import text as texts
from callcenter.knowledge.article import ArticleText
from callcenter.knowledge.errors import KnowledgeError

LINES = ("estp", "elot")
GOOD = "---\ntitle: Подпись\nsubject: Общее\n---\n\nТекст.\n"


def mistakes(folder: Path) -> list[str]:
    return [str(mistake) for mistake in folders.read(folder, LINES)[1]]


def test_a_file_is_an_article(tmp_path: Path) -> None:
    file = "---\ntitle: 'Подпись: как?'\nsubject: Общее\nlines: [estp, elot]\n---\n\n# Раз\n\n---\n\nДва.\n"
    (tmp_path / "подпись.md").write_text(file, encoding="utf-8")
    (tmp_path / ".git").mkdir()
    articles, wrong = folders.read(tmp_path, LINES)
    assert wrong == []
    assert articles == [("подпись", ArticleText("Подпись: как?", "Общее", "# Раз\n\n---\n\nДва.", LINES))]
    out = tmp_path / "out"
    assert folders.write(out, articles) == (1, [])
    assert (out / "подпись.md").read_text(encoding="utf-8") == file


one_line = st.text(max_size=60).map(texts.line).filter(bool)
articles = st.builds(
    ArticleText,
    one_line,
    one_line.map(lambda text: text[:64].strip()).filter(bool),
    st.text(max_size=200).map(texts.note).filter(lambda text: bool(text.strip())),
    st.sampled_from([(), ("estp",), LINES]),
)


@given(article=articles)
def test_whatever_was_written_comes_back_from_its_file(
    tmp_path_factory: pytest.TempPathFactory, article: ArticleText
) -> None:
    folder = tmp_path_factory.mktemp("folder")
    folders.write(folder, [("a", article)])
    assert folders.read(folder, LINES) == ([("a", article)], [])


def test_files_from_windows_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert folders.read(tmp_path, LINES)[0] == [("a", ArticleText("Подпись", "Общее", "Текст."))]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "has no front matter"),
        (b"Text only", "has no front matter"),
        (b"---\ntitle: a\nsubject: b\n", "has no front matter"),
        (b"---\n- a\n---\nx", "front matter that has no names"),
        (b"---\ntitle: [\n---\nx", "front matter that is not YAML (line 2)"),
        (b"---\ntitle: !!python/object/apply:os.system [id]\n---\nx", "front matter that is not YAML"),
        (b"---\n" + b"[" * 1000 + b"\n---\nx", "front matter that is not YAML"),
        (b"---\n" + b"[" * 5000 + b"\n---\nx", "front matter of 5001 characters; allowed: at most 2000"),
        (b"---\ntitle: a\nsubject: b\nauthor: c\n---\nx", "front matter has 'author'; allowed: title, subject, lines"),
        (b"---\nsubject: b\n---\nx", "no title that is a text; allowed: 1 to 200 characters"),
        (b"---\ntitle: 2026-11-29\nsubject: b\n---\nx", "no title that is a text"),
        (b"---\ntitle: '\xe2\x80\xae'\nsubject: b\n---\nx", "a title of 0 characters"),
        (b"---\ntitle: a\nsubject: " + b"b" * 65 + b"\n---\nx", "a subject of 65 characters; allowed: 1 to 64"),
        (b"---\ntitle: a\nsubject: b\nlines: [elot, nope]\n---\nx", "lines are not all known; allowed: a list of estp"),
        (b"---\ntitle: a\nsubject: b\nlines: estp\n---\nx", "lines are not all known"),
        (b"---\ntitle: a\nsubject: b\n---\n \n\n", "a text of 1 characters"),
        (b"---\ntitle: a\nsubject: b\n---\n" + b"x" * 40_001, "a text of 40001 characters; allowed: 1 to 40000"),
        (b"x" * 1_000_000, "has more than 168192 bytes"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_allowed(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "a.md").write_bytes(content)
    [mistake] = mistakes(tmp_path)
    assert mistake.startswith("'a.md': ")
    assert told in mistake
    assert "; allowed: " in mistake


def test_links_folders_pipes_and_other_files_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(GOOD)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.md").symlink_to(secret)
    (folder / "folder.md").mkdir()
    (folder / "Имя.md").write_text(GOOD)
    (folder / "picture.png").write_bytes(b"x")
    os.mkfifo(folder / "pipe.md")
    articles, wrong = folders.read(folder, LINES)
    assert articles == []
    assert [mistake.file for mistake in wrong] == ["folder.md", "link.md", "picture.png", "pipe.md", "Имя.md"]
    assert "symbolic link, which is not followed" in str(wrong[1])


def test_an_export_follows_no_link_and_leaves_its_folder_by_no_name(tmp_path: Path) -> None:
    target, folder = tmp_path / "target", tmp_path / "out"
    target.write_text("precious")
    folder.mkdir()
    (folder / "a.md").symlink_to(target)
    (folder / "old.md").write_text(GOOD)
    article = ArticleText("Подпись", "Общее", "Текст.")
    assert folders.write(folder, [("a", article)]) == (1, ["old.md"])
    assert target.read_text() == "precious"
    assert (folder / "a.md").read_text(encoding="utf-8") == GOOD
    with pytest.raises(KnowledgeError):
        folders.write(folder, [("../a", article)])
    assert not (tmp_path / "a.md").exists()


def test_a_folder_that_is_not_there_or_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="nowhere can't be read: No such file"):
        folders.read(tmp_path / "nowhere", LINES)
    (tmp_path / "file").write_text("")
    with pytest.raises(KnowledgeError, match="can't be written"):
        folders.write(tmp_path / "file" / "folder", [("a", ArticleText("a", "b", "c"))])
