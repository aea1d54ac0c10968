"""Who is on which list, who is left alone, and what became of the last lists."""

import math
from datetime import datetime

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.action_lists import ActionList, control_size, control_sizes, list_sizes, listed, with_control
from custkit.analysis.list_scores import BETTER, FEW, NO_BETTER, judged, list_scores, month_of, risk_ratio
from custkit.analysis.tag_register import has_tag
from custkit.client import TagRule
from custkit.engine import fetch
from custkit.engine import load as to_engine

RICH = ActionList("rich", "Rich", "", "", lambda t: t.monetary_value >= 50, lambda t: t.stage.notnull())
LATE = ActionList("late", "Late", "", "", lambda t: t.risk >= 0.5, lambda t: t.risk.notnull(), outcome="silent", chance="risk")
LISTS = (RICH, LATE)
PEOPLE = pd.DataFrame(
    {
        "customer_id": ["ann", "bob", "cat", "dan", "eve"],
        "stage": ["vip", "regular", "regular", "lost", "dormant"],
        "monetary_value": [90.0, 60.0, 10.0, 99.0, 5.0],
        "risk": [0.9, 0.1, 0.8, 0.9, math.nan],
        "consent": [True, False, True, True, None],
        "is_high_ticket": [True, False, False, True, False],
    }
)


@pytest.fixture
def people(load):
    return load(PEOPLE)


@pytest.fixture
def load():
    import ibis

    con = ibis.duckdb.connect()
    return lambda frame: con.create_table("people", frame.astype({"consent": "boolean"}), overwrite=True)


def on_lists(expr):
    return sorted((row["customer_id"], row["list"]) for row in fetch(expr.select("customer_id", "list")).to_pylist())


def test_a_customer_is_on_the_first_list_only_and_who_said_farewell_on_none(people):
    assert on_lists(listed(people, lists=LISTS)) == [("ann", "rich"), ("bob", "rich"), ("cat", "late")]
    assert ("ann", "late") in on_lists(listed(people, lists=LISTS, max_lists=2))


def test_without_consent_nobody_is_listed_and_the_parts_sum_to_those_who_fit(people):
    on = listed(people, lists=LISTS, consent=True)
    assert on_lists(on) == [("ann", "rich"), ("cat", "late")]
    sizes = list_sizes(people, on, lists=LISTS, consent=True).set_index("list")
    assert sizes.loc["rich"].tolist() == [2, 1, 0, 0, 1]
    assert sizes.loc["late"].tolist() == [2, 0, 0, 1, 1]


def test_who_is_left_alone_depends_on_the_key_and_not_on_the_order(people):
    sizes = pd.DataFrame({"list": ["rich", "late"], "control": [1, 0]})
    on = listed(people, lists=LISTS)
    first, again = (fetch(with_control(rows, sizes, salt="a")).to_pandas().set_index("customer_id") for rows in (on, on.order_by("risk")))
    assert first.is_control.sum() == 1 and first.is_control.to_dict() == again.is_control.to_dict()


def test_a_control_is_as_large_as_statsmodels_asks():
    from statsmodels.stats.power import NormalIndPower
    from statsmodels.stats.proportion import proportion_effectsize

    control = control_size(20_000, 0.2, worth=0.2)
    power = NormalIndPower().power(proportion_effectsize(0.24, 0.2), 20_000 - control, 0.05, ratio=control / (20_000 - control))
    assert 0.77 < power < 0.83
    assert control_size(100, 0.05) == 20


def test_lists_are_held_against_what_happened(people, load_table):
    bought = [("ann", 5), ("bob", 6), ("zoe", 7)]
    orders = load_table(
        "orders",
        [{"order_id": f"o{i}", "customer_id": c, "ordered_at": datetime(2026, 10, d), "revenue": 10} for i, (c, d) in enumerate(bought)],
    )
    con = orders.get_backend()
    known = to_engine(con, "standing", pa.Table.from_pandas(PEOPLE, preserve_index=False))
    scored = list_scores(known, orders, start=datetime(2026, 10, 1), end=datetime(2026, 11, 1), lists=LISTS).set_index("list")
    rich, late = scored.loc["rich"], scored.loc["late"]
    assert (rich.members, rich.hits, rich.others, rich.others_rate, rich.verdict) == (3, 2, 2, 0.0, FEW)
    # Of ann, cat and dan, who were at risk, ann came; bob was not at risk and came too.
    assert (late.members, late.hits, late.others) == (3, 2, 1)
    assert late.expected_hits == pytest.approx(2.6)
    # On the lists as shortened dan, who said farewell, is on none, and ann is on the first only: of those at risk cat is left.
    month = month_of(listed(known, lists=LISTS), orders, start=datetime(2026, 10, 1), end=datetime(2026, 11, 1)).set_index("list")
    assert month.loc["rich"].tolist() == [2, 2, 2.0, 2.0, 20.0, 200.0]
    assert month.loc["late"].tolist() == [1, 0, 0.0, 0.0, 0.0, 0.0]


def test_a_list_too_small_for_the_effect_says_so():
    sizes = pd.DataFrame({"list": ["small", "large", "new"], "customers": [100, 20_000, 500]})
    month = pd.DataFrame({"list": ["small", "large"], "members": [100, 20_000], "bought": [20, 4_000]})
    control = control_sizes(sizes, month).set_index("list")
    # 80 % power, 80 against 20 of 100, 20 %: (1.96 + 0.84) × √(0.2 × 0.8 × (1 / 80 + 1 / 20)) = 0.280, and a fifth more buyers is 0.04.
    assert control.is_short.to_dict() == {"small": True, "large": False, "new": False}
    assert control.control["small"] == 20 and control.control["new"] == 0
    assert control.seen_from["small"] == pytest.approx(0.280, abs=0.0005) and control.seen_from["large"] <= 0.04


def test_lift_is_told_with_its_range():
    lift, low, high = risk_ratio(40, 100, 20, 100)
    assert (round(lift, 3), round(low, 3), round(high, 3)) == (2.0, 1.263, 3.167)
    assert judged(40, 100, 20, 100) == BETTER and judged(22, 100, 20, 100) == NO_BETTER and judged(4, 10, 2, 100) == FEW


def test_a_tag_is_one_rule_and_the_unknown_has_neither_it_nor_its_contrary(people):
    both = TagRule(name="x", when=("risk >= 0.5", "not is_high_ticket"))
    assert fetch(people.filter(has_tag(people, both)).select("customer_id")).to_pylist() == [{"customer_id": "cat"}]
    with pytest.raises(ValueError, match="`riskk` is nothing a tag can ask; did you mean `risk`"):
        TagRule(name="x", when="riskk >= 1")
    with pytest.raises(ValueError, match="true or false"):
        TagRule(name="x", when="is_high_ticket = 1")
