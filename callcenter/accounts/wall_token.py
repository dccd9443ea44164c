"""The token of wall screens: whoever has it sees how the lines are, and nothing that names anybody.

`var/wall_token` has its text, because a screen that is set up anew needs it again. The daemon sees a new one at once.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from pathlib import Path

from callcenter.core.errors import ReadableError
from callcenter.system import files
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

WALL_TOKEN_FILE = "wall_token"  # noqa: S105 - a name of a file
_BEGINS = "ccw_"
"""So that programs that look for secrets in texts find them."""
_TEXT = re.compile(_BEGINS + r"[A-Za-z0-9_-]{43}")


class WallTokenError(ReadableError):
    """The token cannot be made or read; the text says why."""


class WallToken:
    """The token of one `var` folder."""

    def __init__(self, var: Path) -> None:
        self._path = var / WALL_TOKEN_FILE
        self._seen: tuple[int, ...] = ()
        self._text = ""
        self._log = SparingLog(log)

    def text(self) -> str:
        """Return the token, made now if there is none. Raises `WallTokenError`."""
        return self._read() or self.renew()

    def renew(self) -> str:
        """Return a new token: screens with the former one go dark. Raises `WallTokenError`."""
        text = _BEGINS + secrets.token_urlsafe(32)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            files.replace(self._path, f"{text}\n".encode(), mode=files.PRIVATE, durable=True)
        except OSError as problem:
            raise WallTokenError(f"{self._path}: {problem.strerror}") from None
        return text

    def is_right(self, text: str) -> bool:
        """Return whether that is the token. While the file cannot be read, none is: it may be another one."""
        now = files.state(self._path)
        if now != self._seen:
            try:
                self._text, self._seen = self._read(), now
            except WallTokenError as problem:
                self._text, self._seen = "", ()
                self._log.warning("wall", "no wall screen is let in: %s", problem)
        return bool(self._text) and hmac.compare_digest(self._text.encode(), text.encode("utf-8", "replace"))

    def _read(self) -> str:
        try:
            with files.opened(self._path) as file:
                text = file.read(1024).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return ""
        except OSError as problem:
            raise WallTokenError(f"{self._path}: {problem.strerror}") from None
        if not _TEXT.fullmatch(text):
            raise WallTokenError(f"{self._path}: cannot be understood; `callcenter wall --renew` makes a new one")
        return text
