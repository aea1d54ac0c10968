"""The planted truths of the demo shop stand in what the shop did, measured the naive way; the null shop shows none of them.

Measured on the clean simulation, without custkit's analyses: these tests say that there is something to be found.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import betaln, gammaln
from scipy.stats import hypergeom

from custkit.demo.export import write_shop
from custkit.demo.shop import TOPICS, simulate
from custkit.demo.truth import CAMPAIGN, truth

DAYS = 730
STEPS = ["visit", "view", "cart", "checkout", "order"]


@pytest.fixture(scope="module")
def shop():
    return simulate()


@pytest.fixture(scope="module")
def null():
    return simulate(null=True)


def sales(shop) -> pd.DataFrame:
    """Sale documents of known customers in order of customer and time, with the calendar day."""
    orders = shop.orders[(shop.orders["kind"] == "sale") & (shop.orders["customer"] >= 0)]
    return orders.assign(date=np.floor(orders["day"])).sort_values(["customer", "day"], kind="stable")


def goods(shop) -> pd.DataFrame:
    """Product lines sold, guests included."""
    lines = shop.lines[(shop.lines["product"] >= 0) & ~shop.lines["free"]]
    return lines.merge(shop.orders.loc[shop.orders["kind"] == "sale", ["order", "customer", "day", "stockpile"]], on="order")


def orders_with(shop, name: str) -> set[int]:
    lines = goods(shop)
    return set(lines.loc[lines["product"] == shop.product(name), "order"])


def gaps(shop, name: str) -> pd.DataFrame:
    """Purchases of a product by known customers, each with the days to the customer's next."""
    lines = goods(shop)
    bought = lines[(lines["product"] == shop.product(name)) & (lines["customer"] >= 0)].sort_values(["customer", "day"])
    date = np.floor(bought["day"])
    return bought.assign(gap=date.groupby(bought["customer"]).shift(-1) - date).dropna(subset="gap")


def clv_summary(shop) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Repeat days, age at the last and age, in weeks."""
    dates = sales(shop).groupby("customer")["date"].agg(["nunique", "min", "max"])
    return (dates["nunique"] - 1).to_numpy(float), ((dates["max"] - dates["min"]) / 7).to_numpy(), ((DAYS - dates["min"]) / 7).to_numpy()


def bgnbd_log_likelihood(parameters, x, recency, age) -> float:
    """Fader, Hardie & Lee 2005."""
    r, alpha, a, b = parameters
    always = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    left = np.where(x > 0, betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + recency), -np.inf)
    return float((always + np.logaddexp(alive, left)).sum())


def test_customers_come_and_leave_by_the_planted_process(shop):
    data = clv_summary(shop)
    found = minimize(lambda t: -bgnbd_log_likelihood(np.exp(t), *data), np.log([1, 5, 1, 3]), method="L-BFGS-B")
    r, alpha, a, b = np.exp(found.x)
    planted_r, planted_alpha, planted_a, planted_b = shop.planted.bgnbd
    assert (r, alpha) == pytest.approx((planted_r, planted_alpha), rel=0.08)
    assert (a, b) == pytest.approx((planted_a, planted_b), rel=0.15)
    assert a / (a + b) == pytest.approx(planted_a / (planted_a + planted_b), abs=0.01)
    # Not more than the lift's 90 extra orders explain: the fit is hardly likelier than the truth.
    assert -found.fun - bgnbd_log_likelihood(shop.planted.bgnbd, *data) < 6


def test_in_the_null_shop_everyone_buys_at_one_rate_and_nobody_leaves(null):
    x, _recency, age = clv_summary(null)
    r, alpha, _a, _b = null.planted.bgnbd
    assert x.sum() / age.sum() == pytest.approx(r / alpha, rel=0.02)
    # Poisson counts: the variance over the mean is one.
    assert ((x - age * r / alpha) ** 2 / (age * r / alpha)).mean() == pytest.approx(1, abs=0.1)
    assert null.customers["closed"].isna().all() and not null.customers["stopped"].any()


def test_kinds_of_customers_differ_in_pieces_per_line_only(shop, null):
    lines = goods(shop)
    on_cycle = [shop.product(cycle.product) for cycle in shop.planted.cycles]
    stopped = shop.customers["stopped"].to_numpy()
    lines = lines[(lines["customer"] >= 0) & ~lines["product"].isin(on_cycle)]
    lines = lines[~stopped[lines["customer"]]]
    segment = shop.customers["segment"].to_numpy()[lines["customer"]]
    found = lines.groupby(segment)["quantity"].mean()
    assert found.to_list() == pytest.approx([kind.pieces_per_line for kind in shop.planted.segments], rel=0.03)
    orders = sales(shop).groupby("customer").size()
    kind = shop.customers["segment"].to_numpy()[orders.index]
    often = orders.groupby(kind).mean()
    assert often.max() / often.min() < 1.1
    assert np.bincount(kind) / len(kind) == pytest.approx(shop.planted.kinds_of_buyers, abs=0.02)
    assert null.planted.kinds_of_buyers == (1.0,)
    assert set(null.customers["segment"]) == {0}


def test_some_buy_only_on_offer(shop, null):
    for one in (shop, null):
        lines = goods(one)
        full_price = lines.assign(full=(lines["discount"] + lines["coupon"]) == 0).groupby("order")["full"].any()
        orders = sales(one)
        by_customer = full_price.loc[orders["order"]].groupby(orders["customer"].to_numpy()).agg(["any", "size"])
        only_on_offer = ~by_customer.loc[by_customer["size"] >= 3, "any"]
        assert only_on_offer.mean() == pytest.approx(one.planted.price_driven, abs=0.02)


def test_a_pair_goes_one_way_within_the_order(shop, null):
    for pair in shop.planted.pairs:
        first, second = orders_with(shop, pair.antecedent), orders_with(shop, pair.consequent)
        assert len(first) > 300
        assert len(first & second) / len(first) == pytest.approx(pair.confidence, abs=0.02)
        assert len(first & second) / len(second) < pair.confidence / 2
        first, second = orders_with(null, pair.antecedent), orders_with(null, pair.consequent)
        expected = len(first) * len(second) / len(null.orders)
        assert abs(len(first & second) - expected) / np.sqrt(expected) < 3


def test_no_two_products_attract_each_other_in_the_null_shop(null):
    lines = goods(null)
    table = np.zeros((len(null.orders), len(null.products)), dtype=np.float32)
    table[lines["order"], lines["product"]] = 1
    table = table[table.any(axis=1)]
    both, single = table.T @ table, table.sum(axis=0)
    first, second = np.triu_indices_from(both, 1)
    n, together, alone = len(table), both.astype(int), single.astype(int)
    p = np.sort(hypergeom.sf(together[first, second] - 1, n, alone[first], alone[second]))  # Fisher's exact test
    assert not (p <= 0.05 * np.arange(1, len(p) + 1) / len(p)).any()  # Benjamini–Hochberg finds nothing


def test_a_route_leads_from_one_order_to_the_next(shop, null):
    route = shop.planted.route
    for one, planted in ((shop, route.confidence), (null, None)):
        orders = sales(one)
        orders["next"] = orders.groupby("customer")["order"].shift(-1)
        after = orders[orders["order"].isin(orders_with(one, route.antecedent)) & orders["next"].notna()]
        second = orders_with(one, route.consequent)
        share = after["next"].isin(second).mean()
        base = len(second) / len(one.orders)
        assert len(after) > 250
        assert share == pytest.approx(planted if planted else base, abs=0.025)


def test_staples_run_out_after_the_planted_days(shop, null):
    for cycle in shop.planted.cycles:
        bought = gaps(shop, cycle.product)
        assert bought.loc[~bought["stockpile"], "gap"].median() == pytest.approx(cycle.days, abs=1)
        assert gaps(null, cycle.product)["gap"].median() > 2 * cycle.days


def test_a_coupon_pulls_the_next_purchase_of_a_staple_forward(shop):
    plain, piled = [], []
    for cycle in shop.planted.cycles:
        bought = gaps(shop, cycle.product)
        plain.append(bought.loc[~bought["stockpile"], "gap"] / cycle.days)
        piled.append(bought[bought["stockpile"]].assign(stretch=bought["gap"] / cycle.days))
    piles = pd.concat(piled)
    assert (piles["coupon"] > 0).all() and (piles["quantity"] == shop.planted.stockpile_pieces).all()
    stretch = piles["stretch"].median() / pd.concat(plain).median()
    assert stretch == pytest.approx(shop.planted.stockpile_stretch, rel=0.05)
    assert shop.planted.pull_forward == pytest.approx(0.8) and truth(null=True).pull_forward == 0


def test_members_stop_at_gold(shop, null):
    for one in (shop, null):
        people = one.customers
        spent = goods(one).groupby("order")["amount"].sum()
        orders = sales(one)
        gold = np.isfinite(people["gold"])
        assert gold.sum() > 150
        assert people.loc[gold, "stopped"].mean() == pytest.approx(one.planted.tier_stop, abs=0.01)
        last = orders.groupby("customer")["day"].max()
        stopped = people.index[people["stopped"]]
        assert (last[stopped].to_numpy() == people.loc[stopped, "gold"].to_numpy()).all()
        # The ledger says gold on the very order.
        raised = one.ledger[(one.ledger["type"] == "tier") & (one.ledger["tier"] == "gold")]
        assert set(stopped) <= set(raised["customer"])
        assert spent[orders["order"]].gt(0).all()


def test_points_never_run_below_zero(shop):
    entries = shop.ledger[shop.ledger["type"] != "tier"]
    balance = entries.sort_values(["customer", "day", "points"], kind="stable").groupby("customer")["points"].cumsum()
    assert balance.min() >= 0
    assert set(entries["type"]) == {"earn", "redeem", "expire"}


def test_channels_cost_and_bring_what_was_planted(shop, null):
    for one in (shop, null):
        people = one.customers
        came = people.groupby("channel").size()
        spent = one.spend.groupby("channel")["spend"].sum().reindex(came.index, fill_value=0) / 100
        assert (spent / came).to_list() == pytest.approx([c.cost_per_registration for c in one.planted.channels], rel=0.05)
        never = 1 - people.index.isin(sales(one)["customer"])
        assert pd.Series(never).groupby(people["channel"]).mean().to_list() == pytest.approx(
            [c.never_buy for c in one.planted.channels], abs=0.06
        )
        assert never.mean() == pytest.approx(one.planted.registered_without_order, abs=0.015)
        assert people["closed"].notna().mean() == pytest.approx(one.planted.closed, abs=0.001)
        last = sales(one).groupby("customer")["day"].max().reindex(people.index)
        assert not (last > people["closed"]).any()


def test_the_tested_campaign_lifts_conversion(shop, null):
    for one in (shop, null):
        begins = pd.Timestamp(one.campaigns.set_index("id").loc[CAMPAIGN, "starts"])
        ends = pd.Timestamp(one.campaigns.set_index("id").loc[CAMPAIGN, "ends"])
        orders = sales(one)
        bought = orders.loc[(orders["at"] >= begins) & (orders["at"] < ends), "customer"]
        drawn = one.contacts[one.contacts["campaign"] == CAMPAIGN]
        conversion = drawn["customer"].isin(bought).groupby(drawn["arm"]).agg(["mean", "size"])
        assert abs(conversion.loc["treatment", "size"] - conversion.loc["control", "size"]) <= 1
        lift = conversion.loc["treatment", "mean"] - conversion.loc["control", "mean"]
        assert lift == pytest.approx(one.planted.lift, abs=0.003)
        assert drawn.loc[drawn["arm"] == "control", "redeemed"].isna().all()


def test_the_funnel_breaks_at_the_phones_checkout_only(shop, null):
    for one in (shop, null):
        reached = one.events.groupby(["device", "type"])["session"].nunique().unstack()[STEPS]  # noqa: PD010
        steps = (reached.shift(-1, axis=1) / reached).iloc[:, :4].loc[[1, 2, 0]].to_numpy()
        planted = [[step.view, step.cart, step.checkout, step.order] for step in one.planted.steps]
        assert steps == pytest.approx(np.array(planted), abs=0.01)
    assert np.ptp([step.order for step in null.planted.steps]) == 0
    online = shop.orders[(shop.orders["kind"] == "sale") & (shop.orders["channel"] != "shop")]
    assert (shop.events["type"] == "order").sum() == len(online)


def test_visitors_are_known_only_between_registration_and_farewell(shop):
    events = shop.events[shop.events["customer"] >= 0]
    people = shop.customers.loc[events["customer"]]
    registered, closed = people["registered"].to_numpy(), people["closed"].fillna(np.inf).to_numpy()
    # An order's session may begin before the hour of an account that is opened in it.
    assert (events["day"].to_numpy() >= registered - 1e-9).all()
    assert (events["day"].to_numpy() < closed + 0.01).all()
    assert (shop.events["type"] == "register").sum() == len(shop.customers)


def test_searches_surveys_and_season_follow_their_numbers(shop, null):
    for one in (shop, null):
        searched = one.events[one.events["type"] == "search"]
        assert (searched["results"] == 0).mean() == pytest.approx(one.planted.searches_not_found, abs=0.01)
        score = one.surveys["score"]
        nps = (score >= 9).astype(float) - (score <= 6).astype(float)
        for number, tier in enumerate(("none", "silver", "gold")):
            mine = nps[one.surveys["tier"] == number]
            assert mine.mean() == pytest.approx(one.planted.nps[tier], abs=3.5 * mine.std() / np.sqrt(len(mine)))
        unhappy = one.surveys[score <= 6]
        topic, share = one.planted.complaint_topic
        assert (unhappy["topic"] == TOPICS.index(topic)).mean() == pytest.approx(share, abs=0.06)
    # The shop grows: December stands out against the mean of the months around it.
    month = shop.orders[shop.orders["kind"] == "sale"].groupby(shop.orders["at"].dt.strftime("%Y-%m")).size()
    around = month[["2025-10", "2025-11", "2026-01", "2026-02"]].mean()
    assert 1.1 < month["2025-12"] / around < 1.45


@pytest.mark.parametrize(
    "options", [{"customers": 1, "months": 1}, {"customers": 30, "months": 3}, {"customers": 200, "months": 24, "null": True}]
)
def test_a_small_shop_is_a_shop_too(options, tmp_path):
    one, _counts = write_shop(tmp_path, **options)
    assert len(one.customers) == options["customers"]
    assert (one.orders["at"] >= np.datetime64(one.start)).all() and (one.orders["at"] < np.datetime64(one.end)).all()
