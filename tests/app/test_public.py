"""The public pages in a running controller: at their own port if a line has a form, and the desk is not there."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession

from callcenter.app.web_server import StartError
from callcenter.config import Config
from callcenter.config.problems import ConfigError
from tests.app.harness import Harness
from tests.e2e.station import free_port

GIVEN = {
    "name": "Пётр",
    "email": "p@customer.ru",
    "text": "Не подписывается.",
    "inn": "7707083893",
    "login": "petr",
    "consent": "yes",
}
CONTRACTS = {"without_period": "queue", "how_to_get": "Оплатите период."}


def with_form(harness: Harness, folder: Path, **more: Any) -> int:
    """Give the harness' line a form. Returns its port."""
    content = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    port = free_port(socket.SOCK_STREAM)
    line = content["lines"]["estp"]
    line["hours"] |= {"opens": "00:00", "closes": "24:00"}
    line["requests"] = {"refusals": ["хулиганство"]}
    line["contracts"] = CONTRACTS
    line["channels"] = {"form": {"required": ["inn", "login"], **more}}
    content["public"] = {"port": port, "url": f"http://127.0.0.1:{port}", "shortest_seconds": 0}
    (folder / "config.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    harness.config = Config.load(folder / "config.yaml")
    return port


@pytest.mark.clause("TBS 2.6")
async def test_a_form_is_taken_by_a_running_controller_and_counted(harness: Harness, tmp_path: Path) -> None:
    port = with_form(harness, tmp_path)
    left = harness.config.var / "public" / "incoming" / "of a killed run"
    left.mkdir(parents=True)
    async with harness.running() as controller, ClientSession(f"http://127.0.0.1:{port}") as browser:
        assert not left.exists()
        async with browser.get("/estp/") as answer:
            page = await answer.text()
        assert "Оплатите период." in page
        ticket = re.search(r'name="ticket" value="([^"]+)"', page)
        assert ticket
        async with browser.post("/estp/", data=GIVEN | {"ticket": ticket[1]}) as answer:
            assert answer.status == 200, await answer.text()
            assert "ESTP-2026-000001" in await answer.text()
        assert 'callcenter_public_forms_total{line="estp",outcome="taken"} 1.0' in controller.metrics.text().decode()
        for path in ("/", "/api/me", "/metrics", "/requests", "/healthz"):
            async with browser.get(path) as answer:
                assert answer.status == 404, path


async def test_a_port_that_is_taken_is_told(harness: Harness, tmp_path: Path) -> None:
    port = with_form(harness, tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(StartError, match=f"public.port: 127.0.0.1:{port} cannot be used"):
            async with harness.running():
                pass


async def test_a_line_without_other_channels_has_no_form(harness: Harness, tmp_path: Path) -> None:
    with_form(harness, tmp_path)
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    (tmp_path / "config.yaml").write_text(text.replace("channels:\n", "channels:\n      no_others: true\n"))
    with pytest.raises(ConfigError, match="form: found a channel beside e-mail"):
        Config.load(tmp_path / "config.yaml")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"ways": ["letter"]}, "found letter; allowed are email, telephone"),
        ({"unregistered_urgency": "Вчера"}, "found urgency 'Вчера'"),
        ({"subject": "weather"}, "found subject 'weather'"),
        ({"for": ["VIP"], "required": ["inn"]}, "found level 'VIP', which is not described"),
        ({"for": ["VIP"], "required": ["organisation"]}, "found neither login nor inn"),
        ({"allowed_origins": ["https://a.ru/page"]}, "the address of a site without anything behind it"),
    ],
)
async def test_a_form_that_does_not_fit_its_line_is_refused(
    harness: Harness, tmp_path: Path, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        with_form(harness, tmp_path, **settings)
