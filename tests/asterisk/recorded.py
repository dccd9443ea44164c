"""A real Asterisk's own words about three callers and two operators, to be told in any order (record_session.py)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from callcenter.asterisk.messages import Message, MessageReader
from tests.asterisk.fake_asterisk import event

SESSION = Path(__file__).resolve().parents[1] / "data/ami_session.txt"

ASKED = "Asked: "
"""What an operator asked for by the page in this moment: no word of Asterisk."""
DIALPLAN_STEPS = {
    "cc-arrive": "arriving",
    "cc-greeting": "greeting",
    "cc-identify": "identifying",
    "cc-urgency": "choosing",
    "cc-waiting": "waiting",
    "cc-hold": "held",
}


def session(boot: str, token: str) -> list[str]:
    """Events as they were told, each as it goes over the wire; with the ids and the token of this controller."""
    text = SESSION.read_text().replace("BOOT", boot).replace("TOKEN", token)
    return [block.strip("\n").replace("\n", "\r\n") + "\r\n\r\n" for block in text.split("\n\n")]


def messages(told: Iterable[str]) -> list[Message]:
    """The same, understood."""
    return list(MessageReader().feed("".join(told).encode()))


def world(told: Iterable[str]) -> dict[str, dict[str, str]]:
    """The channels that exist after this has happened, as `Status` lists them, by unique id."""
    seen: dict[str, dict[str, str]] = {}
    for message in messages(told):
        id = message.get("Uniqueid", "")
        if message["Event"] == "Hangup":
            seen.pop(id, None)
        elif message["Event"] != "OriginateResponse":
            channel = seen.setdefault(id, {"Uniqueid": id, "Channel": message["Channel"], "Seconds": "5"})
            channel["Who"] = message.get("Number") or channel.get("Who", "")
            if message["Event"].startswith("Bridge"):
                channel["BridgeID"] = message["BridgeUniqueid"] if message["Event"] == "BridgeEnter" else ""
            if not id.startswith("offer-"):
                channel["Stage"] = DIALPLAN_STEPS.get(message["Context"], "leaving")
    return seen


def status_items(channels: Iterable[dict[str, str]], action_id: str) -> str:
    """The answer to `Status`, without its beginning."""
    items = []
    for channel in channels:
        headers = {key: value for key, value in channel.items() if key not in ("Stage", "Who")}
        known = f"CC_LINE=estp\r\nVariable: CC_WHO={channel.get('Who', '')}\r\nVariable: CC_STAGE="
        variables = f"{known}{channel['Stage']}" if "Stage" in channel else "CC_LINE="
        items.append(event("Status", ActionID=action_id, **headers, Variable=variables))
    return "".join(items) + event("StatusComplete", ActionID=action_id, EventList="Complete")
