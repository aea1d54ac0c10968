"""What to show each customer next: from favourites, rules, routes and tags, each with its reason; and whether it beats best-sellers."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from ibis import _

from custkit.analysis.itemsets import baskets, item_categories, sold_items
from custkit.analysis.rates import Z95, wilson
from custkit.analysis.routes import routes, visits
from custkit.analysis.rules import directional_pairs, significant
from custkit.engine import beside, frame, to_float
from custkit.tables import SALE
from custkit.words import mark

AGAIN, GOES_WITH, FOLLOWS, LIKES, BEST = REASONS = (
    mark("buys it again"),
    mark("goes with what the customer buys"),
    mark("follows the last order"),
    mark("liked in the customer's main category"),
    mark("best-seller"),
)
WINDOW_DAYS, RECENT_DAYS = 365, 90
# So many best-sellers, and so many of each category, are candidates for everybody.
_BEST, _OF_CATEGORY = 30, 10
# Customers whose habit of an item weighs as much as everybody's habit of coming back for things.
_BACKING = 30.0
# Items of everybody's taste that a customer's own taste in categories is weighed against.
_BACKING_ITEMS = 10.0
_MAX_RULES = 5000
# Best-sellers kept in reserve for who has bought the first ones.
_LONGEST_HABIT = 100
EVERYTHING, NEW_ONLY = mark("everything"), mark("new to the customer")
_CHECK = (
    "shown",
    "customers",
    "hits",
    "hit_rate",
    "hit_low",
    "hit_high",
    "best_seller_hits",
    "best_seller_rate",
    "gain",
    "gain_low",
    "gain_high",
)
_RULE = {"antecedent": "string", "consequent": "string", "confidence": "double"}


class Evidence(NamedTuple):
    """Pairs of products beyond chance, in both directions, and routes from one order to the next."""

    pairs: pd.DataFrame
    routes: pd.DataFrame


def learnt(order_lines: ir.Table, products: ir.Table, *, as_of: datetime) -> Evidence:
    """Rules and routes between products, from the orders of the 365 days before `as_of`; whatever level a page is read at.

    order lines, products  →  Evidence: significant `directional_pairs`, significant next-order `routes`. [S88]
    """
    lines = order_lines.filter(_.ordered_at >= as_of - timedelta(days=WINDOW_DAYS), _.ordered_at < as_of)
    pairs = significant(directional_pairs(baskets(lines, products)))
    return Evidence(pairs, significant(routes(visits(lines, products), step="next-order")))


def _place(by: str) -> ir.IntegerValue:
    """From 0, the largest of a customer's items first, as int64 on Spark too."""
    place = ibis.row_number().over(ibis.window(group_by="customer_id", order_by=[ibis.desc(by), "item"]))
    return place.cast("int32").cast("int64")


def recommendations(
    order_lines: ir.Table,
    products: ir.Table,
    *,
    as_of: datetime,
    evidence: Evidence,
    n: int = 5,
    only_new: bool = False,
) -> ir.Table:
    """The `n` items each customer is likeliest to take in the next order, each with why.

    order lines, products, learnt  →  customer_id, rank (1 the likeliest) |
    item, probability (that the next order holds it), reason, because (what the reason rests on: an item or a category)

    buys it again   the customer's own share of orders with the item, as far as customers of this item keep to their habits
    goes with       a rule: the customer is likely to buy the antecedent, and so many such orders hold the consequent
    follows         a route: the antecedent lay in the last order
    main category   the item's share of orders, times how much more than others the customer buys of its category
    best-seller     the item's share of recent orders

    Each item stands once, for its likeliest reason. `only_new` leaves out what the customer bought within 365 days. Customers without
    an order in them get none: nothing is known of them but what everybody buys. [S88 S53]

    Raises ValueError if n < 1.
    """
    if n < 1:
        raise ValueError(f"n is {n}; recommend one item at least")
    return _recommended(_Known(_bought(order_lines, products, as_of=as_of), as_of), products, evidence, n=n, only_new=only_new)


def _recommended(known: _Known, products: ir.Table, evidence: Evidence, *, n: int, only_new: bool) -> ir.Table:
    found = [known.again(), known.best(), known.likes(item_categories(products))]
    if len(evidence.pairs):
        found.append(known.goes_with(_both_ways(evidence.pairs)))
    if len(evidence.routes):
        found.append(known.follows(_rules(evidence.routes)))
    every = found[0]
    for more in found[1:]:
        every = every.union(more)
    if only_new:
        every = every.anti_join(known.own.select("customer_id", "item"), ["customer_id", "item"])
    likeliest = ibis.row_number().over(
        ibis.window(group_by=["customer_id", "item"], order_by=[ibis.desc("probability"), "reason", "because"])
    )
    once = every.mutate(place=likeliest).filter(_.place == 0).drop("place")
    rank = _place("probability") + 1
    return once.mutate(rank=rank).filter(_.rank <= n).select("customer_id", "rank", "item", "probability", "reason", "because").cache()


def _both_ways(pairs: pd.DataFrame) -> pa.Table:
    """Each direction of a pair is a rule of its own; the surest are enough."""
    there = pairs[list(_RULE)]
    back = pairs[["consequent", "antecedent", "reverse_confidence"]].set_axis(list(_RULE), axis=1)
    rules = pd.concat([there, back]).sort_values(["confidence", "antecedent", "consequent"], ascending=[False, True, True])
    return _rules(rules.head(_MAX_RULES))


def _rules(given: pd.DataFrame) -> pa.Table:
    return pa.table({name: pa.array(given[name].tolist(), kind) for name, kind in _RULE.items()})


def _bought(order_lines: ir.Table, products: ir.Table, *, as_of: datetime) -> ir.Table:
    """customer_id, order_id, ordered_at, item, category: what known customers bought in the window, each item once an order."""
    start = as_of - timedelta(days=WINDOW_DAYS)
    inside = order_lines.filter(_.ordered_at >= start, _.ordered_at < as_of, _.customer_id.notnull())
    when = inside.filter(_.kind == SALE).group_by("order_id").aggregate(customer_id=_.customer_id.min(), ordered_at=_.ordered_at.min())
    items = sold_items(inside, products).select("order_id", "item").distinct()
    return items.join(when, "order_id").cache()


class _Known:
    """What is known of customers and items at `as_of`, each worked out once."""

    def __init__(self, bought: ir.Table, as_of: datetime) -> None:
        self.bought = bought
        orders = bought.select("customer_id", "order_id", "ordered_at").distinct()
        newest = ibis.row_number().over(ibis.window(group_by="customer_id", order_by=[ibis.desc("ordered_at"), ibis.desc("order_id")]))
        self.orders = orders.mutate(ago=newest).cache()
        self.people = self.orders.group_by("customer_id").aggregate(orders=to_float(_.count())).cache()
        self.popular = self._popular(as_of).cache()
        self.own = self._own().cache()

    def _popular(self, as_of: datetime) -> ir.Table:
        """item | popularity: share of recent orders with it; of all orders where there are few recent ones."""
        recent = self.bought.filter(_.ordered_at >= as_of - timedelta(days=RECENT_DAYS))
        n = self.orders.filter(_.ordered_at >= as_of - timedelta(days=RECENT_DAYS)).aggregate(n=to_float(_.count()))
        counts = recent.group_by("item").aggregate(held=to_float(_.count()))
        joined = counts.cross_join(n)
        return joined.select("item", popularity=joined.held / joined.n.nullif(0.0))

    def _own(self) -> ir.Table:
        """customer_id, item | share (own orders with it), probability (of the next one)."""
        items = self.bought.join(self.orders.select("order_id", "ago"), "order_id")
        held = items.group_by("customer_id", "item").aggregate(
            held=to_float(_.count()), last=(_.ago == 0).ifelse(1.0, 0.0).max(), earlier=(_.ago > 0).ifelse(1.0, 0.0).sum()
        )
        of = held.join(self.people, "customer_id").left_join(self.popular, "item").drop("item_right")
        of = of.mutate(popularity=_.popularity.fill_null(0.0))
        # How far habits hold: was what the orders before the last one held in the last one too, beyond what everybody buys?
        told = of.filter((of.earlier > 0) & (of.orders > 1)).mutate(beyond=_.earlier / (_.orders - 1.0) - _.popularity)
        habits = told.group_by("item").aggregate(
            top=((_.last - _.popularity) * _.beyond).sum(), under=(_.beyond * _.beyond).sum(), n=_.count()
        )
        whole = told.aggregate(all_top=((_.last - _.popularity) * _.beyond).sum(), all_under=(_.beyond * _.beyond).sum(), all_n=_.count())
        joined = habits.cross_join(whole)
        usual = (joined.all_top / joined.all_under.nullif(0.0)).fill_null(0.0)
        backing = joined.all_under / to_float(joined.all_n.nullif(0)) * _BACKING
        kept = ((joined.top + usual * backing) / (joined.under + backing).nullif(0.0)).fill_null(0.0)
        habit = joined.select("item", habit=kept.clip(lower=0.0, upper=1.0))
        own = of.left_join(habit, "item").drop("item_right")
        habit_of = own.habit.fill_null(0.0)
        share = own.held / own.orders
        return own.select("customer_id", "item", share=share, probability=(1.0 - habit_of) * own.popularity + habit_of * share)

    def again(self) -> ir.Table:
        return _candidate(self.own, self.own.item, self.own.probability, AGAIN, self.own.item)

    def best(self) -> ir.Table:
        place = ibis.row_number().over(order_by=[ibis.desc("popularity"), "item"])
        top = self.popular.mutate(place=place).filter(_.place < _BEST)
        shown = self.people.cross_join(top)
        return _candidate(shown, shown.item, shown.popularity, BEST, ibis.literal(""))

    def goes_with(self, rules: pa.Table) -> ir.Table:
        known = beside(self.own, rules)
        likely = self.own.join(known, self.own.item == known.antecedent)
        return _candidate(likely, likely.consequent, likely.probability * likely.confidence, GOES_WITH, likely.antecedent)

    def follows(self, routes: pa.Table) -> ir.Table:
        last = self.bought.join(self.orders.filter(_.ago == 0).select("order_id"), "order_id")
        known = beside(last, routes)
        led = last.join(known, last.item == known.antecedent)
        return _candidate(led, led.consequent, led.confidence, FOLLOWS, led.antecedent)

    def likes(self, categories: ir.Table) -> ir.Table:
        """The most popular items of the category that the customer buys most, beyond what everybody buys of it."""
        own = self.bought.join(categories, "item").group_by("customer_id", "category").aggregate(taken=to_float(_.count()))
        own = own.mutate(all_taken=_.taken.sum().over(ibis.window(group_by="customer_id")))
        everybody = self.popular.join(categories, "item")
        usual = everybody.group_by("category").aggregate(usual=_.popularity.sum())
        whole = usual.aggregate(whole=_.usual.sum())
        shares = usual.cross_join(whole).select("category", usual_share=_.usual / _.whole.nullif(0.0)).filter(_.usual_share > 0)
        leaning = own.join(shares, "category")
        times = (leaning.taken + leaning.usual_share * _BACKING_ITEMS) / (leaning.all_taken + _BACKING_ITEMS) / leaning.usual_share
        place = ibis.row_number().over(ibis.window(group_by="customer_id", order_by=[ibis.desc("taken"), ibis.desc("times"), "category"]))
        main = (
            leaning.mutate(times=times)
            .mutate(place=place)
            .filter((_.place == 0) & (_.times > 1.0))
            .select("customer_id", "category", "times")
        )
        within = ibis.row_number().over(ibis.window(group_by="category", order_by=[ibis.desc("popularity"), "item"]))
        top = everybody.mutate(place=within).filter(_.place < _OF_CATEGORY).select("category", "item", "popularity")
        liked = main.join(top, "category")
        return _candidate(liked, liked.item, (liked.popularity * liked.times).clip(upper=1.0), LIKES, liked.category)


def _candidate(rows: ir.Table, item: ir.Value, probability: ir.Value, reason: str, because: ir.Value) -> ir.Table:
    return rows.select(customer_id=rows.customer_id, item=item, probability=probability, reason=ibis.literal(reason), because=because)


def best_sellers(order_lines: ir.Table, products: ir.Table, *, as_of: datetime, n: int = 5, only_new: bool = False) -> ir.Table:
    """What any shop without a memory would show: the `n` best-sellers of the last 90 days, the same for every known customer.

    order lines, products  →  customer_id, rank | item; with `only_new` the best `n` of those that the customer has not bought. [S53]
    """
    return _best_sellers(_Known(_bought(order_lines, products, as_of=as_of), as_of), n=n, only_new=only_new)


def _best_sellers(known: _Known, *, n: int, only_new: bool) -> ir.Table:
    place = ibis.row_number().over(order_by=[ibis.desc("popularity"), "item"])
    top = known.popular.mutate(place=place).filter(_.place < (n + _LONGEST_HABIT if only_new else n))
    every = known.people.cross_join(top).select("customer_id", "item", "popularity")
    if only_new:
        every = every.anti_join(known.own.select("customer_id", "item"), ["customer_id", "item"])
    rank = _place("popularity") + 1
    return every.mutate(rank=rank).filter(_.rank <= n).select("customer_id", "rank", "item")


def recommendation_test(order_lines: ir.Table, products: ir.Table, *, start: datetime, as_of: datetime) -> pd.DataFrame:
    """Recommend as of `start` and look what was bought from then to `as_of`: nothing later than `start` has a say in the lists.

    order lines to `as_of`, products  →  what `recommendation_check` tells, a row for everything and one for what was new to the customer
    """
    evidence = learnt(order_lines, products, as_of=start)
    known = _Known(_bought(order_lines, products, as_of=start), start)
    rows = []
    for only_new in (False, True):
        shown = _recommended(known, products, evidence, n=5, only_new=only_new)
        plain = _best_sellers(known, n=5, only_new=only_new)
        rows.append(recommendation_check(shown, plain, order_lines, products, start=start, as_of=as_of, only_new=only_new))
    return pd.concat(rows, ignore_index=True)


def recommendation_check(
    shown: ir.Table,
    sellers: ir.Table,
    order_lines: ir.Table,
    products: ir.Table,
    *,
    start: datetime,
    as_of: datetime,
    only_new: bool = False,
) -> pd.DataFrame:
    """Did customers take what they would have been shown? Lists as of `start`, against what was bought from then to `as_of`.

    recommendations and best_sellers as of `start`; order lines to `as_of`  →  shown ("everything", "new to the customer") | customers (with
    a list, who bought something), hits (of them, who took one item of the list or more), hit_rate, hit_low, hit_high (95 %),
    best_seller_hits, best_seller_rate, gain (hit_rate − best_seller_rate), gain_low, gain_high (95 %, same customers): one row

    With `only_new`, a customer counts who bought something not bought in the 365 days before. Nobody was shown anything: what a list
    would have changed is another question, which needs a control group. [McNemar 1947; S88 S53]
    """
    when = order_lines.filter(_.ordered_at >= start, _.ordered_at < as_of, _.customer_id.notnull(), _.kind == SALE)
    owner = when.group_by("order_id").aggregate(customer_id=_.customer_id.min())
    taken = sold_items(when, products).select("order_id", "item").join(owner, "order_id").select("customer_id", "item").distinct()
    if only_new:
        before = _bought(order_lines, products, as_of=start).select("customer_id", "item").distinct()
        taken = taken.anti_join(before, ["customer_id", "item"])
    buyers = shown.select("customer_id").distinct().semi_join(taken, "customer_id")
    hit = shown.join(taken, ["customer_id", "item"]).select("customer_id").distinct().mutate(hit=1)
    plain = sellers.join(taken, ["customer_id", "item"]).select("customer_id").distinct().mutate(plain=1)
    both = buyers.left_join(hit, "customer_id").drop("customer_id_right").left_join(plain, "customer_id")
    told = both.select(hit=both.hit.fill_null(0), plain=both.plain.fill_null(0))
    counted = (
        frame(told.aggregate(n=_.count(), hits=_.hit.sum(), plain=_.plain.sum(), both=(_.hit * _.plain).sum()))
        .fillna(0)
        .iloc[0]
        .astype(int)
    )
    n, hits, plainly, shared = (int(counted[name]) for name in ("n", "hits", "plain", "both"))
    name = NEW_ONLY if only_new else EVERYTHING
    low, high = wilson(hits, n)
    gain = (hits - plainly) / n if n else math.nan
    half = Z95 * math.sqrt(max(hits + plainly - 2 * shared - (hits - plainly) ** 2 / n, 1.0)) / n if n else math.nan
    row = (name, n, hits, hits / n if n else math.nan, low, high, plainly, plainly / n if n else math.nan, gain, gain - half, gain + half)
    return pd.DataFrame([row], columns=list(_CHECK)).astype({"shown": "str"})


def reason_counts(shown: ir.Table) -> pd.DataFrame:
    """What recommendations rest on.

    recommendations  →  reason | items (recommended), customers (with one of them), probability (mean), item (the most often shown)
    """
    counts = shown.group_by("reason").aggregate(items=_.count(), customers=_.customer_id.nunique(), probability=_.probability.mean())
    by_item = shown.group_by("reason", "item").aggregate(n=_.count())
    place = ibis.row_number().over(ibis.window(group_by="reason", order_by=[ibis.desc("n"), "item"]))
    most = by_item.mutate(place=place).filter(_.place == 0).select("reason", "item")
    rows = frame(counts.join(most, "reason"))
    rows = rows.sort_values(["items", "reason"], ascending=[False, True], ignore_index=True)
    return rows[["reason", "items", "customers", "probability", "item"]].astype({"items": "int64", "customers": "int64"})
