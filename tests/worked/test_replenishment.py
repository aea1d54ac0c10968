"""Cycles, who is due, stock-piling and recommendations by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import ibis
import pandas as pd
import pyarrow.parquet as pq
import pytest

from custkit.analysis import recommendations as recommend
from custkit.analysis import replenishment
from custkit.analysis.incremental_sales import COUPON, PILING, TOO_FEW, incremental_sales
from custkit.engine import fetch, frame
from custkit.present.findings import replenishment as needs
from custkit.present.lists import LISTS_FOLDER

AS_OF = datetime(2026, 11, 1)
LINE = {"kind": "sale", "is_product": True, "amount": 10, "revenue": 10, "line_number": 1}
PRODUCTS = [{"product_id": "p", "product_name": "Coffee"}, {"product_id": "q", "product_name": "Hat"}]


def line(customer, ago, *, product="p", pieces=1, coupon=0, order=None):
    at = AS_OF - timedelta(days=ago, hours=-9)
    order = order or f"{customer}{ago}"
    return LINE | {
        "order_id": order, "customer_id": customer, "ordered_at": at, "product_id": product, "quantity": pieces, "coupon_amount": coupon,
    }  # fmt: skip


def by_the_clock(customers=30, days=20, times=6):
    """Everybody buys Coffee every `days` days, starting on days of their own, and two pieces once, which last twice as long."""
    rows = []
    for c in range(customers):
        ago = days * (times + 1) - c % days
        for i in range(times):
            rows.append(line(f"c{c:02d}", ago, pieces=2 if i == 2 else 1))
            ago -= days * (2 if i == 2 else 1)
    return rows


@pytest.fixture
def cycles(load_table):
    def of(rows):
        spells = replenishment.product_spells(load_table("order_lines", rows), as_of=AS_OF)
        return spells, replenishment.replenishment_cycles(spells, load_table("products", PRODUCTS))

    return of


def test_a_spell_lasts_to_the_next_purchase_or_to_the_end(load_table):
    lines = [line("ann", 40), line("ann", 40, pieces=2, order="again"), line("ann", 10, coupon=3), line("bob", 5, product="q")]
    returned = line("ann", 3) | {"kind": "return", "quantity": -1}
    guest = line(None, 7)
    told = fetch(replenishment.product_spells(load_table("order_lines", [*lines, returned, guest]), as_of=AS_OF)).to_pylist()
    told = sorted((t["customer_id"], t["number"], t["pieces"], t["with_coupon"], t["gap"], t["observed"]) for t in told)
    assert told == [("ann", 1, 3.0, 0, 30, 1), ("ann", 2, 1.0, 1, 10, 0), ("bob", 1, 1.0, 0, 5, 0)]


def test_two_pieces_last_twice_as_long(cycles):
    _spells, told = cycles(by_the_clock())
    row = told.iloc[0]
    assert row["is_regular"] and row["customers"] == 30 and row["product_name"] == "Coffee"
    assert row["days_per_piece"] == pytest.approx(20, abs=0.5)
    assert row["low"] <= 20 <= row["high"]


def test_those_who_never_came_back_make_the_all_in_median_longer_and_the_days_not(cycles):
    gone = [line(f"gone{i}", 200) for i in range(40)]
    plain, more = cycles(by_the_clock())[1].iloc[0], cycles([*by_the_clock(), *gone])[1].iloc[0]
    assert more["return_share"] < plain["return_share"]
    assert more["days_per_piece"] == pytest.approx(plain["days_per_piece"], abs=0.5)
    assert not more["km_median"] <= plain["km_median"]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """What a list of people holds, once it is written."""
    monkeypatch.setenv(LISTS_FOLDER, str(tmp_path))
    return lambda people: (people.payload["rows"], pq.read_table(tmp_path / f"{people.payload['name']}.parquet").to_pylist())


CONSENT = [
    {"customer_id": "ann", "consent": True},
    {"customer_id": "bob", "consent": True, "closed_at": datetime(2026, 10, 1)},
    {"customer_id": "cid", "consent": False},
    {"customer_id": "dan"},
]


@pytest.mark.parametrize(("consent", "stay"), [(True, ["ann"]), (False, ["ann", "cid", "dan"])])
def test_files_leave_out_who_may_not_be_approached(load_table, written, consent, stay):
    customers = load_table("customers", CONSENT)
    due = load_table("customers", CONSENT).select(
        "customer_id", product_id=ibis.literal("p"), product_name=ibis.literal("Coffee"), last_date=ibis.literal(AS_OF.date()),
        pieces=ibis.literal(1.0), due_date=ibis.literal(AS_OF.date()), probability=ibis.literal(0.5),
    )  # fmt: skip
    n, rows = written(needs.due_people(due, customers, consent=consent))
    assert n == len(stay) and [row["customer_id"] for row in rows] == stay


def test_the_files_have_one_row_a_customer(load_table, cycles, written):
    spells, told = cycles(by_the_clock())
    spells = spells.union(spells.mutate(product_id=ibis.literal("r"), gap=spells.gap * 2))
    both = pd.concat([told, told.assign(product_id="r", product_name="Tea", days_per_piece=told["days_per_piece"] * 2)])
    due = replenishment.due_list(spells, both, as_of=AS_OF)
    nobody = load_table("customers", [])
    n, rows = written(needs.due_people(due, nobody, consent=False))
    everybody = frame(due)
    best = (
        everybody.sort_values(["probability", "product_id"], ascending=[False, True])
        .drop_duplicates("customer_id")
        .set_index("customer_id")
    )
    assert n == len(rows) == everybody["customer_id"].nunique() > 20
    assert {row["customer_id"]: row["product"] for row in rows} == best["product_name"].to_dict()
    assert sum(row["other_products"] + 1 for row in rows) == len(everybody)

    lines, products = load_table("order_lines", by_the_clock()), load_table("products", PRODUCTS)
    evidence = recommend.learnt(lines, products, as_of=AS_OF)
    shown = recommend.recommendations(lines, products, as_of=AS_OF, evidence=evidence)
    n, rows = written(needs.next_people(shown, nobody, consent=False))
    assert n == 30 and rows[0]["item_1"] == "Coffee" and rows[0]["why_1"] in recommend.REASONS and rows[0]["item_2"] is None


def test_purchases_at_random_are_no_cycle(cycles):
    import numpy as np

    rng = np.random.default_rng(3)
    rows = [line(f"c{c}", int(ago)) for c in range(60) for ago in np.unique(rng.integers(1, 300, 6))]
    _spells, told = cycles(rows)
    assert not told["is_regular"].any()
    assert needs.cycles_finding(told).tone == "quiet"


def test_who_bought_two_pieces_is_due_later_and_who_is_long_overdue_has_likely_left(load_table, cycles):
    late = [line("late", 170), line("late", 150), line("late", 130)]
    two = [line("two", 50), line("two", 30), line("two", 10, pieces=2)]
    one = [line("one", 50), line("one", 30), line("one", 10)]
    spells, told = cycles([*by_the_clock(), *late, *two, *one])
    due = frame(replenishment.due_list(spells, told, as_of=AS_OF, ahead_days=14)).set_index("customer_id")
    assert due.loc["one", "due_date"].date() == date(2026, 11, 11)
    assert due.loc["one", "probability"] > 0.9 and "two" not in due.index
    later = frame(replenishment.due_list(spells, told, as_of=AS_OF, ahead_days=31)).set_index("customer_id")
    assert later.loc["two", "due_date"].date() == date(2026, 12, 1)
    assert later.loc["two", "probability"] > 0.9
    assert "late" not in due.index or due.loc["late", "probability"] < 0.1
    with pytest.raises(ValueError, match="ahead_days"):
        replenishment.due_list(spells, told, as_of=AS_OF, ahead_days=0)


def test_nothing_bought_again_gives_empty_frames_with_their_columns(cycles):
    spells, told = cycles([line("ann", 5)])
    assert list(told) == list(cycles(by_the_clock())[1]) and told.empty
    assert frame(replenishment.due_list(spells, told, as_of=AS_OF)).empty
    assert incremental_sales(spells, told).empty
    assert needs.cycles_finding(told).tone == needs.pulled_finding(incremental_sales(spells, told)).tone == "quiet"


@pytest.mark.parametrize("stretch", [1.0, 1.5, 2.0])
def test_pieces_under_a_coupon_are_bought_ahead_as_far_as_the_next_gap_grows(cycles, stretch):
    rows = []
    for c in range(40):
        ago = 300 - c % 20
        for i in range(8):
            rows.append(line(f"c{c:02d}", ago, pieces=2 if i == 3 else 1, coupon=4 if i == 3 else 0))
            ago -= int(20 * stretch) if i == 3 else 20
    told = incremental_sales(*cycles(rows)).iloc[0]
    assert told["bought"] == COUPON and told["extra_pieces"] == pytest.approx(1)
    assert told["pulled_forward"] == pytest.approx(stretch - 1)
    assert (told["verdict"] == PILING) == (stretch > 1.5)


def test_without_coupons_nothing_is_told_of_them(cycles):
    told = incremental_sales(*cycles(by_the_clock())).iloc[0]
    assert (told["bought"], told["verdict"]) == (COUPON, TOO_FEW)


def shop():
    """Everybody buys Bread; Razor and Blades lie together; ann lives on Coffee."""
    names = ("Bread", "Razor", "Blades", "Coffee", "Hat")
    products = [{"product_id": n, "product_name": n, "category": "Food" if n in ("Bread", "Coffee") else "Goods"} for n in names]
    rows = []
    for c in range(30):
        for ago in (80, 60, 40):
            held = ["Bread"] if c < 25 else ["Bread", "Coffee"]
            rows += [line(f"c{c:02d}", ago, product=product) | {"line_number": i} for i, product in enumerate(held)]
    rows += [line("c00", 20, product="Razor")]
    return rows, products


EVIDENCE = recommend.Evidence(
    pd.DataFrame({"antecedent": ["Razor"], "consequent": ["Blades"], "confidence": [0.9], "reverse_confidence": [0.1]}),
    pd.DataFrame({"antecedent": ["Razor"], "consequent": ["Hat"], "confidence": [0.5]}),
)


def test_each_recommendation_stands_once_for_its_likeliest_reason(load_table):
    rows, products = shop()
    lines, goods = load_table("order_lines", rows), load_table("products", products)
    told = frame(recommend.recommendations(lines, goods, as_of=AS_OF, evidence=EVIDENCE))
    assert not told.duplicated(["customer_id", "item"]).any()
    mine = told[told["customer_id"] == "c00"].set_index("item")
    assert (mine.loc["Hat", "reason"], mine.loc["Hat", "because"], mine.loc["Hat", "probability"]) == (recommend.FOLLOWS, "Razor", 0.5)
    assert mine.loc["Blades", "reason"] == recommend.GOES_WITH
    assert told[told["customer_id"] == "c29"].sort_values("rank")["item"].head(2).tolist() == ["Bread", "Coffee"]
    assert told.groupby("customer_id")["rank"].agg(lambda ranks: sorted(ranks) == list(range(1, len(ranks) + 1))).all()
    new = frame(recommend.recommendations(lines, goods, as_of=AS_OF, evidence=EVIDENCE, only_new=True))
    assert "Bread" not in set(new["item"])
    with pytest.raises(ValueError, match="n is 0"):
        recommend.recommendations(lines, goods, as_of=AS_OF, evidence=EVIDENCE, n=0)


def test_what_comes_later_has_no_say_in_the_lists(load_table):
    rows, products = shop()
    start = AS_OF - timedelta(days=30)
    goods = load_table("products", products)
    early = [row for row in rows if row["ordered_at"] < start]
    with_later, without = (
        frame(recommend.recommendations(load_table("order_lines", given), goods, as_of=start, evidence=EVIDENCE)) for given in (rows, early)
    )
    order = ["customer_id", "rank"]
    pd.testing.assert_frame_equal(with_later.sort_values(order, ignore_index=True), without.sort_values(order, ignore_index=True))


def test_hits_are_customers_who_took_one_item_or_more(load_table):
    rows, products = shop()
    month = [line("c00", 3, product="Hat"), line("c29", 2, product="Coffee"), line("new", 1, product="Bread")]
    lines, goods = load_table("order_lines", [*rows, *month]), load_table("products", products)
    start = AS_OF - timedelta(days=10)
    shown = recommend.recommendations(lines, goods, as_of=start, evidence=EVIDENCE, n=2)
    plain = recommend.best_sellers(lines, goods, as_of=start, n=1)
    told = recommend.recommendation_check(shown, plain, lines, goods, start=start, as_of=AS_OF).iloc[0]
    # c00 would have been shown Bread and Hat, c29 Bread and Coffee; Bread sells best, and neither took it.
    assert (told["customers"], told["hits"], told["best_seller_hits"]) == (2, 2, 0)
    assert told["gain_low"] < told["gain"] == 1


@pytest.mark.parametrize(
    ("every", "new", "verdicts"),
    [
        ((-0.02, 0.03), (-0.03, 0.02), ["Neither is a difference beyond luck."]),
        ((0.02, 0.05), (0.01, 0.04), ["Both are better than luck explains."]),
        ((0.02, 0.05), (-0.03, 0.02), ["That is better than luck explains.", "That is no difference beyond luck."]),
    ],
)
def test_one_verdict_on_both_lists_is_said_once(every, new, verdicts):
    shown = [recommend.EVERYTHING, recommend.NEW_ONLY]
    rows = [
        {"shown": name, "customers": 500, "hits": 200, "hit_rate": 0.4, "hit_low": 0.36, "hit_high": 0.44, "best_seller_rate": 0.39}
        | {"gain": 0.01, "gain_low": low, "gain_high": high}
        for name, (low, high) in zip(shown, (every, new), strict=True)
    ]
    detail = needs.tested_finding(pd.DataFrame(rows)).detail
    said = [sentence + "." for sentence in detail.rstrip(".").split(". ")]
    assert [sentence for sentence in said if "luck" in sentence] == verdicts
    assert said.count("Of items new to the customer alone, it is 40.0% against 39.0%.") == 1 and len(said) == len(verdicts) + 1
