"""A small disk of its own for one folder, which can be filled to the last byte and emptied again. Needs root."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_FILLER = "filler"


class Volume:
    """A file system in memory at `folder`, as long as the block lasts; what was written there is taken out before."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder, self._megabytes = folder, megabytes

    def __enter__(self) -> Volume:
        self.folder.mkdir(parents=True, exist_ok=True)
        size = f"size={self._megabytes}m,mode=755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "chaos", str(self.folder)], check=True)
        return self

    def __exit__(self, *exc: object) -> None:
        self.empty()
        kept = self.folder.with_name(self.folder.name + ".kept")
        subprocess.run(["cp", "-a", str(self.folder), str(kept)], check=True)
        subprocess.run(["umount", "-l", str(self.folder)], check=True)
        self.folder.rmdir()
        kept.rename(self.folder)

    def fill(self) -> None:
        """Not one byte is left."""
        with (self.folder / _FILLER).open("wb", buffering=0) as file:
            for piece in (1 << 20, 4096, 1):
                try:
                    while True:
                        file.write(bytes(piece))
                except OSError:
                    continue

    def empty(self) -> None:
        """There is room again."""
        (self.folder / _FILLER).unlink(missing_ok=True)

    @staticmethod
    def possible() -> bool:
        """Whether we may mount anything here."""
        return os.geteuid() == 0
