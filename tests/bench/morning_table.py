"""The morning's figures for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from tests.bench.morning import Differences, Morning
from tests.bench.verdict import Quality
from tests.bench.virtual_morning import Virtual

_QUALITY = ("announced", "judged", "coverage", "spoken", "kept", "bias", "rmse", "mean_estimate", "mean_wait")


def of(one: Morning) -> str:
    """A real morning."""
    return "\n".join(_morning(one))


def of_many(many: Virtual) -> str:
    """Many virtual ones."""
    return "\n".join(_virtual(many))


def _morning(one: Morning) -> Iterator[str]:
    yield f"\nA morning in {one.seconds:.0f} s (seed {one.seed}, load {one.load:.2f}), judged by the phones' SIP"
    for name, value in asdict(one).items():
        if isinstance(value, int | float) and name not in ("seed", "seconds", "load"):
            yield f"  {_spaced(name):<36}{_figure(value, 1):>10}"
    yield from _quality({"all": one.everything, "first": one.first, "later": one.later, "virtually": one.again})
    yield "  register less phones, ms"
    differences: dict[str, Differences] = {"promises": one.promise_waits, "calls": one.call_waits}
    for name, found in differences.items():
        figures = f"mean {found.mean:.1f}, from {found.least:.1f} to {found.most:.1f}"
        yield f"  {name:<12}n {found.compared}, {figures}; other outcome: {found.other_outcome}"


def _virtual(many: Virtual) -> Iterator[str]:
    yield f"\nSuch a morning {many.mornings} times in virtual time, before the same core; the ledger's own word"
    yield from _quality({"all": many.everything})
    yield "  nine mornings of ten lie between"
    for name, (low, high) in {"coverage": many.coverage, "bias": many.bias, "rmse": many.rmse}.items():
        yield f"  {name:<12}{low:>15.3f}{high:>15.3f}"


def _quality(promises: Mapping[str, Quality]) -> Iterator[str]:
    yield f"  {'promises':<12}" + "".join(f"{_spaced(name):>15}" for name in _QUALITY)
    for title, found in promises.items():
        yield f"  {title:<12}" + "".join(f"{_figure(getattr(found, name), 3):>15}" for name in _QUALITY)


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _figure(value: float | None, digits: int) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.{digits}f}"
