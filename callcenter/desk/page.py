"""The operators' page: one template that contains only texts; its script gets all state over the live connection."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from aiohttp import web

from callcenter.core.ids import LineId
from callcenter.desk.chat_texts import CHAT_TEXTS
from callcenter.desk.gate import ANYBODY, LOGGED_OUT_PAGE, SENDER, Route
from callcenter.desk.guard import CONNECTS, at_our_host
from callcenter.desk.html import SESSION_TEXTS, rendered
from callcenter.desk.language import LANGUAGES, N_, TEXTS, chosen
from callcenter.desk.request_words import AT_THE_DESK
from callcenter.desk.sound_texts import SOUND_TEXTS

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / "var" / "front" / "built"
"""The page's script, which `tools/front.py` builds."""

REASONS = {
    "lunch": N_("lunch"),
    "break": N_("break"),
    "training": N_("training"),
    "paperwork": N_("paperwork"),
}
"""Pause reasons that have a translation. Other reasons are shown as they are configured."""

SCRIPT_TEXTS = {
    **CHAT_TEXTS,
    **SOUND_TEXTS,
    **SESSION_TEXTS,
    "available": N_("Free"),
    "no_calls": N_("No calls for now"),
    "paused": N_("Paused"),
    "offered": N_("Your phone is ringing"),
    "talking": N_("In conversation"),
    "consulting": N_("Talking to a colleague"),
    "advising": N_("A colleague asks for advice"),
    "wrapping_up": N_("Wrap-up"),
    "calling_out": N_("Outgoing call"),
    "outgoing_call": N_("Outgoing call"),
    "outgoing_asked": N_("Your phone will ring"),
    "outgoing_phone_ringing": N_("Answer your phone"),
    "outgoing_phone_answered": N_("Dialling"),
    "outgoing_dialled": N_("Dialling"),
    "outgoing_ringing": N_("Ringing"),
    "outgoing_answered": N_("Answered; they hear who is calling"),
    "dial_number": N_("Call a number"),
    "dial": N_("Dial"),
    "call_back": N_("Call them back"),
    "kept": N_("Your caller waits for you"),
    "internal": N_("On the phone with a colleague"),
    "paused_after": N_("then paused"),
    "missed": N_("You were paused: a call was not answered."),
    "declined": N_("You were paused: a call was declined on your phone."),
    "do_not_disturb": N_(
        "You were paused: your phone is set to “do not disturb”. Please switch that off on the phone."
    ),
    "forwarded": N_("You were paused: your phone forwards calls. Please switch that off on the phone."),
    "phone_unreachable": N_("Your phone can't be reached: no calls come to it. This ends by itself when it is back."),
    "phone_busy": N_("Your phone is on another call: the next call comes a little later."),
    "phone_not_placed": N_(
        "Your phone could not be called just now; it is tried again. If this stays, tell the engineer."
    ),
    "press_return": N_("Press “Return” to take calls again."),
    "transfer_ringing": N_("A colleague's phone is ringing."),
    "transfer_missed": N_("The colleague did not answer; the caller is with you."),
    "not_recording": N_("Conversations are not recorded now. Please tell the engineer."),
    "by_number": N_("known by number"),
    "by_inn": N_("known by INN"),
    "by_contract": N_("known by contract"),
    "by_former_call": N_("known by a former call"),
    "speaks_en": N_("has chosen English"),
    "inn_only": N_("INN not in the directory"),
    "by_operator": N_("not a Customer, by the operator"),
    "unknown": N_("not identified: please ask"),
    "urgent": N_("urgent"),
    "normal": N_("ordinary"),
    "anonymous": N_("number withheld"),
    "free": N_("free"),
    "directly": N_("transfer"),
    "talk_first": N_("talk first"),
    "waiting": N_("waiting"),
    "longest": N_("longest wait"),
    "closed": N_("closed"),
    "title": N_("Call centre"),
    "account": N_("Account"),
    "log_in_title": N_("Log in to open your shift"),
    "id": N_("Id"),
    "code": N_("Code from the app"),
    "other_phone": N_("Phone, if not your usual one"),
    "log_in": N_("Log in"),
    "seat": N_("Where you take calls"),
    "seat_page": N_("in this page, with a headset"),
    "seat_desk": N_("at a desk phone"),
    "page_phone": N_("phone in the page"),
    "news_first": N_("Please read this before your shift begins"),
    "news_urgent": N_("urgent"),
    "news_read": N_("I have read this: begin the shift"),
    "news": N_("News"),
    "news_urgent_now": N_("Urgent news"),
    "news_confirm": N_("I have read it"),
    "news_confirmed": N_("It is noted that you have read it."),
    "news_to_the_end": N_("Read it to its end first."),
    "news_open": N_("Show the news"),
    "news_unread": N_("Unread news"),
    "news_left": N_("More unread news"),
    "keys": N_("Keys of the keyboard"),
    "answer_hang_up": N_("answer, hang up"),
    "knowledge": N_("Knowledge base"),
    "search_articles": N_("Search the articles"),
    "on_subject": N_("About"),
    "articles_found": N_("Articles found"),
    "articles_none": N_("No article has these words."),
    "all_articles": N_("All articles (in another tab)"),
    "to_the_list": N_("To the list"),
    "short_text": N_("short text"),
    "link": N_("link"),
    "copy_link": N_("Copy the link"),
    "copy_text": N_("Copy the short text"),
    "link_copied": N_("The link has been copied."),
    "text_copied": N_("The short text has been copied."),
    "not_copied": N_("The browser did not let the page copy that."),
    "did_not_help": N_("This did not help"),
    "what_was_missing": N_("What was missing or wrong?"),
    "tell_the_author": N_("Tell the author"),
    "feedback_sent": N_("Thank you. The author of the article will see that."),
    "cancel": N_("Cancel"),
    "answer": N_("Answer"),
    "take_call_back": N_("Take the call back"),
    "call_broke_off": N_(
        "The conversation broke off: the caller hears music and waits for you. Your phone rings as soon as it is "
        "ready; if you decline, the caller goes to the head of the queue."
    ),
    "decline": N_("Decline"),
    "mute": N_("Mute"),
    "hold": N_("Hold"),
    "keypad": N_("Keys"),
    "hang_up": N_("Hang up"),
    "page_no_microphone": N_(
        "This page may not use the microphone: no calls come. Allow it in the browser, plug the headset in, then press "
        "“Try again”."
    ),
    "page_no_asterisk": N_("The phone in this page can't reach the telephone system. It tries again by itself."),
    "page_elsewhere": N_("Your phone is in another page or on another computer."),
    "take_phone": N_("Take the phone here"),
    "try_again": N_("Try again"),
    "too_many_pages": N_("You have opened too many other pages: this one shows nothing new. Reload it to go on here."),
    "by_hand": N_("found by an operator"),
    "handed_by": N_("Handed on by"),
    "still_talking": N_("Your session has ended; your conversation goes on. Log in, and go on with its note."),
    "transfer_by_digit": N_("Transfer; then the digit of the group"),
    "choose_transfer": N_(
        "Transfer: a digit at once, Shift and a digit to talk to them first, 0: not a Customer. Esc: do not transfer."
    ),
    "pause_by_digit": N_("Pause; then the digit of the reason"),
    "choose_pause": N_("Pause: the digit of the reason. Esc: no pause."),
    "why_transfer": N_("Why, for the colleague (not required)"),
    "history": N_("Who is calling, and what was before"),
    "no_history": N_("With a call, the earlier calls of this number and organisation are shown here."),
    "before_this_call": N_("Before this call"),
    "first_call": N_("Nobody called from this number or organisation before."),
    "outcome_in_progress": N_("goes on"),
    "outcome_answered": N_("answered"),
    "outcome_abandoned": N_("gave up waiting"),
    "outcome_left_in_menu": N_("hung up in the menu"),
    "outcome_call_back": N_("keeps the place, is called back"),
    "outcome_closed": N_("outside hours"),
    "outcome_all_lines_busy": N_("all lines were busy"),
    "outcome_general_line": N_("general line"),
    "outcome_not_paid": N_("no paid period"),
    "outcome_lost": N_("cut off"),
    "outcome_busy": N_("busy"),
    "outcome_no_answer": N_("no answer"),
    "outcome_refused": N_("declined"),
    "outcome_wrong_number": N_("wrong number"),
    "outcome_failed": N_("not connected"),
    "outcome_cancelled": N_("cancelled"),
    "colleague_number": N_("another number:"),
    "recorded": N_("recorded"),
    "listen": N_("Listen to the recording"),
    "recording": N_("Recording"),
    "no_recording": N_("The recording is not there any more, or can't be fetched just now."),
    "conduct": N_("Refused for conduct"),
    "this_call": N_("This call"),
    "heard": N_("Heard"),
    "place": N_("place"),
    "up_to": N_("no more than"),
    "min": N_("min"),
    "info_menu": N_("information menu"),
    "handed": N_("Handed on"),
    "who_is_it": N_("Who it is"),
    "at_this_number": N_("At this number:"),
    "identified_by": N_("Found by"),
    "crm": N_("Open in the customers' system"),
    "find_customer": N_("Find by name, INN or number"),
    "nobody_found": N_("Nobody of that name, INN or number is in the directory."),
    "person_there": N_("Who is at this number (name, position)"),
    "this_is_them": N_("This is the caller"),
    "number_is_theirs": N_("…and the number is theirs"),
    "registering": N_("Register the call"),
    "nothing_to_register": N_("There is no call to register."),
    "registered": N_("Registered"),
    "other_call": N_("This is the note of an earlier call."),
    "to_present": N_("To the present call"),
    "subject": N_("Subject"),
    "essentials": N_("What was asked"),
    "result": N_("What came of it"),
    "result_answered": N_("Answered"),
    "result_request": N_("Request"),
    "result_call_back": N_("Call back"),
    "result_transferred": N_("Transferred"),
    "result_refused": N_("Refused"),
    "register": N_("Register"),
    "register_again": N_("Correct"),
    "refuse": N_("Hooliganism: refuse"),
    "refuse_sure": N_("End the conversation because of the caller's conduct, and register it so?"),
    "next_call_in": N_("The next call may come in"),
    "prolong": N_("A minute more"),
    "unregistered": N_("Not registered"),
    "draft": N_("draft"),
    "draft_typing": N_("The draft is being kept…"),
    "draft_saved": N_("The draft is kept on the server."),
    "draft_failed": N_("The draft is not kept yet: there is no connection. It is tried again."),
    "call": N_("Call"),
    "nobody": N_("Nobody is calling now."),
    "inn": N_("INN"),
    "contract": N_("Contract or login"),
    "no_contract": N_("No contract is known"),
    "level": N_("level"),
    "plan": N_("plan"),
    "paid_until": N_("paid until"),
    "paid_was_until": N_("was paid until"),
    "not_paid": N_("No paid support period."),
    "services_of_plan": N_("What the plan leaves to the customer"),
    "service_user": N_("the customer does this without us"),
    "service_nobody": N_("not part of the plan"),
    "service_tell": N_("Tell the customer where the instructions are, or write why it is registered nevertheless."),
    "service_why": N_("Why it is registered nevertheless"),
    "waited": N_("Waited"),
    "line": N_("Line"),
    "actions": N_("What you can do"),
    "transfer_under_way": N_("Transfer under way"),
    "take_back": N_("Take the caller back"),
    "complete": N_("Complete the transfer"),
    "transfer": N_("Transfer the caller"),
    "not_customer": N_("Not a Customer → general line"),
    "conversation": N_("Conversation"),
    "end_conversation": N_("End the conversation"),
    "phone_failed": N_("My phone has failed: the caller waits again"),
    "conversations": N_("Conversations of colleagues"),
    "shift": N_("Shift"),
    "return": N_("Return"),
    "reason": N_("Reason"),
    "pause": N_("Pause"),
    "log_out": N_("Log out, end the shift"),
    "end_call": N_("end"),
    "requeue_call": N_("end, the caller waits again"),
    **AT_THE_DESK,
}
"""Words that the page's script combines with data from the API."""


class Page:
    """The page in both languages."""

    def __init__(
        self,
        pause_reasons: Collection[str],
        page_phones_at: str = "",
        zones: Mapping[LineId, str] = MappingProxyType({}),
    ) -> None:
        self._page_phones_at = page_phones_at
        self._pages = {language: _page(language, pause_reasons, bool(page_phones_at), zones) for language in LANGUAGES}

    def routes(self) -> list[Route]:
        """The page and its script; the style sheet is a file."""
        return [Route("GET", "/", self.show, ANYBODY), Route("GET", "/built/{name}", self.built, ANYBODY)]

    async def built(self, request: web.Request) -> web.StreamResponse:
        """Handle GET /built/…: a script, or the map from it to its sources."""
        name = request.match_info["name"]
        if not re.fullmatch(r"[a-z]+\.js(\.map)?", name) or not (BUILT / name).is_file():
            raise web.HTTPNotFound
        return web.FileResponse(BUILT / name, headers={"Content-Type": "text/javascript; charset=utf-8"})

    async def show(self, request: web.Request) -> web.Response:
        """Handle GET /."""
        sender = request.get(SENDER)
        if sender is not None and not sender.account.takes_calls:
            raise web.HTTPSeeOther(LOGGED_OUT_PAGE)
        language = chosen(request)
        if self._page_phones_at:
            request[CONNECTS] = at_our_host(request, self._page_phones_at)
        return web.Response(
            text=self._pages[language],
            content_type="text/html",
            headers={"Content-Language": language, "Vary": "Accept-Language"},
        )


def _page(language: str, pause_reasons: Collection[str], page_phones: bool, zones: Mapping[LineId, str]) -> str:
    gettext = TEXTS[language].gettext
    return rendered(
        language,
        "desk.html",
        page_phones=page_phones,
        zones=dict(zones),
        reasons=[(reason, gettext(REASONS.get(reason, reason))) for reason in pause_reasons],
        texts={key: gettext(text) for key, text in SCRIPT_TEXTS.items()},
    )
