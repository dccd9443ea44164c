"""Ids: every kind of id is a string type of its own, so that one kind is never mistaken for another.

Adapters make them where text comes in: from Asterisk, the register, the configuration or a page. A call and an offer
are channels of Asterisk: a CallId or OfferId can be used as a ChannelId, but not the reverse.
"""

from __future__ import annotations

from typing import NewType

ChannelId = NewType("ChannelId", str)
"""Asterisk's unique id of a channel: '1795298577.12' (after a systemname, if Asterisk has one), or one we chose."""
CallId = NewType("CallId", ChannelId)
"""A call: the unique id of its caller's channel, made by Asterisk. Of an outgoing call it is that of the operator's
first leg, which the core chooses; the row tells the customer's channel."""
OfferId = NewType("OfferId", ChannelId)
"""An offer, later the operator's leg: 'offer-6921a3f0b7c2-0000042', the unique id that the core gives its channel.

For a leg rung by Asterisk's own queue it is the id that Asterisk gave.
"""
ChannelName = NewType("ChannelName", str)
"""Asterisk's name of a channel, used in actions: 'PJSIP/phone-101-0000002a'."""
BridgeId = NewType("BridgeId", str)
"""Asterisk's unique id of a bridge: a UUID; or 'unseen-' and a leg's id until the next snapshot tells the real one."""
ServerId = NewType("ServerId", str)
"""One of the Asterisk servers that we control: a key of the configuration."""
LineId = NewType("LineId", str)
"""A published line: 'estp', a key of the configuration's lines."""
PersonId = NewType("PersonId", str)
"""An operator or supervisor, by account: '101', a key of the configuration's people, dialled at a phone to log in."""
GroupId = NewType("GroupId", str)
"""Operators who answer the same callers: 'technical', a key of the configuration's groups."""
PhoneName = NewType("PhoneName", str)
"""A phone: a key of the configuration's phones, and the name of its endpoint in Asterisk."""
ReplyTo = NewType("ReplyTo", str)
"""An opaque address for an answer: made for the page that asks, or for the phone that dialled a code."""

CallBackId = NewType("CallBackId", str)
"""A call-back, from the wish for it to the conversation or the last failure: 'cb-' and its id in the register."""
ChatId = NewType("ChatId", str)
"""A chat: a random id, made when it begins."""

# The values for "none".
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
NO_CALL_BACK = CallBackId("")
NO_CHAT = ChatId("")
