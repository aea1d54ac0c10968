"""Published figures of CDNOW, and pandas as an independent oracle on Online Retail."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.concentration import concentration
from custkit.analysis.rfm import rfm, rfm_scores, rfm_segments, segment_summary
from custkit.engine import connect, fetch, load
from custkit.tables import TABLES

COLUMNS = ["order_id", "customer_id", "ordered_at", "revenue"]


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def purchases(duck, frame):
    schema = pa.schema([TABLES["orders"].arrow_schema.field(name) for name in COLUMNS])
    return load(duck, "purchases", pa.Table.from_pandas(frame[COLUMNS], schema, preserve_index=False))


def cdnow(path, columns):
    frame = pd.read_csv(path, sep=r"\s+", header=None, names=columns, dtype="string")
    frame = frame[frame.date.str.isdigit()].reset_index(drop=True)
    return pd.DataFrame(
        {
            "order_id": [f"{i}" for i in range(len(frame))],
            "customer_id": frame.customer,
            "ordered_at": pd.to_datetime(frame.date, format="%Y%m%d").astype("datetime64[us]"),
            "revenue": frame.amount.astype("float64"),
        }
    )


def money(frame):
    # Cents are exact in the files; as text they stay so on the way into a decimal.
    exact = pa.array(frame.revenue.map("{:.4f}".format)).cast(pa.decimal128(18, 4))
    return frame.assign(revenue=exact.to_pylist())


@pytest.mark.parametrize(
    ("name", "columns", "customers", "shares"),
    [
        ("cdnow/CDNOW_sample.txt", ["master", "customer", "date", "items", "amount"], 2_357, (0.508, 0.674, 0.777)),
        ("cdnow/CDNOW_master.txt", ["customer", "date", "items", "amount"], 23_570, (0.5094, 0.6778, 0.7795)),
    ],
)
def test_the_best_tenths_of_cdnow_bring_what_is_known(duck, real_data, name, columns, customers, shares):
    orders = money(cdnow(real_data(name), columns))
    row = concentration(rfm(purchases(duck, orders), as_of=datetime(1998, 7, 1), window_days=600)).iloc[0]
    digits = 3 if customers == 2_357 else 4
    assert row.customers == customers
    assert (round(row.top_10_share, digits), round(row.top_20_share, digits), round(row.top_30_share, digits)) == shares


def test_online_retail_scores_and_segments_are_those_of_pandas(duck, real_data):
    lines = pd.read_parquet(real_data("online_retail/online_retail_2010_2011.parquet"))
    lines.columns = [column.replace(" ", "").replace("_", "").lower() for column in lines.columns]
    lines = lines.rename(columns={"invoice": "invoiceno", "price": "unitprice"})
    lines = lines[lines.customerid.notna() & (lines.quantity > 0) & (lines.unitprice > 0)]
    lines = lines.assign(amount=lines.quantity * lines.unitprice, invoicedate=pd.to_datetime(lines.invoicedate))
    folded = lines.groupby(["invoiceno", "customerid"], as_index=False).agg(ordered_at=("invoicedate", "min"), revenue=("amount", "sum"))
    orders = pd.DataFrame(
        {
            "order_id": folded.invoiceno.astype("string"),
            "customer_id": folded.customerid.astype("float64").astype("int64").astype("string"),
            "ordered_at": folded.ordered_at.astype("datetime64[us]"),
            "revenue": folded.revenue,
        }
    )
    as_of = datetime(2011, 12, 10)
    segmented = rfm_segments(rfm_scores(rfm(purchases(duck, money(orders)), as_of=as_of, window_days=400)))
    found = fetch(segmented.select("customer_id", "recency_days", "frequency", "r_score", "f_score", "m_score", "segment")).to_pandas()
    assert len(found) == 4_338
    assert found.frequency.sum() == 18_532

    oracle = orders.assign(revenue=orders.revenue.round(4)).groupby("customer_id").agg(
        last=("ordered_at", "max"), frequency=("order_id", "nunique"), spend=("revenue", "sum")
    )  # fmt: skip
    oracle["recency_days"] = (pd.Timestamp(as_of) - oracle["last"].dt.normalize()).dt.days
    oracle["spend"] = oracle.spend.round(4)
    for measure, score, sign in (("recency_days", "r_score", -1), ("frequency", "f_score", 1), ("spend", "m_score", 1)):
        oracle[score] = np.ceil((oracle[measure] * sign).rank(method="max") * 5 / len(oracle) - 1e-9).astype("int64")
    both = found.set_index("customer_id").sort_index()
    expected = oracle.sort_index()[["recency_days", "frequency", "r_score", "f_score", "m_score"]]
    pd.testing.assert_frame_equal(both[expected.columns], expected, check_dtype=False, check_index_type=False)

    summary = segment_summary(segmented).set_index("segment")
    assert summary.customers.sum() == 4_338
    assert summary.revenue.sum() == pytest.approx(8_911_407.904, abs=1e-3)
    champions = oracle[(oracle.r_score == 5) & (oracle.f_score + oracle.m_score >= 8)]
    assert summary.customers["Champions"] == len(champions)
    assert summary.revenue_share["Champions"] == pytest.approx(champions.spend.sum() / oracle.spend.sum())
    assert summary.monetary_value["Champions"] == pytest.approx(champions.spend.median())
