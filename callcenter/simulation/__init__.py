"""Simulates a day, a year or a recorded trace in virtual time, with the live controller's own core."""
