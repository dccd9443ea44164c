"""A real Prometheus scrapes what the controller says, and answers every question that we have put down."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml
from aiohttp.test_utils import unused_port

from tests.metrics.test_metrics import World, busy
from tests.patience import Patience
from tools.parts import PROMETHEUS, known

ROOT = Path(__file__).parents[2]
RULES = ROOT / "monitoring/rules.yml"
DASHBOARD = ROOT / "monitoring/grafana/dashboards/callcenter.json"

pytestmark = pytest.mark.e2e


@cache
def part() -> dict[str, str]:
    home = known(PROMETHEUS)
    assert home, "run `make prometheus`"
    return {name: str(value) for name, value in home.items()}


class Prometheus:
    """A running one that scrapes a busy controller each second."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, path: str, **question: str) -> Any:
        with closing(urlopen(f"http://127.0.0.1:{self._port}/{path}?{urlencode(question)}", timeout=10)) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("api/v1/query", query=expression)["result"]
        return found

    def has_scraped(self, times: int) -> bool:
        try:
            found = self.query('count_over_time(up{job="callcenter"}[5m])')
        except OSError:
            return False
        return bool(found) and int(found[0]["value"][1]) >= times


def until(fact: Callable[[], bool], seconds: float) -> None:
    """Ask again and again: Prometheus looks by its own clock. Raises TimeoutError."""
    limit = Patience(seconds)
    while not fact():
        if limit.over():
            raise TimeoutError("Prometheus has not seen it")
        time.sleep(0.05)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    world = World()
    busy(world)

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(world.metrics.text())

        def log_message(self, format: str, *values: object) -> None:
            """Say nothing."""

    folder, port = tmp_path_factory.mktemp("prometheus"), unused_port()
    controller = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    threading.Thread(target=controller.serve_forever, daemon=True).start()
    settings = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text())
    settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(RULES)]
    settings["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{controller.server_address[1]}"]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    running = subprocess.Popen(
        [
            part()["binary"],
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    found = Prometheus(port)
    try:
        until(lambda: found.has_scraped(3), 60)
        yield found
    finally:
        running.terminate()
        running.wait(30)
        controller.shutdown()
        controller.server_close()


def test_promtool_finds_nothing_wrong_with_the_alerts() -> None:
    for words in (["check", "rules", str(RULES)], ["test", "rules", str(RULES.with_name("rules_test.yml"))]):
        said = subprocess.run([part()["promtool"], *words], capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout + said.stderr


def test_an_understaffed_line_that_keeps_nobody_waiting_long_raises_its_alerts(prometheus: Prometheus) -> None:
    groups = prometheus.ask("api/v1/rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) == sum(len(group["rules"]) for group in yaml.safe_load(RULES.read_text())["groups"])
    until(lambda: bool(prometheus.query('ALERTS{alertname="Understaffed"}')), 30)
    assert all(
        rule["health"] == "ok" for group in prometheus.ask("api/v1/rules")["groups"] for rule in group["rules"]
    ), "each was asked"


def questions() -> list[tuple[str, str]]:
    """Every query of the dashboard with its panel, and those that the documentation shows."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    found = [(panel["title"], one["expr"]) for panel in panels for one in panel.get("targets", [])]
    (shown,) = re.findall(r"```promql\n(.*?)```", (ROOT / "docs/metrics.md").read_text(), re.DOTALL)
    for text in shown.strip().split("\n\n"):
        says, _, expression = text.partition("\n")
        found.append((says.removeprefix("# "), expression))
    return found


def test_every_question_is_answered(prometheus: Prometheus) -> None:
    asked = [(about, one.replace("$__rate_interval", "1m").replace("$line", ".*")) for about, one in questions()]
    assert len(asked) > 40
    assert not [expression for _, expression in asked if "$" in expression]
    assert [about for about, expression in asked if not prometheus.query(expression)] == [], "nothing is known of it"


def test_the_dashboards_queries_are_drawn_by_the_source_that_is_provisioned() -> None:
    folder = DASHBOARD.parents[1] / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert {panel["datasource"]["uid"] for panel in panels if panel["type"] != "row"} == {source["uid"]}
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert 0 <= place["x"] <= place["x"] + place["w"] <= 24, panel["title"]
