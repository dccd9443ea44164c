"""Written channels: `channel.py` what each of them has to do, `receiver.py` takes what comes in into the register."""
