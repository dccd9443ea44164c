"""Forecasts for every open line how the day's average wait will end, and how many people meet the target (ESTP 2.2d).

`forecaster` repeats the forecast, `worker_process` computes it in a separate process, `advice` reports it to people.
Nothing is imported here, because the worker process starts with this package and must start quickly.
"""
