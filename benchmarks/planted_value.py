"""What the pages on worth say about shops whose truth is known, and what they claim where nothing is planted.

python benchmarks/planted_value.py [SHOPS] [CUSTOMERS]     20 planted shops of 5,000 customers, and as many with nothing
"""

from __future__ import annotations

import ast
import json
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from ibis import _
from planted import PERIOD, Told, print_claims, print_told, shop_books

from custkit.analysis import (
    buy_till_you_die,
    churn_risk,
    clv_summary,
    discount_response,
    early_features,
    early_value,
    high_ticket,
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
from custkit.engine import beside, frame
from custkit.present.finding import Finding

# What is foretold is foretold half a year before the end, and held against what came.
MONTHS_BACK = 6
NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def main(shops: int = 20, customers: int = 5000) -> None:
    told: dict[str, dict[str, list[Told]]] = {name: defaultdict(list) for name in RECOVERED}
    held, claimed = defaultdict(list), defaultdict(list)
    for book, shop in shop_books(shops, customers):
        if shop.is_null:
            for what, made, tests in claims(book):
                claimed[what].append((made, tests))
            continue
        case = Case(book, shop)
        for name, recover in RECOVERED.items():
            for one in recover(case):
                told[name][one.what].append(one)
        for what, told_share, share in ranges(case):
            held[what].append((told_share, share))
    print(f"{shops} shops of {customers:,} customers, {PERIOD}; 90% intervals")
    for name, numbers in told.items():
        print(f"\n{name}\n")
        print_told(numbers)
    print("\n| range told for single customers | should hold | holds |\n|---|---|---|")
    for what, shares in held.items():
        print(f"| {what} | {np.mean([one for one, _other in shares]):.0%} | {np.mean([one for _other, one in shares]):.1%} |")
    print_claims(claimed)


class Case:
    """A planted shop, its book at the end and half a year before, and what several questions need: each made once."""

    def __init__(self, book: Book, shop: Shop) -> None:
        self.book, self.shop = book, shop
        self.early = book.at(book.period - MONTHS_BACK)

    @cached_property
    def features(self) -> ir.Table:
        return _features(self.book)

    @cached_property
    def early_features(self) -> ir.Table:
        return _features(self.early)


def churn(case: Case) -> Iterator[Told]:
    """The purchase process, and who still is a customer, of those whom the tested campaign did not push."""
    pushed = case.book.campaign_contacts.filter(_.arm == "treatment")
    left = clv_summary.clv_summary(case.book.purchases.anti_join(pushed, "customer_id"), as_of=case.book.as_of)
    counts = clv_summary.purchase_counts(left)
    fitted = buy_till_you_die.fit(counts)
    for planted, row in zip(case.shop.bgnbd, fitted.table(z=Z90).itertuples(), strict=True):
        yield Told(f"BG/NBD {row.parameter}", planted, row.estimate, row.low, row.high)
    people = case.shop.customers.set_index("id")["died"]
    alive = np.isinf(people.reindex(frame(left.select("customer_id"))["customer_id"])).mean()
    n = counts["customers"].to_numpy()
    each = buy_till_you_die.p_alive(fitted, counts)
    shares = [n @ buy_till_you_die.p_alive(replace(fitted, parameters=at), counts) / n.sum() for at in fitted.drawn(100)]
    told, luck = n @ each / n.sum(), math.sqrt(n @ (each * (1 - each))) / n.sum()
    yield _told("share still customers", alive, told, math.hypot(luck, float(np.std(shares, ddof=1))))


def _told(what: str, planted: float, estimate: float, error: float) -> Told:
    return Told(what, planted, estimate, estimate - Z90 * error, estimate + Z90 * error)


def orders_to_come(case: Case) -> Iterator[Told]:
    """Orders and revenue of the next 3 and 6 months, as foretold half a year ago, against what came.

    Without those who stretch their last order to become gold: a large order just before leaving is what no spend model looks for, and
    they would raise what everybody's next orders are expected to bring by 4 %.
    """
    stopped = pa.table({"customer_id": case.shop.customers.loc[case.shop.customers["stopped"], "id"].astype(str).to_numpy()})
    bought = case.book.purchases.anti_join(beside(case.book.purchases, stopped), "customer_id")
    cut = case.early.as_of
    seen = bought.filter(_.ordered_at < cut)
    ahead = lifetime_forecast.forecast(seen, lifetime=lifetime.fit_lifetime(seen, as_of=cut)).set_index("months")
    for months in (3, 6):
        until, row = cut + timedelta(days=lifetime_forecast.HORIZONS[months]), ahead.loc[months]
        came = clv_summary.held_out_purchases(bought, cut=cut, as_of=until)
        orders = float(frame(came.aggregate(orders=_.purchases.sum()))["orders"].iloc[0])
        spent = bought.filter(_.ordered_at >= cut, _.ordered_at < until).semi_join(came, "customer_id")
        revenue = float(frame(spent.aggregate(revenue=_.revenue.sum()))["revenue"].iloc[0])
        yield Told(f"orders in {months} months", orders, row["expected_orders"], row["orders_low"], row["orders_high"])
        yield Told(f"revenue in {months} months", revenue, row["expected_revenue"], row["revenue_low"], row["revenue_high"])


def leaving(case: Case) -> Iterator[Told]:
    """Of each class of risk told half a year ago, who bought nothing in the 90 days after."""
    days = case.book.client.lifecycle.dormant_days
    early = case.early
    model = lifetime.fit_lifetime(early.purchases, as_of=early.as_of).model
    risk = churn_risk.fit_churn_risk(early.purchases, as_of=early.as_of, model=model, active_days=days)
    until = early.as_of + timedelta(days=churn_risk.HORIZON_DAYS)
    back = case.book.purchases.filter(_.ordered_at >= early.as_of, _.ordered_at < until).select("customer_id").distinct()
    risks = churn_risk.customer_risks(early.purchases, fitted=risk)
    stayed = frame(risks.semi_join(back, "customer_id").group_by("risk_class").aggregate(back=_.count()))
    told = frame(risks.group_by("risk_class").aggregate(n=_.count(), told=_.risk.mean()))
    learnt = risk.classes.set_index("risk")["customers"]
    for row in told.merge(stayed, how="left", on="risk_class").fillna(0).sort_values("told").itertuples():
        # What is told was learnt from so many customers, and comes true for so many.
        error = math.sqrt(row.told * (1 - row.told) * (1 / learnt[row.risk_class] + 1 / row.n))
        yield _told(f"{row.risk_class} risk: buy nothing in 90 days", 1 - row.back / row.n, row.told, error)


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
    year = case.book.order_lines.filter(case.book.order_lines.ordered_at >= case.book.days_before(365))
    summary = price_sensitivity.sensitivity_summary(price_sensitivity.price_sensitivity(year, case.book.products))
    driven = summary.set_index("price_sensitivity").loc[price_sensitivity.PRICE_DRIVEN]
    told = round(driven["customers"] / driven["customer_share"])
    low, high = wilson(int(driven["customers"]), told, z=Z90)
    yield Told("price-driven customers", case.shop.planted.price_driven, driven["customer_share"], low, high)
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
    like = alike.filter(_.is_look_alike)
    came = int(frame(like.semi_join(best, "customer_id").aggregate(n=_.count()))["n"].iloc[0])
    told = look_alikes.alike_summary(alike).iloc[0]
    luck = float(frame(like.aggregate(luck=(_.probability * (1 - _.probability)).sum()))["luck"].iloc[0])
    error = math.hypot(math.sqrt(luck), (told["high"] - told["low"]) / 2 / Z95)
    yield _told("look-alikes who became the best", came, told["expected"], error)


def newcomers(case: Case) -> Iterator[Told]:
    """What new customers were to spend, as foretold half a year ago from their first 30 days, against what they spent."""
    fitted = early_value.fit_early_value(case.early_features)
    values = early_value.early_values(case.early_features, fitted=fitted, as_of=case.early.as_of)
    came = case.features.select("customer_id", came=_[f"next_spend_{fitted.days}"])
    both = frame(values.join(came, "customer_id").select("expected_spend", "came"))
    n = len(both)
    luck, learnt = both["came"].std() * math.sqrt(n), both["came"].std() * n / math.sqrt(fitted.followed)
    yield _told("spend of newcomers in all", both["came"].sum(), both["expected_spend"].sum(), math.hypot(luck, learnt))


def ranges(case: Case) -> Iterator[tuple[str, float, float]]:
    """Ranges told for single customers, half a year before: what share of them should hold what came, and what share did."""
    days = case.book.client.lifecycle.dormant_days
    check = next_order.next_order_check(case.book.purchases, as_of=case.book.as_of, active_days=days).iloc[0]
    yield "day of the next order, of who came back", next_order.LEVEL, check["inside_share"]
    fitted = early_value.fit_early_value(case.early_features)
    values = early_value.early_values(case.early_features, fitted=fitted, as_of=case.early.as_of)
    came = case.features.select("customer_id", came=_[f"next_spend_{fitted.days}"])
    both = frame(values.join(came, "customer_id"))
    inside = (both["came"] >= both["expected_low"] - 1e-9) & (both["came"] <= both["expected_high"] + 1e-9)
    yield "spend of a newcomer", 0.8, inside.mean()


def _features(book: Book) -> ir.Table:
    return early_features.early_features(book.orders, book.order_lines, book.products, book.events, book.customers, as_of=book.as_of)


RECOVERED: dict[str, Callable[[Case], Iterator[Told]]] = {
    "who comes back": churn,
    "what they will bring": orders_to_come,
    "who is leaving": leaving,
    "kinds of buyers": buyers,
    "price-driven": price_driven,
    "look-alikes of the best": likeness,
    "new customers": newcomers,
}

# Findings that say how much there is of something; where nothing is planted there is as much as they say.
DESCRIBES = {
    "overview": {"spend", "repurchase", "churn", "activity", "second_purchase", "structure", "value"},
    "segmentation": {"segments", "quiet", "concentration", "high_ticket", "value"},
    "spending_power": {"score", "strength", "structure", "payment", "returns", "action"},
    "lifetime_value": {"worth", "win_back", "due", "trust", "card"},
}
# What truly changes there: people register and nobody leaves, so there are more customers, orders and revenue each month.
TRULY = {"overview": {"tree"}, "segmentation": {"migration"}}
STEADY = ("new_customers", "aov", "orders_per_customer", "items_per_order", "price_per_item", "guest_revenue", "first_purchase_rate")
# Who has been there longer spent more, and dear goods make dear customers: also where all are alike.
FOLLOWS = (high_ticket.TENURE, high_ticket.CATEGORY)


def claims(book: Book) -> Iterator[tuple[str, int, int]]:
    """What each finding of the four pages claims: claim, how many, of how many looked at."""
    for page, describes in DESCRIBES.items():
        left_out = describes | TRULY.get(page, set())
        shown = Page(page)
        for name, finding in shown.findings(book, left_out, also=("changed", "traits")):
            yield f"{page}: {name}", int(finding.tone == "plain"), 1
        if page == "overview":
            changed = shown.made["changed"].set_index("measure").loc[list(STEADY)]
            for name, against in (("significant", "last month"), ("significant_year", "last year")):
                yield f"overview: change on {against} of what stands still", int(changed[name].sum()), len(changed)
        if page == "segmentation":
            traits = shown.made["traits"]
            traits = traits[~traits["trait"].isin(FOLLOWS)]
            yield "segmentation: trait of high-ticket customers", int((traits["q_value"] <= 0.05).sum()), len(traits)


class Page:
    """A notebook's code, so far as its findings need it: no table is drawn and no chart."""

    def __init__(self, name: str) -> None:
        notebook = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text("utf-8"))
        cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
        *self.imports, _book = ast.parse(cells[1]).body
        self.body = [statement for cell in cells[2:] for statement in ast.parse(cell).body]
        self.made: dict[str, Any] = {}

    def findings(self, book: Book, left_out: set[str], *, also: Sequence[str] = ()) -> Iterator[tuple[str, Finding]]:
        """Name and finding of each `…_finding` shown, without those left out; what is named in `also` is made on the way."""
        called = {target.id: made for made in self.body if isinstance(made, ast.Assign) for target in _names(made.targets)}
        shown = []
        for statement in self.body:
            value = statement.value if isinstance(statement, ast.Expr) else None
            value = called[value.id].value if isinstance(value, ast.Name) and value.id in called else value
            name = ast.unparse(value.func).rpartition(".")[2] if isinstance(value, ast.Call) else ""
            if name.endswith("_finding") and name.removesuffix("_finding") not in left_out:
                shown.append((statement, name.removesuffix("_finding")))
        told = {id(statement): name for statement, name in shown}
        needed, kept = set(also), []
        for statement in reversed(self.body):
            makes = {target.id for target in _names(getattr(statement, "targets", []))}
            if id(statement) in told or makes & needed:
                kept.append(statement)
                needed |= {name.id for name in ast.walk(statement) if isinstance(name, ast.Name)}
        self.made = {"period": str(book.period)}
        exec(compile(ast.Module(self.imports, []), "imports", "exec"), self.made)
        self.made["book"] = book
        for statement in reversed(kept):
            if id(statement) in told:
                yield told[id(statement)], eval(compile(ast.Expression(statement.value), "finding", "eval"), self.made)
            else:
                exec(compile(ast.Module([statement], []), "analysis", "exec"), self.made)


def _names(targets: Sequence[ast.expr]) -> Iterator[ast.Name]:
    return (name for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
