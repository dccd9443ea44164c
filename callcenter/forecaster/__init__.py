"""Watches the target of every open line: how the day's average will end, and how many people keep it (ESTP 2.2d).

`watch` asks again and again, `worker_process` computes where it disturbs nobody, `advice` says it to people. Nothing is
imported here: the process that computes begins with this package and is to begin quickly.
"""
