"""The call centre's decisions: pure, synchronous, standard library only.

Adapters turn what happens outside into `events`; `CallCenter.handle(event, now)` is the only place where state
changes, and it returns `commands`, which adapters perform. Nothing here waits, reads a clock, rolls dice or logs:
`now` is a monotonic time in seconds that the caller of `handle` supplies, and timers are data (`SetTimer` goes out,
`TimerFired` comes back). So the same code runs live, in tests and in virtual time.

Who lives where: `caller`, `operator`, `offer` each hold one lifecycle and its table; `queue` the order of service
(ESTP 2.3, 4.2); `roster` who is free the longest; `arrival`, `dispatch`, `conversation`, `transfer`, `shift`,
`waiting`, `reconcile` the rules for one kind of event each; `callcenter` the table from event to rule.
"""
