"""Households put single pieces into the basket, shops fill shelves: kinds of buyers by what one line holds."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.order_size import BuyerKinds, customer_kinds, fit_kinds, kind_summary, line_sizes
from custkit.present.findings.order_size import kinds_finding

AS_OF = datetime(2026, 11, 1)
SIZES = pa.schema(
    {
        "customer_id": pa.string(),
        "lines": pa.int64(),
        "pieces": pa.int64(),
        "bulk_lines": pa.int64(),
        "revenue": pa.decimal128(38, 4),
    }
)


def line(customer, order, product, quantity, *, day="2026-10-03", number=1, **other):
    given = {"order_id": order, "line_number": number, "customer_id": customer, "ordered_at": day, "product_id": product}
    return {**given, "quantity": quantity, "kind": "sale", "is_product": True, "revenue": 10, "amount": 10, **other}


def sizes_of(load_table, customers):
    rows = [
        {"customer_id": customer, "lines": lines, "pieces": pieces, "bulk_lines": 0, "revenue": revenue}
        for customer, lines, pieces, revenue in customers
    ]
    return load_table("sizes", rows, schema=SIZES)


def shop(kinds, *, seed=1, lines=8):
    """Customers of the kinds (how many, mean pieces, spread of their own means), each with some lines."""
    rng = np.random.default_rng(seed)
    people = []
    for kind, (n, pieces, spread) in enumerate(kinds):
        own = (pieces - 1) * (rng.gamma(1 / spread, spread, n) if spread else np.ones(n))
        counts = rng.integers(1, 2 * lines, n)
        extra = rng.poisson(own * counts)
        people += [(f"{kind}-{i:04}", int(k), int(k + e), 10) for i, (k, e) in enumerate(zip(counts, extra, strict=True))]
    return people


def kinds_of(shares, pieces, *, spread=0.0):
    k = len(shares)
    choice = pd.DataFrame({"kinds": [k], "gradual": [spread > 0], "bic": [0.0], "smallest": [100.0], "chosen": [True]})
    return BuyerKinds(np.array(shares), np.array(pieces) - 1.0, spread, np.eye(2 * k) * 0.01, choice, 1000, 0.0)


def test_a_product_bought_again_counts_once(load_table, rows):
    lines = load_table(
        "order_lines",
        [
            line("ann", "o1", "tea", 2),
            line("ann", "o2", "tea", 4, day="2026-10-09"),
            line("ann", "o2", "soap", 1, day="2026-10-09", number=2),
        ],
    )
    assert rows(line_sizes(lines, as_of=AS_OF), by="customer_id") == [("ann", 2, 3, 0, 30.0)]


def test_lines_that_name_no_product_are_each_their_own(load_table, rows):
    lines = load_table("order_lines", [line("ann", "o1", None, 2), line("ann", "o1", None, 4, number=2), line("ann", "o2", None, 3)])
    assert rows(line_sizes(lines, as_of=AS_OF), by="customer_id") == [("ann", 3, 9, 0, 30.0)]


def test_a_line_of_more_than_five_times_the_customers_usual_is_a_bulk_purchase(load_table, rows):
    # The median of ann's lines is 1: six pieces are bulk, five are not.
    given = [line("ann", "o1", product, quantity) for product, quantity in zip("abcde", (1, 1, 1, 5, 6), strict=True)]
    others = [line("bob", "o2", product, 3) for product in "abc"]
    found = rows(line_sizes(load_table("order_lines", given + others), as_of=AS_OF), by="customer_id")
    assert found == [("ann", 4, 8, 1, 50.0), ("bob", 3, 9, 0, 30.0)]


def test_a_customer_who_has_bought_in_bulk_only_is_not_placed(load_table, rows):
    # Of 100 lines 99 hold one piece; the wholesaler's line is usual for her and for nobody else.
    given = [line(f"c{i:02}", f"o{i}", "tea", 1) for i in range(99)] + [line("wholesaler", "o99", "tea", 74215)]
    found = rows(line_sizes(load_table("order_lines", given), as_of=AS_OF), by="customer_id")
    assert found == [(f"c{i:02}", 1, 1, 0, 10.0) for i in range(99)]


def test_what_is_sold_by_measure_has_no_pieces(load_table, rows):
    given = [
        line("ann", "o1", "fuel", 31415),  # cents of fuel
        line("bob", "o2", "fuel", 2718),
        line("ann", "o1", "cheese", 1, number=2),  # by the kilogram, once a whole one
        line("bob", "o2", "cheese", 0.35, number=2),
        line("ann", "o1", "tea", 2, number=3),
        line("bob", "o2", None, 1.5, number=3),
        line("cai", "o3", "tea", None),
    ]
    assert rows(line_sizes(load_table("order_lines", given), as_of=AS_OF), by="customer_id") == [("ann", 1, 2, 0, 30.0)]


def test_guests_returns_postage_samples_and_other_years_are_left_out(load_table, rows):
    given = [
        line("ann", "o1", "tea", 2),
        line(None, "o2", "tea", 5),
        line("ann", "o3", "tea", -2, kind="return"),
        line("ann", "o1", "post", 1, number=2, is_product=False),
        line("ann", "o1", "balm", 1, number=3, kind="free"),
        line("ann", "o4", "soap", 3, day="2025-10-31"),
        line("ann", "o5", "soap", 3, day="2026-11-01"),
    ]
    assert rows(line_sizes(load_table("order_lines", given), as_of=AS_OF), by="customer_id") == [("ann", 1, 2, 0, 10.0)]


def test_nobody_bought_gives_no_rows_one_kind_and_no_claim(load_table, rows):
    sizes = line_sizes(load_table("order_lines", []), as_of=AS_OF)
    assert rows(sizes, by="customer_id") == []
    kinds = fit_kinds(sizes)
    summary = kind_summary(sizes, kinds=kinds)
    assert (kinds.k, kinds.customers, len(summary)) == (1, 0, 0)
    assert list(summary.columns) == [
        "buyer_kind", "customers", "customer_share", "low", "high", "pieces_per_line", "pieces_low", "pieces_high", "revenue",
        "revenue_share",
    ]  # fmt: skip
    finding = kinds_finding(summary, kinds, as_of=AS_OF)
    assert finding.tone == "quiet"
    assert finding.headline == "Kinds of buyers are not estimated: 0 customers bought by the piece, and it takes 200."


def test_a_customer_of_three_lines_and_nine_pieces_is_placed_by_bayes(load_table, rows):
    # Six pieces beyond the first on three lines. Poisson means 3 × 0.5 and 3 × 2: e^−1.5 1.5^6 against e^−6 6^6, odds 1 : 45.5.
    sizes = sizes_of(load_table, [("ann", 3, 9, 10), ("bob", 3, 3, 10)])
    placed = rows(customer_kinds(sizes, kinds=kinds_of([0.5, 0.5], [1.5, 3.0])), by="customer_id")
    odds = np.exp(-6 + 1.5) * (6 / 1.5) ** 6
    assert [row[-2] for row in placed] == ["more pieces", "fewer pieces"]
    assert placed[0][-1] == pytest.approx(odds / (1 + odds), abs=1e-12)
    assert placed[1][-1] == pytest.approx(1 / (1 + np.exp(-4.5)), abs=1e-12)


def test_where_customers_of_a_kind_differ_the_negative_binomial_places_them(load_table, rows):
    from scipy.stats import nbinom

    kinds = kinds_of([0.7, 0.2, 0.1], [1.2, 2.0, 5.0], spread=0.25)
    placed = rows(customer_kinds(sizes_of(load_table, [("ann", 4, 11, 10)]), kinds=kinds), by="customer_id")
    mean = 4 * kinds.extra
    joint = kinds.shares * nbinom.pmf(7, 4, 4 / (4 + mean))
    assert placed[0][-2:] == ("a few pieces", pytest.approx(joint[1] / joint.sum(), abs=1e-12))


def test_a_customer_with_a_million_pieces_is_placed_without_overflow(load_table, rows):
    kinds = kinds_of([0.5, 0.5], [1.1, 40.0])
    placed = rows(customer_kinds(sizes_of(load_table, [("ann", 1, 1_000_000, 10), ("bob", 9000, 9000, 10)]), kinds=kinds), by="customer_id")
    assert [row[-2:] for row in placed] == [("more pieces", 1.0), ("fewer pieces", 1.0)]


def test_three_kinds_of_buyers_are_found_with_their_sizes_and_shares(load_table):
    sizes = sizes_of(load_table, shop([(1000, 1.15, 0), (600, 1.9, 0), (250, 3.6, 0)]))
    kinds = fit_kinds(sizes)
    assert kinds.names == ("single pieces", "a few pieces", "many pieces") and kinds.spread == 0
    told = kinds.intervals()
    for planted, (low, high) in zip(
        [1000 / 1850, 600 / 1850, 250 / 1850, 1.15, 1.9, 3.6],
        [*zip(told["low"], told["high"], strict=True), *zip(told["pieces_low"], told["pieces_high"], strict=True)],
        strict=True,
    ):
        assert low < planted < high
    summary = kind_summary(sizes, kinds=kinds)
    assert summary["customers"].sum() == 1850
    assert summary["revenue"].sum() == pytest.approx(18500)
    assert summary["revenue_share"].tolist() == pytest.approx(summary["customer_share"].tolist(), abs=1e-4)  # all spend the same
    assert kinds_finding(summary, kinds, as_of=AS_OF).headline == ("14% of customers put 3.6 pieces on a line and bring 14% of revenue.")


@pytest.mark.parametrize("spread", [0.0, 0.6])
def test_customers_of_one_kind_are_one_kind_whether_they_differ_by_chance_or_gradually(load_table, spread):
    sizes = sizes_of(load_table, shop([(2000, 1.5, spread)]))
    kinds = fit_kinds(sizes)
    assert kinds.k == 1 and (kinds.spread > 0) == (spread > 0)
    finding = kinds_finding(kind_summary(sizes, kinds=kinds), kinds, as_of=AS_OF)
    assert finding.tone == "quiet"
    assert finding.headline == "No kinds of buyers stand out by order size: a line holds 1.5 pieces."
    assert ("gradually" in finding.detail) == (spread > 0)


def test_a_shop_where_everybody_buys_single_pieces_has_one_kind(load_table):
    sizes = sizes_of(load_table, [(f"c{i:03}", 3, 3, 10) for i in range(300)])
    kinds = fit_kinds(sizes)
    assert kinds.k == 1 and kinds.intervals()["pieces_per_line"].tolist() == [1.0]


def test_too_few_customers_are_one_kind(load_table):
    kinds = fit_kinds(sizes_of(load_table, shop([(100, 1.1, 0), (99, 9.0, 0)])))
    assert kinds.k == 1


def test_a_dozen_odd_customers_are_no_kind(load_table):
    kinds = fit_kinds(sizes_of(load_table, shop([(1000, 1.3, 0), (12, 9.0, 0)])))
    assert kinds.k == 1
    assert kinds.choice.loc[kinds.choice["kinds"] == 2, "smallest"].min() < 30


def test_kinds_that_hardly_differ_are_not_worth_telling_apart(load_table):
    # With 8,000 customers of many lines each the likelihood knows 3.0 from 3.6 pieces; nobody would serve them differently.
    kinds = fit_kinds(sizes_of(load_table, shop([(4000, 3.0, 0), (4000, 3.6, 0)], lines=60)))
    two = kinds.choice[kinds.choice["kinds"] == 2]
    assert kinds.k == 1
    assert two["bic"].min() < kinds.choice.loc[kinds.choice["kinds"] == 1, "bic"].min()


def test_a_window_that_makes_no_sense_is_refused(load_table):
    with pytest.raises(ValueError, match="window_days is 0"):
        line_sizes(load_table("order_lines", []), as_of=AS_OF, window_days=0)


def test_a_kind_that_never_takes_a_second_piece_has_no_endless_interval():
    # CDNOW's first month: 15 % of customers at the lower end of what can be fitted, where the likelihood is flat.
    covariance = np.diag([0.1, 0.1, 15_563.0, 0.01])
    choice = pd.DataFrame({"kinds": [2], "gradual": [False], "bic": [0.0], "smallest": [30.0], "chosen": [True]})
    kinds = BuyerKinds(np.array([0.15, 0.85]), np.array([1e-4, 2.0]), 0.0, covariance, choice, 200, 0.0)
    found = kinds.intervals()
    assert found.pieces_high.tolist() == pytest.approx([1.0001, 1 + 2 * np.exp(0.1644854)])
