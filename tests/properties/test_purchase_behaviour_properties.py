"""What must hold for any purchases: pandas counts the same, row order says nothing, nothing is lost, a season is not in the day's order."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatch

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import StratifiedTable

from custkit.analysis.attributes import _compared, inferred_attributes
from custkit.analysis.base_attributes import OTHERS, group_categories, group_shares
from custkit.analysis.breadth import category_breadth, mean_breadth
from custkit.analysis.crosses import UNKNOWN
from custkit.analysis.demand import ALL, back_test, foretold, weekly_demand
from custkit.analysis.favourites import favourites
from custkit.analysis.ratios import Sums, difference
from custkit.analysis.season import daily_sales, month_season
from custkit.analysis.shopping_times import WEEKDAYS, weekday_hours, weekdays
from custkit.analysis.special_days import HOLIDAY, special_day_effects
from custkit.attribute_rules import AttributeRule
from custkit.engine import connect, fetch, load
from custkit.tables import TABLES

AS_OF = datetime(2026, 11, 1)
PRODUCTS = {"p1": ("Cat litter", "Pets"), "p2": ("Cat food", "Pets"), "p3": ("Cup", "Table"), "p4": ("Plate", "Table"), "p5": ("Odd", None)}
# Few customers, products and days, so that repeats, ties and equal times are the rule.
line = st.tuples(
    st.sampled_from(["anna", "bob", "cleo", "dan", None]), st.integers(0, 70), st.integers(0, 23), st.sampled_from([*PRODUCTS, "p6"]),
    st.integers(1, 4), st.integers(1, 400).map(lambda cents: Decimal(cents) / 4),
)  # fmt: skip
shops = st.lists(line, min_size=1, max_size=40)


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def lines_of(duck, shop, name="lines"):
    """Each line an order of its own, so many days before the end of the month."""
    rows = [
        {
            "order_id": f"o{i:03}", "line_number": 1, "customer_id": who, "ordered_at": AS_OF - timedelta(days=back + 1, hours=-hour),
            "product_id": product, "quantity": Decimal(pieces), "gross_amount": money, "amount": money, "revenue": money, "kind": "sale",
            "is_product": True,
        }
        for i, (who, back, hour, product, pieces, money) in enumerate(shop)
    ]  # fmt: skip
    return load(duck, name, pa.Table.from_pylist(rows, TABLES["order_lines"].arrow_schema))


def orders_of(duck, shop, name="orders"):
    rows = [
        {
            "order_id": f"o{i:03}", "customer_id": who, "ordered_at": AS_OF - timedelta(days=back + 1, hours=-hour), "is_purchase": True,
            "items": Decimal(pieces), "revenue": money, "region": product if product < "p4" else None,
        }
        for i, (who, back, hour, product, pieces, money) in enumerate(shop)
    ]  # fmt: skip
    return load(duck, name, pa.Table.from_pylist(rows, TABLES["orders"].arrow_schema))


def products(duck):
    rows = [{"product_id": p, "product_name": name, "category": category} for p, (name, category) in PRODUCTS.items()]
    return load(duck, "products", pa.Table.from_pylist(rows, TABLES["products"].arrow_schema))


def as_frame(shop):
    frame = pd.DataFrame(shop, columns=["who", "back", "hour", "product", "pieces", "money"])
    frame["at"] = pd.Timestamp(AS_OF) - pd.to_timedelta(frame["back"] + 1, unit="D") + pd.to_timedelta(frame["hour"], unit="h")
    frame["order"] = [f"o{i:03}" for i in range(len(frame))]
    return frame.assign(money=frame["money"].astype(float), category=[PRODUCTS.get(p, (None, None))[1] for p in frame["product"]])


@given(shop=shops)
def test_weekdays_and_hours_are_those_of_pandas(duck, shop):
    bought = as_frame(shop)
    week = weekday_hours(orders_of(duck, shop), as_of=AS_OF)
    counts = Counter(zip(bought["at"].dt.day_of_week, bought["at"].dt.hour, strict=True))
    if sum(bought["at"].dt.hour == 0) <= len(bought) / 2:
        assert {(WEEKDAYS.index(row.weekday), row.hour): row.orders for row in week.itertuples() if row.orders} == dict(counts)
    else:
        assert week.empty
    days = weekdays(orders_of(duck, shop), as_of=AS_OF)
    weeks = (bought["back"].max() + 1) // 7
    whole = bought[bought["back"] < 7 * weeks]
    assert days["orders"].sum() == len(whole) and days["revenue"].sum() == pytest.approx(whole["money"].sum())
    assert (days["days"] == weeks).all()


@given(shop=shops)
def test_the_test_of_weekdays_is_that_of_two_way_analysis_of_variance(duck, shop):
    found = weekdays(orders_of(duck, shop), as_of=AS_OF)
    bought = as_frame(shop)
    weeks = (bought["back"].max() + 1) // 7
    if weeks < 4:
        assert found.empty or found["p_value"].isna().all()
        return
    counts = np.bincount(bought.loc[bought["back"] < 7 * weeks, "back"], minlength=7 * weeks) ** 0.5
    place = np.arange(7 * weeks)
    design = np.column_stack([np.ones(len(place)), *[place // 7 == w for w in range(1, weeks)], *[place % 7 == d for d in range(1, 7)]])
    fitted = sm.OLS(counts, design.astype(float)).fit()
    contrast = np.zeros((6, design.shape[1]))
    contrast[:, -6:] = np.eye(6)
    if fitted.ssr > 1e-9:
        assert found["p_value"].iloc[0] == pytest.approx(float(fitted.f_test(contrast).pvalue), rel=1e-6, abs=1e-12)


@given(shop=shops, order=st.randoms(use_true_random=False))
def test_the_order_of_rows_says_nothing(duck, shop, order):
    shuffled = list(enumerate(shop))
    order.shuffle(shuffled)
    goods = products(duck)
    one, other = lines_of(duck, shop), lines_of(duck, [row for _i, row in shuffled], "shuffled")
    for level in ("product", "category"):
        pd.testing.assert_frame_equal(*(favourites(lines, goods, as_of=AS_OF, level=level) for lines in (one, other)), rtol=1e-12)
    pd.testing.assert_frame_equal(*(category_breadth(lines, goods, as_of=AS_OF) for lines in (one, other)), rtol=1e-12)
    tables = orders_of(duck, shop), orders_of(duck, [row for _i, row in shuffled], "orders_shuffled")
    for question in (weekly_demand, daily_sales, weekdays, weekday_hours):
        pd.testing.assert_frame_equal(*(question(table, as_of=AS_OF) for table in tables), rtol=1e-12)


@given(shop=shops)
def test_favourites_are_counted_as_pandas_counts_them(duck, shop):
    liked = favourites(lines_of(duck, shop), products(duck), as_of=AS_OF).set_index("item")
    bought = as_frame(shop).assign(item=[PRODUCTS.get(p, (p, None))[0] for *_some, p, _pieces, _money in shop])
    assert liked["orders"].to_dict() == bought.groupby("item")["order"].nunique().to_dict()
    customers = bought.groupby("item")["who"].nunique()
    assert liked["customers"].to_dict() == customers.to_dict()
    assert liked["revenue"].sum() == pytest.approx(bought["money"].sum())
    assert list(liked["customers"]) == sorted(liked["customers"], reverse=True)


@given(shop=shops)
def test_breadth_loses_no_customer_and_no_cent_and_luck_is_rarefaction(duck, shop):
    bands = category_breadth(lines_of(duck, shop), products(duck), as_of=AS_OF)
    mean = mean_breadth(lines_of(duck, shop), products(duck), as_of=AS_OF).iloc[0]
    known = as_frame(shop).dropna(subset=["who", "category"])
    assert bands["customers"].sum() == known["who"].nunique() and bands["revenue"].sum() == pytest.approx(known["money"].sum())
    if len(set(known["who"])) > 1:
        shares = known["category"].value_counts(normalize=True)
        per = known.groupby("who").agg(lines=("order", "size"), categories=("category", "nunique"))
        luck = per["lines"].map(lambda m: sum(1 - (1 - p) ** m for p in shares))
        assert (mean["mean_categories"], mean["expected_categories"]) == (
            pytest.approx(per["categories"].mean()),
            pytest.approx(luck.mean()),
        )


people = st.lists(st.tuples(st.sampled_from(["f", "m", "x", None]), st.sampled_from(["1", "2", None])), min_size=4, max_size=4)


@given(shop=shops, known=people, least=st.integers(1, 3))
def test_groups_and_those_not_known_sum_to_everybody(duck, shop, known, least):
    rows = [
        {"customer_id": who, "gender": g, "household_size": h} for who, (g, h) in zip(("anna", "bob", "cleo", "dan"), known, strict=True)
    ]
    customers = load(duck, "customers", pa.Table.from_pylist(rows, TABLES["customers"].arrow_schema))
    shares = group_shares(orders_of(duck, shop), customers, as_of=AS_OF, least=least)
    bought = as_frame(shop).dropna(subset=["who"])
    for _attribute, part in shares.groupby("attribute"):
        assert part["customers"].sum() == bought["who"].nunique()
        assert part["revenue"].sum() == pytest.approx(bought["money"].sum())
        told = part[part["group"] != UNKNOWN]
        assert told["customer_share"].sum() == pytest.approx(1)
        assert (told.loc[told["group"] != OTHERS, "customers"] >= least).all()
    assert group_categories(lines_of(duck, shop), products(duck), customers, as_of=AS_OF).empty  # four customers are too few


patterns = st.lists(st.sampled_from(["cat*", "*food", "cup", "P4", "pets", "*a*"]), min_size=1, max_size=2)


@given(shop=shops, wanted=patterns, times=st.integers(1, 3), days=st.integers(5, 80))
def test_a_rule_fits_whom_pandas_says_it_fits(duck, shop, wanted, times, days):
    rule = AttributeRule(name="x", buys=wanted, times=times, within_days=days)
    found = fetch(inferred_attributes(lines_of(duck, shop), products(duck), rules=[rule], as_of=AS_OF)).to_pylist()
    bought = as_frame(shop).dropna(subset=["who"])
    bought = bought[(bought["back"] < days) & bought["product"].isin(PRODUCTS)]

    def fits(product):
        words = (product, *PRODUCTS[product])
        return any(fnmatch(word.lower(), pattern.lower()) for word in words if word for pattern in wanted)

    mine = bought[np.array([fits(product) for product in bought["product"]], dtype=bool)]
    counts = mine.groupby("who")["back"].nunique()
    assert {row["customer_id"]: row["evidence_days"] for row in found} == counts[counts >= times].to_dict()


cells = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40), st.integers(1, 40), st.integers(0, 40)), min_size=1, max_size=4)


@given(strata=cells)
def test_the_lift_is_mantel_and_haenszels(strata):
    rows, tables = [], []
    for place, (n1, a, n0, c) in enumerate(strata):
        a, c = min(a, n1), min(c, n0)
        rows += [(place, 1, n1, a), (place, 0, n0, c)]
        tables.append(np.array([[a, n1 - a], [c, n0 - c]], dtype=float))
    told = _compared(pd.DataFrame(rows, columns=["stratum", "is_holder", "n", "bought"]))
    lift = told[8]
    top = sum(t[0, 0] * t[1].sum() / t.sum() for t in tables)
    base = sum(t[1, 0] * t[0].sum() / t.sum() for t in tables)
    if top and base:
        assert lift == pytest.approx(StratifiedTable(tables).riskratio_pooled)
        assert told[9] <= lift <= told[10]


numbers = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), min_size=3, max_size=20)


@given(one=numbers, other=numbers)
def test_the_variance_of_a_ratio_is_that_over_its_cases(one, other):
    groups = [np.array(part, dtype=float) for part in (one, other)]
    sums = [Sums(*(np.array([value]) for value in _five(part))) for part in groups]
    gap = difference(*sums).iloc[0]
    ratios = [part[:, 0].sum() / part[:, 1].sum() for part in groups]
    spread = [
        ((part[:, 0] - r * part[:, 1]) ** 2).sum() / part[:, 1].sum() ** 2 * len(part) / (len(part) - 1)
        for part, r in zip(groups, ratios, strict=True)
    ]
    assert gap["difference"] == pytest.approx(ratios[0] - ratios[1])
    assert gap["high"] - gap["difference"] == pytest.approx(1.959964 * sum(spread) ** 0.5, abs=1e-7)
    assert np.isnan(gap["p_value"]) or 0 <= gap["p_value"] <= 1


def _five(part):
    k, n = part[:, 0], part[:, 1]
    return k.sum(), n.sum(), (k * k).sum(), (k * n).sum(), (n * n).sum(), len(part)


@given(shop=shops)
def test_regions_hold_all_demand_of_whole_weeks(duck, shop):
    weekly = weekly_demand(orders_of(duck, shop), as_of=AS_OF)
    bought = as_frame(shop)
    if weekly.empty:  # no whole week, or the data end early
        return
    weeks = (bought["back"].max() + 1) // 7
    whole = bought[bought["back"] < 7 * weeks]
    every = weekly[weekly["region"] == ALL]
    assert every["demand"].sum() == pytest.approx(float(whole["pieces"].sum())) and len(every) == weeks
    placed = weekly[weekly["region"] != ALL]["demand"].sum()
    assert placed == pytest.approx(float(whole.loc[whole["product"] < "p4", "pieces"].sum()))


@given(series=st.lists(st.integers(0, 500), min_size=26, max_size=70), scale=st.sampled_from([2.0, 10.0]))
def test_a_forecast_is_never_below_nothing_and_grows_with_its_unit(series, scale):
    y = np.array(series, dtype=float)
    assert (foretold(y) >= 0).all() and np.isfinite(foretold(y)).all()
    assert foretold(scale * y) == pytest.approx(scale * foretold(y), rel=0.02, abs=0.02 * scale * (y.mean() + 1))


@given(series=st.lists(st.integers(0, 500), min_size=40, max_size=70), later=st.lists(st.integers(0, 500), min_size=8, max_size=8))
def test_what_comes_after_a_cut_changes_nothing_foretold_before_it(series, later):
    def tested(values):
        weeks = pd.date_range("2025-01-05", periods=len(values), freq="7D").as_unit("us")
        return back_test(pd.DataFrame({"region": ALL, "week": weeks, "demand": np.array(values, dtype=float)}))

    one, other = tested(series), tested([*series[:-8], *later])
    last = one["cut"] == one["cut"].max()
    assert one.loc[last, "forecast"].to_numpy() == pytest.approx(other.loc[last, "forecast"].to_numpy())
    assert other.loc[last, "actual"].tolist() == later


@given(orders=st.lists(st.integers(20, 60), min_size=140, max_size=140), place=st.integers(60, 80), factor=st.sampled_from([0, 2, 5]))
def test_a_day_of_more_is_never_told_as_less(orders, place, factor):
    first = pd.Timestamp("2026-01-05")
    day = pd.date_range(first, periods=140).as_unit("us")
    counts = np.array(orders)
    feast = pd.DataFrame({"occasion": ["Feast"], "kind": [HOLIDAY], "first_day": [day[place]], "last_day": [day[place]]})

    def effect(values):
        sales = pd.DataFrame({"day": day, "orders": values, "revenue": values * 3.0})
        return special_day_effects(sales, feast).iloc[0]

    plain, changed = effect(counts), effect(np.where(np.arange(140) == place, counts * factor, counts))
    assert changed["expected_orders"] == pytest.approx(plain["expected_orders"])
    assert changed["orders_effect"] + 1 == pytest.approx(factor * (plain["orders_effect"] + 1))
    if len(set(orders)) > 1:  # where nothing ever moves, chance is not known
        assert changed["orders_low"] <= changed["orders_effect"] <= changed["orders_high"]
    assert changed["revenue_effect"] == pytest.approx(changed["orders_effect"])


@given(scale=st.sampled_from([2, 7]), noise=st.integers(0, 1000))
def test_a_season_does_not_depend_on_the_shops_size(scale, noise):
    days = pd.date_range("2024-01-01", "2025-12-31").as_unit("us")
    counts = np.random.default_rng(noise).poisson(60, len(days))
    one = month_season(pd.DataFrame({"day": days, "orders": counts, "revenue": counts * 2.0}))
    other = month_season(pd.DataFrame({"day": days, "orders": counts * scale, "revenue": counts * 2.0}))
    for name in ("season_index", "index_low", "index_high", "p_value"):
        assert one[name].to_numpy() == pytest.approx(other[name].to_numpy(), rel=1e-6)
    assert np.log(one["season_index"]).sum() == pytest.approx(0, abs=1e-9)
