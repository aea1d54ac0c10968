"""What the page on rules says about shops whose truth is known: pairs, routes, cycles, stock-piling; and what it claims of nothing.

python benchmarks/planted_needs.py [SHOPS] [CUSTOMERS] [FIRST]     20 planted shops of 5,000 customers, and as many with nothing
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from planted import Told, compare

from custkit.analysis import incremental_sales as sales
from custkit.analysis import recommendations as recommend
from custkit.analysis import replenishment
from custkit.analysis.itemsets import baskets, item_level
from custkit.analysis.rates import Z90, wilson
from custkit.analysis.routes import routes, visits
from custkit.analysis.rules import directional_pairs, significant
from custkit.book import Book
from custkit.demo.shop import Shop


def main(shops: int = 20, customers: int = 5000, first: int = 1) -> None:
    compare(recovered, alarms, shops, customers, "90% intervals", first)


def recovered(book: Book, shop: Shop) -> Iterator[Told]:
    """Every planted number that the page tells, with its 90 % interval; counts of what is claimed have none."""
    yield from _pairs_and_route(book, shop)
    yield from _needs(book, shop)


def _pairs_and_route(book: Book, shop: Shop) -> Iterator[Told]:
    lines = book.order_lines.filter(book.order_lines.ordered_at >= book.days_before(365))
    level = item_level(lines, book.products)
    found = significant(directional_pairs(baskets(lines, book.products, level=level)))
    for pair in shop.planted.pairs:
        row = found[(found["antecedent"] == pair.antecedent) & (found["consequent"] == pair.consequent)]
        joint, n = (int(row[name].sum()) for name in ("joint_orders", "antecedent_orders"))
        yield Told(f"{pair.antecedent} → {pair.consequent}", pair.confidence, joint / max(n, 1), *wilson(joint, n, z=Z90))
    wrong = len(found) - len(shop.planted.pairs)
    yield Told("pairs claimed that are not planted", 0, wrong, wrong, wrong)
    steps = significant(routes(visits(lines, book.products, level=level), step="next-order"))
    route = shop.planted.route
    assert route is not None
    mine = (steps["antecedent"] == route.antecedent) & (steps["consequent"] == route.consequent)
    yield Told("planted route found", 1, mine.sum(), mine.sum(), mine.sum())
    yield Told("routes claimed that are not planted", 0, (~mine).sum(), (~mine).sum(), (~mine).sum())
    if mine.any():
        row = steps[mine].iloc[0]
        # The notch of a box, for 90%. [McGill, Tukey & Larsen 1978]
        notch = 1.57 * Z90 / 1.96 * (row["wait_third_quartile"] - row["wait_first_quartile"]) / np.sqrt(row["route_customers"])
        wait = row["wait_median"]
        yield Told("route: median days", _gap_after(shop, route.antecedent), wait, wait - notch, wait + notch)


def _gap_after(shop: Shop, product: str) -> float:
    """Median days from an order with the product to the customer's next shopping day, in the last 365 days, whatever the next one holds."""
    orders = shop.orders[(shop.orders["kind"] == "sale") & (shop.orders["customer"] >= 0)]
    orders = orders.assign(day=np.floor(orders["day"])).query("day >= @orders.day.max() - 365")
    days = orders.drop_duplicates(["customer", "day"]).sort_values(["customer", "day"])
    days["gap"] = days.groupby("customer")["day"].shift(-1) - days["day"]
    held = shop.lines.loc[(shop.lines["product"] == shop.product(product)) & ~shop.lines["free"], "order"]
    return float(days[days["order"].isin(held)]["gap"].median())


def _needs(book: Book, shop: Shop) -> Iterator[Told]:
    spells = replenishment.product_spells(book.order_lines, as_of=book.as_of)
    cycles = replenishment.replenishment_cycles(spells, book.products)
    by_name = cycles.set_index("product_name")
    for cycle in shop.planted.cycles:
        row = by_name.loc[cycle.product]
        yield Told(f"{cycle.product}: days a piece", cycle.days, row["days_per_piece"], row["low"], row["high"])
    planted = {cycle.product for cycle in shop.planted.cycles}
    regular = set(cycles.loc[cycles["is_regular"], "product_name"])
    yield Told("planted cycles found", len(planted), *[len(regular & planted)] * 3)
    yield Told("cycles claimed that are not planted", 0, *[len(regular - planted)] * 3)
    row = sales.incremental_sales(spells, cycles).iloc[0]
    yield Told("bought ahead under a coupon", shop.planted.pull_forward, row["pulled_forward"], row["pulled_low"], row["pulled_high"])


def alarms(book: Book) -> Iterator[tuple[str, int, int]]:
    """What is claimed where nothing is planted: claim, how many, of how many looked at."""
    lines = book.order_lines.filter(book.order_lines.ordered_at >= book.days_before(365))
    level = item_level(lines, book.products)
    pairs = directional_pairs(baskets(lines, book.products, level=level))
    yield "pair beyond chance", int(pairs["is_significant"].sum()), len(pairs)
    seen = visits(lines, book.products, level=level)
    for step in ("next-order", "any-later"):
        found = routes(seen, step=step)
        yield f"route beyond chance, {step}", int(found["is_significant"].sum()), len(found)
    spells = replenishment.product_spells(book.order_lines, as_of=book.as_of)
    cycles = replenishment.replenishment_cycles(spells, book.products)
    yield "product with a cycle", int(cycles["is_regular"].sum()), len(cycles)
    told = sales.incremental_sales(spells, cycles)
    yield "stock-piling", int(told["pulled_forward"].notna().any()), 1
    tested = recommend.recommendation_test(book.order_lines, book.products, start=book.start, as_of=book.as_of)
    yield "recommendations better than best-sellers", int((tested["gain_low"] > 0).sum()), len(tested)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:4]))
