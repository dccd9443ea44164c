"""What production is made of: images, units, backup and documents that keep in step with the code."""

from __future__ import annotations

import configparser
import fnmatch
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from callcenter.accounts.secrets import Secrets
from callcenter.app.run import write_asterisk_files
from callcenter.app.summary import summary
from callcenter.asterisk.render import Folders, Installation, RenderError
from callcenter.cli.main import main
from callcenter.config import Config
from callcenter.store import Register
from tests.wall import MONDAY_NOON
from tools.parts import ASTERISK

ROOT = Path(__file__).resolve().parents[1]
HOME = "/srv/callcenter"
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))


def docker_stages() -> dict[str, list[list[str]]]:
    """Stage -> its instructions, each as words."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    stages: dict[str, list[list[str]]] = {}
    for words in (line.split() for line in text.splitlines() if line.strip()):
        if words[0] == "FROM":
            assert words[-2] == "AS", words
            stages[words[-1]] = []
        if stages:
            stages[list(stages)[-1]].append(words)
    return stages


STAGES = docker_stages()


def copied(stage: str) -> dict[str, str]:
    """Source -> target of what a stage takes from the repository."""
    found: dict[str, str] = {}
    for words in STAGES[stage]:
        if words[0] == "COPY" and not words[1].startswith("--from"):
            found |= dict.fromkeys(words[1:-1], words[-1])
    return found


def said(stage: str, instruction: str) -> str:
    lines = [" ".join(words[1:]) for words in STAGES[stage] if words[0] == instruction]
    assert len(lines) == 1, f"{stage}: {instruction} {len(lines)} times"
    return lines[0]


# -- images ------------------------------------------------------------------------------------------------------------


def test_the_controllers_image_has_all_that_the_package_looks_for_beside_itself() -> None:
    config = Config.load(ROOT / "config.yaml")
    sources = copied("controller")
    for needed in (Path("callcenter"), config.prompts.relative_to(ROOT), config.dialplan.relative_to(ROOT)):
        assert sources[str(needed)] == f"/opt/callcenter/{needed}"
    assert sources["config.yaml"] == f"{HOME}/config.yaml"
    assert all((ROOT / source).exists() for stage in STAGES for source in copied(stage))


def test_asterisk_finds_the_prompts_where_the_controller_says_they_are() -> None:
    assert copied("asterisk")["ivr_prompts"] == copied("controller")["ivr_prompts"]


def test_what_the_images_copy_is_let_through_to_the_builder() -> None:
    """A later rule of .dockerignore outweighs an earlier one."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().split() if not line.startswith("#")]
    allowed = [rule[1:] for rule in rules if rule.startswith("!")]
    assert rules[0] == "*" or "*" in rules
    for stage in STAGES:
        for source in copied(stage):
            assert any(source == rule or source.startswith(f"{rule}/") for rule in allowed), source
    assert not any(fnmatch.fnmatch(name, rule) for rule in allowed for name in ("var", "recordings", ".git"))


def test_dependencies_are_installed_with_their_hashes_and_asterisk_as_the_set_up_does() -> None:
    steps = " ".join(" ".join(words) for words in STAGES["environment"]).split("&&")
    for lock, step in (("uv", "pip install"), ("run", "uv pip sync")):
        assert f"requirements/{lock}.txt" in copied("environment")
        installs = [words for words in steps if step in words]
        assert [f"/tmp/{lock}.txt" in words and "--require-hashes" in words for words in installs] == [True]
    packages = next(" ".join(words) for words in STAGES["asterisk"] if "apt-get" in words).split()
    assert set(ASTERISK.packages) <= set(packages)
    assert "tzdata" in packages


@pytest.mark.parametrize("stage", ["controller", "asterisk"])
def test_images_run_unprivileged_stop_in_order_and_tell_their_health(stage: str) -> None:
    user, number = {"controller": ("callcenter", "10001"), "asterisk": ("callcenter-asterisk", "10002")}[stage]
    assert said(stage, "USER") == user
    assert said(stage, "STOPSIGNAL") == "SIGTERM"
    assert "CMD [" in said(stage, "HEALTHCHECK")
    assert any("--uid" in words and words[words.index("--uid") + 1] == number for words in STAGES[stage])


def test_entry_points_are_in_the_image_and_can_be_run() -> None:
    for stage, program in (
        ("controller", "callcenter"),
        ("controller", "alive"),
        ("asterisk", "asterisk-when-rendered"),
    ):
        path = ROOT / "deploy/container" / program
        assert path.relative_to(ROOT).as_posix() in copied(stage)
        assert path.stat().st_mode & 0o111 == 0o111
    for words in ("ENTRYPOINT", "CMD"):
        assert said("controller", words) in ('["callcenter"]', '["serve"]')
    assert "serve" in main.places


def test_asterisk_in_a_container_waits_for_the_file_that_is_written_last(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    config = Config.load(tmp_path / "config.yaml")
    etc = write_asterisk_files(
        config, Installation(Path("/usr/lib/asterisk/modules"), Path("/usr/share/asterisk")), None
    )
    assert etc == Folders.under(config.var).etc
    last = max(etc.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert last.name == "asterisk.conf"
    waits_for = (ROOT / "deploy/container/asterisk-when-rendered").read_text()
    assert f"{HOME}/{last.relative_to(tmp_path)}" in waits_for


# -- compose -----------------------------------------------------------------------------------------------------------


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


def test_compose_joins_all_parts_and_builds_what_the_dockerfile_has() -> None:
    found = compose()
    assert set(found["services"]) == {"render", "controller", "asterisk", "prometheus", "grafana"}
    for name, service in found["services"].items():
        assert service["network_mode"] == "host", name
        assert service["cap_drop"] == ["ALL"], name
        if "build" in service:
            assert service["build"]["target"] in STAGES
        named = {volume.split(":")[0] for volume in service["volumes"] if not volume.startswith((".", "/"))}
        assert named <= set(found["volumes"])
    assert found["services"]["render"]["command"][0] in main.places


def test_in_compose_asterisk_sees_its_own_folder_of_the_home_and_nothing_else() -> None:
    services = compose()["services"]
    seen = [volume.split(":")[1] for volume in services["asterisk"]["volumes"]]
    assert [path for path in seen if path.startswith(HOME)] == [f"{HOME}/var/asterisk"]
    shared = next(volume for volume in services["asterisk"]["volumes"] if "/var/asterisk" in volume)
    assert shared in services["controller"]["volumes"]
    assert shared in services["render"]["volumes"]
    assert services["asterisk"]["depends_on"]["render"]["condition"] == "service_completed_successfully"


def test_prometheus_scrapes_the_port_that_the_configuration_names() -> None:
    http = Config.load(ROOT / "config.yaml").http
    jobs = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text())["scrape_configs"]
    assert jobs[0]["static_configs"][0]["targets"] == [f"{http.bind}:{http.port}"]


# -- systemd -----------------------------------------------------------------------------------------------------------


def unit(name: str) -> configparser.ConfigParser:
    # Settings may be repeated in a unit; the last is enough here.
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "deploy/systemd" / name)
    return parser


@pytest.mark.parametrize("name", ["callcenter.service", "callcenter-asterisk.service"])
def test_units_stop_in_order_come_back_and_are_sealed(name: str) -> None:
    service = unit(name)["Service"]
    assert service["KillSignal"] == "SIGTERM"
    assert service["Restart"] == "on-failure"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert unit(name)["Install"]["WantedBy"] == "multi-user.target"


def test_asterisk_has_a_user_of_its_own_and_the_controller_is_in_its_group() -> None:
    """It can neither read secrets nor change its settings; the controller takes its recordings away."""
    asterisk = unit("callcenter-asterisk.service")["Service"]
    assert (asterisk["User"], asterisk["Group"], asterisk["UMask"]) == (*["callcenter-asterisk"] * 2, "0007")
    for name in ("callcenter.service", "callcenter-render.service"):
        service = unit(name)["Service"]
        assert (service["User"], service["SupplementaryGroups"]) == ("callcenter", asterisk["Group"])
    services = compose()["services"]
    assert services["controller"]["group_add"] == services["render"]["group_add"] == ["10002"]
    assert int(unit("callcenter.service")["Service"]["LimitNOFILE"]) >= 65536


@pytest.mark.parametrize(
    ("mask", "file", "settings", "written"), [(0o077, 0o600, 0o700, 0o700), (0o027, 0o640, 0o750, 0o2770)]
)
def test_asterisk_reads_its_settings_and_writes_elsewhere(
    tmp_path: Path, mask: int, file: int, settings: int, written: int
) -> None:
    """With a group of its own it gets what it needs through it; without one nobody else gets anything."""
    shutil.copy(ROOT / "config.yaml", tmp_path)
    before = os.umask(mask)
    try:
        write_asterisk_files(Config.load(tmp_path / "config.yaml"), Installation(Path("/m"), Path("/d")), None)
    finally:
        os.umask(before)
    folders = Folders.under(tmp_path / "var")
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders.etc.iterdir()} == {file}
    assert stat.S_IMODE(folders.etc.stat().st_mode) == settings
    for folder in (folders.recording, folders.journal, folders.run, folders.lib, folders.log):
        assert stat.S_IMODE(folder.stat().st_mode) == written
    assert stat.S_IMODE((tmp_path / "var" / "secrets.yaml").stat().st_mode) == 0o600


def test_what_a_start_with_another_umask_took_from_asterisk_is_given_back(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    config, installation = Config.load(tmp_path / "config.yaml"), Installation(Path("/m"), Path("/d"))
    folders = Folders.under(tmp_path / "var")
    for mask, settings, written in ((0o077, 0o700, 0o700), (0o027, 0o750, 0o2770)):
        before = os.umask(mask)
        try:
            write_asterisk_files(config, installation, None)
        finally:
            os.umask(before)
        assert stat.S_IMODE(folders.etc.stat().st_mode) == settings
        assert stat.S_IMODE(folders.recording.stat().st_mode) == written


def test_settings_are_not_written_where_a_link_leads(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "var" / "asterisk").mkdir(parents=True)
    (tmp_path / "var" / "asterisk" / "etc").symlink_to(elsewhere)
    with pytest.raises(RenderError, match="symbolic link"):
        write_asterisk_files(Config.load(tmp_path / "config.yaml"), Installation(Path("/m"), Path("/d")), None)
    assert list(elsewhere.iterdir()) == []


def test_units_run_commands_that_exist_in_the_home_that_the_images_have() -> None:
    for name, command in (("callcenter.service", "serve"), ("callcenter-render.service", "render")):
        service = unit(name)["Service"]
        assert service["ExecStart"].split()[-1] == command
        assert command in main.places
        assert service["WorkingDirectory"] == HOME
    asterisk = unit("callcenter-asterisk.service")
    assert f"{HOME}/var/asterisk/etc/asterisk.conf" in asterisk["Service"]["ExecStart"]
    assert asterisk["Service"]["BindPaths"] == f"{HOME}/var/asterisk"
    assert asterisk["Unit"]["Requires"] == "callcenter-render.service"


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    for path in UNITS:  # programs and user of this machine, or it complains of their absence
        text = re.sub(r"^(Exec\w+=)\S+", r"\1/bin/true", path.read_text(), flags=re.MULTILINE)
        (tmp_path / path.name).write_text(re.sub(r"^(User|Group)=.*", r"\1=root", text, flags=re.MULTILINE))
    command = ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.glob("*.service"))]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    ours = [line for line in outcome.stderr.splitlines() if "callcenter" in line]
    assert ours == []


# -- a loop that hangs -------------------------------------------------------------------------------------------------


def test_a_loop_that_hangs_ends_the_process_and_says_where(tmp_path: Path) -> None:
    program = tmp_path / "hangs.py"
    program.write_text(
        "import asyncio, threading\n"
        "from callcenter.app import run\n"
        "run.STUCK_AFTER = 0.2\n"
        "async def main():\n"
        "    alive = asyncio.create_task(run._give_up_when_stuck())\n"
        "    await asyncio.sleep(0)\n"
        "    this_is_where_it_hangs()\n"
        "def this_is_where_it_hangs():\n"
        "    threading.Event().wait(60)\n"
        "asyncio.run(main())\n"
    )
    outcome = subprocess.run(
        [sys.executable, str(program)], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False, timeout=30,
    )  # fmt: skip
    assert outcome.returncode == 1
    assert "this_is_where_it_hangs" in outcome.stderr


# -- secrets in logs ---------------------------------------------------------------------------------------------------


def test_what_a_service_prints_for_its_log_holds_no_secret(tmp_path: Path) -> None:
    from callcenter.core.callcenter import CallCenter

    shutil.copy(ROOT / "config.yaml", tmp_path)
    config = Config.load(tmp_path / "config.yaml")
    secrets = Secrets.load_or_create(config.var, config)
    view = CallCenter(config.settings(boot="b")).view(0.0)
    printed = "\n".join(summary(config, None, view, MONDAY_NOON))
    assert "http://127.0.0.1:8080/" in printed
    shown_to_people = "\n".join(summary(config, secrets, view, MONDAY_NOON))
    for person in config.people:
        first = secrets.initial(person)
        assert first
        assert first.password in shown_to_people
        assert first.password not in printed
        assert first.pin not in printed
    assert not any(password in printed for password in secrets.phones.values())


# -- backup ------------------------------------------------------------------------------------------------------------


def size(path: str) -> int:
    return Path(path).stat().st_size


async def test_a_backup_taken_at_work_restores_secrets_and_register(tmp_path: Path) -> None:
    home, copy = tmp_path / "home", tmp_path / "backup"
    home.mkdir()
    shutil.copy(ROOT / "config.yaml", home)
    config = Config.load(home / "config.yaml")
    secrets = Secrets.load_or_create(config.var, config)
    register = await Register.open(config.database)
    await register.close()
    with closing(sqlite3.connect(config.database)) as database:  # open, as at work
        database.execute(
            "insert into shifts (fact, operator, phone, started_at, end_cause) values ('f', '101', '101', ?, '')",
            [MONDAY_NOON.isoformat(" ")],
        )
        database.commit()
        assert size(f"{config.database}-wal") > 0, "what was written last is not in the file itself yet"
        command = ["backup", str(copy), "--config", str(home / "config.yaml")]
        taken = CliRunner().invoke(main, command)
        assert taken.exit_code == 0, taken.output
        again = CliRunner().invoke(main, command)
        assert again.exit_code == 1
        assert "exists already" in again.output
    restored = Config.load(copy / "config.yaml")
    first = secrets.initial("101")
    assert first
    assert Secrets.load_or_create(restored.var, restored).verify_password("101", first.password)
    with closing(sqlite3.connect(restored.database)) as database:
        assert database.execute("select operator from shifts").fetchall() == [("101",)]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (copy, copy / "var"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in (copy / "var").glob("[ir]*.*"))


def test_a_backup_of_a_register_that_is_none_says_so(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    config = Config.load(tmp_path / "config.yaml")
    config.var.mkdir()
    Path(config.database).write_bytes(b"not a database, though it is long enough to be taken for one" * 100)
    taken = CliRunner().invoke(main, ["backup", str(tmp_path / "b"), "--config", str(tmp_path / "config.yaml")])
    assert taken.exit_code == 1
    assert "nothing was copied" in taken.output
    assert "is not a database" in taken.output
    assert not (tmp_path / "b").exists()


# -- documents ---------------------------------------------------------------------------------------------------------


def test_operating_says_what_to_do_about_every_alert() -> None:
    groups = yaml.safe_load((ROOT / "monitoring/rules.yml").read_text())["groups"]
    alerts = [rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule]
    assert alerts
    for page in ("operating.md", "metrics.md"):
        text = (ROOT / "docs" / page).read_text()
        assert [alert for alert in alerts if f"**{alert}**" not in text] == []


def test_documents_name_commands_settings_and_files_that_exist() -> None:
    text = "\n".join((ROOT / "docs" / page).read_text() for page in ("operating.md", "installing.md"))
    commands = set(re.findall(r"(?:callcenter -- |exec controller |^)callcenter ([a-z]+)", text, re.MULTILINE))
    assert commands
    assert commands <= set(main.places)
    for path in re.findall(r"/opt/callcenter/([\w./*-]+)", text):
        assert path.startswith("var") or list(ROOT.glob(path)), path
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (ROOT / "docs" / link).exists(), link
