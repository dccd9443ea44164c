"""The line with simulated callers and operators: `callcenter demo`."""
