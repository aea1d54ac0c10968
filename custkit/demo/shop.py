"""The planted-truth shop: a seeded simulator of a small online and high-street shop whose truth is known (`truth.py`).

`simulate` gives the clean truth as frames, `write_shop` (in `export.py`) the raw exports a client would send. Each part of the shop
draws from its own random stream, so one part can change without moving the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from custkit.demo.catalogue import CATEGORIES, REGIONS, SEARCHES, SEARCHES_NOT_FOUND
from custkit.demo.truth import CAMPAIGN, Pair, Truth, truth

END = datetime(2026, 11, 1)
LINES_PER_ORDER = 2.3
POSTAGE, POSTAGE_BELOW = 490, 4000  # cents
MONTH_FACTORS = np.array([0.92, 0.92, 0.98, 1.0, 1.0, 0.96, 0.93, 0.93, 0.98, 1.02, 1.11, 1.25])
WEEKDAY_FACTORS = np.array([1.05, 1.0, 0.98, 0.98, 1.02, 0.95, 1.02])
HOUR_WEIGHTS = np.array([1, 2, 4, 5, 6, 7, 8, 7, 6, 6, 7, 8, 9, 10, 9, 6, 3], dtype=float)  # from 6:00 to 22:59
DEVICES = ("phone", "desktop", "tablet")
TOPICS = ("Delivery", "Product quality", "Price", "Website", "Service")
CAMPAIGNS = (
    # id, English, Chinese, type, channel, days before the end at which it starts, days it lasts, cost
    ("K2411", "Opening weeks", "开业季", "launch", "mail", 710, 21, 2400),
    ("K2505", "Spring clean", "春季大扫除", "discount", "e-mail", 540, 14, 900),
    ("K2511", "Winter market", "冬日市集", "discount", "e-mail", 350, 21, 1500),
    ("K2603", "Balcony season", "阳台季", "discount", "app", 230, 14, 800),
    ("K2606", "Summer points", "夏日积分", "points", "app", 140, 21, 600),
    (CAMPAIGN, "Autumn invitation", "秋日邀约", "coupon", "mail", 55, 21, 3200),
)

_STREAMS = (
    "customers",
    "times",
    "cycles",
    "campaign",
    "baskets",
    "prices",
    "stops",
    "returns",
    "events",
    "loyalty",
    "surveys",
    "spend",
    "mess",
)


@dataclass(frozen=True)
class Shop:
    """What truly happened. Times are local wall clock, money is in cents, `customer` is a row number of `customers` (−1: guest).

    customers   registered_at, closed_at, channel, region, segment, price_driven, member, cycle, died, stopped, consent …
    orders      order, customer, at, kind (sale or return), channel, device, store, region, payment
    lines       order, product (row number of products; −1 postage), quantity, gross, discount, coupon, amount, cost, free
    """

    start: datetime
    end: datetime
    planted: Truth
    products: pd.DataFrame
    customers: pd.DataFrame
    orders: pd.DataFrame
    lines: pd.DataFrame
    events: pd.DataFrame
    campaigns: pd.DataFrame
    contacts: pd.DataFrame
    ledger: pd.DataFrame
    surveys: pd.DataFrame
    spend: pd.DataFrame
    rng: dict[str, np.random.Generator] = field(repr=False)

    @property
    def is_null(self) -> bool:
        """Is nothing planted?"""
        return not self.planted.pairs

    @property
    def bgnbd(self) -> tuple[float, float, float, float]:
        """The planted r, alpha, a, b with alpha in the weeks of the calendar that customers lived through.

        Purchases run evenly in bent time, which is as long as the calendar over the whole span. But most customers come after the first
        winter, and for them quiet weeks outnumber brisk ones.
        """
        r, alpha, a, b = self.planted.bgnbd
        calendar = _Calendar(self.start, seasonal=self.planted.seasonality != 1)
        known = self.orders[(self.orders["kind"] == "sale") & (self.orders["customer"] >= 0)]
        first = known.groupby("customer")["day"].min()
        until = np.minimum(self.customers["died"].to_numpy()[first.index], calendar.days)
        return r, alpha * float((until - first).sum() / (calendar.straighten(until) - calendar.straighten(first)).sum()), a, b

    def product(self, name: str) -> int:
        """Row number of the product with this English name."""
        return int(np.flatnonzero(self.products["name"].to_numpy() == name)[0])


def simulate(*, seed: int = 2026, null: bool = False, customers: int = 5000, months: int = 24) -> Shop:
    """Run the shop for `months` months up to the end of October 2026 with `customers` registered customers.

    The same arguments give the same shop. With `null` nothing is planted: see `truth`.
    """
    planted = truth(null=null)
    rng = {name: np.random.default_rng([seed, i]) for i, name in enumerate(_STREAMS)}
    start = (pd.Timestamp(END) - pd.DateOffset(months=months)).to_pydatetime()
    calendar = _Calendar(start, seasonal=planted.seasonality != 1)
    products = _products(planted, rng["baskets"])
    people, times = _people(planted, rng["customers"], rng["times"], customers, calendar)
    cycles = _live_on_cycles(planted, rng["cycles"], people, times)
    tested = _test_campaign(planted, rng["campaign"], people, times, calendar)
    orders = _orders(rng["times"], people, times, calendar, cycles, tested)
    lines = _baskets(planted, rng["baskets"], products, people, orders)
    lines = _priced(planted, rng["prices"], products, people, orders, lines)
    lines = _stop_at_gold(planted, rng["stops"], people, orders, lines)
    _close_accounts(planted, rng["stops"], people, orders, calendar)
    contacts = _contacts(rng["campaign"], people, orders, lines, calendar, tested)
    lines = _postage_and_samples(rng["prices"], products, orders, lines)
    orders, lines = _returns(rng["returns"], orders, lines, calendar)
    ledger, tier = _loyalty(planted, rng["loyalty"], people, orders, lines, calendar)
    return Shop(
        start=start,
        end=END,
        planted=planted,
        products=products,
        customers=people,
        orders=orders,
        lines=lines,
        events=_events(planted, rng["events"], products, people, orders, lines, calendar),
        campaigns=_campaigns(calendar),
        contacts=contacts,
        ledger=ledger,
        surveys=_surveys(planted, rng["surveys"], people, orders, lines, tier, calendar),
        spend=_spend(planted, rng["spend"], people, calendar),
        rng=rng,
    )


class _Calendar:
    """Days from the start as real numbers, wall-clock instants, and the season as a bend of time.

    A purchase process that runs evenly in `even` time runs with the season in calendar time.
    """

    def __init__(self, start: datetime, *, seasonal: bool) -> None:
        self.start = np.datetime64(start, "s")
        self.days = (END - start).days
        dates = pd.date_range(start, periods=self.days)
        pace = MONTH_FACTORS[dates.month - 1] * WEEKDAY_FACTORS[dates.day_of_week] if seasonal else np.ones(self.days)
        self._even = np.concatenate([[0.0], np.cumsum(pace)]) * self.days / pace.sum()

    def bend(self, even: np.ndarray) -> np.ndarray:
        return np.interp(even, self._even, np.arange(self.days + 1.0))

    def straighten(self, days: np.ndarray | pd.Series) -> np.ndarray:
        """What `bend` undoes."""
        return np.interp(days, np.arange(self.days + 1.0), self._even)

    def at(self, days: np.ndarray) -> np.ndarray:
        """Days from the start → instants, to the second."""
        return self.start + np.round(np.asarray(days) * 86400).astype("timedelta64[s]")

    def of(self, instants: Any) -> np.ndarray:
        return (np.asarray(instants).astype("datetime64[s]") - self.start).astype(float) / 86400

    def in_shop_hours(self, rng: np.random.Generator, days: np.ndarray) -> np.ndarray:
        """The same days at a likely hour."""
        hours = 6 + rng.choice(len(HOUR_WEIGHTS), len(days), p=HOUR_WEIGHTS / HOUR_WEIGHTS.sum())
        return np.floor(days) + (hours + rng.integers(0, 3600, len(days)) / 3600) / 24


def _products(planted: Truth, rng: np.random.Generator) -> pd.DataFrame:
    rows = [
        (f"{i:02d}{j:02d}", english, chinese, category.english, category.chinese, *category.department, price, round(price * category.cost))
        for i, category in enumerate(CATEGORIES, 1)
        for j, (english, chinese, price) in enumerate(category.products, 1)
    ]
    columns = ["id", "name", "name_zh", "category", "category_zh", "department", "department_zh", "price", "cost"]
    products = pd.DataFrame(rows, columns=columns)
    weight = rng.permutation((np.arange(len(products)) + 5.0) ** -0.8)
    names = products["name"].to_numpy()
    # What is planted in pairs and routes: rare antecedents, popular consequents. In the null shop they are as popular, and no more.
    of_kind = truth()
    share = weight / weight.sum()
    for pair in (*of_kind.pairs, *([of_kind.route] if of_kind.route else [])):
        share[names == pair.antecedent] = 0.010
        share[names == pair.consequent] = 0.022
    for cycle in planted.cycles:
        share[names == cycle.product] = 0.0
    products["share"] = share / share.sum()
    brand_of = np.array(["Own brand", "Alder & Co", "Nordwind", "Lumen", "Terra"])
    products["brand"] = brand_of[rng.choice(5, len(products), p=[0.3, 0.2, 0.2, 0.15, 0.15])]
    return products


def _people(
    planted: Truth, rng: np.random.Generator, clock: np.random.Generator, n: int, calendar: _Calendar
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers, and the instants of their purchases by BG/NBD: `customer`, `day` (real, from the start)."""
    channels = planted.channels
    channel = rng.choice(len(channels), n, p=[c.share for c in channels])
    buys = rng.random(n) >= np.array([c.never_buy for c in channels])[channel]
    if len(planted.segments) == 3:
        trade = np.array([c.trade_share for c in channels])[channel]
        occasional, family, _trade = (s.share for s in planted.segments)
        draw = rng.random(n)
        rest = occasional / (occasional + family)
        segment = np.where(draw < trade, 2, np.where((draw - trade) / (1 - trade) < rest, 0, 1))
    else:
        segment = np.zeros(n, dtype=int)
    first_even = clock.random(n) * calendar.days
    r, alpha, a, b = planted.bgnbd
    churns = a > 0
    rate = (clock.gamma(r, 1 / alpha, n) if churns else np.full(n, r / alpha)) / 7
    dropout = clock.beta(a, b, n) if churns else np.zeros(n)
    now, alive = first_even.copy(), np.flatnonzero(buys)
    who, when, died = [alive], [now[alive]], np.full(n, np.inf)
    while alive.size:
        now[alive] += clock.exponential(1 / np.maximum(rate[alive], 1e-9))
        alive = alive[now[alive] < calendar.days]
        who.append(alive)
        when.append(now[alive])
        leaves = clock.random(alive.size) < dropout[alive]
        died[alive[leaves]] = now[alive[leaves]]
        alive = alive[~leaves]
    times = pd.DataFrame({"customer": np.concatenate(who), "day": calendar.bend(np.concatenate(when))})
    times = _on_days_of_their_own(times.sort_values(["customer", "day"], ignore_index=True), calendar.days)
    first = calendar.bend(first_even)
    at_once = rng.random(n) < 0.6
    registered = np.where(buys & ~at_once, np.maximum(first - rng.exponential(6, n), 0.0), first)
    gender = np.array(["female", "male", "not given"])[rng.choice(3, n, p=[0.52, 0.40, 0.08])]
    people = pd.DataFrame(
        {
            "id": [f"{i:06d}" for i in rng.permutation(n) + 417],
            "registered": np.floor(registered),  # a day; the hour follows below, before the first order's
            "closed": np.nan,
            "channel": channel,
            "region": rng.choice(len(REGIONS), n, p=[share for _en, _zh, share in REGIONS]),
            "segment": segment,
            "price_driven": rng.random(n) < planted.price_driven,
            "member": rng.random(n) < 0.6,
            "gender": gender,
            "birth_year": rng.integers(1950, 2007, n),
            "birth_known": rng.random(n) < 0.7,
            "household": rng.choice(5, n, p=[0.28, 0.34, 0.17, 0.15, 0.06]) + 1,
            "consent": rng.choice(3, n, p=[0.78, 0.14, 0.08]),  # yes, no, not asked
            "buys": buys,
            "died": calendar.bend(died),
            "cycle": -1,
            "stopped": False,
        }
    )
    people.loc[~np.isfinite(died), "died"] = np.inf
    return people, times


def _on_days_of_their_own(times: pd.DataFrame, days: int) -> pd.DataFrame:
    """Move the later of two purchases on one day to the next: the model counts purchases, the data count days with one."""
    customer, day = times["customer"].to_numpy(), times["day"].to_numpy()
    place = np.arange(len(times)) - np.searchsorted(customer, customer)
    # Day k is at least day j + (k − j) for every j before: a running maximum, kept inside a customer by a step larger than any day.
    step = customer * (4.0 * days)
    moved = np.maximum.accumulate(np.floor(day) - place + step) + place - step
    times = times.assign(day=moved + day % 1)
    return times[times["day"] < days].reset_index(drop=True)


def _live_on_cycles(planted: Truth, rng: np.random.Generator, people: pd.DataFrame, times: pd.DataFrame) -> np.ndarray:
    """Make some steady customers live on a product: even out the time between their first and last order.

    First order, last order and number stay, so (frequency, recency, T), all that BG/NBD reads, stay. Gaps after a stock-piling order
    are stretched. Fills `people.cycle`; returns for each row of `times` whether it stock-piles.
    """
    piles = rng.random(len(times)) < planted.stockpile_share
    if not planted.cycles:
        return np.zeros(len(times), dtype=bool)
    customer, day = times["customer"].to_numpy(), times["day"].to_numpy().copy()
    last = np.append(customer[1:] != customer[:-1], True)
    weight = np.where(last, 0.0, np.where(piles, planted.stockpile_stretch, 1.0))
    n = len(people)
    orders = np.bincount(customer, minlength=n)
    weights = np.bincount(customer, weights=weight, minlength=n)
    first_row = np.searchsorted(customer, np.arange(n))
    last_row = np.searchsorted(customer, np.arange(n), side="right") - 1
    held = np.where(orders > 0, day[np.maximum(last_row, 0)] - day[np.minimum(first_row, len(day) - 1)], 0.0)
    gap = np.divide(held, weights, out=np.zeros(n), where=weights > 0)
    free = (orders >= 4) & ~people["price_driven"].to_numpy()
    cycle = np.full(n, -1)
    for i, planned in enumerate(planted.cycles):
        near = np.flatnonzero(free & (cycle < 0) & (np.abs(gap / planned.days - 1) <= 0.15))
        below, above = near[gap[near] <= planned.days], near[gap[near] > planned.days]
        keep = min(below.size, above.size)
        cycle[rng.permutation(below)[:keep]] = i
        cycle[rng.permutation(above)[:keep]] = i
    moved = cycle[customer] >= 0
    step = weight * np.maximum(1 + 0.08 * rng.standard_normal(len(times)), 0.5)
    total = np.bincount(customer, weights=step, minlength=n)
    before = np.cumsum(step) - step
    before -= before[first_row[customer]]
    share = np.divide(before, total[customer], out=np.zeros(len(times)), where=total[customer] > 0)
    day[moved] = (day[first_row[customer]] + share * held[customer])[moved]
    times["day"] = day
    people["cycle"] = cycle
    return piles & moved


def _window(calendar: _Calendar, campaign: str) -> tuple[float, float]:
    """Days from the start at which a campaign begins and ends."""
    (before, lasts) = next((row[5], row[6]) for row in CAMPAIGNS if row[0] == campaign)
    return float(calendar.days - before), float(calendar.days - before + lasts)


def _test_campaign(
    planted: Truth, rng: np.random.Generator, people: pd.DataFrame, times: pd.DataFrame, calendar: _Calendar
) -> pd.DataFrame:
    """Who was drawn for the tested campaign (`customer`, `treated`) and the orders it brought (`extra`: day or nan)."""
    begins, ends = _window(calendar, CAMPAIGN)
    customer, day = times["customer"].to_numpy(), times["day"].to_numpy()
    known = np.zeros(len(people), dtype=bool)
    known[customer[day < begins]] = True
    drawn = np.flatnonzero(known & (people["consent"].to_numpy() == 0))
    bought = np.zeros(len(people), dtype=bool)
    bought[customer[(day >= begins) & (day < ends)]] = True
    # Every second one is treated, of those who would buy anyway and of the others: the arms differ by the lift alone.
    mixed = rng.permutation(len(drawn))
    mixed = mixed[np.argsort(bought[drawn][mixed], kind="stable")]
    treated = np.empty(len(drawn), dtype=bool)
    treated[mixed] = np.arange(len(drawn)) % 2 == 0
    # The lift comes from treated customers who know the shop well, would not have bought but have not left either.
    often = np.bincount(customer[day < begins], minlength=len(people))[drawn] >= 3
    could = rng.permutation(np.flatnonzero(treated & often & ~bought[drawn] & (people["died"].to_numpy()[drawn] > begins)))
    won = could[: round(planted.lift * treated.sum())]
    extra = np.full(len(drawn), np.nan)
    extra[won] = begins + rng.random(won.size) * (ends - begins)
    return pd.DataFrame({"customer": drawn, "treated": treated, "extra": extra})


def _orders(
    rng: np.random.Generator, people: pd.DataFrame, times: pd.DataFrame, calendar: _Calendar, piles: np.ndarray, tested: pd.DataFrame
) -> pd.DataFrame:
    """All sale documents in order of customer and time, guests last."""
    extra = tested[tested["extra"].notna()]
    again = times[rng.random(len(times)) < 0.015]  # something forgotten: a second order on the same day
    guests = round(0.06 * len(times))
    customer = np.concatenate([times["customer"], extra["customer"], again["customer"], np.full(guests, -1)])
    day = np.concatenate([times["day"], extra["extra"], again["day"], calendar.bend(rng.random(guests) * calendar.days)])
    stockpile = np.concatenate([piles, np.zeros(len(extra) + len(again) + guests, dtype=bool)])
    regular = np.concatenate([np.ones(len(times) + len(extra), dtype=bool), np.zeros(len(again) + guests, dtype=bool)])
    at = calendar.in_shop_hours(rng, day)
    order = np.lexsort((at, np.where(customer < 0, len(people), customer)))
    customer, at, stockpile, regular = customer[order], at[order], stockpile[order], regular[order]
    n = len(order)
    channel = rng.choice(3, n, p=[0.5, 0.3, 0.2])  # web, app, shop
    web = rng.choice(3, n, p=[0.35, 0.5, 0.15])
    device = np.where(channel == 2, -1, np.where(channel == 1, 0, web))
    home = np.where(
        customer < 0, rng.choice(len(REGIONS), n, p=[share for *_names, share in REGIONS]), people["region"].to_numpy()[customer]
    )
    pay = np.array(["card", "invoice", "wallet", "instalment", "cash"])
    payment = np.where(channel == 2, pay[rng.choice([0, 4], n)], pay[rng.choice(4, n, p=[0.56, 0.2, 0.18, 0.06])])
    on_cycle = (customer >= 0) & (people["cycle"].to_numpy()[customer] >= 0)
    # A customer registers before the first order: minutes before it, or on an earlier day.
    first = np.append(True, customer[1:] != customer[:-1]) & (customer >= 0)
    registered = calendar.in_shop_hours(rng, people["registered"].to_numpy())
    first_at = np.full(len(people), np.inf)
    first_at[customer[first]] = at[first]
    people["registered"] = np.minimum(registered, first_at - 6 / 1440)
    return pd.DataFrame(
        {
            "customer": customer,
            "day": at,
            "at": calendar.at(at),
            "kind": "sale",
            "channel": np.array(["web", "app", "shop"])[channel],
            "device": np.where(device < 0, "", np.array(DEVICES)[device]),
            "store": np.where(channel == 2, np.char.add("0", (1 + rng.integers(0, 4, n)).astype(str)), ""),
            "region": home,
            "payment": np.where(on_cycle & (channel != 2), "subscription", payment),
            "stockpile": stockpile,
            "regular": regular,
            "redeems": False,
        }
    )


def _baskets(planted: Truth, rng: np.random.Generator, products: pd.DataFrame, people: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Which products stand in which order: independent draws, then the planted pairs, route and cycles. `order`, `product`."""
    n, size = len(orders), len(products)
    count = rng.poisson(LINES_PER_ORDER, n)
    while (empty := np.flatnonzero(count == 0)).size:
        count[empty] = rng.poisson(LINES_PER_ORDER, empty.size)
    edges = np.cumsum(products["share"].to_numpy())
    drawn = np.minimum(np.searchsorted(edges, rng.random(count.sum()), side="right"), size - 1)
    key = np.unique(np.repeat(np.arange(n), count) * size + drawn)
    row = {name: i for i, name in enumerate(products["name"])}
    customer = orders["customer"].to_numpy()
    has_next = np.append((customer[1:] == customer[:-1]) & (customer[1:] >= 0), False)

    def drawn_in(pair: Pair, later: int) -> np.ndarray:
        where = key[key % size == row[pair.antecedent]] // size
        where = where[has_next[where]] + 1 if later else where
        wanted = where * size + row[pair.consequent]
        missing = wanted[~np.isin(wanted, key)]
        base = 1 - len(missing) / max(len(wanted), 1)
        chance = max(pair.confidence - base, 0) / (1 - base) if base < 1 else 0.0
        return rng.permutation(missing)[: round(chance * len(missing))]

    for pair in planted.pairs:
        key = np.union1d(key, drawn_in(pair, 0))
    if planted.route:
        key = np.union1d(key, drawn_in(planted.route, 1))
    cycle = np.where(orders["regular"], people["cycle"].to_numpy()[customer], -1)
    for i, planned in enumerate(planted.cycles):
        key = np.union1d(key, np.flatnonzero(cycle == i) * size + row[planned.product])
    return pd.DataFrame({"order": key // size, "product": key % size})


def _priced(
    planted: Truth, rng: np.random.Generator, products: pd.DataFrame, people: pd.DataFrame, orders: pd.DataFrame, lines: pd.DataFrame
) -> pd.DataFrame:
    """Pieces, list price, discount, coupon and net amount of each line, in whole cents."""
    n = len(lines)
    product, order = lines["product"].to_numpy(), lines["order"].to_numpy()
    customer = orders["customer"].to_numpy()[order]
    guest = customer < 0
    segment = np.where(guest, 0, people["segment"].to_numpy()[customer])
    pieces = np.array([s.pieces_per_line for s in planted.segments])[segment]
    quantity = 1 + rng.poisson(np.where(guest, 0.15, pieces - 1))
    row = {name: i for i, name in enumerate(products["name"])}
    lives_on = np.array([row[cycle.product] for cycle in planted.cycles] + [-1])
    cycle = np.where(guest, -1, people["cycle"].to_numpy()[customer])
    staple = (cycle >= 0) & (lives_on[cycle] == product)
    piles = staple & orders["stockpile"].to_numpy()[order]
    quantity = np.where(staple, np.where(piles, planted.stockpile_pieces, 1), quantity)
    price_driven = ~guest & people["price_driven"].to_numpy()[customer]
    draw = rng.random(n)
    with_coupon = piles | np.where(price_driven, draw < 0.3, ~staple & (draw < 0.02))
    reduced = ~with_coupon & ~staple & (price_driven | (rng.random(n) < planted.offer_lines))
    depth = rng.choice([0.10, 0.15, 0.20, 0.30], n, p=[0.4, 0.3, 0.2, 0.1])
    gross = quantity * products["price"].to_numpy()[product]
    discount = np.where(reduced, np.round(gross * depth), 0).astype(int)
    coupon = np.where(with_coupon, np.round(gross * 0.2), 0).astype(int)
    lines = lines.assign(
        quantity=quantity, gross=gross, discount=discount, coupon=coupon, cost=quantity * products["cost"].to_numpy()[product]
    )
    lines["amount"] = gross - discount - coupon
    lines["free"] = False
    return lines


def _trailing(customer: np.ndarray, day: np.ndarray, value: np.ndarray, at: np.ndarray, who: np.ndarray, window: float = 365) -> np.ndarray:
    """Sum of `value` of customer `who` in (at − window, at]; `customer`, `day` sorted."""
    scale = float(day.max(initial=0) + window) * 4 + 1
    key = customer * scale + day
    total = np.concatenate([[0], np.cumsum(value)])
    return (
        total[np.searchsorted(key, who * scale + at, side="right")]
        - total[np.searchsorted(key, who * scale + np.maximum(at - window, -window), side="right")]
    )


def _stop_at_gold(
    planted: Truth, rng: np.random.Generator, people: pd.DataFrame, orders: pd.DataFrame, lines: pd.DataFrame
) -> pd.DataFrame:
    """Members who stretch their last order to become gold, and stop: more pieces of its dearest product for some who leave anyway.

    Number and time of orders stay, so (frequency, recency, T) stay; so does what their other lines hold, which tells their kind.
    Marks `people.gold`, the day gold is first reached, and `stopped`.
    """
    customer, day = orders["customer"].to_numpy(), orders["day"].to_numpy()
    threshold = dict(planted.tiers)["gold"] * 100
    spent = np.bincount(lines["order"], weights=lines["amount"], minlength=len(orders))
    known = np.flatnonzero(customer >= 0)
    trailing = np.zeros(len(orders))
    trailing[known] = _trailing(customer[known], day[known], spent[known], day[known], customer[known])
    n = len(people)
    gold = known[(trailing[known] >= threshold) & people["member"].to_numpy()[customer[known]]]
    reached = np.full(n, np.inf)
    np.minimum.at(reached, customer[gold], day[gold])
    last = np.full(n, -1)
    last[customer[known]] = known
    wanted = round(np.isfinite(reached).sum() * planted.tier_stop / (1 - planted.tier_stop))
    leaves = people["member"].to_numpy() & np.isfinite(people["died"].to_numpy()) & (people["cycle"].to_numpy() < 0) & (last >= 0)
    could = np.flatnonzero(leaves & ~np.isfinite(reached))
    could = could[spent[last[could]] > 0]
    by_amount = np.lexsort((lines["amount"], lines["order"]))
    dearest = by_amount[np.searchsorted(lines["order"].to_numpy(), last[could], side="right") - 1]  # lines stand by order
    short = threshold + 3000 - trailing[last[could]]  # 30.00 more, for the coupons that campaigns still take off
    times = np.ceil(short / lines["amount"].to_numpy()[dearest]).astype(int) + 1
    nearest = np.lexsort((rng.random(could.size), times))[:wanted]
    stops, factor = could[nearest], np.ones(len(lines), dtype=int)
    factor[dearest[nearest]] = times[nearest]
    reached[stops] = day[last[stops]]
    people["gold"] = reached
    people["stopped"] = np.isin(np.arange(n), stops)
    return lines.assign(**{name: lines[name].to_numpy() * factor for name in ("quantity", "gross", "discount", "coupon", "cost", "amount")})


def _close_accounts(planted: Truth, rng: np.random.Generator, people: pd.DataFrame, orders: pd.DataFrame, calendar: _Calendar) -> None:
    """Some of those who left say so: the account is closed some time after the last order."""
    last = people["registered"].to_numpy().copy()
    known = orders["customer"].to_numpy() >= 0
    np.maximum.at(last, orders["customer"].to_numpy()[known], orders["day"].to_numpy()[known])
    gone = np.isfinite(people["died"].to_numpy()) | ~people["buys"].to_numpy() | people["stopped"].to_numpy()
    closes = last + 20 + rng.exponential(60, len(people))
    could = rng.permutation(np.flatnonzero(gone & (closes < calendar.days)))
    chosen = could[: round(planted.closed * len(people))]
    people.loc[chosen, "closed"] = calendar.in_shop_hours(rng, closes[chosen])


def _contacts(
    rng: np.random.Generator, people: pd.DataFrame, orders: pd.DataFrame, lines: pd.DataFrame, calendar: _Calendar, tested: pd.DataFrame
) -> pd.DataFrame:
    """Who was contacted in which campaign, with the first use of the offer. A used offer takes 5.00 off one line."""
    customer, day = orders["customer"].to_numpy(), orders["day"].to_numpy()
    closed = people["closed"].fillna(np.inf).to_numpy()
    first_line = np.flatnonzero(np.append(True, np.diff(lines["order"].to_numpy()) > 0)) if len(lines) else np.array([], dtype=int)
    taken = np.zeros(len(orders), dtype=bool)
    found = []
    for name, *_words, before, _lasts, _cost in CAMPAIGNS:
        begins, ends = _window(calendar, name)
        if name == CAMPAIGN:
            who, arm = tested["customer"].to_numpy(), np.where(tested["treated"], "treatment", "control")
        elif before > calendar.days:
            continue
        else:
            could = np.flatnonzero((people["registered"] < begins) & (people["consent"] == 0) & (closed > begins))
            who = np.sort(rng.permutation(could)[: round(0.4 * len(could))])
            arm = np.full(len(who), "")
        in_time = np.flatnonzero((customer >= 0) & (day >= begins + 0.375) & (day < ends))
        first = np.full(len(people), -1)
        first[customer[in_time[::-1]]] = in_time[::-1]
        used = first[who]
        used = np.where((arm != "control") & (rng.random(len(who)) < 0.6), used, -1)
        taken[used[used >= 0]] = True
        redeemed = np.where(used >= 0, day[np.maximum(used, 0)], np.nan)
        found.append(pd.DataFrame({"campaign": name, "customer": who, "day": begins + 0.375, "arm": arm, "redeemed": redeemed}))
    orders["redeems"] = taken
    if len(lines):
        line = first_line[taken[lines["order"].to_numpy()[first_line]]]
        off = np.minimum(500, lines["amount"].to_numpy()[line] // 2)
        coupon, amount = lines["coupon"].to_numpy().copy(), lines["amount"].to_numpy().copy()
        coupon[line] += off
        amount[line] -= off
        lines["coupon"], lines["amount"] = coupon, amount
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["campaign", "customer", "day", "arm", "redeemed"])


def _campaigns(calendar: _Calendar) -> pd.DataFrame:
    rows = [
        (name, english, chinese, kind, channel, *calendar.at(np.array(_window(calendar, name))), cost)
        for name, english, chinese, kind, channel, before, _lasts, cost in CAMPAIGNS
        if before <= calendar.days
    ]
    frame = pd.DataFrame(rows, columns=["id", "name", "name_zh", "type", "channel", "starts", "ends", "cost"])
    return frame.astype({"starts": "datetime64[s]", "ends": "datetime64[s]"})


def _postage_and_samples(rng: np.random.Generator, products: pd.DataFrame, orders: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Postage (product −1) on small online orders, and a free sample in some."""
    spent = np.bincount(lines["order"], weights=lines["amount"], minlength=len(orders))
    post = np.flatnonzero((orders["channel"].to_numpy() != "shop") & (spent < POSTAGE_BELOW))
    sample = np.flatnonzero(rng.random(len(orders)) < 0.003)
    balm = int(np.flatnonzero(products["name"].to_numpy() == "Lip balm")[0])
    extra = pd.DataFrame(
        {
            "order": np.concatenate([post, sample]),
            "product": np.concatenate([np.full(post.size, -1), np.full(sample.size, balm)]),
            "quantity": 1,
            "gross": np.concatenate([np.full(post.size, POSTAGE), np.zeros(sample.size, dtype=int)]),
            "discount": 0,
            "coupon": 0,
            "cost": np.concatenate([np.full(post.size, 380), np.full(sample.size, products["cost"].to_numpy()[balm])]),
            "amount": np.concatenate([np.full(post.size, POSTAGE), np.zeros(sample.size, dtype=int)]),
            "free": np.concatenate([np.zeros(post.size, dtype=bool), np.ones(sample.size, dtype=bool)]),
        }
    )
    return pd.concat([lines, extra], ignore_index=True).sort_values("order", kind="stable", ignore_index=True)


def _returns(rng: np.random.Generator, orders: pd.DataFrame, lines: pd.DataFrame, calendar: _Calendar) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Number the documents by time and add the cancellations: a document of its own, one line taken back, the number with a C in front."""
    order = np.lexsort((orders["customer"], orders["at"]))
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(len(order))
    orders = orders.assign(id=[f"{100001 + i:08d}" for i in place], order=np.arange(len(orders)))
    goods = np.flatnonzero((lines["product"] >= 0) & ~lines["free"])
    back = goods[rng.random(len(goods)) < 0.012]
    back = back[np.unique(lines["order"].to_numpy()[back], return_index=True)[1]]  # one document an order
    source = lines["order"].to_numpy()[back]
    at = calendar.in_shop_hours(rng, np.floor(orders["day"].to_numpy()[source]) + rng.integers(5, 21, len(back)))
    inside = at < calendar.days
    back, source, at = back[inside], source[inside], at[inside]
    slips = orders.iloc[source].assign(
        day=at,
        at=calendar.at(at),
        kind="return",
        id="C" + orders["id"].iloc[source],
        order=len(orders) + np.arange(len(source)),
        redeems=False,
    )
    taken = lines.iloc[back].assign(order=slips["order"].to_numpy(), discount=0, coupon=0)
    taken["quantity"], taken["cost"], taken["amount"] = -taken["quantity"], -taken["cost"], -taken["amount"]
    taken["gross"] = taken["amount"]
    return pd.concat([orders, slips], ignore_index=True), pd.concat([lines, taken], ignore_index=True)


def _loyalty(
    planted: Truth, rng: np.random.Generator, people: pd.DataFrame, orders: pd.DataFrame, lines: pd.DataFrame, calendar: _Calendar
) -> tuple[pd.DataFrame, np.ndarray]:
    """Points and tiers of members; and the tier each order was placed in (0 none, 1 silver, 2 gold; after the order counted).

    One point a whole euro spent, 365 days of life, oldest points used first. Tiers rise with the order that reaches the
    threshold and are looked at again on the first of each month.
    """
    spent = np.bincount(lines["order"], weights=lines["amount"] * (lines["product"] >= 0), minlength=len(orders))
    sale = ((orders["kind"] == "sale") & (orders["customer"] >= 0)).to_numpy()
    rows = np.flatnonzero(sale)
    customer, day, value = orders["customer"].to_numpy()[rows], orders["day"].to_numpy()[rows], spent[rows]
    member = people["member"].to_numpy()
    months = calendar.of(pd.date_range(calendar.start, END, freq="MS", inclusive="left").to_numpy())
    members = np.flatnonzero(member)
    who = np.concatenate([customer, np.repeat(members, len(months))])
    at = np.concatenate([day, np.tile(months, len(members))])
    source = np.concatenate([rows, np.full(len(members) * len(months), -1)])
    trailing = _trailing(customer, day, value, at, who)
    silver, gold = (threshold * 100 for _name, threshold in planted.tiers)
    level = np.where(trailing >= gold, 2, np.where(trailing >= silver, 1, 0))
    level[~member[who]] = 0
    sequence = np.lexsort((at, who))
    names = ("none", "silver", "gold")
    tier_of = np.zeros(len(orders), dtype=int)
    entries: list[tuple[int, float, str, int, float, str, int]] = []
    held, current = 0, -1
    for i in sequence.tolist():
        person, order = int(who[i]), int(source[i])
        if person != current:
            held, current = 0, person
        rank = max(held, int(level[i])) if order >= 0 else int(level[i])
        if rank != held:
            entries.append((person, float(at[i]) + 1e-5, "tier", 0, np.nan, names[rank], order))
            held = rank
        if order >= 0:
            tier_of[order] = held
    redeems = rng.random(len(rows)) < 0.12
    earned: list[list[float]] = []  # [expires, points left], oldest first
    current = -1
    for i in np.lexsort((day, customer)).tolist():
        person, now = int(customer[i]), float(day[i])
        if not member[person]:
            continue
        if person != current:
            _expire(entries, current, earned, float(calendar.days))
            earned, current = [], person
        _expire(entries, person, earned, now)
        balance = sum(points for _expires, points in earned)
        if redeems[i] and balance >= 100:
            wanted = balance // 100 * 100
            entries.append((person, now, "redeem", -int(wanted), np.nan, "", int(rows[i])))
            for lot in earned:
                used = min(lot[1], wanted)
                lot[1] -= used
                wanted -= used
        points = int(value[i] // 100)
        if points:
            earned.append([now + 365, points])
            entries.append((person, now, "earn", points, now + 365, "", int(rows[i])))
    _expire(entries, current, earned, float(calendar.days))
    ledger = pd.DataFrame(entries, columns=["customer", "day", "type", "points", "expires", "tier", "order"])
    ledger = ledger.sort_values(["day", "customer", "type"], kind="stable", ignore_index=True)
    return ledger, tier_of


def _expire(entries: list[Any], person: int, earned: list[list[float]], now: float) -> None:
    while earned and earned[0][0] <= now:
        expires, points = earned.pop(0)
        if points and expires < now:
            entries.append((person, expires, "expire", -int(points), np.nan, "", -1))


def _events(
    planted: Truth,
    rng: np.random.Generator,
    products: pd.DataFrame,
    people: pd.DataFrame,
    orders: pd.DataFrame,
    lines: pd.DataFrame,
    calendar: _Calendar,
) -> pd.DataFrame:
    """Sessions of the web shop and the app: one for every online order, and around them as many as the funnel's drop-offs ask for."""
    online = np.flatnonzero((orders["kind"] == "sale") & (orders["channel"] != "shop"))
    of_device = pd.Series(orders["device"].to_numpy()[online])
    stage, device, owner, day, source = [], [], [], [], []
    buyers = orders["customer"].to_numpy()
    known_orders = np.flatnonzero((buyers >= 0) & (orders["kind"] == "sale").to_numpy())
    for i, name in enumerate(DEVICES):
        step = next(s for s in planted.steps if s.device == name)
        mine = online[(of_device == name).to_numpy()]
        reached = np.array([len(mine)])
        for rate in (step.order, step.checkout, step.cart, step.view):
            reached = np.append(reached, round(reached[-1] / rate))
        left = np.diff(reached)  # turned back at checkout, cart, view, visit
        turned = np.repeat([4, 3, 2, 1], left)
        n = turned.size
        # Half of those who turn back are customers about to buy, half never register; there are many when orders are many.
        near = known_orders[rng.integers(0, max(len(known_orders), 1), n)] if len(known_orders) else np.zeros(n, dtype=int)
        theirs = (rng.random(n) < 0.5) & (len(known_orders) > 0)
        before = rng.exponential(np.where(theirs, 4.0, 1.0))
        when = np.abs(orders["day"].to_numpy()[near] - before) if len(orders) else np.zeros(n)
        when = calendar.in_shop_hours(rng, when)
        stranger = len(people) + rng.integers(0, max(len(people) * 4, 1), n)
        stage += [np.full(len(mine), 5), turned]
        device += [np.full(len(mine) + n, i)]
        owner += [
            np.where(buyers[mine] >= 0, buyers[mine], len(people) * 5 + np.arange(len(mine))),
            np.where(theirs, buyers[near], stranger),
        ]
        day += [orders["day"].to_numpy()[mine] - 5 / 1440, when]
        source += [mine, np.full(n, -1)]
    sessions = {
        name: np.concatenate(part)
        for name, part in zip(("stage", "device", "owner", "day", "order"), (stage, device, owner, day, source), strict=True)
    }
    total = len(sessions["stage"])
    n_people = len(people)
    is_customer = sessions["owner"] < n_people
    person = np.where(is_customer, sessions["owner"], 0)
    registered = people["registered"].to_numpy()[person]
    closed = people["closed"].fillna(np.inf).to_numpy()[person]
    logged_in = (sessions["order"] >= 0) | (rng.random(total) < 0.6)
    knows = is_customer & logged_in & (sessions["day"] >= registered) & (sessions["day"] < closed)
    first_product = np.full(len(orders), 0)
    goods = lines[(lines["product"] >= 0)]
    first_product[goods["order"].to_numpy()[::-1]] = goods["product"].to_numpy()[::-1]
    looked_at = rng.choice(len(products), total, p=products["share"])
    looked_at = np.where(sessions["order"] >= 0, first_product[np.maximum(sessions["order"], 0)], looked_at)
    came_by = rng.choice(len(planted.channels), total, p=[c.share for c in planted.channels])
    parts = []

    def put(
        which: np.ndarray, name: str, seconds: Any, dwell: float, *, product: bool = False, query: Any = None, results: Any = None
    ) -> None:
        n = len(which)
        parts.append(
            pd.DataFrame(
                {
                    "session": which,
                    "day": sessions["day"][which] + seconds / 86400,
                    "type": name,
                    "product": looked_at[which] if product else -1,
                    "query": -1 if query is None else query,
                    "results": -1 if results is None else results,
                    "dwell": np.round(rng.exponential(dwell, n), 1),
                }
            )
        )

    every = np.arange(total)
    put(every, "visit", 0, 12)
    looks = every[rng.random(total) < 0.18]
    lost = rng.random(len(looks)) < planted.searches_not_found
    word = np.where(lost, len(SEARCHES) + rng.integers(0, len(SEARCHES_NOT_FOUND), len(looks)), rng.integers(0, len(SEARCHES), len(looks)))
    put(looks, "search", 20, 8, query=word, results=np.where(lost, 0, rng.integers(1, 40, len(looks))))
    clicks = looks[~lost & (rng.random(len(looks)) < 0.55)]
    put(clicks, "click", 35, 5, product=True)
    for level, name, seconds, dwell in ((2, "view", 50, 40), (3, "cart", 120, 15), (4, "checkout", 200, 60)):
        put(every[sessions["stage"] >= level], name, seconds, dwell, product=level < 4)
    put(every[sessions["stage"] == 5], "order", 300, 5)
    views = every[sessions["stage"] >= 2]
    for name, share in (("favourite", 0.04), ("share", 0.008), ("question", 0.012)):
        put(views[rng.random(len(views)) < share], name, 80, 10, product=True)
    events = pd.concat(parts, ignore_index=True)
    session = events["session"].to_numpy()
    events["visitor"] = sessions["owner"][session]
    events["customer"] = np.where(knows[session], sessions["owner"][session], -1)
    events["channel"] = came_by[session]
    events["device"] = sessions["device"][session]
    signs_up = pd.DataFrame(
        {
            "session": total + np.arange(n_people),
            "day": people["registered"].to_numpy(),
            "type": "register",
            "product": -1,
            "query": -1,
            "results": -1,
            "dwell": np.round(rng.exponential(45, n_people), 1),
            "visitor": np.arange(n_people),
            "customer": np.arange(n_people),
            "channel": people["channel"].to_numpy(),
            "device": rng.choice(3, n_people, p=[0.5, 0.4, 0.1]),
        }
    )
    events = pd.concat([events, signs_up], ignore_index=True)
    events = events[(events["day"] >= 0) & (events["day"] < calendar.days)]
    return events.iloc[np.lexsort((events["session"], events["day"]))].reset_index(drop=True)


def _surveys(
    planted: Truth,
    rng: np.random.Generator,
    people: pd.DataFrame,
    orders: pd.DataFrame,
    lines: pd.DataFrame,
    tier: np.ndarray,
    calendar: _Calendar,
) -> pd.DataFrame:
    """Answers to "how likely are you to recommend us?" some days after an order, with the topic and a word of comment."""
    asked = np.flatnonzero((orders["kind"] == "sale").to_numpy() & (orders["customer"] >= 0).to_numpy() & (rng.random(len(orders)) < 0.12))
    at = calendar.in_shop_hours(rng, np.floor(orders["day"].to_numpy()[asked]) + rng.integers(2, 8, len(asked)))
    asked, at = asked[at < calendar.days], at[at < calendar.days]
    n = len(asked)
    nps = np.array([planted.nps[name] for name in ("none", "silver", "gold")])[tier[asked]]
    draw = rng.random(n)
    promoter, detractor = (0.7 + nps) / 2, (0.7 - nps) / 2
    unhappy = draw < detractor
    score = np.where(unhappy, rng.integers(0, 7, n), np.where(draw >= 1 - promoter, rng.integers(9, 11, n), rng.integers(7, 9, n)))
    worst, share = planted.complaint_topic
    others = [(1 - share) / (len(TOPICS) - 1) if topic != worst else share for topic in TOPICS]
    topic = np.where(unhappy, rng.choice(len(TOPICS), n, p=others), rng.integers(0, len(TOPICS), n))
    goods = lines[lines["product"] >= 0]
    first_product = np.full(len(orders), 0)
    first_product[goods["order"].to_numpy()[::-1]] = goods["product"].to_numpy()[::-1]
    answers = pd.DataFrame(
        {
            "customer": np.where(rng.random(n) < 0.05, -1, orders["customer"].to_numpy()[asked]),
            "day": at,
            "score": score,
            "topic": topic,
            "product": first_product[asked],
            "mood": np.where(unhappy, 0, np.where(score >= 9, 2, 1)),
            "comments": rng.random(n) < 0.5,
            "tier": tier[asked],
        }
    )
    return answers.sort_values(["day", "customer"], kind="stable", ignore_index=True)


def _spend(planted: Truth, rng: np.random.Generator, people: pd.DataFrame, calendar: _Calendar) -> pd.DataFrame:
    """What each channel cost each month, in cents: money per registration × registrations, give or take a tenth."""
    month = pd.DatetimeIndex(calendar.at(people["registered"].to_numpy())).to_period("M")
    months = pd.period_range(pd.Timestamp(calendar.start), pd.Timestamp(END - timedelta(days=1)), freq="M")
    rows = []
    for i, channel in enumerate(planted.channels):
        came = pd.Series(month[people["channel"].to_numpy() == i]).value_counts().reindex(months, fill_value=0).to_numpy()
        noise = 1 + 0.1 * (rng.random(len(months)) * 2 - 1)
        if channel.cost_per_registration:
            rows += [(m, i, round(channel.cost_per_registration * 100 * c * k)) for m, c, k in zip(months, came, noise, strict=True)]
    return pd.DataFrame(rows, columns=["month", "channel", "spend"]).sort_values(["month", "channel"], ignore_index=True)
