"""The queue of a line: order of service, statistics, estimated waiting times. Independent of calls and of the floor."""
