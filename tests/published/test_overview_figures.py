"""Published figures of Online Retail and CDNOW, with pandas and statsmodels as independent oracles."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow as pa
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from custkit import words
from custkit.analysis.bridge import revenue_bridge
from custkit.analysis.changes import changes
from custkit.analysis.conservation import month_laws
from custkit.analysis.definitions import as_chosen
from custkit.analysis.kpis import monthly_kpis
from custkit.analysis.lifecycle import customer_stages
from custkit.analysis.noise import month_noise
from custkit.analysis.revenue_tree import revenue_tree
from custkit.analysis.rfm import rfm, rfm_scores, rfm_segments
from custkit.analysis.second_purchase import second_purchase_spells, second_purchase_summary
from custkit.analysis.structure import user_structure
from custkit.client import Definitions, Lifecycle
from custkit.engine import connect, load
from custkit.period import Period
from custkit.present.findings.overview import revenue_finding
from custkit.tables import TABLES


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def put(duck, name, frame):
    columns = {}
    for field in TABLES[name].arrow_schema:
        if field.name not in frame:
            columns[field.name] = pa.nulls(len(frame), field.type)
        elif pa.types.is_decimal(field.type):
            columns[field.name] = pa.array(frame[field.name].map("{:.4f}".format)).cast(field.type)
        else:
            columns[field.name] = pa.array(frame[field.name], field.type, from_pandas=True)
    return load(duck, name, pa.table(columns), schema=TABLES[name].schema)


@pytest.fixture(scope="module")
def retail(real_data):
    lines = pd.read_parquet(real_data("online_retail/online_retail_2010_2011.parquet"))
    lines = lines[(lines.Quantity > 0) & (lines.UnitPrice > 0)]
    folded = lines.assign(revenue=lines.Quantity * lines.UnitPrice).groupby("InvoiceNo", as_index=False)
    orders = folded.agg(
        customer_id=("CustomerID", "first"), ordered_at=("InvoiceDate", "min"), items=("Quantity", "sum"), revenue=("revenue", "sum")
    )
    who = orders.customer_id.map(lambda number: None if pd.isna(number) else f"{number:.0f}")
    return orders.rename(columns={"InvoiceNo": "order_id"}).assign(
        customer_id=who.astype("object"), order_date=orders.ordered_at.dt.date, is_purchase=True
    )


@pytest.fixture(scope="module")
def sample(real_data):
    names = ["master", "customer_id", "date", "items", "revenue"]
    rows = pd.read_csv(real_data("cdnow/CDNOW_sample.txt"), sep=r"\s+", header=None, names=names, dtype={"customer_id": "str"})
    at = pd.to_datetime(rows.date.astype(str), format="%Y%m%d").astype("datetime64[us]")
    return rows.assign(order_id=[str(i) for i in range(len(rows))], ordered_at=at, order_date=at.dt.date, is_purchase=True)


def kpis(duck, orders, period, **options):
    nobody = pd.DataFrame({"customer_id": []})
    tables = put(duck, "orders", orders), put(duck, "customers", nobody), put(duck, "events", nobody)
    return monthly_kpis(*tables, period=period, rules=Lifecycle(), **options)


def test_order_value_is_480_87_and_spend_per_customer_2054_27_never_22_40(duck, retail):
    december = kpis(duck, retail, Period(2011, 12)).iloc[-1]
    assert (december.customers_ever, december.orders_ever) == (4_338, 18_532)
    assert round(december.cumulative_aov, 2) == 480.87
    assert round(december.cumulative_spend_per_customer, 2) == 2_054.27


def test_a_december_that_ends_on_the_ninth_is_not_compared(duck, retail):
    told = kpis(duck, retail, Period(2011, 12))
    months = as_chosen(told, definitions=Definitions())
    moved = changes(months, month_noise(put(duck, "orders", retail), told, period=Period(2011, 12)))
    assert not told.complete.iloc[-1]
    assert not moved.significant.any()
    assert not moved.significant_year.any()
    finding = revenue_finding(months, moved)
    assert "incomplete" in finding.headline
    assert "2011-12-09" in finding.detail
    by_then = retail.revenue[(retail.ordered_at >= "2011-11-01") & (retail.ordered_at < "2011-11-10")].sum()
    assert finding.detail.endswith(f"By that day of the month November 2011 had brought {words.money(by_then)}.")


def test_months_of_online_retail_are_those_of_pandas(duck, retail):
    told = kpis(duck, retail, Period(2011, 11), months=12).set_index("month")
    known = retail[retail.customer_id.notna()].assign(month=lambda orders: orders.ordered_at.dt.strftime("%Y-%m"))
    by_month = known[known.month <= "2011-11"].groupby("month")
    assert told.known_revenue.to_dict() == pytest.approx(by_month.revenue.sum().to_dict())
    assert told.customers.astype(int).to_dict() == by_month.customer_id.nunique().to_dict()
    assert told.orders.astype(int).to_dict() == by_month.size().to_dict()
    per_customer = known[known.month == "2011-11"].groupby("customer_id").revenue.sum()
    guests = retail[retail.customer_id.isna() & retail.ordered_at.between("2011-11-01", "2011-12-01", inclusive="left")].revenue
    noise = month_noise(put(duck, "orders", retail), told.reset_index(), period=Period(2011, 11)).set_index(["measure", "name"])
    assert noise.loc[("revenue", ""), "variance"] == pytest.approx((per_customer**2).sum() + (guests**2).sum())


def test_the_repurchase_rate_of_cdnow_follows_its_customers_as_pandas_does(duck, sample):
    """Who came back by June 1998 and who by May, one by one: the change of the rate knows that they are the same people."""
    told = kpis(duck, sample, Period(1998, 6))
    noise = month_noise(put(duck, "orders", sample), told, period=Period(1998, 6)).set_index(["measure", "name"])
    added = []
    for end in ("1998-07-01", "1998-06-01"):
        inside = sample[(sample.ordered_at < end) & (sample.ordered_at >= pd.Timestamp(end) - pd.Timedelta(days=365))]
        days = inside.groupby("customer_id").order_date.nunique()
        came = (days >= 2).astype(float)
        added.append(((came - came.mean()) / len(came)).reindex(sorted(sample.customer_id.unique()), fill_value=0.0))
    n = min((values != 0).sum() for values in added)
    expected = ((added[0] - added[1]) ** 2).sum() * n / (n - 1)
    assert noise.loc[("repurchase_rate", "two_days"), "variance_before"] == pytest.approx(expected)
    apart = noise.loc[("repurchase_rate", "two_days"), "variance"] * 2
    assert expected < apart / 3  # as independent months they would look three times as noisy, and more


def test_every_sum_of_online_retail_and_of_cdnow_adds_up(duck, retail, sample):
    nobody = put(duck, "customers", pd.DataFrame({"customer_id": []}))
    for orders, period in ((retail, Period(2011, 11)), (sample, Period(1998, 6))):
        table, told = put(duck, "orders", orders), kpis(duck, orders, period)
        events = put(duck, "events", pd.DataFrame({"customer_id": []}))
        stages = customer_stages(nobody, table, events, as_of=period.end, rules=Lifecycle())
        spread = user_structure(stages, rfm_segments(rfm_scores(rfm(table, as_of=period.end))))
        held = month_laws(
            table, nobody, period=period, kpis=told, bridge=revenue_bridge(table, period=period),
            tree=revenue_tree(told, month_noise(table, told, period=period)), structure=spread,
            waits=second_purchase_spells(table, as_of=period.end),
        )  # fmt: skip
        assert len(held) == 10
        assert held.set_index("law").loc["waits", "whole"] == orders[orders.ordered_at < str(period.end)].customer_id.nunique()


def test_the_bridge_of_november_2011_is_that_of_pandas(duck, retail):
    bridge = revenue_bridge(put(duck, "orders", retail), period=Period(2011, 11)).set_index("line")
    month = retail.ordered_at.dt.strftime("%Y-%m")
    wide = retail.assign(month=month).pivot_table(index="customer_id", columns="month", values="revenue", aggfunc="sum").fillna(0.0)
    earlier = (wide.loc[:, :"2011-09"] > 0).any(axis=1)
    before, now = wide["2011-10"], wide["2011-11"]
    expected = {
        "new": now[(before == 0) & ~earlier].sum(),
        "reactivated": now[(before == 0) & earlier].sum(),
        "expansion": (now - before)[(before > 0) & (now >= before)].sum(),
        "contraction": (now - before)[(now > 0) & (now < before)].sum(),
        "lost": -before[now == 0].sum(),
    }
    assert bridge.change.drop(["returns", "guests"]).to_dict() == pytest.approx(expected)
    assert bridge.change.sum() == pytest.approx(retail.revenue[month == "2011-11"].sum() - retail.revenue[month == "2011-10"].sum())


def test_cdnow_repeaters_take_what_is_known(duck, sample):
    purchases = put(duck, "orders", sample)
    spells = second_purchase_spells(purchases, as_of=datetime(1998, 7, 1))
    row = second_purchase_summary(spells).iloc[0]
    assert (row.customers, row.repeaters, round(row.mean_days, 3), row.median_days) == (2_357, 1_139, 107.885, 55)
    assert round(row.repeaters / row.customers, 4) == 0.4832
    one_each = spells.loc[spells.index.repeat(spells.n)]
    oracle = SurvfuncRight(one_each.duration_days, one_each.observed)
    assert row.returned_in_90_days == pytest.approx(1 - oracle.surv_prob[oracle.surv_times <= 90][-1])


@pytest.mark.parametrize(("measure", "rate"), [("repurchase_rate_all_time", 0.4886), ("repurchase_rate_by_order", 0.4948)])
def test_a_second_day_and_a_second_row_are_different_repurchases(duck, real_data, measure, rate):
    names = ["customer_id", "date", "items", "revenue"]
    rows = pd.read_csv(real_data("cdnow/CDNOW_master.txt"), sep=r"\s+", header=None, names=names, dtype="str").loc[
        lambda frame: frame.date.str.isdigit()
    ]  # the file may begin with the names
    at = pd.to_datetime(rows.date, format="%Y%m%d").astype("datetime64[us]")
    orders = rows.assign(
        order_id=[str(i) for i in range(len(rows))], ordered_at=at, order_date=at.dt.date, is_purchase=True,
        items=rows["items"].astype(float), revenue=rows.revenue.astype(float),
    )  # fmt: skip
    june = kpis(duck, orders, Period(1998, 6), months=1, window_days=3_650).iloc[-1]
    assert june.customers_ever == 23_570
    assert round(june[measure], 4) == rate
