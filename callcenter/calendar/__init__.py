"""Hours, working days, and the two clocks."""
