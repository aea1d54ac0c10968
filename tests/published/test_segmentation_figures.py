"""Published figures of CDNOW; pandas, scikit-learn and hand-written SQL as oracles on CDNOW, Online Retail and Complete Journey."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.concentration import concentration, deciles
from custkit.analysis.high_ticket import CATEGORY, WEEKDAY, WEEKDAYS, high_ticket, high_ticket_summary, high_ticket_traits
from custkit.analysis.kmeans import adjusted_rand, customer_groups, fit_groups
from custkit.analysis.rfm import rfm, rfm_scores, rfm_segments, segment_summary
from custkit.analysis.segment_maps import map_summary
from custkit.engine import connect, fetch, frame, load
from custkit.segments import EIGHT_SEGMENTS, VALUE_FREQUENCY, settled_map
from custkit.tables import TABLES


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def purchases(duck, frame):
    schema = TABLES["orders"].arrow_schema
    columns = [pa.array(frame[field.name], field.type) if field.name in frame else pa.nulls(len(frame), field.type) for field in schema]
    return load(duck, "purchases", pa.table(columns, schema=schema), schema=TABLES["orders"].schema)


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


@pytest.fixture(scope="module")
def retail(real_data):
    """One row an invoice of Online Retail with a customer."""
    lines = pd.read_parquet(real_data("online_retail/online_retail_2010_2011.parquet"))
    lines.columns = [column.replace(" ", "").replace("_", "").lower() for column in lines.columns]
    lines = lines.rename(columns={"invoice": "invoiceno", "price": "unitprice"})
    lines = lines[lines.customerid.notna() & (lines.quantity > 0) & (lines.unitprice > 0)]
    lines = lines.assign(amount=lines.quantity * lines.unitprice, invoicedate=pd.to_datetime(lines.invoicedate))
    folded = lines.groupby(["invoiceno", "customerid"], as_index=False).agg(ordered_at=("invoicedate", "min"), revenue=("amount", "sum"))
    return pd.DataFrame(
        {
            "order_id": folded.invoiceno.astype("string"),
            "customer_id": folded.customerid.astype("float64").astype("int64").astype("string"),
            "ordered_at": folded.ordered_at.astype("datetime64[us]"),
            "revenue": folded.revenue,
        }
    )


def test_online_retail_scores_and_segments_are_those_of_pandas(duck, retail):
    orders = retail
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


def customers_of(orders, as_of):
    """The oracle's customers: plain pandas over the orders of the 365 days before `as_of`."""
    inside = orders[(orders.ordered_at < as_of) & (orders.ordered_at >= as_of - pd.Timedelta(days=365))]
    people = inside.groupby("customer_id").agg(last=("ordered_at", "max"), orders=("order_id", "nunique"), spend=("revenue", "sum"))
    days = (as_of - people["last"].dt.normalize()).dt.days
    return people.assign(days=days, spend=people.spend.round(4), order_value=people.spend / people.orders)


@pytest.fixture(scope="module", params=["cdnow", "online_retail"])
def shop(request, duck):
    """Orders, their end, and the same on the engine."""
    if request.param == "cdnow":
        real_data = request.getfixturevalue("real_data")
        orders, as_of = cdnow(real_data("cdnow/CDNOW_master.txt"), ["customer", "date", "items", "amount"]), datetime(1998, 7, 1)
    else:
        orders, as_of = request.getfixturevalue("retail"), datetime(2011, 12, 1)
    return orders, as_of, rfm(purchases(duck, money(orders)), as_of=as_of)


def test_high_and_low_against_the_median_are_those_of_pandas(shop):
    orders, as_of, values = shop
    people = customers_of(orders, as_of)
    recent, many, much = (people.days < people.days.median(), people.orders > people.orders.median(), people.spend > people.spend.median())
    found = map_summary(rfm_scores(values), segments=EIGHT_SEGMENTS).sizes.set_index("segment")
    for name, fits in {
        "Key": recent & many & much, "Key, to develop": recent & ~many & much, "Key, to keep": ~recent & many & much,
        "Key, to win back": ~recent & ~many & much, "Ordinary": recent & many & ~much, "Ordinary, to develop": recent & ~many & ~much,
        "Ordinary, to keep": ~recent & many & ~much, "Ordinary, to win back": ~recent & ~many & ~much,
    }.items():  # fmt: skip
        assert found.customers[name] == fits.sum() > 0
        assert found.revenue[name] == pytest.approx(people.spend[fits].sum())


def test_value_and_frequency_are_those_of_pandas(shop):
    orders, as_of, values = shop
    people = customers_of(orders, as_of)
    awake, many = people.days <= 180, people.orders > people.orders.median()
    low, much = people.order_value < people.order_value.median() - 1e-9, people.spend > people.spend.median()
    rows = settled_map(VALUE_FREQUENCY, {"active_days": 90, "dormant_days": 180})
    found = map_summary(rfm_scores(values), segments=rows).sizes.customers.tolist()
    large = awake & many & ~low & much
    few = awake & much & ~many
    assert found[:4] == [(~awake).sum(), (awake & many & low).sum(), large.sum(), few.sum()]
    assert sum(found) == len(people)


def test_tenths_and_inequality_are_those_of_pandas_and_the_jackknife(shop):
    orders, as_of, values = shop
    spend = np.sort(customers_of(orders, as_of).spend.to_numpy())[::-1]
    n = len(spend)
    tens = deciles(values)
    assert tens.customers.sum() == n
    assert tens.revenue.iloc[0] == pytest.approx(spend[: tens.customers.iloc[0]].sum())
    assert tens.cumulative_share.tolist() == pytest.approx([spend[:k].sum() / spend.sum() for k in tens.customers.cumsum()])
    # Gini by its definition over sorted spend, and its error by leaving out one customer at a time.
    up = spend[::-1]
    place, so_far = np.arange(1, n + 1), np.cumsum(up)
    weighted, whole = (place * up).sum(), up.sum()
    row = concentration(values).iloc[0]
    assert row.gini == pytest.approx(2 * weighted / (n * whole) - (n + 1) / n)
    left_weighted, left_whole = weighted - place * up - (whole - so_far), whole - up
    left = 2 * left_weighted / ((n - 1) * left_whole) - n / (n - 1)
    error = np.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum())
    assert row.gini_high - row.gini == pytest.approx(1.959964 * error, rel=0.03)
    assert row.gini - row.gini_low == pytest.approx(1.959964 * error, rel=0.03)


def test_groups_on_the_engine_are_those_of_scikit_learn_on_everybody(shop):
    from sklearn.cluster import KMeans
    from sklearn.preprocessing import StandardScaler

    _orders, _as_of, values = shop
    grouping = fit_groups(values)
    people = frame(customer_groups(values, grouping=grouping)).sort_values("customer_id")
    logs = np.log1p(people[["recency_days", "frequency", "monetary_value"]].astype("float64").clip(lower=0))
    model = KMeans(n_clusters=grouping.k, n_init=20, random_state=1).fit(StandardScaler().fit_transform(logs))
    assert adjusted_rand(pd.crosstab(people.group, model.labels_).to_numpy()) > 0.99
    assert people.groupby("group").monetary_value.mean().astype("float64").is_monotonic_decreasing


@pytest.fixture(scope="module")
def journey(real_data, duck):
    """Complete Journey as canonical tables, folded by hand in SQL."""
    files = {name: real_data(f"completejourney/{name}.parquet") for name in ("transactions", "products")}
    duck.raw_sql(
        f"""CREATE TEMP TABLE cj_lines AS SELECT basket_id::VARCHAR AS order_id, row_number() OVER () AS line_number,
            household_id::VARCHAR AS customer_id, transaction_timestamp::TIMESTAMP AS ordered_at, product_id::VARCHAR AS product_id,
            sales_value::DECIMAL(18, 4) AS revenue, 'sale' AS kind, true AS is_product
            FROM read_parquet('{files["transactions"]}') WHERE sales_value > 0"""
    ).fetchall()
    duck.raw_sql(
        f"""CREATE TEMP TABLE cj_products AS SELECT product_id::VARCHAR AS product_id, department AS category
            FROM read_parquet('{files["products"]}')"""
    ).fetchall()
    duck.raw_sql(
        """CREATE TEMP TABLE cj_orders AS SELECT order_id, any_value(customer_id) AS customer_id, min(ordered_at) AS ordered_at,
           sum(revenue) AS revenue, NULL::DECIMAL(18, 4) AS cost_amount, NULL::DECIMAL(18, 4) AS coupon_amount,
           NULL::DECIMAL(18, 4) AS discount_amount, NULL::DECIMAL(18, 4) AS gross_amount, NULL::VARCHAR AS channel,
           NULL::VARCHAR AS store_id FROM cj_lines GROUP BY order_id"""
    ).fetchall()
    return tuple(duck.table(name, database="temp.main") for name in ("cj_orders", "cj_lines", "cj_products"))


def test_high_ticket_households_are_those_of_sql(duck, journey):
    orders, lines, products = journey
    as_of = datetime(2018, 1, 1)
    marked = high_ticket(rfm(orders, as_of=as_of))
    nobody = load(duck, "nobody", TABLES["customers"].empty(), schema=TABLES["customers"].schema)
    traits = high_ticket_traits(marked, nobody, orders, lines, products, as_of=as_of)
    duck.raw_sql(
        """CREATE TEMP TABLE cj_high AS SELECT customer_id, row_number() OVER (ORDER BY sum(revenue) DESC) <= round(count(*) OVER () * 0.1)
           AS high FROM cj_orders WHERE ordered_at < '2018-01-01' GROUP BY customer_id"""
    ).fetchall()
    counts = "SELECT high, count(DISTINCT o.customer_id), sum(revenue), count(*) FROM cj_orders o JOIN cj_high USING (customer_id)"
    (rest, top) = duck.raw_sql(f"{counts} WHERE ordered_at < '2018-01-01' GROUP BY high ORDER BY high").fetchall()
    summary = high_ticket_summary(marked)
    assert summary.customers.tolist() == [top[1], rest[1]]
    assert summary.revenue.tolist() == pytest.approx([float(top[2]), float(rest[2])])
    assert summary.aov.tolist() == pytest.approx([float(top[2]) / top[3], float(rest[2]) / rest[3]])
    # Every second order is read for households whose other orders are among the largest, as many as are high-ticket by all of them.
    shares = dict(
        duck.raw_sql(
            """WITH half AS (SELECT order_id, customer_id, revenue,
                                    (row_number() OVER (PARTITION BY customer_id ORDER BY ordered_at, order_id) - 1) % 2 AS h
                             FROM cj_orders WHERE ordered_at < '2018-01-01'),
                    spend AS (SELECT customer_id, coalesce(sum(revenue) FILTER (h = 0), 0) AS s0,
                                     coalesce(sum(revenue) FILTER (h = 1), 0) AS s1 FROM half GROUP BY ALL),
                    best AS (SELECT customer_id, rank() OVER (ORDER BY s0 DESC) <= (SELECT count(*) FROM cj_high WHERE high) AS b0,
                                    rank() OVER (ORDER BY s1 DESC) <= (SELECT count(*) FROM cj_high WHERE high) AS b1 FROM spend),
                    read AS (SELECT category FROM cj_lines JOIN half USING (order_id) JOIN best ON best.customer_id = half.customer_id
                             JOIN cj_products USING (product_id) WHERE category IS NOT NULL AND CASE h WHEN 0 THEN b1 ELSE b0 END)
               SELECT category, count(*) / (SELECT count(*) FROM read) FROM read GROUP BY category"""
        ).fetchall()
    )
    bought = traits[traits.trait == CATEGORY].set_index("value")
    assert len(bought) > 10
    for category, row in bought.iterrows():
        assert row.high_ticket_share == pytest.approx(shares[category])
    saturday = duck.raw_sql(
        """WITH k AS (SELECT customer_id, high, count(*) AS n, count(*) FILTER (isodow(ordered_at) = 6) AS k FROM cj_orders
                      JOIN cj_high USING (customer_id) WHERE ordered_at < '2018-01-01' GROUP BY ALL),
                p AS (SELECT high, sum(k) / sum(n) AS p, sum(n) AS whole, count(*) AS m FROM k GROUP BY high)
           SELECT p.high, any_value(p), sum((k - p * n) ** 2) / any_value(whole) ** 2 * any_value(m) / (any_value(m) - 1)
           FROM k JOIN p USING (high) GROUP BY p.high ORDER BY p.high DESC"""
    ).fetchall()
    row = traits[(traits.trait == WEEKDAY) & (traits.value == WEEKDAYS[5])].iloc[0]
    (_h, p_high, v_high), (_r, p_rest, v_rest) = saturday
    assert (row.high_ticket_share, row.rest_share) == pytest.approx((p_high, p_rest))
    assert row.high - row.difference == pytest.approx(1.959964 * (v_high + v_rest) ** 0.5, rel=1e-5)
