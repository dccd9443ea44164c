"""The operators' web page, its HTTP API, the health check, and the address that Prometheus scrapes."""

from callcenter.desk.app import make_app, make_metrics_app
from callcenter.desk.backend import Backend

__all__ = ["Backend", "make_app", "make_metrics_app"]
