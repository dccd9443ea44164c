"""Planning: how many people a line needs, and how its day will probably end. Pure; chance is passed in.

`erlang` says how a queue fares in the long run, `arrivals` how many callers to expect, `forecast` how today ends,
`staffing` what to put on the rota.
"""
