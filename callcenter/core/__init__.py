"""The call centre's decisions: pure, synchronous, standard library only.

Adapters turn what happens outside into `events`; `CallCenter.handle(event, now)` is the only place where state
changes, and it returns `commands`, which adapters perform. Nothing here waits, reads a clock, uses random numbers or
logs: `now` is a monotonic time in seconds that the caller of `handle` supplies, and timers are data (`SetTimer` goes
out, `TimerFired` comes back). So the same code runs live, in tests and in virtual time.

`callcenter` has the table from event to rule. `caller`, `operator` and `offer` each hold one lifecycle and its table;
`floor` is the state and the only ways to change it. `call/` has the rules for one call, `queue/` the order of service
(ESTP 2.3, 4.2), the longest free operators and the estimated waits, `catchup/` what follows a start or a reconnection.
"""
