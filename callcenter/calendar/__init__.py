"""Working hours, working days, and the two clocks."""
