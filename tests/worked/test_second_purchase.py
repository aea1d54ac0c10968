"""How long first-time buyers take to come back, counting those who have not."""

from __future__ import annotations

import math
from datetime import datetime

import pandas as pd
import pytest

from custkit.analysis.second_purchase import second_purchase_spells, second_purchase_summary
from custkit.analysis.survival import kaplan_meier, km_at, km_median, km_median_interval

AS_OF = datetime(2026, 11, 1)
ORDERS = [
    ("o1", "ann", "2026-08-01 10:00"), ("o2", "ann", "2026-08-11 09:00"), ("o3", "ann", "2026-09-20 09:00"),  # 10 days, then more
    ("o4", "bob", "2026-08-05 23:59"), ("o5", "bob", "2026-08-06 00:01"),  # one day by the calendar
    ("o6", "cai", "2026-10-12 08:00"), ("o7", "cai", "2026-10-12 20:00"),  # twice on one day: still waiting, 19 days
    ("o8", "dee", "2026-10-31 23:00"),  # came on the last day: nothing seen of the wait yet
    ("o9", None, "2026-10-02 12:00"),
    ("oa", "cai", "2026-11-01 00:00"),  # after the period
]  # fmt: skip


def spells(load_table, given=ORDERS):
    rows = [{"order_id": o, "customer_id": c, "ordered_at": at, "order_date": at[:10]} for o, c, at in given]
    return second_purchase_spells(load_table("orders", rows), as_of=AS_OF)


def waits(*rows):
    return pd.DataFrame(rows, columns=["duration_days", "observed", "n"])


def test_a_wait_ends_on_the_second_day_or_goes_on(load_table):
    expected = waits((0, False, 1), (1, True, 1), (10, True, 1), (19, False, 1))
    pd.testing.assert_frame_equal(spells(load_table), expected)


def test_repeaters_alone_look_faster_than_everybody(load_table):
    row = second_purchase_summary(spells(load_table)).iloc[0]
    assert (row.customers, row.repeaters, row.mean_days, row.median_days) == (4, 2, 5.5, 5.5)
    # Three are at risk after day 0: 2/3 left after day 1, 1/3 after day 10.
    assert row.km_median_days == 10
    assert math.isnan(row.returned_in_90_days)


def test_each_way_to_tell_the_wait_has_its_interval():
    row = second_purchase_summary(waits((10, True, 50), (20, True, 40), (90, True, 10), (95, False, 100))).iloc[0]
    # Of 100 who came back the middle ones are the 50th and 51st; 10 places to either side lie on 10 and on 20 days.
    assert (row.median_days, row.median_low, row.median_high) == (15, 10, 20)
    # Mean 22, variance 546 / 99 / 100 of it; three in a hundred took 90 days, which pulls the upper end away.
    plain = 1.959963984540054 * math.sqrt((50 * 12**2 + 40 * 2**2 + 10 * 68**2) / 99 / 100)
    assert row.mean_days == 22
    assert 22 - plain < row.mean_low < 22 < 22 + plain < row.mean_high
    # Half of all 200 are back after the last of the hundred came.
    assert (row.km_median_days, row.returned_in_90_days) == (90, 0.5)
    assert row.returned_low < 0.5 < row.returned_high


def test_nobody_yet_is_not_a_number(load_table):
    row = second_purchase_summary(spells(load_table, [])).iloc[0]
    assert (row.customers, row.repeaters) == (0, 0)
    assert row.drop(["customers", "repeaters"]).isna().all()


def test_kaplan_meier_by_hand():
    # 10 wait: 2 come on day 3, one is cut off on day 3, 1 comes on day 5, 6 are cut off on day 8.
    curve = kaplan_meier(waits((3, True, 2), (3, False, 1), (5, True, 1), (8, False, 6)))
    assert curve[["duration_days", "at_risk", "events"]].to_numpy().tolist() == [[3, 10, 2], [5, 7, 1], [8, 6, 0]]
    assert curve.survival.tolist() == pytest.approx([0.8, 0.8 * 6 / 7, 0.8 * 6 / 7])
    spread = 1.959963984540054 * math.sqrt(2 / (10 * 8)) / -math.log(0.8)
    assert curve.loc[0, ["low", "high"]].tolist() == pytest.approx([0.8 ** math.exp(spread), 0.8 ** math.exp(-spread)])
    assert math.isnan(km_median(curve))
    assert (km_at(curve, 0), km_at(curve, 4)) == (1, 0.8)
    assert math.isnan(km_at(curve, 9))


def test_a_half_is_a_half_in_spite_of_binary_fractions():
    curve = kaplan_meier(waits(*[(day, True, 1) for day in range(1, 11)]))
    assert km_median(curve) == 5
    assert (curve.survival.iloc[-1], curve.low.iloc[-1]) == (0, 0)


def test_the_same_waits_told_in_other_rows_are_the_same_curve():
    one = kaplan_meier(waits((3, True, 2), (8, False, 6)))
    other = kaplan_meier(waits((8, False, 4), (3, True, 1), (8, False, 2), (3, True, 1), (5, False, 0)))
    pd.testing.assert_frame_equal(one, other)


def test_no_waits_make_an_empty_curve():
    curve = kaplan_meier(waits().astype({"duration_days": "int64", "observed": "bool", "n": "int64"}))
    assert curve.empty
    assert list(curve.columns) == ["duration_days", "at_risk", "events", "survival", "low", "high"]
    assert all(math.isnan(value) for value in (km_median(curve), *km_median_interval(curve), km_at(curve, 1)))


def test_the_curve_agrees_with_statsmodels():
    from statsmodels.duration.survfunc import SurvfuncRight

    people = pd.DataFrame({"days": [(7 * i) % 61 + 1 for i in range(300)], "seen": [i % 3 != 0 for i in range(300)]})
    counted = people.groupby(["days", "seen"]).size().reset_index(name="n").set_axis(["duration_days", "observed", "n"], axis=1)
    curve = kaplan_meier(counted)
    oracle = SurvfuncRight(people.days, people.seen)
    assert curve[curve.events > 0].survival.tolist() == pytest.approx(list(oracle.surv_prob))
    assert km_median(curve) == oracle.quantile(0.5)
    assert km_median_interval(curve) == oracle.quantile_ci(0.5, method="cloglog")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(waits((-1, True, 1)), "below 0"), (waits((1, True, 1)).drop(columns="n"), "missing columns")],
)
def test_waits_are_refused_at_the_door(wrong, message):
    with pytest.raises(ValueError, match=message):
        kaplan_meier(wrong)
