"""The operators' page, the HTTP API behind it, the health check and the scrape address."""

from callcenter.desk.app import make_app
from callcenter.desk.backend import Backend

__all__ = ["Backend", "make_app"]
