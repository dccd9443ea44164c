"""The roles of the people who work here: what somebody may see and do on the desk."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What somebody is here. One person may be several."""

    OPERATOR = "operator"
    """Takes calls."""
    SPECIALIST = "specialist"
    """Takes calls that need technical knowledge."""
    MANAGER = "manager"
    """Takes calls as a client manager."""
    SUPERVISOR = "supervisor"
    """Watches the floor, recordings and reports; may end colleagues' conversations."""
    HEAD = "head"
    """Answers for the department: targets, news, knowledge base, and the accounts of its people."""
    ENGINEER = "engineer"
    """Keeps the system running: settings, health, all accounts."""


TAKES_CALLS = frozenset({Role.OPERATOR, Role.SPECIALIST, Role.MANAGER})
"""Only these roles open shifts, and need a group and a phone."""
EVERY_ROLE = frozenset(Role)
RESETS: Mapping[Role, frozenset[Role]] = {Role.HEAD: TAKES_CALLS, Role.ENGINEER: EVERY_ROLE}
"""Whose password and second factor a role resets: of people who have no other roles than these.

Whoever resets a password knows the new one. So a head resets nobody beside or above: a supervisor ends conversations.
"""
