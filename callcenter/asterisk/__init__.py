"""Asterisk at the edge: the manager interface, translation both ways, rendered configuration, the process."""
