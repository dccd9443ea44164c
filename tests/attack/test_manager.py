"""Whoever has the secret of our own AMI user cannot load modules, run programs, or read and change the settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from callcenter.asterisk.ami import ActionFailed
from tests.e2e.hearing import brief_prompts
from tests.e2e.station import Station, station

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

REFUSED: Mapping[str, dict[str, str]] = {
    # system
    "ModuleLoad": {"Module": "app_system.so", "LoadType": "load"},
    "ModuleCheck": {"Module": "app_system.so"},
    "Filter": {"Operation": "Add", "Filter": "x"},
    "MixMonitor": {"Channel": "x", "File": "x.wav", "Command": "touch {trace}"},
    "DBPut": {"Family": "x", "Key": "x", "Val": "x"},
    "DBDelTree": {"Family": "x"},
    "DialplanExtensionAdd": {
        "Context": "cc-phones",
        "Extension": "666",
        "Priority": "1",
        "Application": "System",
        "ApplicationData": "touch {trace}",
    },
    "DialplanExtensionRemove": {"Context": "cc-phones", "Extension": "*11"},
    "PJSIPShowEndpoint": {"Endpoint": "101"},
    "PJSIPShowAuths": {},
    # config
    "Reload": {"Module": "pbx_config"},
    "GetConfig": {"Filename": "manager.conf"},
    "GetConfigJSON": {"Filename": "pjsip.conf"},
    "ListCategories": {"Filename": "pjsip.conf"},
    "UpdateConfig": {"SrcFilename": "manager.conf", "DstFilename": "manager.conf", "Action-000000": "Delete"},
    "CreateConfig": {"Filename": "x.conf"},
    # command, user
    "Command": {"Command": "core show version"},
    "UserEvent": {"UserEvent": "CCLogOut"},
}
"""Actions of the rights that our user does not have: each is one that Asterisk knows."""

PROGRAMS: Mapping[str, dict[str, str]] = {
    "System": {"Application": "System", "Data": "touch {trace}"},
    "TrySystem": {"Application": "TrySystem", "Data": "touch {trace}"},
    "AGI": {"Application": "AGI", "Data": "{trace}"},
    "EAGI": {"Application": "EAGI", "Data": "{trace}"},
    "MixMonitor": {"Application": "MixMonitor", "Data": "x.wav,,touch {trace}"},
    "Exec": {"Application": "Exec", "Data": "System(touch {trace})"},
    "ExecIf": {"Application": "ExecIf", "Data": "1?System(touch {trace})"},
    "TryExec": {"Application": "TryExec", "Data": "System(touch {trace})"},
    "a function": {"Application": "NoOp", "Data": "${{SHELL(touch {trace})}}"},
    "a file": {"Application": "Set", "Data": "FILE({trace},0,1)=x"},
}
"""What an Originate would execute on a channel that answers."""

FUNCTIONS = ("SHELL(touch {trace})", "FILE({trace},0,10)", "DB(x/x)", "EVAL(${{SHELL(touch {trace})}})")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("manager")
    async with station(folder, prompts=str(brief_prompts(folder / "prompts", 0.3))) as found:
        yield found


async def refused(here: Station, action: dict[str, str], why: str) -> None:
    with pytest.raises(ActionFailed, match=why):
        await here.controller.link.ami.send(action)


@pytest.mark.parametrize("name", REFUSED)
async def test_what_our_user_does_not_need_is_refused(here: Station, tmp_path: Path, name: str) -> None:
    trace = tmp_path / "trace"
    headers = {key: value.format(trace=trace) for key, value in REFUSED[name].items()}
    await refused(here, {"Action": name, **headers}, "Permission denied")
    assert not trace.exists()


@pytest.mark.parametrize("name", PROGRAMS)
async def test_no_call_of_ours_runs_a_program(here: Station, tmp_path: Path, name: str) -> None:
    """Neither when it is placed, nor, should Asterisk accept it, when it is answered."""
    trace = tmp_path / "trace"
    what = {key: value.format(trace=trace) for key, value in PROGRAMS[name].items()}
    phone = await here.phone("101")
    phone.on_call = lambda call: call.answer()
    await refused(here, {"Action": "Originate", "Channel": "PJSIP/101", "Timeout": "2000", **what}, "Forbidden")
    await asyncio.sleep(0.2)
    assert not phone.calls
    assert not trace.exists()


@pytest.mark.parametrize("name", FUNCTIONS)
async def test_no_variable_of_ours_runs_a_program_or_touches_a_file(here: Station, tmp_path: Path, name: str) -> None:
    trace = tmp_path / "trace"
    variable = name.format(trace=trace)
    ami = here.controller.link.ami
    for action in ({"Action": "Getvar"}, {"Action": "Setvar", "Value": "x"}):
        try:
            answer = await ami.send({**action, "Variable": variable})
        except ActionFailed:
            continue
        assert not answer.get("Value"), answer
    assert not trace.exists()
