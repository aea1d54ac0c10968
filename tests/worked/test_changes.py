"""What changed beyond noise: customers are the ones who vary, the same customer is followed, and many looks are not one."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from custkit.analysis.changes import COUNTED, INCOMPLETE, NO_MONTH, changes
from custkit.analysis.definitions import as_chosen
from custkit.analysis.intervals import count_interval, median_interval, skewed_interval, skewed_p_value
from custkit.analysis.kpis import monthly_kpis
from custkit.analysis.noise import COLUMNS, month_noise
from custkit.client import Definitions, Lifecycle
from custkit.period import Period

PERIOD = Period(2026, 10)


def order(order_id, customer_id, at, revenue, items=1):
    return {
        "order_id": order_id, "customer_id": customer_id, "ordered_at": f"{at} 12:00", "order_date": at, "is_purchase": True,
        "revenue": revenue, "items": items,
    }  # fmt: skip


SHOP = [
    order("o1", "ann", "2026-09-03", 10),
    order("o2", "ann", "2026-10-04", 30, 3),
    order("o3", "ann", "2026-10-20", 10),
    order("o4", "bob", "2026-09-30", 20, 2),
    order("o5", "cai", "2026-10-01", 60, 2),
    order("o6", None, "2026-10-09", 7),
    order("o7", None, "2026-09-09", 5),
]


@pytest.fixture
def shop(load_table):
    def tell(rows=SHOP, **options):
        orders = load_table("orders", rows)
        months = monthly_kpis(
            orders, load_table("customers", []), load_table("events", []), period=PERIOD, rules=Lifecycle(), **{"months": 14, **options}
        )
        return months, month_noise(orders, months, period=PERIOD)

    return tell


def test_a_total_varies_by_what_each_customer_and_each_guest_brought(shop):
    _months, noise = shop()
    told = noise.set_index(["measure", "name"]).loc[("revenue", "")]
    # October: ann 40, cai 60, a guest 7. Since September ann brought 30 more, bob 20 less, cai 60 more; the guests are other people.
    assert told.variance == pytest.approx(40**2 + 60**2 + 7**2)
    assert told.skewness == pytest.approx((40**3 + 60**3 + 7**3) / told.variance**1.5)
    assert told.variance_before == pytest.approx(30**2 + 20**2 + 60**2 + 7**2 + 5**2)
    assert told.skewness_before == pytest.approx((30**3 - 20**3 + 60**3 + 7**3 - 5**3) / told.variance_before**1.5)
    assert math.isnan(told.variance_year)


def test_a_ratio_varies_by_how_far_customers_lie_off_it(shop):
    _months, noise = shop()
    rows = noise.set_index(["measure", "name"])
    # 100 of two customers in three orders, five of them with the guest's: ann is (40 − 2 × 33.3) / 3 off, cai (60 − 33.3) / 3.
    assert rows.loc[("aov", "known"), "variance"] == pytest.approx(2 * ((40 - 200 / 3) ** 2 + (60 - 100 / 3) ** 2) / 9)
    assert rows.loc[("spend_per_customer", "month"), "variance"] == pytest.approx(2 * (10**2 + 10**2) / 4)
    guests = 107 / 4
    assert rows.loc[("aov", "with_guests"), "variance"] == pytest.approx(
        (2 * ((40 - 2 * guests) ** 2 + (60 - guests) ** 2) + 2 * (7 - guests) ** 2) / 16
    )
    assert rows.loc[("orders_per_customer", ""), "variance"] == pytest.approx(2 * (0.5**2 + 0.5**2) / 4)
    # Since the data begin 50, 20 and 60 of three customers.
    spent = [50 - 130 / 3, 20 - 130 / 3, 60 - 130 / 3]
    assert rows.loc[("spend_per_customer", "cumulative"), "variance"] == pytest.approx(3 / 2 * sum(u**2 for u in spent) / 9)
    # An average month: 10, 40, 20 and 60 in four months in which one of them bought.
    spent = [50 - 2 * 130 / 4, 20 - 130 / 4, 60 - 130 / 4]
    assert rows.loc[("spend_per_customer", "average_month"), "variance"] == pytest.approx(3 / 2 * sum(u**2 for u in spent) / 16)


def test_a_customer_who_always_buys_alike_adds_no_noise_to_a_change(shop):
    alike = [order(f"{who}{month}", who, f"2026-{month}-05", 25) for who in ("ann", "bob", "cai") for month in ("09", "10")]
    _months, noise = shop(alike)
    rows = noise.set_index(["measure", "name"])
    for name in (("revenue", ""), ("customers", ""), ("orders", ""), ("spend_per_customer", "month")):
        assert rows.loc[name, "variance_before"] == 0
    assert rows.loc[("revenue", ""), "variance"] == 3 * 25**2


def test_the_repurchase_rate_follows_its_customers_by_every_definition(shop):
    _months, noise = shop()
    rows = noise.set_index(["measure", "name"])
    # October: ann of ann, bob and cai came back on another day: 1/3. September: none of ann and bob.
    u = [(1 - 1 / 3) / 3, (0 - 1 / 3) / 3, (0 - 1 / 3) / 3]
    assert rows.loc[("repurchase_rate", "two_days"), "variance"] == pytest.approx(3 / 2 * sum(x**2 for x in u))
    assert rows.loc[("repurchase_rate", "two_days"), "variance_before"] == pytest.approx(2 * sum(x**2 for x in u))
    assert rows.loc[("repurchase_rate", "mature"), "variance"] != rows.loc[("repurchase_rate", "mature"), "variance"]  # nobody is yet


def test_nothing_bought_is_no_noise(shop):
    _months, noise = shop([])
    assert noise.empty
    assert list(noise.columns) == list(COLUMNS)


def many(month, n, spend, first=0):
    return [order(f"{month}-{i}", f"c{i}", f"{month}-{i % 28 + 1:02}", spend(i)) for i in range(first, first + n)]


def test_a_change_is_significant_where_it_stands_out_and_compared_where_months_can_be(shop):
    busy = many("2026-09", 200, lambda i: 20 + i % 7) + many("2026-10", 200, lambda i: 24 + i % 7)
    months, noise = shop(busy)
    told = changes(as_chosen(months, definitions=Definitions()), noise).set_index("measure")
    assert told.loc["revenue", "significant"] and told.loc["aov", "significant"]
    assert told.loc["customers", ["change", "low", "high", "significant"]].tolist() == [0, 0, 0, False]
    assert told.loc["new_customers", "why_not"] == "filling"
    assert (told.why_not_year == NO_MONTH).all()
    assert told.loc["revenue", "now_low"] < told.loc["revenue", "now"] < told.loc["revenue", "now_high"]
    assert told.loc["customers", ["now_low", "now_high"]].tolist() == pytest.approx(count_interval(200))


def test_one_measure_that_moves_by_luck_among_many_is_not_called_a_change():
    from custkit.analysis.changes import _stands_out

    told = pd.DataFrame({"comparable": True, "p_value": [0.03] + [0.5] * 9, "low": [1.0] + [-1.0] * 9, "high": [2.0] + [1.0] * 9})
    assert not _stands_out(told, "").any()
    alone = told.assign(comparable=[True] + [False] * 9)
    assert _stands_out(alone, "").tolist() == [True] + [False] * 9
    clear = told.assign(p_value=[0.001] + [0.5] * 9)
    assert _stands_out(clear, "").sum() == 1


def test_across_a_change_of_definition_nothing_is_compared(shop):
    months, noise = shop(many("2026-09", 60, lambda i: 20) + many("2026-10", 60, lambda i: 40, first=30))
    dated = Definitions.model_validate({"aov": "with_guests from 2026-10", "repurchase_rate": "two_days; two_orders from 2026-09"})
    told = changes(as_chosen(months, definitions=dated), noise).set_index("measure")
    row = told.loc["aov"]
    assert (row["name"], row.since, row.why_not, row.comparable, row.significant) == ("with_guests", "2026-10", COUNTED, False, False)
    assert math.isnan(row.before) and math.isnan(row.change) and math.isnan(row.low)
    assert row.now == 40
    assert told.loc["repurchase_rate", "why_not"] != COUNTED  # both months are counted by orders
    assert told.loc["spend_per_customer", "significant"]


def test_few_customers_and_months_that_are_not_over_are_not_compared(shop):
    over = many("2026-09", 60, lambda i: 20)
    months, noise = shop([*over, *(row for row in many("2026-10", 60, lambda i: 40) if row["order_date"] < "2026-10-15")])
    told = changes(as_chosen(months, definitions=Definitions()), noise).set_index("measure")
    assert (told.why_not.drop("churn_rate") == INCOMPLETE).all()
    assert not told.significant.any()
    few = many("2026-09", 29, lambda i: 20) + many("2026-10", 29, lambda i: 40)
    months, noise = shop(few)
    told = changes(as_chosen(months, definitions=Definitions()), noise).set_index("measure")
    assert (told.loc["aov", "why_not"], told.loc["customers", "why_not"]) == ("too few", "")


def test_a_definition_dated_in_the_client_file_counts_from_its_month_on(shop):
    months, _noise = shop(
        many("2026-08", 3, lambda i: 20) + many("2026-09", 3, lambda i: 20) + [*many("2026-10", 3, lambda i: 20), SHOP[5]]
    )
    dated = Definitions.model_validate({"aov": "known; with_guests from 2026-10; cumulative from 2026-12"})
    told = as_chosen(months, definitions=dated).tail(2)
    assert told.aov_definition.tolist() == ["known", "with_guests"]
    assert told.aov.tolist() == [20, 67 / 4]
    assert (told.aov_top.tolist(), told.aov_base.tolist()) == ([60, 67], [3, 4])
    assert told.aov_since.tolist() == ["", "2026-10"]


def test_a_skewed_interval_reaches_further_where_the_large_ones_are():
    low, high = skewed_interval(100.0, 25.0, 0.3)
    assert 100 - low < 1.96 * 5 < high - 100
    assert skewed_interval(100.0, 25.0, 0.0) == pytest.approx((100 - 9.79982, 100 + 9.79982))
    assert skewed_interval(-100.0, 25.0, -0.3) == pytest.approx((-high, -low))
    assert skewed_interval(5.0, 0.0, 0.0) == (5, 5)
    assert all(math.isnan(end) for end in skewed_interval(1.0, math.nan, 0.0))


def test_a_p_value_and_the_interval_say_the_same():
    for estimate, skewness in ((9.7, 0.0), (9.9, 0.0), (8.0, 0.3), (12.5, 0.3), (-12.0, 0.2)):
        low, high = skewed_interval(estimate, 25.0, skewness)
        assert (skewed_p_value(estimate, 25.0, skewness) < 0.05) == (low > 0 or high < 0)
    assert skewed_p_value(0.0, 0.0, 0.0) == 1
    assert skewed_p_value(3.0, 0.0, 0.0) == 0


def test_counts_and_medians_have_intervals_without_a_model():
    assert count_interval(0) == pytest.approx((0, 3.8415), abs=1e-4)
    assert count_interval(100) == pytest.approx((82.227, 121.615), abs=1e-3)
    values, counts = pd.Series([1, 2, 3, 4, 5]), pd.Series([20, 20, 20, 20, 20])
    assert median_interval(values, counts) == median_interval(values[::-1], counts) == (2, 4)  # the 40th and the 61st of 100
    assert all(math.isnan(end) for end in median_interval(pd.Series(dtype="float64"), pd.Series(dtype="int64")))
