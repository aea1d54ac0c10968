"""What holds for every campaign: row order, conservation, intervals that hold what they say, and no effect where there is none."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import statsmodels.formula.api as smf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custkit.analysis.before_after import before_after_customers
from custkit.analysis.campaign_uplift import campaign_returns, campaign_uplift, mean_uplift
from custkit.analysis.campaigns import CONTROL, campaign_outcomes, campaign_spans, campaign_summary
from custkit.analysis.channel_value import channel_curves, channel_value, won_customers
from custkit.analysis.difference_in_differences import BOUGHT, LESS, MORE, SPEND, difference_in_differences
from custkit.analysis.offer_fairness import offer_fairness
from custkit.analysis.price_fairness import day_prices, price_fairness
from custkit.demo.shop import simulate
from custkit.engine import fetch
from custkit.present import charts
from custkit.present.findings import campaigns as findings
from custkit.tables import TABLES

AS_OF = datetime(2026, 11, 1)
DAYS = st.integers(0, 300).map(lambda days: AS_OF - timedelta(days=days, hours=-7) - timedelta(days=1))
DEAR = settings(max_examples=max(settings.default.max_examples // 4, 2), suppress_health_check=[HealthCheck.function_scoped_fixture])
SEGMENTS = pa.schema({"customer_id": pa.string(), "segment": pa.string()})
NAMES = "abcdefgh"


@st.composite
def shops(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Up to eight customers and some guests with orders, campaigns, contacts and marketing spend."""
    orders, lines = [], []
    bought = st.tuples(st.sampled_from(NAMES) | st.none(), DAYS, st.integers(-20, 200), st.booleans())
    for i, (customer, at, amount, known) in enumerate(draw(st.lists(bought, max_size=40))):
        common = {"order_id": f"o{i}", "customer_id": customer, "ordered_at": at}
        money = {"revenue": amount, "cost_amount": amount // 2 if known else None}
        orders.append(common | money | {"order_date": at.date(), "is_purchase": amount > 0})
        lines.append(
            common
            | {
                "product_id": f"p{amount % 3}",
                "quantity": 1 + i % 3,
                "amount": amount,
                "coupon_amount": i % 2,
                "kind": "sale" if amount > 0 else "return",
                "is_product": True,
            }
        )
    campaigns = [
        {"campaign_id": f"k{i}", "starts_at": at, "ends_at": None if days is None else at + timedelta(days=days), "cost_amount": cost}
        for i, (at, days, cost) in enumerate(
            draw(st.lists(st.tuples(DAYS, st.none() | st.integers(1, 40), st.none() | st.integers(0, 99)), max_size=4))
        )
    ]
    pairs = draw(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(NAMES)), max_size=24, unique=True))
    contacts = [
        {
            "campaign_id": f"k{k}",
            "customer_id": name,
            "arm": draw(st.sampled_from(["treatment", "control", None])),
            "offer": draw(st.sampled_from(["5 off", "9 off", None])),
            "contacted_at": AS_OF - timedelta(days=30 * k + 9),
        }
        for k, name in pairs
    ]
    customers = [
        {"customer_id": name, "registered_at": AS_OF - timedelta(days=40 * i), "acquisition_channel": "Ads" if i % 2 else "Mail"}
        for i, name in enumerate(NAMES)
    ]
    spend = [
        {"spent_at": at, "channel": "Ads", "spend_amount": amount}
        for at, amount in draw(st.lists(st.tuples(DAYS, st.integers(1, 50)), max_size=5))
    ]
    return {
        "orders": orders,
        "order_lines": lines,
        "campaigns": campaigns,
        "campaign_contacts": contacts,
        "customers": customers,
        "marketing_spend": spend,
    }


def answers(load_table, shop: dict[str, list[dict[str, Any]]]) -> dict[str, pd.DataFrame]:
    t = {name: load_table(name, rows) for name, rows in shop.items()}
    segmented = load_table("customers", [{"customer_id": name, "segment": "ab"[i % 2]} for i, name in enumerate(NAMES)], schema=SEGMENTS)
    spans = campaign_spans(t["campaigns"], t["campaign_contacts"], t["orders"], as_of=AS_OF)
    outcomes = campaign_outcomes(spans, t["campaign_contacts"], t["orders"])
    uplift = campaign_uplift(spans, outcomes)
    people = before_after_customers(spans, t["campaign_contacts"], t["customers"], t["orders"], as_of=AS_OF)
    won = won_customers(t["customers"], t["orders"], as_of=AS_OF, horizon=1)
    channels = channel_value(won, t["orders"], t["marketing_spend"], as_of=AS_OF, gross_margin=0.5, horizon=1)
    return {
        "summary": campaign_summary(spans, outcomes),
        "uplift": uplift,
        "returns": campaign_returns(spans, uplift),
        "differences": difference_in_differences(spans, people),
        "channels": channels,
        "curves": channel_curves(won, t["orders"], channels, as_of=AS_OF, gross_margin=0.5),
        "offers": offer_fairness(t["campaign_contacts"], segmented),
        "prices": price_fairness(day_prices(t["order_lines"], segmented, start=AS_OF - timedelta(days=400), as_of=AS_OF)),
    }


@DEAR
@given(shop=shops(), seed=st.integers(0, 9))
def test_the_order_of_the_rows_changes_nothing(load_table, shop, seed):
    told = answers(load_table, shop)
    again = answers(load_table, {name: Random(seed).sample(rows, len(rows)) for name, rows in shop.items()})
    for name, frame in told.items():
        pd.testing.assert_frame_equal(frame, again[name], obj=name)


@DEAR
@given(shop=shops())
def test_what_is_counted_adds_up_and_is_told_without_nan(load_table, shop):
    told = answers(load_table, shop)
    summary, uplift, differences, offers, prices = (told[name] for name in ("summary", "uplift", "differences", "offers", "prices"))
    assert (summary["buyers"] <= summary["customers"]).all() and (summary["buyers"] <= summary["orders"]).all()
    assert (summary["redeemed"] + summary["bought_without"] <= summary["customers"] + summary["redeemed"]).all()
    for campaign, groups in summary.groupby("campaign_id"):
        reached = [row for row in shop["campaign_contacts"] if row["campaign_id"] == campaign]
        assert groups["customers"].sum() <= len(reached)
        if not groups["has_control"].any():
            assert groups["customers"].sum() == len(reached)
    assert not uplift["is_beyond_chance"].any() and not set(differences["verdict"]) & {MORE, LESS}  # eight customers prove nothing
    assert ((uplift["low"] <= uplift["uplift"]) & (uplift["uplift"] <= uplift["high"])).all() or uplift["low"].isna().any()
    assert offers["contacts"].sum() <= len(shop["campaign_contacts"]) and (offers["other_offers"] <= offers["contacts"]).all()
    assert (prices["paid_more"] <= prices["comparable"]).all() and (prices["by_coupon"] <= prices["paid_more"]).all()
    assert told["channels"]["customers"].sum() <= len({row["customer_id"] for row in shop["orders"]} - {None})
    value = differences.iloc[:0]
    for finding in (
        findings.bottom_line_finding(summary, uplift, differences),
        findings.uplift_finding(uplift, told["returns"]),
        findings.difference_finding(differences),
        findings.before_after_finding(summary, differences, value),
        findings.channel_finding(told["channels"], horizon=1),
        findings.fairness_finding(offers, prices),
    ):
        assert finding.headline and "nan" not in f"{finding.headline} {finding.detail}"
    reached = summary.loc[summary["arm"] != CONTROL, "campaign_id"].nunique()
    assert len(findings.campaign_table(summary, uplift, differences)) == reached


@pytest.mark.parametrize(
    ("draw", "name"),
    [(charts.campaign_uplifts, "uplift"), (charts.campaign_differences, "differences"), (charts.channel_payback, "curves")],
)
def test_charts_survive_a_frame_without_rows(load_table, draw, name):
    import matplotlib.pyplot as plt

    frame = answers(
        load_table, {name: [] for name in ("orders", "order_lines", "campaigns", "campaign_contacts", "customers", "marketing_spend")}
    )[name]
    before = frame.copy()
    ax = draw(frame, title="A finding.", measure="a measure")
    pd.testing.assert_frame_equal(frame, before)
    assert ax.get_title(loc="left") == "A finding." and ax.get_legend() is None
    assert not plt.fignum_exists(ax.figure.number)  # a drawing of nothing is not shown
    plt.close(ax.figure)


@pytest.mark.parametrize(
    ("n", "kept", "share", "control_share", "sigma", "depth"),
    [
        (1000, 1000, 0.05, 0.05, 1.0, 1.0),
        (1900, 100, 0.05, 0.05, 1.0, 1.0),  # few kept back, and few large spenders
        (1900, 100, 0.10, 0.05, 1.0, 1.0),  # twice as many buy
        (9000, 1000, 0.03, 0.06, 1.2, 1.0),  # half as many
        (950, 50, 0.20, 0.20, 1.5, 1.0),
        (900, 100, 0.30, 0.30, 0.6, 0.8),  # the offer takes a fifth off
    ],
)
def test_the_interval_of_spend_holds_the_truth_as_often_as_it_says(n, kept, share, control_share, sigma, depth):
    """Nineteen times in twenty or a little more, also where few kept back make the usual interval fail."""
    rng = np.random.default_rng(11)
    truth = float(np.exp(4 + sigma**2 / 2)) * (share * depth - control_share)
    held, welch, rounds = 0, 0, 1500
    for _round in range(rounds):
        reached, control = (rng.random(size) < chance for size, chance in ((n, share), (kept, control_share)))
        spent = [buys * rng.lognormal(4, sigma, buys.size) * off for buys, off in ((reached, depth), (control, 1.0))]
        sides = [pd.Series({"n": x.size, "bought_1": (x > 0).sum(), "spend_1": x.sum(), "spend_2": (x**2).sum()}) for x in spent]
        told = mean_uplift(*sides, "spend")
        held += told["low"] <= truth <= told["high"]
        error = np.sqrt(sum(x.var(ddof=1) / x.size for x in spent))
        welch += abs(spent[0].mean() - spent[1].mean() - truth) <= 1.959964 * error
    assert 0.925 <= held / rounds <= 1
    if kept == 100 and depth == 1:
        assert welch / rounds < 0.9


# --- no effect where there is none ---------------------------------------------------------------------------------------


def canonical(name: str, **columns: Any) -> pa.Table:
    n = len(next(iter(columns.values())))
    return pa.table(
        {
            field.name: pa.array(columns[field.name]).cast(field.type) if field.name in columns else pa.nulls(n, field.type)
            for field in TABLES[name].arrow_schema
        },
        TABLES[name].arrow_schema,
    )


@pytest.fixture(scope="module", params=[True, False], ids=["null shop", "planted shop"])
def shop(request):
    """A shop, its customers and orders as tables. In the planted one customers differ and leave; what is asked lies before its test."""
    return simulate(seed=7, null=request.param)


STARTS, LENGTH = (430, 560), 21
TARGETS = {
    "drawn by chance": lambda p, rng: p["registered"] & (rng.random(p["n"]) < 0.4),
    "the best of the year": lambda p, rng: (p["year"] >= np.quantile(p["year"][p["year"] > 0], 0.8)) & (rng.random(p["n"]) < 0.8),
    "not seen for two to six months": lambda p, rng: (p["silent"] > 60) & (p["silent"] < 180) & (rng.random(p["n"]) < 0.8),
    "who bought lately": lambda p, rng: (p["silent"] < 21) & (rng.random(p["n"]) < 0.8),
    "who spent much lately": lambda p, rng: (p["lately"] > np.quantile(p["lately"][p["lately"] > 0], 0.5)) & (rng.random(p["n"]) < 0.8),
    "who still reads our e-mails": lambda p, rng: p["registered"] & p["alive"] & (rng.random(p["n"]) < 0.5),
}  # fmt: skip


def past(shop, day: float) -> dict[str, Any]:
    """What whoever picks the targets knows of each customer on that day; `alive` nobody knows, but who reads e-mails is."""
    orders = shop.orders[(shop.orders["kind"] == "sale") & (shop.orders["customer"] >= 0) & (shop.orders["day"] < day)]
    revenue = shop.lines.groupby("order")["amount"].sum().reindex(orders["order"]).to_numpy()
    who, when, n = orders["customer"].to_numpy(), orders["day"].to_numpy(), len(shop.customers)
    last = np.full(n, -np.inf)
    np.maximum.at(last, who, when)
    spent = {name: np.bincount(who[when >= day - days], revenue[when >= day - days], n) for name, days in (("year", 365), ("lately", 21))}
    return {
        "n": n,
        "silent": day - last,
        "registered": (shop.customers["registered"] < day).to_numpy(),
        "alive": (shop.customers["died"] > day).to_numpy(),
        **spent,
    }


@pytest.mark.parametrize("targets", TARGETS)
def test_no_campaign_without_effect_is_told_to_have_one(load_table, shop, targets):
    """Regression to the mean and people who are easily reached look like effects; none was planted."""
    rng, start = np.random.default_rng(3), np.datetime64(shop.start, "us")
    orders = shop.orders[(shop.orders["kind"] == "sale") & (shop.orders["customer"] >= 0)]
    orders = orders[orders["day"] < 650]
    revenue = shop.lines.groupby("order")["amount"].sum().reindex(orders["order"]).to_numpy() / 100
    at = orders["at"].to_numpy().astype("datetime64[us]")
    bought = load_table(
        "orders",
        canonical(
            "orders", order_id=orders["id"].astype(str).tolist(), customer_id=orders["customer"].astype(str).tolist(), ordered_at=at,
            order_date=at.astype("datetime64[D]"), is_purchase=[True] * len(orders), revenue=revenue,
        ),
    )  # fmt: skip
    people = load_table(
        "customers",
        canonical(
            "customers", customer_id=[str(i) for i in range(len(shop.customers))],
            registered_at=start + (shop.customers["registered"].to_numpy() * 86400e6).astype("timedelta64[us]"),
        ),
    )  # fmt: skip
    begins = [start + np.timedelta64(day, "D") for day in STARTS]
    chosen = [np.flatnonzero(TARGETS[targets](past(shop, day), rng)) for day in STARTS]
    names = [f"k{day}" for day in STARTS]
    campaigns = load_table(
        "campaigns",
        canonical("campaigns", campaign_id=names, starts_at=np.array(begins), ends_at=np.array(begins) + np.timedelta64(LENGTH, "D")),
    )
    contacts = load_table(
        "campaign_contacts",
        canonical(
            "campaign_contacts", campaign_id=[name for name, who in zip(names, chosen, strict=True) for _customer in who],
            customer_id=[str(i) for who in chosen for i in who],
            contacted_at=np.concatenate([np.full(len(who), begin) for begin, who in zip(begins, chosen, strict=True)]),
        ),
    )  # fmt: skip
    as_of = shop.start + timedelta(days=650)
    spans = campaign_spans(campaigns, contacts, bought, as_of=as_of)
    told = difference_in_differences(spans, before_after_customers(spans, contacts, people, bought, as_of=as_of))
    assert len(told) == 9 and not set(told["verdict"]) & {MORE, LESS}


def test_other_arithmetic_finds_the_same_differences(load_table):
    """Weighted least squares with a constant for each cell, and customers' contributions added up by hand."""
    rng = np.random.default_rng(5)
    rows = []
    for campaign in ("spring", "summer"):
        for customer in range(400):
            cell, contacted = int(rng.integers(4)), bool(rng.random() < 0.4)
            for is_placebo in (False, True):
                before, after, later = (float(rng.random() < 0.2 + 0.1 * cell) for _time in range(3))
                bought = {"bought_before": before, "bought_after": after, "bought_later": later}
                spend = {f"spend_{when}": bought[f"bought_{when}"] * float(rng.lognormal(3, 1)) for when in ("before", "after", "later")}
                keys = {
                    "campaign_id": campaign,
                    "is_placebo": is_placebo,
                    "customer_id": str(customer),
                    "contacted": contacted,
                    "cell": cell,
                    "is_best": cell == 3,
                }
                rows.append(keys | bought | spend)
    schema = pa.Schema.from_pandas(pd.DataFrame(rows), preserve_index=False)
    spans = pa.schema(
        {
            "campaign_id": pa.string(),
            "campaign_name": pa.string(),
            "starts_at": pa.timestamp("us"),
            "is_over": pa.bool_(),
            "has_control": pa.bool_(),
            "reached": pa.int64(),
        }
    )
    named = [
        {"campaign_id": name, "campaign_name": name, "starts_at": f"2026-0{i}-01", "is_over": True, "has_control": False, "reached": 1}
        for i, name in ((4, "spring"), (7, "summer"))
    ]
    people = load_table("customers", rows, schema=schema)
    told = difference_in_differences(load_table("campaigns", named, schema=spans), people).set_index(["campaign_id", "measure"])
    frame = fetch(people).to_pandas()
    for measure, column in ((BOUGHT, "bought"), (SPEND, "spend")):
        pooled = []
        for campaign in ("spring", "summer"):
            mine = frame[(frame["campaign_id"] == campaign) & ~frame["is_placebo"]].assign(
                y=frame[f"{column}_after"] - frame[f"{column}_before"]
            )
            yes = mine.groupby("cell")["contacted"].transform("sum")
            size = mine.groupby("cell")["contacted"].transform("size")
            weight = np.where(mine["contacted"], 1.0, yes / (size - yes))
            fit = smf.wls("y ~ C(cell) + contacted", mine, weights=weight).fit()
            row = told.loc[(campaign, measure)]
            # `difference` is blank where the placebo happens to speak against it; `later` and the placebo are made alike.
            if row["difference"] == row["difference"]:
                assert row["difference"] == pytest.approx(fit.params["contacted[T.True]"])
            mean = mine.groupby("cell")["y"].transform("mean")
            u = np.where(mine["contacted"], 1.0, -yes / (size - yes)) * np.sqrt(size / (size - 1)) * (mine["y"] - mean)
            pooled.append(pd.Series(u.to_numpy(), index=mine["customer_id"]))
            if row["difference"] == row["difference"]:
                error = np.sqrt((u**2).sum()) / mine["contacted"].sum()
                assert (row["high"] - row["low"]) / 2 == pytest.approx(1.959964 * error, rel=1e-6)
        row = told.loc[("", measure)]
        error = np.sqrt((pd.concat(pooled).groupby(level=0).sum() ** 2).sum()) / row["compared"]
        assert (row["high"] - row["low"]) / 2 == pytest.approx(1.959964 * error, rel=1e-6)
