"""What holds for every shop: row order, conservation, nobody counted twice, nothing out of nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custkit.analysis.ladder import ladder_dips, loyalty_ladder
from custkit.analysis.offers import offer_only, offers_by_month
from custkit.analysis.tier_stop import qualifying_orders, tier_stops
from custkit.analysis.tiers import tier_activity
from custkit.present import charts
from custkit.present.findings import loyalty_tracking as findings
from custkit.present.findings.loyalty_tiers import tier_stop_finding

START, AS_OF = datetime(2026, 10, 1), datetime(2026, 11, 1)
MOMENTS = st.integers(0, 400).map(lambda days: AS_OF - timedelta(days=days, hours=-3) - timedelta(days=1))
DEAR = settings(max_examples=settings.default.max_examples // 4, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def shops(draw: st.DrawFn) -> tuple[list[dict], list[dict], list[dict]]:
    """Orders, their lines and the loyalty ledger of up to six customers and some guests."""
    orders, lines = [], []
    for i, (customer, at, amount, offer) in enumerate(
        draw(st.lists(st.tuples(st.sampled_from("abcdef") | st.none(), MOMENTS, st.integers(1, 200), st.integers(0, 3)), max_size=30))
    ):
        money = {"gross_amount": amount + offer, "discount_amount": offer % 2, "coupon_amount": offer // 2}
        at_ = {"customer_id": customer, "ordered_at": at}
        orders.append({"order_id": f"o{i}", "order_date": at.date(), "revenue": amount, **at_, **money})
        lines.append({"order_id": f"o{i}", "product_id": f"p{amount % 3}", "kind": "sale", "is_product": True, **at_, **money})
    kinds = st.sampled_from(["earn", "redeem", "expire", "adjust", "silver", "gold"])
    ledger = []
    for i, (customer, at, kind, points) in enumerate(
        draw(st.lists(st.tuples(st.sampled_from("abcdef"), MOMENTS, kinds, st.integers(0, 90)), max_size=30))
    ):
        tier = kind if kind in ("silver", "gold") else None
        signed = {"earn": points, "redeem": -points, "expire": -points, "adjust": points - 45}.get(kind, 0)
        ledger.append({
            "entry_id": f"e{i}", "customer_id": customer, "occurred_at": at, "entry_type": "tier" if tier else kind, "tier": tier,
            "points": signed, "expires_at": at + timedelta(days=365) if kind == "earn" else None,
        })  # fmt: skip
    return orders, lines, ledger


PRODUCTS = [{"product_id": f"p{i}", "category": f"k{i}"} for i in range(3)]


def answers(load_table, shop) -> dict[str, pd.DataFrame]:
    orders, lines, ledger = (load_table(name, rows) for name, rows in zip(("orders", "order_lines", "loyalty_ledger"), shop, strict=True))
    return {
        "ladder": loyalty_ladder(orders, lines, load_table("products", PRODUCTS), as_of=AS_OF, within_days=60),
        "activity": tier_activity(ledger, start=START, as_of=AS_OF),
        "stops": tier_stops(qualifying_orders(orders, ledger, as_of=AS_OF)),
        "monthly": offers_by_month(orders),
        "only": offer_only(orders, lines, min_orders=2),
    }


@DEAR
@given(shop=shops(), seed=st.integers(0, 9))
def test_the_order_of_the_rows_changes_nothing(load_table, shop, seed):
    told = answers(load_table, shop)
    again = answers(load_table, tuple(Random(seed).sample(rows, len(rows)) for rows in shop))
    for name, frame in told.items():
        pd.testing.assert_frame_equal(frame, again[name], obj=name)


@DEAR
@given(shop=shops())
def test_what_is_counted_adds_up_and_is_told_without_nan(load_table, shop):
    told = answers(load_table, shop)
    orders, _lines, ledger = shop
    ladder, activity, monthly = told["ladder"], told["activity"], told["monthly"]
    customers = {order["customer_id"] for order in orders} - {None}
    assert (ladder["customers"].iloc[0] if len(ladder) else 0) == len(customers)
    assert ladder["customers"].is_monotonic_decreasing
    assert (ladder["went_on"] <= ladder["at_risk"]).all() and (ladder["at_risk"] <= ladder["customers"]).all()
    assert (ladder["went_on"] <= ladder["customers"].shift(-1).fillna(0)).all()
    assert ladder["categories"].fillna(0).le(3).all()
    assert activity["members"].sum() == len({entry["customer_id"] for entry in ledger})
    assert activity["points_balance"].sum() == sum(entry["points"] for entry in ledger)
    flows = activity["opening_points"] + activity["earned_points"] - activity["redeemed_points"] - activity["expired_points"]
    assert (flows + activity["adjusted_points"] == activity["points_balance"]).all()
    dated = any(entry.get("expires_at") for entry in ledger)
    assert activity["expiring_points"].ge(0).all() if dated else activity["expiring_points"].isna().all()
    assert monthly["orders"].sum() == len(orders)
    assert told["only"]["customers"].sum() <= len(customers)
    dips = ladder_dips(told["ladder"], min_at_risk=1)
    for finding in (
        findings.ladder_finding(told["ladder"], dips),
        findings.tier_finding(told["activity"]),
        tier_stop_finding(told["stops"]),
        findings.offer_finding(told["monthly"]),
        findings.offer_only_finding(told["only"], min_orders=2),
    ):
        assert finding.headline and "nan" not in f"{finding.headline} {finding.detail}"


@pytest.mark.parametrize("rows", [0, 1, 12])
def test_charts_survive_any_number_of_rows(load_table, rows):
    import matplotlib.pyplot as plt

    at = [AS_OF - timedelta(days=30 * i + 1) for i in range(rows)]
    shop = (
        [{"order_id": f"o{i}", "customer_id": "a", "ordered_at": t, "order_date": t.date(), "revenue": 5} for i, t in enumerate(at)],
        [],
        [{"entry_id": f"e{i}", "customer_id": "a", "occurred_at": t, "entry_type": "earn", "points": 1} for i, t in enumerate(at)],
    )
    told = answers(load_table, shop)
    for draw, frame in (
        (charts.loyalty_ladder, told["ladder"]),
        (charts.tier_members, told["activity"]),
        (charts.tier_stops, told["stops"]),
        (charts.offer_use, told["monthly"]),
    ):
        before = frame.copy()
        ax = draw(frame, title="A finding.", measure="a measure")
        pd.testing.assert_frame_equal(frame, before)
        assert ax.get_title(loc="left") == "A finding." and ax.get_legend() is None
        # A drawing of nothing is not shown.
        assert plt.fignum_exists(ax.figure.number) == (len(frame) > 0)
        plt.close(ax.figure)
