"""The page's words about its phone's sound: devices, the test before the shift, what goes wrong."""

from __future__ import annotations

from callcenter.desk.language import N_

SOUND_TEXTS = {
    "sound": N_("Sound"),
    "devices": N_("Devices and volume"),
    "device_microphone": N_("Microphone"),
    "device_speaker": N_("Voices come from"),
    "device_ringer": N_("Rings also on"),
    "device_usual": N_("as in the system"),
    "device_absent": N_("the chosen one is not plugged in"),
    "ringer_none": N_("no other device"),
    "volume_volume": N_("Volume of voices"),
    "volume_ringing": N_("Volume of ringing"),
    "level": N_("Your voice"),
    "try_ring": N_("Try the ringing"),
    "notify": N_("Show a message of the system when a call comes"),
    "echo_test": N_("Test of the sound"),
    "echo_first": N_("No calls come until you have heard yourself."),
    "echo_what": N_("Start it, say a few words, and hear yourself from the telephone system a second later."),
    "echo_begin": N_("Start the test"),
    "echo_calling": N_("Connecting…"),
    "echo_speak": N_("Say a few words: you hear them a second later."),
    "echo_level": N_("What comes back"),
    "echo_returned": N_("Your voice came back. Do you hear it?"),
    "echo_heard": N_("I hear myself"),
    "echo_not_heard": N_("I hear nothing"),
    "echo_silent": N_("Choose another device below, turn the volume up, and start the test again."),
    "echo_failed": N_("The telephone system was not reached. Try again; if this stays, tell the engineer."),
    "phone_untested": N_("No calls come yet: please test the sound."),
    "phone_no_microphone": N_("No calls come: this page has no microphone."),
    "phone_no_sound": N_("No calls come: the browser keeps this page silent."),
    "phone_silent_page": N_("No calls come: the page with your phone does not react."),
    "sound_locked": N_("The browser keeps this page silent: click anywhere, or press any key."),
    "unplugged_microphone": N_("The microphone is gone."),
    "unplugged_speaker": N_("The headphones are gone."),
    "goes_on_with": N_("It goes on with:"),
    "no_other_device": N_("There is no other: plug it in again."),
    "understood": N_("Understood"),
    "bad_line": N_("bad connection"),
    "headset": N_("Use the headset's buttons"),
    "headset_ready": N_("The headset's buttons work:"),
    "auto_answer": N_("Answers by itself"),
}
"""Words that the page's script shows."""
