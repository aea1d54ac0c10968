"""CDNOW by code of another kind: pandas for the first 30 days and for gaps, a plain Lorenz curve for the order found, counts beyond."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.churn_risk import fit_churn_risk
from custkit.analysis.early_features import early_features, early_sample, split_by_time
from custkit.analysis.early_value import MODEL, SPEND_ALONE, fit_early_value
from custkit.analysis.next_order import customer_gaps, next_order_check
from custkit.engine import connect, fetch, load
from custkit.tables import TABLES

AS_OF = datetime(1998, 7, 1)


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


@pytest.fixture(scope="module")
def bought(real_data):
    """The public file by pandas: customer, day, pieces, amount; one row an order."""
    names = ["customer", "date", "pieces", "amount"]
    read = pd.read_csv(real_data("cdnow/CDNOW_master.txt"), sep=r"\s+", header=0, names=names, dtype={"customer": str, "date": str})
    return read.assign(day=pd.to_datetime(read["date"], format="%Y%m%d")).drop(columns="date")


@pytest.fixture(scope="module")
def orders(duck, bought):
    schema = TABLES["orders"].arrow_schema
    money = pa.array(bought.amount.map("{:.4f}".format)).cast(pa.decimal128(18, 4))
    columns = {
        "order_id": pa.array([f"{i}" for i in range(len(bought))]), "customer_id": pa.array(bought.customer), "revenue": money,
        "ordered_at": pa.array(bought.day.astype("datetime64[us]")), "order_date": pa.array(bought.day.dt.date), "gross_amount": money,
        "is_purchase": pa.array(np.ones(len(bought), dtype=bool)),
        "items": pa.array(bought.pieces.map("{:.4f}".format)).cast(pa.decimal128(18, 4)),
    }  # fmt: skip
    table = pa.table([columns.get(field.name, pa.nulls(len(bought), field.type)).cast(field.type) for field in schema], schema=schema)
    return load(duck, "cdnow_orders", table, schema=TABLES["orders"].schema)


@pytest.fixture(scope="module")
def features(duck, orders):
    empty = [load(duck, f"cdnow_{name}", TABLES[name].empty(), schema=TABLES[name].schema) for name in _REST]
    return early_features(orders, *empty, as_of=AS_OF)


_REST = ("order_lines", "products", "events", "customers")


def test_the_first_30_days_are_those_of_pandas(features, bought):
    first = bought.groupby("customer").day.transform("min")
    age = (bought.day - first).dt.days
    early, later = bought[age < 30], bought[(age >= 30) & (age < 210)]
    told = fetch(features).to_pandas().set_index("customer_id").sort_index()
    assert len(told) == 23_570
    for name, expected in (
        ("early_spend", early.groupby("customer").amount.sum()),
        ("early_days", early.groupby("customer").day.nunique()),
        ("items_per_order", early.groupby("customer").pieces.mean()),
        ("next_spend_180", later.groupby("customer").amount.sum().reindex(told.index, fill_value=0.0)),
    ):
        assert np.allclose(told[name], expected.sort_index()), name


def lorenz_area(spend, by):
    """Mean of the curve of spend over customers from the best by `by` down, ties in equal parts, less a half."""
    groups = (
        pd.DataFrame({"spend": spend, "by": by}).groupby("by").agg(spend=("spend", "sum"), n=("spend", "size")).sort_index(ascending=False)
    )
    n, y = groups.n / groups.n.sum(), groups.spend.cumsum() / groups.spend.sum()
    return float((n * (y + y.shift(fill_value=0.0)) / 2).sum() - 0.5)


def test_the_order_found_is_that_of_a_plain_lorenz_curve(features):
    fitted = fit_early_value(features)
    _learnt, held_out = split_by_time(early_sample(features, known="next_spend_180"))
    spend = held_out.next_spend_180.to_numpy()
    alone = lorenz_area(spend, held_out.early_spend) / lorenz_area(spend, spend)
    rows = fitted.quality.set_index("rule")
    assert rows.gini[SPEND_ALONE] == pytest.approx(alone, abs=1e-9)
    assert rows.gini[SPEND_ALONE] == pytest.approx(0.538, abs=0.001)
    # All of the first 30 days tell a little more than their spend, beyond chance.
    assert fitted.chosen == MODEL
    assert rows.gini[MODEL] == pytest.approx(0.552, abs=0.002)
    assert rows.lead_low[MODEL] > 0
    assert rows.expected_spend[MODEL] / rows.next_spend[MODEL] == pytest.approx(1.0, abs=0.06)


def test_gaps_are_those_of_pandas(orders, bought):
    days = bought.drop_duplicates(["customer", "day"]).sort_values(["customer", "day"])
    gap = (days.day - days.groupby("customer").day.shift()).dt.days
    logs = np.log(gap.dropna()).groupby(days.customer)
    told = fetch(customer_gaps(orders, as_of=AS_OF)).to_pandas().set_index("customer_id").sort_index()
    several = told[told.gaps > 0]
    assert np.allclose(several.mean_log, logs.mean().sort_index())
    assert np.allclose(several.squares_log, (logs.var().fillna(0) * (logs.count() - 1)).sort_index(), atol=1e-8)


def test_eight_in_ten_next_orders_fell_near_the_range_that_was_told(orders, bought):
    check = next_order_check(orders, as_of=AS_OF).iloc[0]
    cut = AS_OF - timedelta(days=180)
    last = bought[bought.day < cut].groupby("customer").day.max()
    assert check.customers == ((pd.Timestamp(cut) - last).dt.days <= 180).sum() == 6_339
    assert check.told == check.inside + check.early + check.late + check.not_back
    assert check.inside_share == pytest.approx(0.87, abs=0.02)


def test_the_risk_of_leaving_came_true_class_by_class(orders, bought):
    risk = fit_churn_risk(orders, as_of=AS_OF, model="bg_nbd")
    active = bought[bought.day < risk.cut].groupby("customer").day.max()
    active = active[(pd.Timestamp(risk.cut) - active).dt.days <= 180]
    left = ~active.index.isin(bought[bought.day >= risk.cut].customer)
    assert risk.customers == len(active) == 6_046
    assert risk.classes.left.sum() == left.sum()
    assert (risk.classes.expected_share - risk.classes.left_share).abs().max() < 0.08
    assert risk.brier < 0.9 * risk.brier_base
