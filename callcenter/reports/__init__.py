"""Queries to the register: for people, for planning, and for the start of the controller."""
