"""The queue of a line: order, statistics, estimated waiting times. Knows no call and no floor."""
