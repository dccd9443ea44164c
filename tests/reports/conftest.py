"""Reports are asked of a real store: that of its own stories."""

from tests.store.conftest import config, path, register, spool, writer

__all__ = ["config", "path", "register", "spool", "writer"]
