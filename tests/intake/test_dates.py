"""Dates are read one way, the declared one, and end on the client's wall clock."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from custkit.errors import BadInput

LENIENT = "limits: {quarantine_rows: 1, quarantine_revenue: 1}"


def read(take, text, how, *, good, zone="UTC"):
    source = f"""
    - table: order_lines
      files: lines.csv
      columns:
        order_id: order
        amount: amount
        ordered_at: {{column: date{how}}}
    """
    body = f'order,amount,date\na,1,"{text}"\nb,1,"{good}"\n'
    return take({"lines.csv": body}, sources=source, more=LENIENT, zone=zone)


@pytest.mark.parametrize(
    ("text", "how", "good", "at"),
    [
        ("2026-10-03", "", "2026-10-04", datetime(2026, 10, 3)),
        ("2026-10-03 14:05", "", "2026-10-04", datetime(2026, 10, 3, 14, 5)),
        ("2026-10-03T14:05:06.5", "", "2026-10-04", datetime(2026, 10, 3, 14, 5, 6, 500_000)),
        ("2026-10-03T14:05:06+02:00", "", "2026-10-04", datetime(2026, 10, 3, 12, 5, 6)),
        ("2026-10-03T14:05:06Z", "", "2026-10-04", datetime(2026, 10, 3, 14, 5, 6)),
        ("2026-10-03T14:05:06+0800", "", "2026-10-04", datetime(2026, 10, 3, 6, 5, 6)),
        ("2026-10-03 14:05:06 +0200", "", "2026-10-04", datetime(2026, 10, 3, 12, 5, 6)),
        ("2026-10-03 14:05:06 +02:00", "", "2026-10-04", datetime(2026, 10, 3, 12, 5, 6)),
        ("2026-10-03 14:05:06 UTC", "", "2026-10-04", datetime(2026, 10, 3, 14, 5, 6)),
        ("2026-10-03 14:05 Z", "", "2026-10-04", datetime(2026, 10, 3, 14, 5)),
        ("2026-10-03T14:05:06.000+02:00", "", "2026-10-04", datetime(2026, 10, 3, 12, 5, 6)),
        ("2026-10-03T14:05:06.1234567Z", "", "2026-10-04", datetime(2026, 10, 3, 14, 5, 6, 123456)),
        ("03/10/2026", ', format: "%d/%m/%Y"', "04/10/2026", datetime(2026, 10, 3)),
        ("10/03/2026", ', format: "%m/%d/%Y"', "10/04/2026", datetime(2026, 10, 3)),
        ("03-10-26", ', format: "%d-%m-%y"', "04-10-26", datetime(2026, 10, 3)),
        ("2026年10月3日", ', format: "%Y年%m月%d日"', "2026年10月4日", datetime(2026, 10, 3)),
        ("2026年10月3日 下午 2:05", ', format: "%Y年%m月%d日 %p %I:%M"', "2026年10月4日 上午 2:05", datetime(2026, 10, 3, 14, 5)),
        ("20261003", ', format: "%Y%m%d"', "20261004", datetime(2026, 10, 3)),
        ("1790985600", ", format: epoch_s", "1790985601", datetime(2026, 10, 3)),
        ("1790985600500", ", format: epoch_ms", "1790985600501", datetime(2026, 10, 3, 0, 0, 0, 500_000)),
    ],
)
def test_a_date_is_read_as_declared(take, text, how, good, at):
    found = read(take, text, how, good=good)
    assert found.aside == []
    assert (at,) in found.rows("order_lines", "ordered_at")


@pytest.mark.parametrize(
    ("text", "how", "good", "reason"),
    [
        ("13/10/2026", ', format: "%m/%d/%Y"', "03/10/2026", "date_format"),
        ("03/10/2026", "", "2026-10-03", "date_format"),
        ("2026-02-30", "", "2026-10-03", "date_format"),
        ("20261003", "", "2026-10-03", "date_format"),
        ("03/10/2026 extra", ', format: "%d/%m/%Y"', "03/10/2026", "date_format"),
        ("46298", ", format: excel", "2026-10-03", "date_format"),
        ("1900-01-01", "", "2026-10-03", "date_out_of_range"),
        ("1970-01-01", "", "2026-10-03", "date_out_of_range"),
        ("9999-12-31", "", "2026-10-03", "date_out_of_range"),
        ("1790985600000", ", format: epoch_s", "1790985600", "date_format"),
        ("03/10/26", ', format: "%d/%m/%Y"', "03/10/2026", "date_out_of_range"),
        ("", "", "2026-10-03", "missing_required"),
    ],
)
def test_a_date_written_otherwise_is_set_aside(take, text, how, good, reason):
    found = read(take, text, how, good=good)
    assert found.aside == [(2, "date", text, reason)]


def test_a_declared_zone_within_the_text_ends_on_the_clients_clock(take):
    """The first hour of the month in Berlin is the last of the month before in UTC."""
    how = ', format: "%Y-%m-%d %H:%M:%S %z"'
    found = read(take, "2026-11-01 00:30:00 +0100", how, good="2026-10-03 12:00:00 +0200", zone="Europe/Berlin")
    assert found.rows("order_lines", "ordered_at") == [(datetime(2026, 10, 3, 12),), (datetime(2026, 11, 1, 0, 30),)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("03.10.2026", "`%d.%m.%Y` reads this one"),
        ("2026/10/3 9:05", "`%Y/%m/%d %H:%M` reads this one"),
        ("03/10/2026", "`%m/%d/%Y` or `%d/%m/%Y` reads this one"),
        ("46298", "`excel_serial` reads this one"),
        ("2026-02-30", "or correct the day in the export"),
        ("soon", "such as `%d.%m.%Y %H:%M`"),
    ],
)
def test_the_remedy_names_the_format_that_reads_the_value(take, text, says):
    source = "\n- table: order_lines\n  files: lines.csv\n  columns: {order_id: order, amount: amount, ordered_at: date}\n"
    with pytest.raises(BadInput, match=re.escape(says)):
        take({"lines.csv": f"order,amount,date\na,1,{text}\n"}, sources=source)


@pytest.mark.parametrize("zoned", ["2026-10-03 14:05:06 +0200", "2026-10-03 14:05:06 UTC"])
def test_times_with_a_zone_set_apart_and_times_without_are_not_taken_together(take, zoned):
    with pytest.raises(BadInput, match="1 times with a zone and 1 without"):
        read(take, zoned, "", good="2026-10-03 14:05:06")


def test_utc_evening_is_the_next_month_in_shanghai(take):
    found = read(take, "2026-10-31 16:30", ", time_zone: UTC", good="2026-10-03", zone="Asia/Shanghai")
    assert (datetime(2026, 11, 1, 0, 30),) in found.rows("order_lines", "ordered_at")


def test_an_hour_that_the_clock_skips_is_moved_on(take):
    found = read(take, "2026-03-08 02:30", ", time_zone: America/New_York", good="2026-10-03")
    assert (datetime(2026, 3, 8, 7, 30),) in found.rows("order_lines", "ordered_at")


@pytest.mark.parametrize(
    ("column", "at"),
    [
        (pa.array([datetime(2026, 10, 3, 20, tzinfo=UTC)], pa.timestamp("ns", "UTC")), datetime(2026, 10, 3, 16)),
        (pa.array([datetime(2026, 10, 3, 20)], pa.timestamp("ms")), datetime(2026, 10, 3, 20)),
        (pa.array([date(2026, 10, 3)], pa.date32()), datetime(2026, 10, 3)),
        (pa.array(["2026-10-03"]).dictionary_encode(), datetime(2026, 10, 3)),
    ],
)
def test_a_parquet_time_keeps_its_zone(take, column, at):
    source = "- table: order_lines\n  files: p.parquet\n  columns: {order_id: order, ordered_at: date, amount: amount}"
    found = take({"p.parquet": pa.table({"order": ["a"], "date": column, "amount": [1]})}, sources=source, zone="America/New_York")
    assert found.rows("order_lines", "ordered_at") == [(at,)]


def test_a_campaign_that_ends_on_a_bare_day_includes_that_day(take):
    sources = """
    - table: campaigns
      files: c.csv
      columns: {campaign_id: id, starts_at: from, ends_at: to}
    """
    found = take({"c.csv": "id,from,to\nx,2026-10-01,2026-10-07\ny,2026-10-01,2026-10-07 12:00\n"}, sources=sources)
    assert found.rows("campaigns", "campaign_id", "ends_at") == [("x", datetime(2026, 10, 8)), ("y", datetime(2026, 10, 7, 12))]
