"""What the pages on worth say about shops whose truth is known, and what they claim where nothing is planted.

python benchmarks/planted_value.py [SHOPS] [CUSTOMERS]     20 shops of 5,000 customers with something planted, and as many with nothing
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cached_property

import ibis.expr.types as ir
import numpy as np
from ibis import _
from planted import PERIOD, Told, print_told, shop_books

from custkit.analysis import (
    buy_till_you_die,
    churn_risk,
    clv_summary,
    discount_response,
    early_features,
    early_value,
    lifetime,
    lifetime_forecast,
    look_alikes,
    next_order,
    offers,
    order_size,
    price_sensitivity,
)
from custkit.analysis.rates import Z90, Z95, wilson
from custkit.book import Book
from custkit.demo.shop import Shop
from custkit.engine import frame

# What is foretold is foretold half a year before the end, and held against what came.
MONTHS_BACK = 6


def main(shops: int = 20, customers: int = 5000) -> None:
    told: dict[str, dict[str, list[Told]]] = {name: defaultdict(list) for name in RECOVERED}
    for book, shop in shop_books(shops, customers):
        if not shop.is_null:
            case = Case(book, shop)
            for name, recover in RECOVERED.items():
                for one in recover(case):
                    told[name][one.what].append(one)
    print(f"{shops} shops of {customers:,} customers, {PERIOD}; 90% intervals")
    for name, numbers in told.items():
        print(f"\n{name}\n")
        print_told(numbers)


class Case:
    """A planted shop, its book at the end and half a year before, and what several questions need: each made once."""

    def __init__(self, book: Book, shop: Shop) -> None:
        self.book, self.shop = book, shop
        self.early = book.at(book.period - MONTHS_BACK)

    @cached_property
    def lifetime(self) -> lifetime.Lifetime:
        return lifetime.fit_lifetime(self.early.purchases, as_of=self.early.as_of)

    @cached_property
    def features(self) -> ir.Table:
        return _features(self.book)

    @cached_property
    def early_features(self) -> ir.Table:
        return _features(self.early)


def churn(case: Case) -> Iterator[Told]:
    """The purchase process, of those whom the tested campaign did not push."""
    pushed = case.book.campaign_contacts.filter(_.arm == "treatment")
    left = case.book.purchases.filter(_.customer_id.notnull()).anti_join(pushed, "customer_id")
    fitted = buy_till_you_die.fit(clv_summary.purchase_counts(clv_summary.clv_summary(left, as_of=case.book.as_of)))
    for planted, row in zip(case.shop.bgnbd, fitted.table(z=Z90).itertuples(), strict=True):
        yield Told(f"BG/NBD {row.parameter}", planted, row.estimate, row.low, row.high)


def still_customers(case: Case) -> Iterator[Told]:
    """How many of all who ever bought are customers still."""
    counts = clv_summary.purchase_counts(clv_summary.clv_summary(case.book.purchases, as_of=case.book.as_of))
    fitted = buy_till_you_die.fit(counts)
    n, alive = counts["customers"].to_numpy(), buy_till_you_die.p_alive(fitted, counts)
    shares = [np.dot(n, _alive_at(fitted, counts, at)) / n.sum() for at in fitted.drawn(100)]
    off = math.hypot(math.sqrt(np.dot(n, alive * (1 - alive))) / n.sum(), float(np.std(shares, ddof=1)))
    told = float(np.dot(n, alive) / n.sum())
    known = case.shop.orders[(case.shop.orders["kind"] == "sale") & (case.shop.orders["customer"] >= 0)]["customer"].unique()
    planted = float(np.isinf(case.shop.customers["died"].to_numpy()[known]).mean())
    yield Told("share still customers", planted, told, told - Z90 * off, told + Z90 * off)


def _alive_at(fitted: buy_till_you_die.Fit, counts: object, parameters: np.ndarray) -> np.ndarray:
    from dataclasses import replace

    return buy_till_you_die.p_alive(replace(fitted, parameters=parameters), counts)


def orders_to_come(case: Case) -> Iterator[Told]:
    """Orders and revenue of the next 3 and 6 months, as foretold half a year ago, against what came."""
    ahead = lifetime_forecast.forecast(case.early.purchases, lifetime=case.lifetime).set_index("months")
    for months in (3, 6):
        until, row = case.early.as_of + timedelta(days=lifetime_forecast.HORIZONS[months]), ahead.loc[months]
        came = clv_summary.held_out_purchases(case.book.purchases, cut=case.early.as_of, as_of=until)
        orders = float(frame(came.aggregate(orders=_.purchases.sum()))["orders"].iloc[0])
        spent = case.book.purchases.filter(_.ordered_at >= case.early.as_of, _.ordered_at < until).semi_join(came, "customer_id")
        revenue = float(frame(spent.aggregate(revenue=_.revenue.sum()))["revenue"].iloc[0])
        yield Told(f"orders in {months} months", orders, row["expected_orders"], row["orders_low"], row["orders_high"])
        yield Told(f"revenue in {months} months", revenue, row["expected_revenue"], row["revenue_low"], row["revenue_high"])


def leaving(case: Case) -> Iterator[Told]:
    """Risk classes told half a year ago: who bought nothing in the 90 days after, against what was told."""
    model = case.lifetime.model
    risk = churn_risk.fit_churn_risk(
        case.early.purchases, as_of=case.early.as_of, model=model, active_days=case.book.client.lifecycle.dormant_days
    )
    until = case.early.as_of + timedelta(days=churn_risk.HORIZON_DAYS)
    back = case.book.purchases.filter(_.ordered_at >= case.early.as_of, _.ordered_at < until).select("customer_id").distinct()
    risks = churn_risk.customer_risks(case.early.purchases, fitted=risk)
    stayed = frame(risks.semi_join(back, "customer_id").group_by("risk_class").aggregate(back=_.count()))
    all_of = frame(risks.group_by("risk_class").aggregate(n=_.count(), told=_.risk.mean()))
    for row in all_of.merge(stayed, how="left", on="risk_class").fillna(0).sort_values("risk_class").itertuples():
        left = int(row.n - row.back)
        yield Told(f"{row.risk_class} risk: buy nothing in 90 days", row.told, left / row.n, *wilson(left, int(row.n), z=Z90))


def next_orders(case: Case) -> Iterator[Told]:
    """Of the ranges told for the next order, the share that holds it."""
    check = next_order.next_order_check(
        case.book.purchases, as_of=case.book.as_of, active_days=case.book.client.lifecycle.dormant_days
    ).iloc[0]
    back = int(check["told"] - check["not_back"])
    yield Told("next order inside its range", next_order.LEVEL, check["inside_share"], *wilson(int(check["inside"]), back, z=Z90))


def buyers(case: Case) -> Iterator[Told]:
    """Kinds of buyers by pieces on a line."""
    told = order_size.fit_kinds(order_size.line_sizes(case.book.order_lines, as_of=case.book.as_of)).intervals()
    yield Told("kinds of buyers", len(case.shop.planted.segments), len(told), len(told), len(told))
    if len(told) == len(case.shop.planted.segments):
        for share, kind, row in zip(case.shop.planted.kinds_of_buyers, case.shop.planted.segments, told.itertuples(), strict=True):
            yield Told(f"{kind.name}: share of customers", share, row.customer_share, row.low, row.high)
            yield Told(f"{kind.name}: pieces on a line", kind.pieces_per_line, row.pieces_per_line, row.pieces_low, row.pieces_high)


def price_driven(case: Case) -> Iterator[Told]:
    """Who buys on offer only, and whether a discount makes anyone buy more pieces: it does not."""
    only = offers.offer_only(case.book.purchases, case.book.order_lines)
    n, always, luck = (float(only[name].sum()) for name in ("customers", "offer_only", "by_chance"))
    low, high = wilson(int(always), int(n), z=Z90)
    yield Told("buy on offer only, beyond luck", case.shop.planted.price_driven, (always - luck) / n, low - luck / n, high - luck / n)
    told = price_sensitivity.sensitivity_summary(price_sensitivity.price_sensitivity(case.book.order_lines, case.book.products))
    row = told.set_index("price_sensitivity").loc[price_sensitivity.PRICE_DRIVEN]
    driven = int(row["customers"])
    of = round(driven / row["customer_share"])
    yield Told("price-driven customers", case.shop.planted.price_driven, row["customer_share"], *wilson(driven, of, z=Z90))
    response = discount_response.discount_response(case.book.order_lines).set_index("response_of")
    for name in (discount_response.DEPTH, discount_response.PRICE, discount_response.GOING):
        if name in response.index:
            row = response.loc[name]
            half = (row["response_high"] - row["response_low"]) / 2 * Z90 / Z95
            yield Told(f"response of pieces: {name}", 0.0, row["response"], row["response"] - half, row["response"] + half)


def likeness(case: Case) -> Iterator[Told]:
    """Of the new customers who half a year ago looked like the best, how many are among the best now."""
    fitted = look_alikes.fit_look_alikes(case.early_features, case.early.purchases, as_of=case.early.as_of)
    alike = look_alikes.look_alikes(case.early_features, fitted=fitted, as_of=case.early.as_of)
    best = look_alikes.best_since(case.features, case.book.purchases, as_of=case.book.as_of).filter(_.is_best).select("customer_id")
    for name, who in (("look-alikes", alike.filter(_.is_look_alike)), ("new customers", alike)):
        came = int(frame(who.semi_join(best, "customer_id").aggregate(n=_.count()))["n"].iloc[0])
        row = frame(
            who.aggregate(
                expected=_.probability.sum(), low=_.low.sum(), high=_.high.sum(), luck=(_.probability * (1 - _.probability)).sum()
            )
        ).iloc[0]
        off = math.hypot(math.sqrt(row["luck"]), (row["high"] - row["low"]) / 2 / Z95)
        yield Told(f"{name} who became the best", came, row["expected"], row["expected"] - Z90 * off, row["expected"] + Z90 * off)


def newcomers(case: Case) -> Iterator[Told]:
    """What new customers were to spend, as foretold half a year ago from their first 30 days, against what they spent."""
    fitted = early_value.fit_early_value(case.early_features)
    values = early_value.early_values(case.early_features, fitted=fitted, as_of=case.early.as_of)
    came = case.features.select("customer_id", came=_[f"next_spend_{fitted.days}"])
    both = frame(values.join(came, "customer_id").select("expected_spend", "expected_low", "expected_high", "came"))
    inside = int(((both["came"] >= both["expected_low"] - 1e-9) & (both["came"] <= both["expected_high"] + 1e-9)).sum())
    yield Told("new customers' spend inside its range", 0.8, inside / len(both), *wilson(inside, len(both), z=Z90))
    off = Z90 * both["came"].std() * math.sqrt(len(both))
    total = both["expected_spend"].sum()
    yield Told("new customers' spend in all", both["came"].sum(), total, total - off, total + off)


def _features(book: Book) -> ir.Table:
    return early_features.early_features(book.orders, book.order_lines, book.products, book.events, book.customers, as_of=book.as_of)


RECOVERED: dict[str, Callable[[Case], Iterator[Told]]] = {
    "who comes back": churn,
    "who still is a customer": still_customers,
    "what they will bring": orders_to_come,
    "who is leaving": leaving,
    "when they order next": next_orders,
    "kinds of buyers": buyers,
    "price-driven": price_driven,
    "look-alikes of the best": likeness,
    "new customers": newcomers,
}


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
