"""What the page on losses says about shops whose truth is known, and what it claims where nothing is planted.

python benchmarks/planted_funnel.py [SHOPS] [CUSTOMERS] [FIRST]     20 planted shops of 5,000 customers, and as many with nothing
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator

import ibis.expr.types as ir
import pandas as pd
from planted import PERIOD, Told, print_claims, print_told, shop_books

from custkit.analysis import cohorts, funnel, lifecycle, registrations
from custkit.analysis.rates import SMALL_SAMPLE, Z90, false_discovery, shares_p_value, wilson
from custkit.book import Book
from custkit.demo.shop import Shop
from custkit.engine import frame

STEPS = ("view", "cart", "checkout", "order")


def main(shops: int = 20, customers: int = 5000, first: int = 1) -> None:
    told: dict[str, dict[str, list[Told]]] = {name: defaultdict(list) for name in RECOVERED}
    claimed = defaultdict(list)
    named: list[tuple[str, str]] = []
    others = 0
    for book, shop in shop_books(shops, customers, first):
        if shop.is_null:
            for what, made, tests in claims(book):
                claimed[what].append((made, tests))
            continue
        for name, recover in RECOVERED.items():
            for one in recover(book, shop):
                told[name][one.what].append(one)
        named.append(worst(book))
        others += len(not_planted(book))
    print(f"{shops} shops of {customers:,} customers, {PERIOD}; 90% intervals")
    for name, numbers in told.items():
        print(f"\n{name}\n")
        print_told(numbers)
    hits = sum(one == ("phone", "order") for one in named)
    print(f"\nthe worst break is the phone's way from checkout to order in {hits} of {len(named)} shops")
    print(f"groups said to go on less at a step where nothing is planted: {others} in {len(named)} shops")
    print_claims(claimed)


def breaks(book: Book, shop: Shop) -> Iterator[Told]:
    """Of visits on each device that took a step, who took the next.

    The planted shares hold over the shop's life. Its last month runs high, most at the phone's order: see `steps` in `demo.truth`.
    """
    steps = funnel.funnel_by(_month(book), "device").set_index(["group", "step"])
    for device in shop.planted.steps:
        for step in STEPS:
            row = steps.loc[(device.device, step)]
            yield _share(f"{device.device}: go on to {step}", getattr(device, step), int(row["visits"]), int(row["n"]))


def channels(book: Book, shop: Shop) -> Iterator[Told]:
    """What a registration costs on each channel, and who of them never buys."""
    quality = registrations.registration_quality(book.customers, book.purchases, book.marketing_spend, as_of=book.as_of)
    quality = quality.set_index("acquisition_channel")
    for channel in shop.planted.channels:
        row = quality.loc[channel.name]
        yield _share(f"{channel.name}: never buy", channel.never_buy, int(row["n_90"] - row["bought_90"]), int(row["n_90"]))
    for channel in shop.planted.channels:
        if channel.cost_per_registration:
            cost = float(quality.loc[channel.name, "cost_per_new"])
            margin = _cost_margin(book, channel.name, cost)
            yield Told(f"{channel.name}: cost per registration", channel.cost_per_registration, cost, cost - margin, cost + margin)


def leavers(book: Book, shop: Shop) -> Iterator[Told]:
    """Who is lost by an explicit act, as planted; who is dormant, as the shop's own record of orders and visits has it."""
    rules, people = book.client.lifecycle, (book.customers, book.purchases, book.events)
    stages = frame(lifecycle.customer_stages(*people, as_of=book.as_of, rules=rules).select("customer_id", "stage"))
    yield _share("lost: closed their account", shop.planted.closed, int((stages["stage"] == "lost").sum()), len(stages))
    dormant = set(stages.loc[stages["stage"] == "dormant", "customer_id"])
    silent = _silent(book)
    n = len(stages)
    yield Told("dormant, as counted in pandas", len(silent) / n, len(dormant) / n, *wilson(len(dormant), n, z=Z90))


def _silent(book: Book) -> set[str]:
    """Customers last seen more than `dormant_days` before the end and without a farewell, counted in pandas."""
    seen = pd.concat(
        [
            frame(book.purchases.select("customer_id", at="ordered_at")),
            frame(book.events.select("customer_id", at="occurred_at")),
            frame(book.customers.select("customer_id", at="registered_at")),
        ]
    ).dropna()
    last = seen.groupby("customer_id")["at"].max()
    closed = frame(book.customers.filter(book.customers.closed_at.notnull()).select("customer_id"))["customer_id"]
    silent = last[last < pd.Timestamp(book.days_before(book.client.lifecycle.dormant_days))].index
    return set(silent) - set(closed)


def _cost_margin(book: Book, channel: str, cost: float) -> float:
    """90 % margin of a ratio of sums over twelve months, from how far each month strays from it. [Cochran 1977, 6.3]"""
    came = frame(book.customers.filter(book.customers.acquisition_channel == channel).select("registered_at"))["registered_at"]
    spent = frame(book.marketing_spend.filter(book.marketing_spend.channel == channel).select("spent_at", "spend_amount"))
    start = book.at(book.period - 11).start
    registered = came[came >= start].dt.strftime("%Y-%m").value_counts()
    money = spent[spent["spent_at"] >= start].assign(month=lambda rows: rows["spent_at"].dt.strftime("%Y-%m"))
    money = money.groupby("month")["spend_amount"].sum().astype("float64")
    stray = (money - cost * registered.reindex(money.index, fill_value=0)).to_numpy()
    months = len(stray)
    return 1.796 * math.sqrt(months * float((stray**2).sum()) / (months - 1)) / float(registered.sum())  # t with 11 degrees of freedom


def worst(book: Book) -> tuple[str, str]:
    """Group and step of the break that the page names."""
    named = funnel.worst_break(funnel.funnel_splits(_month(book), book.customers))
    return (named["group"], named["step"]) if named else ("", "")


def not_planted(book: Book) -> list[tuple[str, str]]:
    """Groups said to lose visits beyond chance at a step, other than the phone, which is planted to at every step."""
    split = funnel.funnel_splits(_month(book), book.customers)
    worse = split[split["is_different"] & (split["excess_lost"] > 0)]
    return [pair for pair in zip(worse["group"], worse["step"], strict=True) if pair[0] != "phone"]


def claims(book: Book) -> Iterator[tuple[str, int, int]]:
    """What the page claims beyond chance: claim, how many, of how many looked at."""
    month = _month(book)
    split = funnel.funnel_splits(month, book.customers)
    yield "group that differs at a step", int(split["is_different"].sum()), int(split["p_value"].notna().sum())
    yield "break named", int(funnel.worst_break(split) is not None), 1
    bounces = funnel.visit_quality(month, "channel", "device")
    yield "channel or device whose visits end where they began", int(bounces["is_different"].sum()), len(bounces) - 1
    quality = registrations.registration_quality(book.customers, book.purchases, book.marketing_spend, as_of=book.as_of)
    yield "channel whose registrations differ", int(quality["is_different"].sum()), len(quality) - 1
    yield "rate between stages against last month", *_rates_changed(book)
    yield "new customers of the last three months", int(_newer(book)), 1


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


def _month(book: Book) -> ir.Table:
    return book.events.filter(book.events.occurred_at >= book.start)


def _share(what: str, planted: float, k: int, n: int) -> Told:
    return Told(what, planted, k / n if n else math.nan, *wilson(k, n, z=Z90))


RECOVERED: dict[str, Callable[[Book, Shop], Iterator[Told]]] = {
    "where visits are lost": breaks,
    "what channels bring": channels,
    "who has left": leavers,
}

if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:4]))
