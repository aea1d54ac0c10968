"""The ladder and the use of offers on public data, against pandas."""

from __future__ import annotations

from datetime import datetime
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.ladder import loyalty_ladder
from custkit.analysis.offers import offers_by_month
from custkit.analysis.tiers import tier_activity


@pytest.fixture(scope="module")
def cdnow(real_data) -> pd.DataFrame:
    names = ["customer_id", "day", "cds", "amount"]
    master = pd.read_csv(real_data("cdnow/CDNOW_master.txt"), sep=r"\s+", header=0, names=names, dtype={"customer_id": str})
    return master.assign(day=pd.to_datetime(master["day"].astype(str)))


def test_the_ladder_of_cdnow_is_that_of_pandas(con, load_table, cdnow):
    if con.name != "duckdb":
        pytest.skip("one engine is enough: the worked tests run on all")
    orders = pa.table({
        "order_id": [str(i) for i in range(len(cdnow))],
        "customer_id": cdnow["customer_id"],
        "order_date": pa.array(cdnow["day"].dt.date),
        "revenue": pa.array(cdnow["amount"].round(2).astype("float64")).cast(pa.decimal128(18, 4)),
    })  # fmt: skip
    ladder = loyalty_ladder(
        load_table("orders", orders, schema=orders.schema), load_table("order_lines", []), load_table("products", []),
        as_of=datetime(1998, 7, 1),
    )  # fmt: skip

    days = cdnow.groupby(["customer_id", "day"])["amount"].sum().reset_index().sort_values(["customer_id", "day"])
    days["rung"] = days.groupby("customer_id").cumcount() + 1
    gap = (days.groupby("customer_id")["day"].shift(-1) - days["day"]).dt.days
    followed = (pd.Timestamp("1998-07-01") - days["day"]).dt.days > 180
    days["at_risk"], days["went_on"] = followed, followed & (gap <= 180)
    oracle = days[days["rung"] <= 10].groupby("rung").agg(
        customers=("customer_id", "size"), at_risk=("at_risk", "sum"), went_on=("went_on", "sum"),
        mean_order_value=("amount", "mean"), median_order_value=("amount", "median"),
    )  # fmt: skip
    # Fader and Hardie: 23,570 customers; 48.86 % of them bought on a second day in the 18 months.
    assert ladder["customers"].tolist()[:2] == [23570, round(0.4886 * 23570)]
    for name in oracle:
        np.testing.assert_allclose(ladder[name], oracle[name], rtol=1e-12, err_msg=name)


def test_the_coupons_of_complete_journey_are_those_of_pandas(con, load_table, real_data):
    if con.name != "duckdb":
        pytest.skip("one engine is enough: the worked tests run on all")
    columns = ["basket_id", "household_id", "transaction_timestamp", "sales_value", "retail_disc", "coupon_disc"]
    lines = pd.read_parquet(real_data("completejourney/transactions.parquet"), columns=columns)
    baskets = lines.groupby("basket_id").agg(
        customer_id=("household_id", "first"), ordered_at=("transaction_timestamp", "min"), revenue=("sales_value", "sum"),
        discount_amount=("retail_disc", "sum"), coupon_amount=("coupon_disc", "sum"),
    ).round(dict.fromkeys(("revenue", "discount_amount", "coupon_amount"), 2)).reset_index()  # fmt: skip
    baskets["ordered_at"] = baskets["ordered_at"].dt.tz_localize(None)
    baskets["gross_amount"] = (baskets["revenue"] + baskets["discount_amount"]).round(2)
    money = {name: pa.array(baskets[name]).cast(pa.decimal128(18, 4)) for name in ("gross_amount", "discount_amount", "coupon_amount")}
    orders = pa.table({
        "order_id": baskets["basket_id"].astype(str), "customer_id": baskets["customer_id"].astype(str),
        "ordered_at": pa.array(baskets["ordered_at"]).cast(pa.timestamp("us")), **money,
    })  # fmt: skip
    monthly = offers_by_month(load_table("orders", orders, schema=orders.schema)).set_index("month")

    baskets["month"] = baskets["ordered_at"].dt.strftime("%Y-%m")
    coupon, reduced = baskets["coupon_amount"] > 0, baskets["discount_amount"] > 0
    oracle = baskets.assign(coupon=coupon, offer=coupon | reduced).groupby("month").agg(
        orders=("basket_id", "size"), coupon_orders=("coupon", "sum"), offer_orders=("offer", "sum"),
        coupons=("coupon_amount", "sum"), gross=("gross_amount", "sum"),
    )  # fmt: skip
    for name in ("orders", "coupon_orders", "offer_orders"):
        assert monthly[name].tolist() == oracle[name].tolist()
    np.testing.assert_allclose(monthly["coupon_share"], oracle["coupons"] / oracle["gross"], rtol=1e-9)
    first = baskets[coupon | reduced].groupby("customer_id")["ordered_at"].min()
    so_far = [(first < month_end).sum() for month_end in pd.to_datetime(oracle.index) + pd.offsets.MonthBegin(1)]
    begun = [baskets.loc[baskets["month"] <= month, "customer_id"].nunique() for month in oracle.index]
    np.testing.assert_allclose(monthly["ever_offer_share"], np.array(so_far) / np.array(begun), rtol=1e-12)


def test_the_points_of_the_airline_are_those_of_pandas(con, load_table, real_data):
    """16,737 members of three cards that never change: everything moves but the tiers."""
    if con.name != "duckdb":
        pytest.skip("one engine is enough: the worked tests run on all")
    with ZipFile(real_data("airline_loyalty/Airline_Loyalty_Program.zip")) as archive:
        flown, members = (pd.read_csv(archive.open(f"Customer {name}.csv")) for name in ("Flight Activity", "Loyalty History"))
    flown["at"] = pd.to_datetime(flown[["Year", "Month"]].assign(day=15))
    kinds = (("earn", "Points Accumulated", 1), ("redeem", "Points Redeemed", -1))
    moved = [
        flown.loc[flown[column] != 0, ["Loyalty Number", "at"]].assign(entry_type=kind, points=sign * flown[column], tier=None)
        for kind, column, sign in kinds
    ]
    cards = members[["Loyalty Number"]].assign(
        at=pd.to_datetime(members["Enrollment Year"].astype(str) + "-" + members["Enrollment Month"].astype(str) + "-1"),
        entry_type="tier", points=0.0, tier=members["Loyalty Card"],
    )  # fmt: skip
    entries = pd.concat([*moved, cards], ignore_index=True)
    table = pa.table({
        "entry_id": [f"{i:07d}" for i in entries.index], "customer_id": entries["Loyalty Number"].astype(str),
        "occurred_at": pa.array(entries["at"]).cast(pa.timestamp("us")), "entry_type": entries["entry_type"],
        "points": pa.array(entries["points"].astype("float64").round(2)).cast(pa.decimal128(18, 4)),
        "expires_at": pa.nulls(len(entries), pa.timestamp("us")), "tier": pa.array(entries["tier"], pa.string()),
    })  # fmt: skip
    activity = tier_activity(
        load_table("loyalty_ledger", table, schema=table.schema), start=datetime(2018, 12, 1), as_of=datetime(2019, 1, 1)
    ).set_index("tier")

    assert activity["members"].sum() == 16737
    assert activity["members"].to_dict() == members["Loyalty Card"].value_counts().to_dict()
    entries["card"] = entries["Loyalty Number"].map(members.set_index("Loyalty Number")["Loyalty Card"])
    december = entries[entries["at"] >= "2018-12-01"].pivot_table(index="card", columns="entry_type", values="points", aggfunc="sum")
    last_moved = entries[entries["entry_type"] != "tier"].groupby("Loyalty Number")["at"].max().reindex(members["Loyalty Number"])
    idle = ~(last_moved >= pd.Timestamp("2019-01-01") - pd.Timedelta(days=180)).to_numpy()
    for card in ("Star", "Nova", "Aurora"):
        told = activity.loc[card]
        assert told["earned_points"] == pytest.approx(december.at[card, "earn"])
        assert told["redeemed_points"] == pytest.approx(-december.at[card, "redeem"])
        assert told["points_balance"] == pytest.approx(entries.loc[entries["card"] == card, "points"].sum())
        assert told["idle_members"] == idle[members["Loyalty Card"].to_numpy() == card].sum()
    assert not activity[["upgrades", "downgrades"]].any(axis=None) and activity["expiring_points"].isna().all()
