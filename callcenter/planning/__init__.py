"""Planning: how many people a line needs, and how its day will probably end. Pure; the random generator is passed in.

`erlang` computes the steady state of a queue, `arrivals` the expected number of callers, `forecast` how today ends,
`staffing` the rota.
"""
