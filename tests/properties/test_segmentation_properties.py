"""What must hold for any customers: row order says nothing, equals are equal, more is never worse, nothing is lost."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custkit.analysis.concentration import concentration, deciles, lorenz, with_decile
from custkit.analysis.effectiveness import effectiveness
from custkit.analysis.high_ticket import CATEGORY, TENURE, high_ticket, high_ticket_traits
from custkit.analysis.kmeans import customer_groups, fit_groups
from custkit.analysis.migration import ARRIVED, GONE, migration, migration_summary
from custkit.analysis.rfm import is_quiet, rfm_scores, rfm_segments, score_thresholds, segment_summary
from custkit.analysis.segment_maps import map_summary, segment_borders
from custkit.analysis.value_angles import positions, value_angles
from custkit.client import Lifecycle
from custkit.engine import connect, fetch, load
from custkit.segments import NAMED_MAPS, Segment, settled_map, whole_map
from custkit.tables import TABLES

VALUES = pa.schema(
    {
        "customer_id": pa.string(), "recency_days": pa.int64(), "frequency": pa.int64(), "monetary_value": pa.decimal128(38, 4),
        "order_value": pa.float64(), "tenure_days": pa.int64(), "saved_share": pa.float64(), "cycle_days": pa.float64(),
        "margin": pa.decimal128(38, 4),
    }
)  # fmt: skip
# Few different values, so that ties are the rule.
customer = st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(0, 8).map(lambda cents: Decimal(cents) / 4))
shops = st.lists(customer, max_size=25)
RULES = Lifecycle(active_days=2, dormant_days=4)
MAPS = {name: settled_map(rows, {"active_days": 2, "dormant_days": 4}) for name, rows in NAMED_MAPS.items()}
OWN = whole_map(
    (
        Segment(name="Over both", spend="> mean and > median"), Segment(name="Top", orders="top 30%"),
        Segment(name="Plain", recency_days="2-4", order_value="< 1"), Segment(name="Scores", m="4-5", f="1-3"),
    )
)  # fmt: skip
maps = st.sampled_from([*MAPS.values(), OWN])


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def put(duck, people, name="people"):
    full = [
        (
            who,
            days,
            orders,
            spend,
            float(spend) / orders,
            days + orders,
            0.1 * orders,
            9.0 / orders if orders > 1 else None,
            round(spend / 2, 4),
        )
        for who, days, orders, spend in people
    ]  # fmt: skip
    columns = list(zip(*full, strict=True)) if full else [()] * len(VALUES)
    return load(duck, name, pa.table([pa.array(column, field.type) for column, field in zip(columns, VALUES, strict=True)], VALUES))


def named(shop):
    return [(f"c{i:03}", *person) for i, person in enumerate(shop)]


@given(shop=shops, order=st.randoms(use_true_random=False))
def test_the_order_of_rows_says_nothing(duck, shop, order):
    people = named(shop)
    shuffled = list(people)
    order.shuffle(shuffled)
    for answer in (concentration, deciles, lorenz):
        pd.testing.assert_frame_equal(answer(put(duck, people)), answer(put(duck, shuffled)), rtol=1e-12)
    one, other = (fetch(rfm_scores(put(duck, rows))).sort_by("customer_id") for rows in (people, shuffled))
    assert one.equals(other)


@given(shop=shops)
def test_scores_are_those_of_pandas(duck, shop):
    scores = fetch(rfm_scores(put(duck, named(shop)))).to_pandas().sort_values("customer_id")
    for measure, score, sign in (("recency_days", "r_score", -1), ("frequency", "f_score", 1), ("monetary_value", "m_score", 1)):
        at_or_below = (scores[measure].astype(float) * sign).rank(method="max").astype("int64")
        assert scores[score].tolist() == [-(-5 * k // len(scores)) for k in at_or_below]


@given(shop=shops)
def test_equal_customers_are_equal_and_more_is_never_worse(duck, shop):
    scores = fetch(rfm_scores(put(duck, named(shop)))).to_pandas()
    for measure, score, sign in (("recency_days", "r_score", -1), ("frequency", "f_score", 1), ("monetary_value", "m_score", 1)):
        scores_of_equals = scores.groupby(measure)[score]
        assert (scores_of_equals.min() == scores_of_equals.max()).all()
        by_value = scores.assign(value=scores[measure].astype(float) * sign).sort_values("value")
        assert by_value[score].is_monotonic_increasing
        assert scores[score].between(1, 5).all()


def every_tag(values, rows):
    """All that segmentation says of one customer, in one row; the segment by the map `rows`."""
    scores = rfm_segments(rfm_scores(values), segments=rows)
    tagged = scores.pipe(with_decile).pipe(high_ticket).pipe(effectiveness).pipe(positions, rules=RULES)
    told = fetch(tagged.pipe(value_angles, rules=RULES).mutate(quiet=is_quiet)).to_pandas()
    return told.set_index("customer_id").sort_index()


@given(shop=shops.filter(len), rows=maps)
def test_equal_customers_have_every_score_segment_tenth_and_tag_in_common(duck, shop, rows):
    # Everybody twice under another name: the twin must be told everything that the first is told.
    told = every_tag(put(duck, [*named(shop), *((f"d{name}", *person) for name, *person in named(shop))]), rows)
    first, twin = told[: len(shop)], told[len(shop) :]
    pd.testing.assert_frame_equal(first.reset_index(drop=True), twin.reset_index(drop=True))
    alike = told.groupby(["recency_days", "frequency", "monetary_value"])[["segment", "decile", "effectiveness", "position"]]
    assert (alike.first() == alike.last()).all(axis=None)


@given(shop=shops.filter(len), rows=maps, order=st.randoms(use_true_random=False))
def test_a_customers_name_and_place_say_nothing(duck, shop, rows, order):
    renamed = [(f"x{9999 - i}", *person) for i, person in enumerate(shop)]
    order.shuffle(renamed)
    first, other = every_tag(put(duck, named(shop)), rows), every_tag(put(duck, renamed), rows)
    pd.testing.assert_frame_equal(first.reset_index(drop=True), other[::-1].reset_index(drop=True))


@given(shop=shops, rows=maps)
def test_every_map_places_everybody_once_and_loses_no_cent(duck, shop, rows):
    summary = map_summary(rfm_scores(put(duck, named(shop))), segments=rows)
    assert summary.sizes.customers.sum() == len(shop)
    assert summary.sizes.revenue.sum() == pytest.approx(float(sum(person[2] for person in shop)))
    assert set(summary.sizes.segment) == {row.name for row in rows}  # nobody falls between the rows


@given(shop=shops.filter(len), rows=maps)
def test_a_months_own_borders_place_its_customers_as_it_did(duck, shop, rows):
    scores = rfm_scores(put(duck, named(shop)))
    placed = rfm_segments(scores, segments=rows)
    held = rfm_segments(scores, segments=rows, borders=segment_borders(scores, segments=rows))
    assert fetch(placed).sort_by("customer_id").equals(fetch(held).sort_by("customer_id"))


@given(shop=shops.filter(lambda shop: len(shop) > 4), rows=maps)
def test_who_did_nothing_new_while_nobody_did_moves_nowhere(duck, shop, rows):
    values = put(duck, named(shop))
    moves = migration(values, values, segments=rows)
    assert (moves.segment_before == moves.segment).all()
    assert moves.customers.sum() == len(shop)


@given(shop=shops)
def test_segments_thresholds_and_tenths_lose_no_customer_and_no_cent(duck, shop):
    values = put(duck, named(shop))
    scores = rfm_scores(values)
    summary, tenths, thresholds = segment_summary(rfm_segments(scores)), deciles(values), score_thresholds(scores)
    total = float(sum(person[2] for person in shop))
    assert summary.customers.sum() == tenths.customers.sum() == len(shop)
    assert summary.revenue.sum() == pytest.approx(total)
    assert tenths.revenue.sum() == pytest.approx(total)
    assert thresholds.groupby("measure").customers.sum().tolist() == [len(shop)] * 3


@given(shop=shops.filter(lambda shop: sum(person[2] for person in shop) > 0))
def test_inequality_lies_between_none_and_all(duck, shop):
    row = concentration(put(duck, named(shop))).iloc[0]
    spend = sorted(float(person[2]) for person in shop)
    pairs = sum(abs(a - b) for a in spend for b in spend) / (2 * len(spend) ** 2 * (sum(spend) / len(spend)))
    assert row.gini == pytest.approx(pairs, abs=1e-9)
    best = sorted(spend, reverse=True)
    needed = next(n for n in range(1, len(best) + 1) if sum(best[:n]) >= 0.8 * sum(best) - 1e-9)
    assert row.customers_to_80 == needed
    assert row.top_10_share <= row.top_20_share <= row.top_30_share <= 1 + 1e-12


@given(before=shops, after=shops, rows=maps)
def test_whoever_was_there_last_month_is_somewhere_this_month(duck, before, after, rows):
    matrix = migration(put(duck, named(before), "before"), put(duck, named(after), "after"), segments=rows)
    assert matrix[matrix.segment_before != ARRIVED].customers.sum() == len(before)
    assert matrix[matrix.segment != GONE].customers.sum() == len(after)
    movers = matrix[(matrix.segment_before != matrix.segment) & (matrix.segment_before != ARRIVED) & (matrix.segment != GONE)]
    assert (movers.moved_by_behaviour + movers.moved_by_borders == movers.customers).all()
    summary = migration_summary(matrix)
    assert (summary.stayed + summary.moved_in + summary.arrived == summary.customers).all()


@pytest.mark.parametrize("seed", range(3))
def test_groups_do_not_follow_the_order_of_rows(duck, seed):
    random = np.random.default_rng(seed)
    people = [
        (f"c{i:03}", int(random.integers(1, 365)), int(random.geometric(0.3)), Decimal(int(random.lognormal(8, 1))) / 100)
        for i in range(300)
    ]
    one = fit_groups(put(duck, people))
    other = fit_groups(put(duck, [people[i] for i in random.permutation(300)]))
    assert one.centres.tolist() == other.centres.tolist()
    assert one.choice.equals(other.choice)
    placed = [fetch(customer_groups(put(duck, given), grouping=one)).sort_by("customer_id") for given in (people, people[::-1])]
    assert placed[0].equals(placed[1])


def test_the_interval_of_the_gini_holds_the_truth_nine_times_in_ten_and_more(duck):
    # Spend is lognormal with sigma 1: its Gini is erf(1 / 2).
    truth, held = math.erf(0.5), 0
    for seed in range(40):
        spend = np.random.default_rng(seed).lognormal(3, 1, 400)
        people = [(f"c{i:03}", 1, 1, Decimal(f"{amount:.4f}")) for i, amount in enumerate(spend)]
        row = concentration(put(duck, people)).iloc[0]
        held += row.gini_low <= truth <= row.gini_high
    assert 0.88 <= held / 40 <= 1.0


def test_where_nothing_sets_high_ticket_customers_apart_nothing_is_claimed(duck):
    """Home, sex, weekday and shop drawn without regard to spend: false discoveries stay rare over twelve shops."""
    claimed = told = 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        people = [(f"c{i:03}", 1, 1, Decimal(int(random.lognormal(9, 1))) / 100) for i in range(400)]
        customers = [
            {"customer_id": name, "region": f"region {random.integers(6)}", "gender": "mf"[random.integers(2)]} for name, *_rest in people
        ]
        orders = [
            {
                "order_id": f"{name}-{k}", "customer_id": name, "ordered_at": datetime(2026, 10, 1 + int(random.integers(28)), 9),
                "store_id": f"shop {random.integers(4)}",
            }
            for name, *_rest in people
            for k in range(1 + int(random.integers(6)))
        ]  # fmt: skip
        tables = [canonical(duck, name, rows) for name, rows in (("customers", customers), ("orders", orders))]
        nothing = [load(duck, name, TABLES[name].empty(), schema=TABLES[name].schema) for name in ("order_lines", "products")]
        traits = high_ticket_traits(high_ticket(put(duck, people)), *tables, *nothing, as_of=datetime(2026, 11, 1))
        traits = traits[~traits.trait.isin([TENURE, CATEGORY])]
        told += len(traits)
        claimed += int((traits.q_value <= 0.05).any())
    assert told > 12 * 15
    assert claimed <= 2  # of twelve shops


def test_dear_goods_do_not_stand_out_by_their_price_alone(duck):
    """Everybody draws gold or paper with the same chance: who happened on gold spends most, and is not fonder of it."""
    products = canonical(duck, "products", [{"product_id": name, "category": name} for name in ("gold", "paper")])
    nobody = load(duck, "customers", TABLES["customers"].empty(), schema=TABLES["customers"].schema)
    claimed = 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        orders, lines, spend = [], [], {}
        for i in range(400):
            for k in range(2 + int(random.integers(5))):
                gold = bool(random.integers(2))
                told = {"order_id": f"{i}-{k}", "customer_id": f"c{i:03}", "ordered_at": datetime(2026, 10, 1 + k, 9)}
                orders.append({**told, "revenue": Decimal(100 if gold else 1)})
                lines.append({**told, "line_number": 1, "kind": "sale", "is_product": True, "product_id": "gold" if gold else "paper"})
                spend[i] = spend.get(i, 0) + (100 if gold else 1)
        marked = high_ticket(put(duck, [(f"c{i:03}", 1, 1, Decimal(amount)) for i, amount in spend.items()]))
        tables = [canonical(duck, name, rows) for name, rows in (("orders", orders), ("order_lines", lines))]
        traits = high_ticket_traits(marked, nobody, *tables, products, as_of=datetime(2026, 11, 1))
        bought = traits[traits.trait == CATEGORY]
        assert len(bought) == 2
        claimed += int((bought.q_value <= 0.05).any())
    assert claimed <= 1  # of twelve shops


def canonical(duck, name, rows):
    schema = TABLES[name].arrow_schema
    return load(
        duck, name, pa.table([pa.array([row.get(f.name) for row in rows], f.type) for f in schema], schema), schema=TABLES[name].schema
    )
