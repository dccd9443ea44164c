"""Notes are kept in a real store: that of its own stories."""

from tests.store.conftest import path, register, spool, writer

__all__ = ["path", "register", "spool", "writer"]
