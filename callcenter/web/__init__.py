"""The operators' page, the HTTP API behind it, the health check and the scrape address."""

from callcenter.web.app import make_app
from callcenter.web.floor import Floor

__all__ = ["Floor", "make_app"]
