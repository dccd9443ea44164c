"""Sums over requests as a file: nothing that somebody has named becomes a formula."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from callcenter.cli.request_table import SUM_COLUMNS, sum_rows
from callcenter.reports.request_sums import RequestSums
from callcenter.system.spreadsheet import write_csv


@pytest.mark.parametrize("name", ["=1+1", "+7342", "-1", "@SUM(A1)", " =cmd|' /C calc'!A0", "\t=1"])
async def test_no_name_of_a_sum_is_a_formula(name: str) -> None:
    file = io.StringIO()
    one = RequestSums(requests=2, answered=2, kept=1, missed=1, plain=timedelta(hours=24), working=timedelta(hours=9))
    columns = ("assignee", *SUM_COLUMNS)
    assert await write_csv(columns, sum_rows({name: one}, "assignee", timedelta(hours=12)), file) == 1
    [row] = csv.DictReader(io.StringIO(file.getvalue().lstrip("\ufeff")), delimiter=";")
    assert row["assignee"] == f"'{name}"
    assert (row["share_kept_percent"], row["mean_plain_seconds"], row["mean_within_aim"]) == ("50", "43200", "yes")
