"""High-ticket customers: who they are, when, where and what they buy, and how that differs from the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import SMALL_SAMPLE, Z95, false_discovery
from custkit.engine import frame, to_float
from custkit.tables import SALE
from custkit.words import mark

# What is compared, in the order in which it is told: who (of customers), when and where (of their orders), what (of their order lines).
REGION, AGE, GENDER, CAME_BY, TENURE = mark("home region"), mark("age"), mark("gender"), mark("came by"), mark("customer for")
WEEKDAY, TIME, CHANNEL, STORE, CATEGORY = mark("weekday"), mark("time of day"), mark("channel"), mark("store"), mark("category")
TRAITS = (REGION, AGE, GENDER, CAME_BY, TENURE, WEEKDAY, TIME, CHANNEL, STORE, CATEGORY)
WEEKDAYS = (
    mark("Monday"), mark("Tuesday"), mark("Wednesday"), mark("Thursday"), mark("Friday"), mark("Saturday"), mark("Sunday"),
)  # fmt: skip
_TIMES = ((mark("night, before 6"), 0), (mark("morning, 6 to 12"), 6), (mark("afternoon, 12 to 18"), 12), (mark("evening, after 18"), 18))
_AGES = ((mark("under 25"), 0), ("25–34", 25), ("35–44", 35), ("45–54", 45), ("55–64", 55), (mark("65 and over"), 65))
_TENURES = (
    (mark("up to 90 days"), 0), (mark("91 to 180 days"), 91), (mark("181 to 365 days"), 181), (mark("more than a year"), 366),
)  # fmt: skip
TOP_SHARE = 0.1
COLUMNS = ("trait", "value", "customers", "high_ticket_share", "rest_share", "difference", "low", "high", "p_value", "q_value")


def high_ticket(values: ir.Table, *, spend: Decimal | float | None = None) -> ir.Table:
    """Mark the customers who spend most.

    customer_id | …, monetary_value  →  … + is_high_ticket: the best tenth by spend in the window, or `spend` and more where given

    The tenth is rounded to whole customers; equals share the better side, so it may be a little more. Nobody whose spend is not above
    0 is high-ticket. [S39]
    """
    if spend is not None:
        return values.mutate(is_high_ticket=values.monetary_value >= spend)
    more, n = ibis.rank().over(ibis.window(order_by=ibis.desc(values.monetary_value))), values.customer_id.count().over(ibis.window())
    return values.mutate(is_high_ticket=((more == 0) | (more * 10 + 5 <= n)) & (values.monetary_value > 0))


def high_ticket_summary(marked: ir.Table) -> pd.DataFrame:
    """The high-ticket customers beside the rest.

    high_ticket  →  line ("high-ticket", "the rest") | customers, customer_share, revenue, revenue_share, lowest_spend,
    orders_per_customer, orders_low, orders_high, aov, aov_low, aov_high (95 % intervals over customers)   [S39]
    """
    spend, orders = to_float(_.monetary_value), to_float(_.frequency)
    found = frame(
        marked.group_by("is_high_ticket").aggregate(
            customers=_.count(), revenue=_.monetary_value.sum(), lowest_spend=spend.min(),
            x=spend.sum(), n=orders.sum(), xx=(spend * spend).sum(), xn=(spend * orders).sum(), nn=(orders * orders).sum(),
        )
    ).sort_values("is_high_ticket", ascending=False, ignore_index=True)  # fmt: skip
    people, worth = max(int(found.customers.sum()), 1), float(found.revenue.sum())
    a_head = found.n / found.customers
    spread = Z95 * ((found.nn / found.customers - a_head**2).clip(lower=0) / found.customers) ** 0.5
    aov = found.x / found.n
    aov_spread = Z95 * (found.xx - 2 * aov * found.xn + aov**2 * found.nn).clip(lower=0) ** 0.5 / found.n
    return pd.DataFrame(
        {
            "line": found.is_high_ticket.map({True: HIGH, False: REST}),
            "customers": found.customers,
            "customer_share": found.customers / people,
            "revenue": found.revenue,
            "revenue_share": found.revenue / worth if worth > 0 else float("nan"),
            "lowest_spend": found.lowest_spend,
            "orders_per_customer": a_head,
            "orders_low": a_head - spread,
            "orders_high": a_head + spread,
            "aov": aov,
            "aov_low": aov - aov_spread,
            "aov_high": aov + aov_spread,
        }
    )


HIGH, REST = mark("high-ticket"), mark("the rest")


def high_ticket_traits(
    marked: ir.Table,
    customers: ir.Table,
    purchases: ir.Table,
    order_lines: ir.Table,
    products: ir.Table,
    *,
    as_of: datetime,
    window_days: int = 365,
) -> pd.DataFrame:
    """How high-ticket customers differ from the rest: who they are, when and where they order, what they buy.

    high_ticket, customers, purchases, order lines, products  →  trait, value | customers (of both kinds with it), high_ticket_share,
    rest_share, difference, low, high (95 % interval of the difference), p_value, q_value (false discovery)

    Shares are of customers (region, age, gender, came by, customer for), of orders (weekday, time of day, channel, store) or of order
    lines of products (category). Customers are the independent ones: a customer's orders and lines are one piece of luck, so that
    variances are over customers. Who bought something dear by chance would be high-ticket for it: what is bought is therefore read
    from every second order of customers whose other orders are among the largest, and the other way round. Time as a customer and
    categories have a false-discovery control of their own, so that what must differ lends nothing to the rest. Values that fewer than
    30 customers have, and traits with one value, are left out. Largest difference first inside a trait. [Cochran 1977;
    Benjamini & Hochberg 1995; S39 S96]
    """
    kinds = marked.select("customer_id", "is_high_ticket", "tenure_days")
    start = as_of - timedelta(days=window_days)
    people = kinds.left_join(customers, "customer_id")
    orders = purchases.filter(_.ordered_at >= start, _.ordered_at < as_of).join(
        kinds.select("customer_id", "is_high_ticket"), "customer_id"
    )
    sold = order_lines.filter(_.kind == SALE, _.is_product.fill_null(False), _.ordered_at >= start, _.ordered_at < as_of)
    named = sold.join(products.select("product_id", "category"), "product_id").select("order_id", "category")
    lines = named.join(_by_other_half(orders), "order_id")
    values = [*_of(people, _who(people, as_of)), *_of(orders, _when_and_where(orders)), *_of(lines, {CATEGORY: lines.category})]
    with ibis.union(*values).cache() as counted:  # asked three times
        return _compared(_sums(counted))


def _by_other_half(orders: ir.Table) -> ir.Table:
    """order_id | customer_id, is_high_ticket: as the customer's other half of orders says, of which as many are high-ticket as of all."""
    journey = ibis.window(group_by="customer_id", order_by=["ordered_at", "order_id"])
    halved = orders.mutate(half=ibis.row_number().over(journey) % 2)
    spent = halved.group_by("customer_id", "is_high_ticket").aggregate(
        half_0=_.revenue.sum(where=_.half == 0), half_1=_.revenue.sum(where=_.half == 1)
    )
    as_many = spent.is_high_ticket.ifelse(1, 0).sum().over(ibis.window())
    judged = spent.select(
        "customer_id",
        **{
            f"high_{half}": ((ibis.rank().over(ibis.window(order_by=ibis.desc(spent[half]))) < as_many) & (spent[half] > 0)).fill_null(
                False
            )
            for half in ("half_0", "half_1")
        },
    )
    both = halved.select("order_id", "customer_id", "half").join(judged, "customer_id")
    return both.select("order_id", "customer_id", is_high_ticket=(_.half == 0).ifelse(_.high_half_1, _.high_half_0))


def _who(people: ir.Table, as_of: datetime) -> dict[str, ir.StringValue]:
    age = ibis.literal(as_of.year) - people.birth_year
    return {
        REGION: people.region,
        AGE: people.birth_year.notnull().ifelse(_band(age, _AGES), people.age_band),
        GENDER: people.gender,
        CAME_BY: people.acquisition_channel,
        TENURE: _band(people.tenure_days, _TENURES),
    }


def _when_and_where(orders: ir.Table) -> dict[str, ir.StringValue]:
    day = orders.ordered_at.day_of_week.index()
    return {
        WEEKDAY: ibis.cases(*[(day == i, name) for i, name in enumerate(WEEKDAYS)], else_=None),
        TIME: _band(orders.ordered_at.hour(), _TIMES),
        CHANNEL: orders.channel,
        STORE: orders.store_id,
    }


def _band(number: ir.NumericValue, bands: Sequence[tuple[str, int]]) -> ir.StringValue:
    return ibis.cases(*[(number >= least, name) for name, least in reversed(bands)], else_=bands[0][0])


def _of(table: ir.Table, traits: dict[str, ir.StringValue]) -> list[ir.Table]:
    """trait, value, customer_id, is_high_ticket | k: how often the customer has the value; one table a trait."""
    return [
        table.select("customer_id", "is_high_ticket", value=value.cast("string"))
        .filter(_.value.notnull())
        .group_by("customer_id", "is_high_ticket", "value")
        .aggregate(k=to_float(_.customer_id.count()))
        .mutate(trait=ibis.literal(trait))
        for trait, value in traits.items()
    ]


def _sums(both: ir.Table) -> pd.DataFrame:
    """trait, value, is_high_ticket | customers (with the value, of both kinds), k, kk, kn, n, nn, m.

    k, n: how often a customer has the value, and any value of the trait; kk, kn, nn: their products; m: customers. Sums over customers.
    """
    who = ["trait", "customer_id", "is_high_ticket"]
    totals = both.group_by(who).aggregate(n=_.k.sum())
    with_value = (
        both.join(totals, who)
        .group_by("trait", "value", "is_high_ticket")
        .aggregate(k=_.k.sum(), kk=(_.k * _.k).sum(), kn=(_.k * _.n).sum())
    )
    in_trait = frame(totals.group_by("trait", "is_high_ticket").aggregate(m=_.count(), n=_.n.sum(), nn=(_.n * _.n).sum()))
    people = frame(both.group_by("trait", "value").aggregate(customers=_.customer_id.nunique()))
    return (
        frame(with_value)
        .merge(in_trait, on=["trait", "is_high_ticket"], how="left", validate="many_to_one")
        .merge(people, on=["trait", "value"], how="left", validate="many_to_one")
    )


def _compared(sums: pd.DataFrame) -> pd.DataFrame:
    if sums.empty:  # nobody ever bought; pandas cannot merge two empty columns of text
        shares = dict.fromkeys(("high_ticket_share", "rest_share", "difference", "low", "high", "p_value", "q_value"), "float64")
        return pd.DataFrame(columns=list(COLUMNS)).astype({"trait": "str", "value": "str", "customers": "int64", **shares})
    high, rest = (sums[sums.is_high_ticket == kind].drop(columns=["is_high_ticket", "customers"]) for kind in (True, False))
    both = high.merge(rest, on=["trait", "value"], how="outer", suffixes=("_h", "_r"))
    both = both.merge(sums[["trait", "value", "customers"]].drop_duplicates(), on=["trait", "value"], validate="one_to_one")
    for side, kind in (("_h", high), ("_r", rest)):  # a value that one side never has still has that side's base
        base = kind.drop_duplicates("trait").set_index("trait")
        for name in ("m", "n", "nn"):
            both[name + side] = both[name + side].fillna(both.trait.map(base[name]))
    both = both.fillna(0.0)
    sizes = both.groupby("trait").value.transform("count")
    both = both[(both.customers >= SMALL_SAMPLE) & (both.m_h >= SMALL_SAMPLE) & (both.m_r >= SMALL_SAMPLE) & (sizes > 1)]
    (p_h, v_h), (p_r, v_r) = (_share(both, side) for side in ("_h", "_r"))
    spread = (v_h + v_r) ** 0.5
    z = (p_h - p_r) / spread.where(spread > 0)
    p_values = [math.erfc(abs(value) / math.sqrt(2)) if value == value else 1.0 for value in z]
    found = pd.DataFrame(
        {
            "trait": both.trait, "value": both.value, "customers": both.customers.astype("int64"),
            "high_ticket_share": p_h, "rest_share": p_r, "difference": p_h - p_r,
            "low": p_h - p_r - Z95 * spread, "high": p_h - p_r + Z95 * spread,
            "p_value": pd.Series(p_values, index=both.index, dtype="float64"),
            "q_value": _by_family(both.trait, p_values),
            "place": both.trait.map({trait: i for i, trait in enumerate(TRAITS)}),
        }
    )  # fmt: skip
    return found.sort_values(["place", "difference", "value"], ascending=[True, False, True], ignore_index=True)[list(COLUMNS)]


def _by_family(traits: pd.Series, p_values: list[float]) -> pd.Series:
    family = traits.where(traits.isin([TENURE, CATEGORY]), "")
    p = pd.Series(p_values, index=traits.index, dtype="float64")
    return p.groupby(family).transform(lambda some: pd.Series(false_discovery(list(some)), index=some.index))


def _share(both: pd.DataFrame, side: str) -> tuple[pd.Series, pd.Series]:
    """Share of all counts, and its variance over customers: at least that of independent draws at the share of both sides together.

    Where none of few has a value, the spread between them is 0 and would make them certain. [Cochran 1977]
    """
    k, n, m = both["k" + side], both["n" + side], both["m" + side]
    p, together = k / n, (both.k_h + both.k_r) / (both.n_h + both.n_r)
    squares = both["kk" + side] - 2 * p * both["kn" + side] + p**2 * both["nn" + side]
    between = squares.clip(lower=0) / n**2 * m / (m - 1).clip(lower=1)
    return p, between.clip(lower=together * (1 - together) / n)
