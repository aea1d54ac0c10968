"""Cohorts and funnels on public data, against figures others have published or counted another way."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.cohorts import cohorts, day_retention
from custkit.analysis.funnel import funnel, funnel_by
from custkit.analysis.second_purchase import second_purchase_spells, second_purchase_summary
from custkit.engine import connect, load
from custkit.tables import TABLES

# CDNOW, all 23,570 customers: who bought in months 0 to 6 after the month of the first order.
CDNOW_COHORTS = {
    "1997-01": [7846, 1157, 964, 810, 679, 736, 720],
    "1997-02": [8476, 1312, 980, 783, 847, 786, 626],
    "1997-03": [7248, 1032, 752, 756, 674, 564, 561],
}
PAGES = {"home_page": "visit", "search_page": "view", "payment_page": "checkout", "payment_confirmation": "order"}


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def canonical(con, name, columns):
    """Columns as the canonical table, the others null."""
    n = len(next(iter(columns.values())))
    given = pa.table(
        {
            field.name: pa.array(columns[field.name]).cast(field.type) if field.name in columns else pa.nulls(n, field.type)
            for field in TABLES[name].arrow_schema
        }
    )
    return load(con, name, given, schema=TABLES[name].schema)


@pytest.fixture(scope="module")
def cdnow(duck, real_data):
    path = real_data("cdnow/CDNOW_master.txt")
    raw = pd.read_fwf(path, skiprows=1, names=["customer", "day", "cds", "amount"], dtype={"customer": str, "day": str})
    days = pd.to_datetime(raw["day"], format="%Y%m%d").astype("datetime64[us]")
    return canonical(
        duck, "orders", {"order_id": raw.index.astype(str), "customer_id": raw["customer"], "ordered_at": days, "order_date": days}
    )


def test_the_cohorts_of_cdnow(cdnow):
    triangle = cohorts(cdnow, as_of=datetime(1998, 7, 1))
    wide = triangle[triangle["period"] <= 6].pivot_table(index="cohort", columns="period", values="customers")
    assert {cohort: list(counts) for cohort, counts in zip(wide.index, wide.to_numpy(), strict=True)} == CDNOW_COHORTS
    # The last cohort has lived 15 months by the end of June 1998, the first 17; what comes after is blank.
    assert triangle[triangle["customers"].notna()].groupby("cohort")["period"].max().tolist() == [17, 16, 15]


def test_almost_half_of_cdnow_come_back_and_the_median_of_repeaters_flatters(cdnow):
    as_of = datetime(1998, 7, 1)
    summary = second_purchase_summary(second_purchase_spells(cdnow, as_of=as_of)).iloc[0]
    assert summary["customers"] == 23_570
    assert summary["repeaters"] / summary["customers"] == pytest.approx(0.4886, abs=5e-5)
    # Fewer than half are back by the end: there is no median for everybody, whatever the repeaters' one says.
    assert summary["km_median_days"] != summary["km_median_days"]
    whole = day_retention(cdnow, as_of=as_of, windows=((1, 90), (1, 180)))
    assert whole["n"].tolist() == [23_570, 23_570]
    assert 1 - whole["retention_rate"].iloc[0] == pytest.approx(1 - summary["returned_in_90_days"])


@pytest.fixture(scope="module")
def pages(duck, real_data):
    users = pd.read_csv(real_data("funnel/user_table.csv"), dtype={"user_id": str})
    parts = []
    for n, (page, step) in enumerate(PAGES.items()):
        part = pd.read_csv(real_data(f"funnel/{page}_table.csv"), dtype={"user_id": str})[["user_id"]].merge(users, on="user_id")
        day = pd.to_datetime(part["date"], dayfirst=True, format="mixed") + timedelta(minutes=n)
        parts.append(part.assign(occurred_at=day.astype("datetime64[us]"), event_type=step))
    events = pd.concat(parts, ignore_index=True)
    table = canonical(
        duck,
        "events",
        {
            "event_id": events.index.astype(str),
            "visitor_id": events["user_id"],
            "session_id": events["user_id"],
            "occurred_at": events["occurred_at"],
            "event_type": events["event_type"],
            "device": events["device"],
        },
    )
    return table, events


def test_the_four_pages_of_the_published_funnel(pages):
    steps = funnel(pages[0])
    assert steps["step"].tolist() == ["visit", "view", "checkout", "order"]
    assert steps["visits"].tolist() == [90_400, 45_200, 6_030, 452]
    assert steps["conversion_rate"].tolist() == [1.0, 0.5, 6_030 / 90_400, 0.005]
    assert steps["step_conversion_rate"].tolist() == [1.0, 0.5, 6_030 / 45_200, 452 / 6_030]


def test_the_published_funnel_by_device_is_what_pandas_counts(pages):
    table, events = pages
    counted = events.groupby(["device", "event_type"])["user_id"].nunique()
    for row in funnel_by(table, "device").itertuples():
        assert row.visits == counted.get((row.group, row.step), 0)
