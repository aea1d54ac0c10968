"""What must hold for any customers: the order of rows says nothing, equals are equal, a longer silence is never a better sign."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custkit.analysis.next_order import Cycle, customer_gaps, fit_cycle, next_orders, with_cycle
from custkit.engine import connect, fetch, load
from custkit.tables import TABLES

AS_OF = datetime(2026, 11, 1)
SCHEMA = TABLES["orders"].arrow_schema
CYCLE = Cycle(centre=math.log(30), between=0.5, within=1.0, usual=0.3, backing=4.0, customers=100, gaps=400)
histories = st.lists(st.lists(st.integers(1, 400), min_size=1, max_size=6), max_size=12)


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def put(duck, people, order=None):
    rows = [(f"c{i:03}", ago) for i, agos in enumerate(people) for ago in agos]
    if order is not None:
        order.shuffle(rows)
    days = [AS_OF - timedelta(days=ago, hours=-9) for _customer, ago in rows]
    columns = {
        "order_id": [f"o{i}" for i in range(len(rows))], "customer_id": [customer for customer, _ago in rows], "ordered_at": days,
        "order_date": [day.date() for day in days], "revenue": [Decimal(10)] * len(rows), "is_purchase": [True] * len(rows),
    }  # fmt: skip
    table = pa.table({name: pa.array(columns.get(name, [None] * len(rows)), SCHEMA.field(name).type) for name in SCHEMA.names}, SCHEMA)
    return load(duck, "orders", table)


@given(people=histories, order=st.randoms(use_true_random=False))
def test_the_order_of_rows_says_nothing(duck, people, order):
    plain = fetch(customer_gaps(put(duck, people), as_of=AS_OF)).sort_by("customer_id").to_pylist()
    mixed = fetch(customer_gaps(put(duck, people, order), as_of=AS_OF)).sort_by("customer_id").to_pylist()
    for one, other in zip(plain, mixed, strict=True):
        assert {k: pytest.approx(v) if isinstance(v, float) else v for k, v in one.items()} == other


@given(people=histories)
def test_gaps_add_up_to_the_days_between_the_first_purchase_and_the_last(duck, people):
    gaps = fetch(customer_gaps(put(duck, people), as_of=AS_OF)).to_pandas()
    for row in gaps.itertuples():
        agos = sorted(set(people[int(row.customer_id[1:])]), reverse=True)
        between = [one - other for one, other in pairwise(agos)]
        assert (row.gaps, row.waited) == (len(between), agos[-1])
        if between:
            logs = [math.log(gap) for gap in between]
            mean = sum(logs) / len(logs)
            assert row.mean_log == pytest.approx(mean)
            assert row.squares_log == pytest.approx(sum((log - mean) ** 2 for log in logs), abs=1e-9)


@given(people=histories)
def test_equal_customers_have_equal_dates_that_lie_ahead_and_in_order(duck, people):
    due = fetch(next_orders(customer_gaps(put(duck, [*people, *people]), as_of=AS_OF), cycle=CYCLE, as_of=AS_OF)).to_pandas()
    due = due.set_index("customer_id")
    for i in range(len(people)):
        one, other = f"c{i:03}", f"c{i + len(people):03}"
        assert (one in due.index) == (other in due.index)
        if one in due.index:
            assert due.loc[one].tolist() == pytest.approx(due.loc[other].tolist())
            low, middle, high = due.loc[one, ["next_low", "next_date", "next_high"]]
            assert AS_OF.date() <= low <= middle <= high


@given(agos=st.lists(st.integers(50, 300), min_size=1, max_size=5), later=st.integers(1, 40))
def test_who_has_waited_longer_is_more_overdue_and_due_later(duck, agos, later):
    table = put(duck, [[ago + later for ago in agos], agos])
    told = fetch(with_cycle(customer_gaps(table, as_of=AS_OF), cycle=CYCLE)).to_pandas().set_index("customer_id")
    assert told.overdue["c000"] > told.overdue["c001"]
    due = fetch(next_orders(customer_gaps(table, as_of=AS_OF), cycle=CYCLE, as_of=AS_OF, active_days=1000)).to_pandas()
    due = due.set_index("customer_id").next_date
    assert due["c000"] >= due["c001"]


@given(gap=st.integers(5, 60), spread=st.sampled_from([0.1, 0.4, 0.8]), seed=st.integers(0, 50))
def test_the_rhythm_of_a_shop_is_found(duck, gap, spread, seed):
    """300 customers whose own gaps spread around `gap`: the centre is found to a seventh, and how much customers differ."""
    rng = np.random.default_rng(seed)
    people = []
    for _customer in range(300):
        own = math.log(gap) + spread * rng.standard_normal()
        steps = np.maximum(np.round(np.exp(own + 0.3 * rng.standard_normal(8))), 1).astype(int)
        ends = int(400 + rng.integers(0, 20))
        people.append([ends + int(step) for step in np.cumsum(steps)])
    cycle = fit_cycle(customer_gaps(put(duck, people), as_of=AS_OF))
    assert cycle.centre == pytest.approx(math.log(gap), abs=0.15)
    assert cycle.between == pytest.approx(spread**2, rel=0.5, abs=0.03)
    assert cycle.within == pytest.approx(0.09, rel=0.5, abs=0.03)
