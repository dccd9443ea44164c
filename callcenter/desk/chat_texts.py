"""The words of chats in the script of the operators' page."""

from __future__ import annotations

from callcenter.desk.language import N_

CHAT_TEXTS = {
    "chatting": N_("In a chat"),
    "chats": N_("Chats"),
    "chat_offered": N_("A customer writes:"),
    "chat_accept": N_("Take the chat"),
    "chat_decline": N_("Decline"),
    "chat_next": N_("next chat"),
    "chat_here": N_("is there"),
    "chat_away": N_("has closed the page"),
    "chat_over": N_("over"),
    "chat_unread": N_("unread"),
    "chat_with": N_("Chat with"),
    "chat_messages": N_("Messages"),
    "chat_typing": N_("The customer is typing…"),
    "chat_answer": N_("Your answer"),
    "chat_send": N_("Send"),
    "chat_sending": N_("being sent…"),
    "chat_us": N_("We"),
    "chat_close": N_("End the chat"),
    "chat_done": N_("Done"),
    "chat_request": N_("Make it a request"),
    "chat_request_made": N_("It is a request now:"),
    "chat_hand_over": N_("Hand over"),
    "chat_anybody": N_("whoever is free"),
    "chat_groups": N_("To a group"),
    "chat_colleagues": N_("To a colleague"),
    "chat_not_away": N_("is away"),
    "chat_not_paused": N_("is paused"),
    "chat_not_busy": N_("is on the phone"),
    "chat_not_full": N_("answers enough chats"),
    "chat_not_offered": N_("is being offered a chat"),
    "chat_not_callers": N_("stays free for callers"),
    "chat_subject": N_("Subject"),
    "chat_note": N_("What came of it"),
    "chat_keep_note": N_("Keep the note"),
}
