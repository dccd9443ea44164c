"""A network of its own for a browser, joined to this machine by one cable: only root can make one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.browser import chromium


class Cable:
    """From this machine to the browser's network."""

    def __init__(self) -> None:
        self.space = f"cc{os.getpid()}"
        self._net = f"10.{77 + os.getpid() % 100}.{os.getpid() % 250}"
        self.here = f"{self._net}.1"

    def __enter__(self) -> Cable:
        ours, theirs = f"{self.space}a", f"{self.space}b"
        _ip("netns", "add", self.space)
        _ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", self.space)
        _ip("addr", "add", f"{self.here}/24", "dev", ours)
        _ip("link", "set", ours, "up")
        _ip("-n", self.space, "link", "set", "lo", "up")
        _ip("-n", self.space, "link", "set", theirs, "up")
        self.comes(2)
        return self

    def __exit__(self, *exc: object) -> None:
        _ip("link", "del", f"{self.space}a")
        _ip("netns", "del", self.space)

    def comes(self, host: int) -> None:
        """The browser's network has this address from now on."""
        _ip("-n", self.space, "addr", "add", f"{self._net}.{host}/24", "dev", f"{self.space}b")

    def goes(self, host: int) -> None:
        """… and not any more."""
        _ip("-n", self.space, "addr", "del", f"{self._net}.{host}/24", "dev", f"{self.space}b")

    @contextmanager
    def loses_everything(self, host: int) -> Iterator[None]:
        """Whatever is sent is lost meanwhile, both ways, and nobody is told: the wrong machine is addressed."""
        theirs, nobody = f"{self._net}.{host}", ("lladdr", "02:00:00:00:00:99", "nud", "permanent")
        _ip("neigh", "replace", theirs, *nobody, "dev", f"{self.space}a")
        _ip("-n", self.space, "neigh", "replace", self.here, *nobody, "dev", f"{self.space}b")
        yield
        _ip("neigh", "del", theirs, "dev", f"{self.space}a")
        _ip("-n", self.space, "neigh", "del", self.here, "dev", f"{self.space}b")

    @contextmanager
    def loses_sound(self, host: int) -> Iterator[None]:
        """No sound gets through meanwhile, but the page's connections do: as behind a firewall without UDP."""
        ours = ("ipproto", "udp", "to", f"{self._net}.{host}", "blackhole")
        theirs = ("ipproto", "udp", "to", self.here, "blackhole")
        _ip("rule", "add", *ours)
        _ip("-n", self.space, "rule", "add", *theirs)
        try:
            yield
        finally:
            _ip("rule", "del", *ours)
        _ip("-n", self.space, "rule", "del", *theirs)

    def lets_through(self, port: int) -> None:
        """Of UDP, only what goes to this port: as in a house whose firewall lets nobody's audio out."""
        rule = ["iptables", "-A", "OUTPUT", "-p", "udp", "!", "--dport", str(port), "-j", "DROP"]
        subprocess.run(["ip", "netns", "exec", self.space, *rule], check=True)

    def program(self, folder: Path) -> str:
        """Chromium, in that network."""
        script = folder / "chromium"
        script.write_text(f'#!/bin/sh\nexec ip netns exec {self.space} {chromium()} "$@"\n')
        script.chmod(0o755)
        return str(script)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
