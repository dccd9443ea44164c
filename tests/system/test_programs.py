"""Programs that are run to their end, and what is told when they fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from callcenter.system.programs import ProgramError, ProgramTimeout, run


def python(script: str, text: str = "", timeout: float = 30.0) -> str:
    return run([sys.executable, "-c", script], text, timeout=timeout)


def test_a_program_gets_its_input_and_gives_its_output() -> None:
    assert python("import sys; sys.stdout.write(sys.stdin.read().upper())", "слово") == "СЛОВО"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys; print('so far'); sys.exit('no disk')", "no disk"),
        ("import sys; print('no voice'); sys.exit(1)", "no voice"),
        ("import sys; sys.exit(3)", ""),
    ],
)
def test_a_program_that_fails_is_explained_in_its_own_words(script: str, said: str) -> None:
    with pytest.raises(ProgramError) as caught:
        python(script)
    assert caught.value.said == said
    assert str(caught.value) == f"{sys.executable} failed: {said or 'it ended with 3'}"


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(ProgramTimeout, match="did not end in 0 s"):
        python("import time; time.sleep(600)", timeout=0.2)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "sox"
    with pytest.raises(ProgramError, match=f"{missing} failed: it cannot be run: No such file"):
        run([missing], timeout=1.0)
