"""Campaigns without a control group, worked by hand: like customers, the placebo, what goes on afterwards, and what may be said."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from matplotlib import pyplot

from custkit.analysis.before_after import before_after_customers
from custkit.analysis.campaigns import campaign_spans
from custkit.analysis.difference_in_differences import (
    ALL_CAMPAIGNS,
    BOUGHT,
    COLUMNS,
    KEPT,
    LASTS,
    LESS,
    MORE,
    NO_DIFFERENCE,
    NO_HISTORY,
    NOT_COMPARABLE,
    RUNNING,
    SPEND,
    TOO_FEW,
    TOO_SOON,
    difference_in_differences,
    telling_measure,
)
from custkit.present import charts
from custkit.present.findings.campaigns import before_after_finding, before_after_table, difference_finding, difference_table

AS_OF = datetime(2026, 11, 1)
# A campaign of ten days from 1 September on; before it and as long again before that, and afterwards, there are ten days each.
CAMPAIGN = {"campaign_id": "flyer", "campaign_name": "Flyer", "starts_at": "2026-09-01", "ends_at": "2026-09-11", "cost_amount": 80}


def order(customer: str, day: str, revenue: float = 10, *, slip: bool = False) -> dict[str, Any]:
    return {
        "order_id": f"{customer} {day} {revenue}", "customer_id": customer, "ordered_at": day, "order_date": day, "is_purchase": not slip,
        "revenue": revenue,
    }  # fmt: skip


def people_of(
    load_table, customers: list[dict[str, Any]], orders: list[dict[str, Any]], contacts: list[dict[str, Any]], *campaigns, as_of=AS_OF
):
    listed = load_table("campaigns", list(campaigns) or [CAMPAIGN])
    made, bought = load_table("campaign_contacts", contacts), load_table("orders", orders)
    spans = campaign_spans(listed, made, bought, as_of=as_of)
    return spans, before_after_customers(spans, made, load_table("customers", customers), bought, as_of=as_of)


def reached(*customers: str, campaign: str = "flyer", **more: Any) -> list[dict[str, Any]]:
    return [{"campaign_id": campaign, "customer_id": customer, **more} for customer in customers]


def known(*customers: str, **more: Any) -> list[dict[str, Any]]:
    return [{"customer_id": customer, "registered_at": "2026-01-01", **more} for customer in customers]


FIRST = order("old", "2026-01-01")  # the data reach back to it


def test_before_after_and_later_are_as_many_days_each(load_table, rows):
    spent = {"08-22": 1, "08-31": 2, "09-01": 4, "09-10": 8, "09-11": 16, "09-20": 32, "09-21": 64}
    orders = [FIRST, *(order("anna", f"2026-{day}", revenue) for day, revenue in spent.items())]
    orders += [order("ben", "2026-08-12", 128), order("ben", "2026-09-05", -3, slip=True)]
    _spans, people = people_of(load_table, known("anna", "ben"), orders, reached("anna"))
    real = people.filter(~people.is_placebo).select(
        "customer_id", "contacted", "bought_before", "bought_after", "bought_later", "spend_before", "spend_after", "spend_later"
    )
    assert rows(real, by="customer_id") == [
        ("anna", True, 1.0, 1.0, 1.0, 3.0, 12.0, 48.0),
        ("ben", False, 0.0, 0.0, 0.0, 0.0, -3.0, 0.0),
    ]
    # The placebo: as if it had begun ten days earlier. What had been "before" is "after" then, and 12 August lies in its "before".
    shifted = people.filter(people.is_placebo).select("customer_id", "bought_before", "bought_after", "spend_before", "spend_after")
    assert rows(shifted, by="customer_id") == [("anna", 0.0, 1.0, 0.0, 3.0), ("ben", 1.0, 0.0, 128.0, 0.0)]


def test_afterwards_is_blank_while_it_has_not_happened(load_table, rows):
    made = people_of(load_table, known("anna"), [FIRST], reached("anna"), as_of=datetime(2026, 9, 21))[1]
    assert rows(made.filter(~made.is_placebo).select("customer_id", "bought_later"), by="customer_id") == [("anna", 0.0)]
    made = people_of(load_table, known("anna"), [FIRST], reached("anna"), as_of=datetime(2026, 9, 20))[1]
    assert rows(made.filter(~made.is_placebo).select("customer_id", "bought_later", "spend_later"), by="customer_id") == [
        ("anna", None, None)
    ]


def test_untouched_is_who_was_reached_by_no_campaign_at_that_time(load_table, rows):
    other = {"campaign_id": "call", "starts_at": "2026-09-09", "ends_at": "2026-09-15"}
    later = {"campaign_id": "gift", "starts_at": "2026-09-11", "ends_at": "2026-09-15"}
    contacts = [
        *reached("anna"),
        *reached("ben", campaign="call"),
        *reached("cem", campaign="gift"),
        *reached("dora", campaign="call", arm="control"),
    ]
    customers = [
        *known("anna", "ben", "cem", "dora", "eva"),
        *known("new", registered_at="2026-08-25"),
        *known("gone", closed_at="2026-08-30"),
    ]
    _spans, people = people_of(load_table, customers, [FIRST], contacts, CAMPAIGN, other, later)
    mine = people.filter((people.campaign_id == "flyer") & ~people.is_placebo).select("customer_id", "contacted")
    # Ben got the call meanwhile; cem's gift came afterwards; dora was only kept back from the call. New was not there yet, gone had left.
    assert rows(mine, by="customer_id") == [("anna", True), ("cem", False), ("dora", False), ("eva", False)]
    # The call kept dora back: a better comparison than this one, so it is left to that.
    assert rows(people.select("campaign_id").distinct(), by="campaign_id") == [("flyer",), ("gift",)]


def test_like_customers_had_bought_as_lately_as_often_and_for_as_much(load_table, rows):
    orders = [
        FIRST,
        *(order(name, "2026-08-25") for name in ("anna", "ben")),
        order("cem", "2026-03-01"),
        *(order("dora", f"2026-0{m}-05") for m in (3, 5, 7)),
    ]
    _spans, people = people_of(load_table, known("anna", "ben", "cem", "dora", "eva"), orders, reached("anna"))
    cells = dict(rows(people.filter(~people.is_placebo).select("customer_id", "cell"), by="customer_id"))
    assert cells["anna"] == cells["ben"] and len(set(cells.values())) == 4


PEOPLE = pa.schema({
    "campaign_id": pa.string(), "is_placebo": pa.bool_(), "customer_id": pa.string(), "contacted": pa.bool_(), "cell": pa.int64(),
    "is_best": pa.bool_(), "bought_before": pa.float64(), "bought_after": pa.float64(), "bought_later": pa.float64(),
    "spend_before": pa.float64(), "spend_after": pa.float64(), "spend_later": pa.float64(),
})  # fmt: skip
SPANS = pa.schema({
    "campaign_id": pa.string(), "campaign_name": pa.string(), "starts_at": pa.timestamp("us"), "is_over": pa.bool_(),
    "has_control": pa.bool_(), "reached": pa.int64(),
})  # fmt: skip


def crowd(
    n: int,
    buyers: int,
    *,
    contacted: bool,
    cell: int = 0,
    placebo: int | None = None,
    later: int | None = 0,
    campaign: str = "flyer",
    tag: str = "",
):
    """`n` customers of whom the first `buyers` buy for 10 in the campaign, `later` afterwards, `placebo` before it."""
    made = []
    for is_placebo, after in ((False, buyers), (True, placebo)):
        if after is None:
            continue
        for i in range(n):
            bought = {"before": 0.0, "after": float(i < after), "later": None if later is None else float(i < later)}
            made.append(
                {
                    "campaign_id": campaign,
                    "is_placebo": is_placebo,
                    "customer_id": f"{tag or campaign}{cell}{contacted}{i}",
                    "contacted": contacted,
                    "cell": cell,
                    "is_best": cell == 4,
                }
                | {f"bought_{when}": value for when, value in bought.items()}
                | {f"spend_{when}": None if value is None else 10 * value for when, value in bought.items()}
            )
    return made


def told(load_table, *crowds: list[dict[str, Any]], running: str = "") -> pd.DataFrame:
    names = list(dict.fromkeys([*(row["campaign_id"] for rows in crowds for row in rows), *([running] if running else [])]))
    spans = [
        {
            "campaign_id": name,
            "campaign_name": name.title(),
            "starts_at": (datetime(2026, 9, 1) - timedelta(days=30 * i)).isoformat(),
            "is_over": name != running,
            "has_control": False,
            "reached": 7,
        }
        for i, name in enumerate(names)
    ]
    people = load_table("customers", [row for rows in crowds for row in rows], schema=PEOPLE)
    return difference_in_differences(load_table("campaigns", spans, schema=SPANS), people)


def test_cells_are_weighted_by_those_reached(load_table):
    # In cell 0 60 of 100 reached buy and 20 of 50 others; in cell 1 10 of 50 and 30 of 200.
    frame = told(
        load_table,
        crowd(100, 60, contacted=True, placebo=20), crowd(50, 20, contacted=False, placebo=10),
        crowd(50, 10, contacted=True, cell=1, placebo=10), crowd(200, 30, contacted=False, cell=1, placebo=40),
        crowd(5, 5, contacted=True, cell=2, placebo=0),  # nobody like them: not compared
    )  # fmt: skip
    row = frame.set_index("measure").loc[BOUGHT]
    assert (row["contacted"], row["compared"], row["like_customers"]) == (155, 150, 250)
    assert row["difference"] == pytest.approx((100 * (0.6 - 0.4) + 50 * (0.2 - 0.15)) / 150)
    assert (row["contacted_after"], row["like_after"]) == (pytest.approx(70 / 150), pytest.approx((100 * 0.4 + 50 * 0.15) / 150))
    # If both were draws from one crowd of 150 with 80 buyers, and one of 250 with 40: Σ (y − mean)² of each kind, over its number squared.
    first = (100 / 150) ** 2 * 150 / 149 * _around(100, 60, 50, 20)
    second = (50 / 150) ** 2 * 250 / 249 * _around(50, 10, 200, 30)
    assert row["high"] - row["difference"] == pytest.approx(1.959964 * math.sqrt(first + second), rel=1e-6)
    assert row["placebo"] == 0 and row["verdict"] == MORE


def _around(n: int, k: int, m: int, j: int) -> float:
    mean = (k + j) / (n + m)
    return sum((buyers * (1 - mean) ** 2 + (size - buyers) * mean**2) / size**2 for size, buyers in ((n, k), (m, j)))


def test_a_difference_that_was_there_before_is_not_told(load_table):
    frame = told(load_table, crowd(200, 120, contacted=True, placebo=100), crowd(200, 60, contacted=False, placebo=60))
    assert set(frame["verdict"]) == {NOT_COMPARABLE}
    assert frame[["difference", "low", "high", "p_value", "detectable"]].isna().all(axis=None)
    finding = difference_finding(frame)
    assert finding.headline == "Not comparable: those whom the campaigns reached were different before." and finding.tone == "quiet"
    assert "bought was off by +20.0 points too" in finding.detail


def test_a_difference_that_goes_on_afterwards_is_not_the_campaigns(load_table):
    """Who can be reached has not left, and so buys more: in the campaign, and just as much after it."""
    frame = told(load_table, crowd(200, 80, contacted=True, placebo=50, later=78), crowd(200, 50, contacted=False, placebo=50, later=50))
    assert frame.set_index("measure").loc[BOUGHT, "verdict"] == LASTS
    assert "go on doing so after the campaign" in difference_finding(frame).headline


def test_a_difference_of_its_days_alone_is_told(load_table):
    frame = told(load_table, crowd(200, 90, contacted=True, placebo=50, later=50), crowd(200, 50, contacted=False, placebo=50, later=50))
    assert frame["verdict"].tolist() == [MORE, MORE]  # nobody is among the best, so two measures
    assert difference_finding(frame).headline == "Flyer: 20.0 points more of those it reached bought than of like customers."
    turned = told(load_table, crowd(200, 50, contacted=True, placebo=50, later=50), crowd(200, 90, contacted=False, placebo=50, later=50))
    assert turned["verdict"].tolist() == [LESS, LESS]
    assert difference_finding(turned).headline == "Flyer: 20.0 points fewer of those it reached bought than of like customers."


def test_no_difference_is_told_with_what_would_have_been_found(load_table):
    frame = told(load_table, crowd(200, 52, contacted=True, placebo=50), crowd(200, 50, contacted=False, placebo=50))
    assert set(frame["verdict"]) == {NO_DIFFERENCE}
    finding = difference_finding(frame)
    assert finding.tone == "quiet" and finding.detail.startswith(
        "Flyer, bought: +1.0 points (−7.6 points to +9.6 points). 12.2 points or more"
    )


OTHERS = crowd(200, 50, contacted=False, placebo=50)


@pytest.mark.parametrize(
    ("crowds", "verdict"),
    [
        ((crowd(29, 20, contacted=True, placebo=5), OTHERS), TOO_FEW),
        ((crowd(200, 90, contacted=True, placebo=50, later=None), crowd(200, 50, contacted=False, placebo=50, later=None)), TOO_SOON),
        ((crowd(200, 90, contacted=True), crowd(200, 50, contacted=False)), NO_HISTORY),
        ((crowd(99, 9, contacted=True, cell=1, placebo=9), crowd(40, 9, contacted=True, placebo=9), OTHERS), TOO_FEW),
        ((crowd(200, 90, contacted=True, placebo=50),), TOO_FEW),
    ],
    ids=["few reached", "no days after it yet", "no days before it", "most have nobody like them", "everybody was reached"],
)
def test_what_cannot_be_compared_says_why(load_table, crowds, verdict):
    frame = told(load_table, *crowds)
    assert set(frame["verdict"]) == {verdict} and frame["difference"].isna().all()
    assert difference_finding(frame).tone == "quiet"


def test_nothing_compared_is_nothing_drawn(load_table):
    # A book club wrote to everybody: the page showed an empty chart and blamed a history of eight years for being none.
    frame = told(load_table, crowd(200, 90, contacted=True, placebo=50))
    before = set(pyplot.get_fignums())
    charts.campaign_differences(frame, title=difference_finding(frame).headline)
    assert set(pyplot.get_fignums()) == before


def test_a_running_campaign_waits(load_table):
    frame = told(load_table, crowd(200, 52, contacted=True, placebo=50), crowd(200, 50, contacted=False, placebo=50), running="letter")
    assert dict(zip(frame["campaign_id"], frame["verdict"], strict=True)) == {"letter": RUNNING, "flyer": NO_DIFFERENCE}
    assert difference_table(frame)["campaign_name"].unique().tolist() == ["Flyer"]


def test_all_campaigns_together_count_each_customer_once(load_table):
    """The same 200 customers are reached twice and do the same each time: twice the rows, not twice the evidence."""
    once = (crowd(200, 60, contacted=True, placebo=50, tag="c"), crowd(200, 50, contacted=False, placebo=50, tag="c"))
    twice = (
        *once,
        crowd(200, 60, contacted=True, placebo=50, campaign="letter", tag="c"),
        crowd(200, 50, contacted=False, placebo=50, campaign="letter", tag="c"),
    )
    single = told(load_table, *once).set_index("measure").loc[BOUGHT]
    both = told(load_table, *twice)
    pooled = both[both["campaign_name"] == ALL_CAMPAIGNS].set_index("measure").loc[BOUGHT]
    assert pooled["compared"] == 400 and pooled["difference"] == pytest.approx(single["difference"])
    assert pooled["high"] - pooled["low"] == pytest.approx(single["high"] - single["low"])


def test_best_customers_are_asked_apart(load_table):
    frame = told(
        load_table,
        crowd(100, 50, contacted=True, cell=4, placebo=40), crowd(100, 40, contacted=False, cell=4, placebo=40),
        crowd(100, 5, contacted=True, placebo=5), crowd(100, 5, contacted=False, placebo=5),
    ).set_index("measure")  # fmt: skip
    assert frame.loc[KEPT, "difference"] == pytest.approx(0.1) and frame.loc[BOUGHT, "difference"] == pytest.approx(0.05)
    assert frame.loc[KEPT, "compared"] == 100 and frame.loc[SPEND, "difference"] == pytest.approx(0.5)


def test_before_and_after_is_told_with_what_it_cost(load_table):
    frame = told(load_table, crowd(200, 52, contacted=True, placebo=50), crowd(200, 50, contacted=False, placebo=50))
    summary = pd.DataFrame({"campaign_id": ["flyer"], "cost_amount": [80.0], "customers": [200]})
    finding = before_after_finding(summary, frame, frame.iloc[:0])
    assert finding.detail.endswith("of like customers 25.0% and 0.0%. It cost $80, $0.40 for each of 200 customers reached.")
    assert before_after_table(frame, frame.iloc[:0])["measure"].tolist() == [BOUGHT, SPEND]


def test_where_nearly_everybody_buys_their_spend_tells_more(load_table):
    frame = told(load_table, crowd(200, 52, contacted=True, placebo=50), crowd(200, 50, contacted=False, placebo=50))
    assert telling_measure(frame) == BOUGHT
    assert telling_measure(frame.assign(contacted_before=0.97)) == SPEND


def test_no_campaign_no_rows(load_table):
    frame = difference_in_differences(load_table("campaigns", [], schema=SPANS), load_table("customers", [], schema=PEOPLE))
    assert frame.empty and list(frame.columns) == list(COLUMNS)
    assert difference_finding(frame).tone == "quiet"
