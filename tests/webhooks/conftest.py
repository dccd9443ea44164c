"""Webhooks tell what a real register has: that of the store's own stories."""

from tests.store.conftest import config, path, register, spool, writer

__all__ = ["config", "path", "register", "spool", "writer"]
