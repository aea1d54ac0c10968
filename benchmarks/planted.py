"""What the notebooks say about shops whose truth is known, and what they claim where nothing is planted.

python benchmarks/planted.py [SHOPS] [CUSTOMERS]     5 shops of 5,000 customers with something planted, and as many with nothing
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from custkit import open_book
from custkit.analysis import cohorts, crosses, funnel, high_ticket, ladder, lifecycle, offers, registrations, rfm, second_purchase, tiers
from custkit.analysis.itemsets import baskets, item_level
from custkit.analysis.rates import SMALL_SAMPLE, false_discovery, shares_differ, shares_p_value, wilson
from custkit.analysis.routes import routes, visits
from custkit.analysis.rules import directional_pairs, significant
from custkit.analysis.survival import kaplan_meier, km_at, km_median, km_median_interval
from custkit.book import Book
from custkit.demo.export import write_shop
from custkit.demo.shop import Shop
from custkit.engine import frame
from custkit.present.findings.loyalty_tracking import offer_only_finding

PERIOD = "2026-10"


class Told(NamedTuple):
    """One number that a notebook tells."""

    what: str
    planted: float
    estimate: float
    low: float
    high: float

    @property
    def covered(self) -> bool:
        return self.low <= self.planted <= self.high


def main(shops: int = 5, customers: int = 5000) -> None:
    told, claims = defaultdict(list), defaultdict(list)
    for book, shop in shop_books(shops, customers):
        if shop.is_null:
            for what, made, tests in alarms(book):
                claims[what].append((made, tests))
        else:
            for one in recovered(book, shop):
                told[one.what].append(one)
    print(f"{shops} shops of {customers:,} customers, {PERIOD}; 95% intervals, for the tiers 95% for both together\n")
    print_told(told)
    print_claims(claims)


def shop_books(shops: int, customers: int) -> Iterator[tuple[Book, Shop]]:
    """A planted shop and a null shop for each seed, each with a book on what intake made of its exports."""
    for seed in range(1, shops + 1):
        for null in (False, True):
            with tempfile.TemporaryDirectory(prefix="custkit-planted-") as home:
                os.environ["CUSTKIT_HOME"] = home
                folder = Path(home) / "clients" / "shop"
                folder.mkdir(parents=True)
                (folder / "client.yml").write_bytes((files("custkit") / "demo" / "client.yml").read_bytes())
                shop, _counts = write_shop(folder / "raw", seed=seed, null=null, customers=customers)
                yield open_book("shop", PERIOD), shop


def print_told(told: Mapping[str, Sequence[Told]]) -> None:
    print("| number | planted | mean estimate | mean interval | covered |\n|---|---|---|---|---|")
    for what, found in told.items():
        planted, estimate, low, high = (float(np.mean([getattr(one, name) for one in found])) for name in Told._fields[1:])
        covered = sum(one.covered for one in found)
        print(f"| {what} | {planted:.3f} | {estimate:.3f} | {low:.3f} to {high:.3f} | {covered} of {len(found)} |")
    found = [one for ones in told.values() for one in ones if one.low < one.high]
    print(f"\nin all {sum(one.covered for one in found)} of {len(found)} intervals cover ({np.mean([one.covered for one in found]):.1%})")


def print_claims(claims: Mapping[str, Sequence[tuple[int, int]]]) -> None:
    print("\n| claim in the null shops | claims | looked at | shops with a claim |\n|---|---|---|---|")
    for what, counts in claims.items():
        made, tests = (sum(count[i] for count in counts) for i in (0, 1))
        print(f"| {what} | {made} | {tests} | {sum(count[0] > 0 for count in counts)} of {len(counts)} |")
    alarmed = sum(count[0] > 0 for counts in claims.values() for count in counts)
    told_in_all = sum(len(counts) for counts in claims.values())
    print(f"\nfalse alarms: {alarmed} of {told_in_all} findings claim something ({alarmed / told_in_all:.1%}; at most 5% are allowed)")


def recovered(book: Book, shop: Shop) -> Iterator[Told]:
    """Every planted number that a notebook tells, as it tells it."""
    yield from _pairs_and_route(book, shop)
    yield from _waits(book, shop)
    yield from _offers_and_tiers(book, shop)
    yield from _funnel(book, shop)
    yield from _registrations(book, shop)


def _pairs_and_route(book: Book, shop: Shop) -> Iterator[Told]:
    lines = book.order_lines.filter(book.order_lines.ordered_at >= book.days_before(365))
    level = item_level(lines, book.products)
    found = significant(directional_pairs(baskets(lines, book.products, level=level)))
    for pair in shop.planted.pairs:
        row = found[(found["antecedent"] == pair.antecedent) & (found["consequent"] == pair.consequent)]
        joint, n = (int(row[name].sum()) for name in ("joint_orders", "antecedent_orders"))
        yield _share(f"orders with {pair.antecedent} that hold {pair.consequent}", pair.confidence, joint, n)
    planted = {(pair.antecedent, pair.consequent) for pair in shop.planted.pairs}
    others = len(set(zip(found["antecedent"], found["consequent"], strict=True)) - planted)
    yield Told("pairs claimed that are not planted", 0, others, others, others)
    steps = significant(routes(visits(lines, book.products, level=level), step="next-order"))
    route = shop.planted.route
    assert route is not None
    mine = (steps["antecedent"] == route.antecedent) & (steps["consequent"] == route.consequent)
    yield Told("planted route found", 1, mine.sum(), mine.sum(), mine.sum())
    yield Told("routes claimed that are not planted", 0, (~mine).sum(), (~mine).sum(), (~mine).sum())
    if mine.any():
        row = steps[mine].iloc[0]
        # The notch of a box: the 95% interval of a median. [McGill, Tukey & Larsen 1978]
        notch = 1.57 * (row["wait_third_quartile"] - row["wait_first_quartile"]) / math.sqrt(row["route_customers"])
        wait = row["wait_median"]
        yield Told("days from one to the other, median", _gap_after(shop, route.antecedent), wait, wait - notch, wait + notch)


def _gap_after(shop: Shop, product: str) -> float:
    """Median days from an order with the product to the customer's next shopping day, in the last 365 days, whatever the next one holds."""
    orders = shop.orders[(shop.orders["kind"] == "sale") & (shop.orders["customer"] >= 0)]
    orders = orders.assign(day=np.floor(orders["day"])).query("day >= @orders.day.max() - 365")
    days = orders.drop_duplicates(["customer", "day"]).sort_values(["customer", "day"])
    days["gap"] = days.groupby("customer")["day"].shift(-1) - days["day"]
    held = shop.lines.loc[(shop.lines["product"] == shop.product(product)) & ~shop.lines["free"], "order"]
    return float(days[days["order"].isin(held)]["gap"].median())


def _waits(book: Book, shop: Shop) -> Iterator[Told]:
    r, alpha, _a, _b = shop.planted.bgnbd
    curve = kaplan_meier(second_purchase.second_purchase_spells(book.purchases, as_of=book.as_of))
    at = curve[curve["duration_days"] <= 90].iloc[-1]
    back = 1 - (alpha / (alpha + 90 / 7)) ** r
    yield Told("new customers back within 90 days", back, 1 - km_at(curve, 90), 1 - at["high"], 1 - at["low"])
    half = 7 * alpha * (2 ** (1 / r) - 1)
    yield Told("days until half of new customers are back", half, km_median(curve), *km_median_interval(curve))
    first = ladder.loyalty_ladder(book.purchases, book.order_lines, book.products, as_of=book.as_of).iloc[0]
    go_on = 1 - (alpha / (alpha + 180 / 7)) ** r
    yield Told("first order to the second within 180 days", go_on, first["go_on_rate"], first["go_on_low"], first["go_on_high"])


def _offers_and_tiers(book: Book, shop: Shop) -> Iterator[Told]:
    only = offers.offer_only(book.purchases, book.order_lines)
    n, always, luck = (float(only[name].sum()) for name in ("customers", "offer_only", "by_chance"))
    low, high = wilson(int(always), int(n))
    yield Told("buy on offer only, beyond luck", shop.planted.price_driven, (always - luck) / n, low - luck / n, high - luck / n)
    candidates = tiers.tier_candidates(book.purchases, book.loyalty_ledger, as_of=book.as_of)
    gold = frame(candidates.filter(candidates.reached & (candidates.tier == "gold")).select("customer_id"))["customer_id"]
    stopped = gold.isin(shop.customers.loc[shop.customers["stopped"], "id"]).mean()
    for row in tiers.stops_after_tier(candidates, order=book.client.tiers).to_dict("records"):
        # Who stopped never buys again; of the others as many as of the near-missers.
        planted = -stopped * row["again_missed"] if row["tier"] == "gold" else 0.0
        yield Told(f"buy again after {row['tier']}, less near-missers", planted, row["again_effect"], row["again_low"], row["again_high"])
        claimed = int(row["effect"] < 0 and row["again_high"] < 0)
        yield Told(f"stop after {row['tier']} claimed", int(row["tier"] == "gold"), claimed, claimed, claimed)


def _funnel(book: Book, shop: Shop) -> Iterator[Told]:
    month = book.events.filter(book.events.occurred_at >= book.start)
    steps = funnel.funnel_by(month, "device")
    for device in shop.planted.steps:
        for step in ("view", "cart", "checkout", "order"):
            row = steps[(steps["group"] == device.device) & (steps["step"] == step)].iloc[0]
            yield Told(f"{device.device}: go on to {step}", getattr(device, step), row["step_conversion_rate"], row["low"], row["high"])
    worst = funnel.worst_break(funnel.funnel_splits(month))
    hit = int(worst is not None and (worst["group"], worst["step"]) == ("phone", "order"))
    yield Told("worst break is the phone's checkout", 1, hit, hit, hit)
    use = funnel.search_use(month).iloc[0]
    yield _share("searches that find nothing", shop.planted.searches_not_found, int(use["without_result"]), int(use["searches"]))


def _registrations(book: Book, shop: Shop) -> Iterator[Told]:
    quality = registrations.registration_quality(book.customers, book.purchases, book.marketing_spend, as_of=book.as_of)
    quality = quality.set_index("acquisition_channel")
    for channel in shop.planted.channels:
        row = quality.loc[channel.name]
        yield Told(f"{channel.name}: buy within 90 days", 1 - channel.never_buy, row["share_90"], row["low"], row["high"])
    for channel in shop.planted.channels:
        if channel.cost_per_registration:
            cost = quality.loc[channel.name, "cost_per_new"]
            margin = _cost_margin(book, channel.name, cost)
            yield Told(f"{channel.name}: cost per registration", channel.cost_per_registration, cost, cost - margin, cost + margin)
    counts = _stages(book).set_index("stage")["customers"]
    yield _share("closed their account", shop.planted.closed, int(counts["lost"]), int(counts.drop("visitor").sum()))


def _cost_margin(book: Book, channel: str, cost: float) -> float:
    """Of a ratio of sums over twelve months, from how far each month strays from it. [Cochran 1977, 6.3]"""
    came = frame(book.customers.filter(book.customers.acquisition_channel == channel).select("registered_at"))["registered_at"]
    spent = frame(book.marketing_spend.filter(book.marketing_spend.channel == channel).select("spent_at", "spend_amount"))
    start = book.at(book.period - 11).start
    registered = came[came >= start].dt.strftime("%Y-%m").value_counts()
    money = spent[spent["spent_at"] >= start].assign(month=lambda rows: rows["spent_at"].dt.strftime("%Y-%m"))
    money = money.groupby("month")["spend_amount"].sum().astype("float64")
    stray = (money - cost * registered.reindex(money.index, fill_value=0)).to_numpy()
    months = len(stray)
    return 2.201 * math.sqrt(months * (stray**2).sum() / (months - 1)) / float(registered.sum())  # t with 11 degrees of freedom


def _stages(book: Book) -> pd.DataFrame:
    rules, people = book.client.lifecycle, (book.customers, book.purchases, book.events)
    stages = lifecycle.customer_stages(*people, as_of=book.as_of, rules=rules)
    seen = lifecycle.visitors(book.events, as_of=book.as_of, rules=rules)
    return lifecycle.stage_counts(stages, visitors=seen, coverage=lifecycle.stage_coverage(book.has, rules=rules))


def _share(what: str, planted: float, k: int, n: int) -> Told:
    return Told(what, planted, k / n if n else math.nan, *wilson(k, n))


def alarms(book: Book) -> Iterator[tuple[str, int, int]]:
    """What each finding claims: claim, how many, of how many looked at.

    Left out is what truly changes there: people register and nobody leaves, so revenue, customers and segments grow.
    """
    lines = book.order_lines.filter(book.order_lines.ordered_at >= book.days_before(365))
    level = item_level(lines, book.products)
    pairs = directional_pairs(baskets(lines, book.products, level=level))
    yield "pair beyond chance", int(pairs["is_significant"].sum()), len(pairs)
    seen = visits(lines, book.products, level=level)
    for step in ("next-order", "any-later"):
        found = routes(seen, step=step)
        yield f"route beyond chance, {step}", int(found["is_significant"].sum()), len(found)
    month = book.events.filter(book.events.occurred_at >= book.start)
    split = funnel.funnel_splits(month)
    yield "device or channel that breaks at a step", int(split["is_different"].sum()), int(split["p_value"].notna().sum())
    bounces = funnel.visit_quality(month, "channel")
    yield "channel whose visits end where they began", int(bounces["is_different"].sum()), len(bounces) - 1
    quality = registrations.registration_quality(book.customers, book.purchases, book.marketing_spend, as_of=book.as_of)
    yield "channel whose registrations differ", int(quality["is_different"].sum()), len(quality) - 1
    stops = tiers.stops_after_tier(tiers.tier_candidates(book.purchases, book.loyalty_ledger, as_of=book.as_of), order=book.client.tiers)
    stopped = (stops["effect"] < 0) & (stops["again_high"] < 0)
    grown = (stops["effect_low"] > 0) & (stops["again_low"] > 0)
    yield "tier that stops or spurs", int((stopped | grown).sum()), len(stops)
    only = offers.offer_only(book.purchases, book.order_lines)
    yield "customers who buy on offer only", int(offer_only_finding(only).tone == "plain"), 1
    dips = ladder.ladder_dips(ladder.loyalty_ladder(book.purchases, book.order_lines, book.products, as_of=book.as_of))
    yield "order that holds customers back", int(ladder.bottleneck(dips) is not None), len(dips)
    yield "use of offers against last year", int(_offers_changed(offers.offers_by_month(book.purchases))), 1
    yield "rate between stages against last month", *_rates_changed(book)
    yield "new customers of the last three months", int(_newer(book)), 1
    scores = rfm.rfm_scores(rfm.rfm(book.purchases, as_of=book.as_of))
    people = (book.customers, book.purchases, book.order_lines, book.products)
    traits = high_ticket.high_ticket_traits(high_ticket.high_ticket(scores), *people, as_of=book.as_of)
    traits = traits[traits["trait"] != high_ticket.TENURE]  # who came lately has had less time to spend, in any shop
    yield "trait of high-ticket customers", int((traits["q_value"] <= 0.05).sum()), len(traits)
    yield "region with more big spenders", *_regions(crosses.region_amount(scores, book.customers))
    loyal = crosses.category_loyalty(book.order_lines, book.products, as_of=book.as_of)
    loyal = loyal[(loyal["customers"] >= SMALL_SAMPLE) & loyal["again_share"].notna()].head(10)
    yield "category with loyal buyers", sum(p <= 0.05 for p in false_discovery(list(loyal["p_value"]))), len(loyal)


def _offers_changed(monthly: pd.DataFrame) -> bool:
    last, before = monthly.iloc[-1], monthly.iloc[-13]
    return shares_differ(int(last["offer_orders"]), int(last["orders"]), int(before["offer_orders"]), int(before["orders"]))


def _rates_changed(book: Book) -> tuple[int, int]:
    rules, people = book.client.lifecycle, (book.customers, book.purchases, book.events)
    now, then = (lifecycle.month_rates(*people, as_of=as_of, rules=rules) for as_of in (book.as_of, book.start))
    both = now.merge(then, on=["stage", "measure"], suffixes=("", "_before"))
    both = both[(both["n"] >= SMALL_SAMPLE) & (both["n_before"] >= SMALL_SAMPLE)]
    counts = both[["customers", "n", "customers_before", "n_before"]].astype("int64").to_numpy().tolist()
    return sum(p <= 0.05 for p in false_discovery([shares_p_value(*row) for row in counts])), len(both)


def _newer(book: Book) -> bool:
    triangle = cohorts.cohorts(book.purchases, as_of=book.as_of)
    later = triangle[(triangle["cohort"] > triangle["cohort"].min()) & (triangle["period"] == 1) & triangle["retention_rate"].notna()]
    new, old = later.iloc[-3:], later.iloc[:-3]
    counts = [int(part[name].sum()) for part in (new, old) for name in ("customers", "cohort_customers")]
    return shares_p_value(*counts) <= 0.05


def _regions(regions: pd.DataFrame) -> tuple[int, int]:
    known = regions[regions["customers"] >= SMALL_SAMPLE]
    n, big = int(known["customers"].sum()), int(known["big_spenders"].sum())
    rows = known[["big_spenders", "customers"]].astype("int64").to_numpy().tolist()
    chances = false_discovery([shares_p_value(k, m, big - k, n - m) for k, m in rows])
    above = [p <= 0.05 and k / m > (big - k) / (n - m) for p, (k, m) in zip(chances, rows, strict=True)]
    return sum(above), len(rows)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
