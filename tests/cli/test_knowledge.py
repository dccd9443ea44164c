"""`callcenter knowledge`: folders in and out, and the search at a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callcenter.cli.main import main
from callcenter.config import VAR_OVERRIDE
from tests.store.stories import stored


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration as it is shipped, with everything made at run time in a folder of its own."""
    monkeypatch.setenv(VAR_OVERRIDE, str(tmp_path / "var"))
    return Path(__file__).parents[2] / "config.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two articles."""
    made = tmp_path / "in"
    made.mkdir()
    (made / "podpis.md").write_text(
        "---\ntitle: Электронная подпись\nsubject: Подпись\nlines: [estp]\n---\n\nГде получить *подпись*.\n",
        encoding="utf-8",
    )
    (made / "деньги.md").write_text(
        "---\ntitle: Пять дней\nsubject: Деньги\n---\n\nОбеспечение вернут.\n", encoding="utf-8"
    )
    return made


def run(config: Path, *arguments: str) -> Result:
    """`callcenter knowledge --config … …`."""
    return CliRunner().invoke(main, ["knowledge", "--config", str(config), *arguments])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_round_trip_gives_the_same_files(config: Path, folder: Path, tmp_path: Path) -> None:
    taken = run(config, "import", str(folder))
    assert taken.exit_code == 0, taken.output
    assert "2 articles read, 2 of them saved as new versions" in taken.output
    out = tmp_path / "out"
    assert "2 articles written" in run(config, "export", str(out)).output
    assert contents(out) == contents(folder)
    assert "2 articles read, 0 of them saved" in run(config, "import", str(out)).output
    assert stored(tmp_path / "var" / "register.sqlite", "SELECT count(*) FROM article_versions") == [(2,)]


def test_an_import_over_what_somebody_wrote_loses_nothing(config: Path, folder: Path, tmp_path: Path) -> None:
    run(config, "import", str(folder))
    path = folder / "podpis.md"
    path.write_text(path.read_text(encoding="utf-8").replace("Где", "Куда"), encoding="utf-8")
    assert "2 articles read, 1 of them saved" in run(config, "import", str(folder)).output
    texts = stored(tmp_path / "var" / "register.sqlite", "SELECT version, text FROM article_versions WHERE article = 1")
    assert texts == [(1, "Где получить *подпись*."), (2, "Куда получить *подпись*.")]


def test_one_wrong_file_and_nothing_is_imported(config: Path, folder: Path, tmp_path: Path) -> None:
    (folder / "wrong.md").write_text("no front matter")
    refused = run(config, "import", str(folder))
    assert refused.exit_code == 1
    assert "'wrong.md': has no front matter; allowed: a line ---" in refused.output
    assert "1 files are wrong, nothing was imported" in refused.output
    assert "nothing found" in run(config, "search", "подпись").output
    assert run(config, "import", str(tmp_path / "nowhere")).exit_code == 1


def test_searching_at_a_terminal(config: Path, folder: Path) -> None:
    run(config, "import", str(folder))
    assert run(config, "search", "подписей").output.splitlines() == [
        "podpis: Электронная подпись (Подпись)",
        "  Где получить подпись",
    ]
    assert "деньги: Пять дней (Деньги)" in run(config, "search", "возврат", "обеспечения").output
    assert "2 articles can be searched" in run(config, "reindex").output


def test_a_register_that_is_none(config: Path, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "register.sqlite").write_text("not a database at all")
    result = run(config, "export", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "is not a database" in result.output
