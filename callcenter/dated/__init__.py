"""Settings with a date: what was published, what may be published now, and how customers are told (ESTP 6.2)."""
