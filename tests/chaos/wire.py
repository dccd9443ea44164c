"""The connection between the controller and Asterisk's manager, which can be cut, refused, stalled and mended."""

from __future__ import annotations

import asyncio
import contextlib

Place = tuple[str, int]


class Wire:
    """A proxy at `near`, where the controller looks for Asterisk, to `far`, where Asterisk is."""

    def __init__(self, near: Place, far: Place) -> None:
        self._near, self._far = near, far
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._to_asterisk, self._to_controller = asyncio.Event(), asyncio.Event()
        self._to_asterisk.set()
        self._to_controller.set()

    async def __aenter__(self) -> Wire:
        await self.accept()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.refuse()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def accept(self) -> None:
        """Take connections (again)."""
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, *self._near, reuse_address=True)

    def refuse(self) -> None:
        """Nobody listens any more; what is connected stays so."""
        if self._server:
            self._server.close()
            self._server = None

    def cut(self) -> None:
        """Both ends lose the connection at once."""
        for end in list(self._ends):
            end.transport.abort()

    def stall(self, *, to_asterisk: bool = True, to_controller: bool = True) -> None:
        """Connected, but nothing gets through in these directions, and nobody is told."""
        if to_asterisk:
            self._to_asterisk.clear()
        if to_controller:
            self._to_controller.clear()

    def flow(self) -> None:
        """What was held up gets through, and all that follows."""
        self._to_asterisk.set()
        self._to_controller.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._ends.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._far)
        except OSError:
            writer.transport.abort()
            self._ends.discard(writer)
            return
        self._ends.add(far_writer)
        try:
            await asyncio.gather(
                self._copy(reader, far_writer, self._to_asterisk), self._copy(far_reader, writer, self._to_controller)
            )
        finally:
            self._ends -= {writer, far_writer}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await gate.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
