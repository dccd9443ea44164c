"""Runs programs to their end, and reports what they print when they fail."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from callcenter.core.errors import ReadableError

PARTS = Path("tools") / "parts.py"
"""The set-up tool in the project's folder: it finds or fetches Asterisk, sipp, RHVoice and sox."""


class ProgramError(ReadableError):
    """A program could not be run, or failed."""

    def __init__(self, sentence: str, said: str = "") -> None:
        super().__init__(sentence)
        self.said = said
        """The program's own message; '' if it printed none."""


class ProgramTimeout(ProgramError):
    """A program exceeded its time limit and was ended."""


def run(command: Sequence[str | Path], text: str = "", *, timeout: float) -> str:
    """Run a program with `text` as its input and return its output. Raises ProgramError; `timeout`: seconds."""
    name = command[0]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=False, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise ProgramTimeout(f"{name} failed: it did not end in {timeout:.0f} s") from None
    except OSError as error:
        raise ProgramError(f"{name} failed: it cannot be run: {error.strerror}") from error
    written = done.stdout.decode(errors="replace")
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or written.strip()
        raise ProgramError(f"{name} failed: {said or f'it ended with {done.returncode}'}", said)
    return written


def ask_parts(project: Path, *words: str, timeout: float) -> str:
    """Return the answer of this project's set-up tool. Raises ProgramError."""
    return run([sys.executable, project / PARTS, *words], timeout=timeout)
