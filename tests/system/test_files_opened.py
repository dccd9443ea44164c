"""What stands where a file should be is opened only if it is one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from callcenter.system.files import opened


def test_a_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with opened(tmp_path / "file") as file:
        assert file.read() == b"content"


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "nothing"])
def test_nothing_else_is(tmp_path: Path, kind: str) -> None:
    (tmp_path / "secrets").write_text("secret")
    path = tmp_path / "file"
    if kind == "link":
        path.symlink_to(tmp_path / "secrets")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(OSError, match={"link": "symbolic link", "nothing": "No such file"}.get(kind, "not a file")):
        opened(path)
