"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# Tests run side by side on whatever machine there is: an example that takes longer once is no failure.
settings.register_profile("callcenter", deadline=None)
settings.load_profile("callcenter")
