"""Programs that are run to their end, and what they say when they fail."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from callcenter.core.errors import ReadableError

PARTS = Path("tools") / "parts.py"
"""The set-up's own tool, in the project's folder: it finds or fetches Asterisk, sipp, RHVoice and sox."""


class ProgramError(ReadableError):
    """A program could not be run, or has failed."""

    def __init__(self, sentence: str, said: str = "") -> None:
        super().__init__(sentence)
        self.said = said
        """The program's own words, '' where it had none."""


class ProgramTimeout(ProgramError):
    """A program took too long and was ended."""


def run(command: Sequence[str | Path], text: str = "", *, timeout: float) -> str:
    """Run a program, `text` being its input, and return what it writes. Raises ProgramError; `timeout`: seconds."""
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
    """What the set-up's tool of this project answers. Raises ProgramError."""
    return run([sys.executable, project / PARTS, *words], timeout=timeout)
