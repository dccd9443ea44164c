"""Who is who: every name of somebody or something is a string of a type of its own, so that none is taken for another.

They are made where text comes in: by the adapters, from what Asterisk, the register, the configuration or a page says.
A call and an offer are channels of Asterisk: either id is good wherever a channel's is wanted, but not the other way.
"""

from __future__ import annotations

from typing import NewType

ChannelId = NewType("ChannelId", str)
"""Asterisk's unique id of a channel: '1795298577.12' (behind a systemname, where it has one), or one of our choice."""
CallId = NewType("CallId", ChannelId)
"""A call: the unique id of its caller's channel, which Asterisk makes."""
OfferId = NewType("OfferId", ChannelId)
"""An offer, later the operator's leg: 'offer-6921a3f0b7c2-0000042', the unique id that the core gives its channel.

Of a leg that Asterisk's own queue has rung it is the id that Asterisk gave.
"""
ChannelName = NewType("ChannelName", str)
"""What Asterisk calls a channel, and wants to be told in actions: 'PJSIP/phone-101-0000002a'."""
BridgeId = NewType("BridgeId", str)
"""Asterisk's unique id of a bridge: a UUID; or 'unseen-' and a leg, for a bridge that the next snapshot names."""
ServerId = NewType("ServerId", str)
"""One Asterisk of those that we drive: a key of the configuration."""
LineId = NewType("LineId", str)
"""A published line: 'estp', a key of the configuration's lines."""
PersonId = NewType("PersonId", str)
"""An operator or supervisor, by account: '101', a key of the configuration's people, dialled at a phone to log in."""
GroupId = NewType("GroupId", str)
"""Operators who answer the same callers: 'technical', a key of the configuration's groups."""
PhoneName = NewType("PhoneName", str)
"""A phone: a key of the configuration's phones, and the name of its endpoint in Asterisk."""
ReplyTo = NewType("ReplyTo", str)
"""An opaque address to which an answer can be sent: made for a page that asks, or for the phone that dialled a code."""

# Where there is none.
NO_CHANNEL = ChannelId("")
NO_CALL = CallId(NO_CHANNEL)
NO_OFFER = OfferId(NO_CHANNEL)
NO_CHANNEL_NAME = ChannelName("")
NO_BRIDGE = BridgeId("")
NO_LINE = LineId("")
NO_PERSON = PersonId("")
NO_GROUP = GroupId("")
NO_PHONE = PhoneName("")
NO_REPLY = ReplyTo("")
