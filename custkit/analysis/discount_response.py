"""Response to price: how the same customer's purchase of the same product differs with the depth of the discount."""

from __future__ import annotations

import math
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _
from scipy.stats import t as student

from custkit.analysis.offers import with_coupon, with_discount
from custkit.engine import frame, to_float
from custkit.tables import SALE
from custkit.words import mark

# Discount depth is told by ten points: 0.1 of the list price.
POINTS = 0.1
DEPTH, SPEND, COUPON, PRICE, GOING = "depth", "spend", "coupon", "price", "going"
MEASURES = {
    DEPTH: mark("pieces, per ten points of discount"),
    SPEND: mark("spend, per ten points of discount"),
    COUPON: mark("pieces, with a coupon"),
    PRICE: mark("price elasticity, by the price paid"),
    GOING: mark("price elasticity, by the month's usual price"),
}
COLUMNS = ("response_of", "measure", "response", "response_low", "response_high", "p_value", "customers", "products", "lines", "unit")
# Half a per cent of price or half a point of discount is how amounts are rounded to cents, not a price that varied.
_ROUNDING = 0.005
# Fewer lines than these in a month, and a line's own price is its usual price.
_ENOUGH = 5


class _Slope(NamedTuple):
    """A least-squares slope, its standard error and what it rests on."""

    slope: float
    std_error: float
    customers: int
    products: int
    lines: int

    @property
    def freedom(self) -> int:
        return min(n for n in (self.customers, self.products) if n > 1) - 1


def discount_response(order_lines: ir.Table) -> pd.DataFrame:
    """How much more the same customer takes of the same product when it is cheaper.

    order lines  →  response_of, measure | response, response_low, response_high (95 %), p_value, customers, products, lines, unit

    depth    pieces a line per ten points of discount, as a share: 0.05 is 5 % more pieces
    spend    money a line, at the price after the discount, per ten points of discount
    coupon   pieces a line with a coupon against pieces at full price without
    price    elasticity: per cent more pieces per cent of price paid; −2 is 2 % more pieces at a price 1 % lower
    going    the same by the month's usual price: the median of what known customers paid for the product, of five lines or more

    Who buys at a discount is another question than what the discount does to whom. So each line is held against the same customer's
    other lines of the same product: logs of pieces on the depth of the shop's own reduction, each less its mean over customer ×
    product (fixed effects), by least squares. The interval is robust to whatever the lines of one customer share, and the lines of one
    product. `customers`, `products` and `lines` are those whose price varied: the others say nothing. Where fewer than two customers
    did, there is no row.

    A coupon's depth is not used, since one of a fixed value is shallower the more is bought; lines with a coupon are left out of the
    other rows. Not seen: who would not have bought at all. Not told apart: what is bought ahead. A price break for many pieces looks
    like a response to the price paid, not to the month's usual price; a discount given when people buy more anyway looks like both.
    [Arellano 1987; Cameron, Gelbach & Miller 2011; Blattberg & Neslin 1990; S27, S44]
    """
    bought = _logs(order_lines)
    without = bought.filter(_.coupon == 0)
    rows = [
        (DEPTH, _slope(without, "pieces", "depth"), POINTS),
        (SPEND, _slope(without, "spend", "depth"), POINTS),
        (COUPON, _slope(bought.filter(_.reduced == 0), "pieces", "coupon"), 1.0),
        (PRICE, _slope(without, "pieces", "price"), None),
        (GOING, _slope(_with_going_price(without), "pieces", "going"), None),
    ]
    told = [_told(name, slope, step) for name, slope, step in rows if slope is not None]
    kinds = {"response_of": "str", "measure": "str", "customers": "int64", "products": "int64", "lines": "int64", "unit": "str"}
    found = pd.DataFrame(told, columns=list(COLUMNS))
    return found.astype({column: kinds.get(column, "float64") for column in COLUMNS})


def _logs(order_lines: ir.Table) -> ir.Table:
    """Lines of known customers and products: logs of pieces, spend and price a piece; depth of the reduction; 1 for a coupon."""
    known = order_lines.filter(
        _.kind == SALE, _.is_product.fill_null(False), _.customer_id.notnull(), _.product_id.notnull(), _.quantity > 0, _.gross_amount > 0
    ).mutate(paid=to_float(_.gross_amount) - to_float(_.discount_amount.fill_null(0)))
    return known.filter(_.paid > 0).select(
        "customer_id",
        "product_id",
        month=_.ordered_at.strftime("%Y-%m"),
        pieces=to_float(_.quantity).ln(),
        spend=_.paid.ln(),
        price=_.paid.ln() - to_float(_.quantity).ln(),
        depth=1 - _.paid / to_float(_.gross_amount),
        coupon=to_float(with_coupon.ifelse(1, 0)),
        reduced=to_float(with_discount.ifelse(1, 0)),
    )


def _with_going_price(lines: ir.Table) -> ir.Table:
    going = lines.group_by("product_id", "month").aggregate(going=_.price.quantile(0.5), n=_.count()).filter(_.n >= _ENOUGH)
    return lines.join(going.drop("n"), ["product_id", "month"])


def _slope(lines: ir.Table, outcome: str, cause: str) -> _Slope | None:
    """Slope of `outcome` on `cause` within customer × product; None where fewer than two customers met different prices.

    What is needed are two sums a pair of customer and product: a = Σ x y and b = Σ x² of what the pair's means leave. The slope is
    Σ a / Σ b, a group's part of the error is a − slope × b, and Σ over groups of (a of the group)² is Σ over pairs of a × (a of the
    pair's group). So one row leaves the engine, however many customers there are.
    """
    pair = lines.group_by("customer_id", "product_id").aggregate(
        x_mean=lines[cause].mean(), y_mean=lines[outcome].mean(), apart=lines[cause].max() - lines[cause].min()
    )
    varied = pair.filter(_.apart > _ROUNDING).select("customer_id", "product_id", "x_mean", "y_mean")
    apart = lines.join(varied, ["customer_id", "product_id"])
    apart = apart.select("customer_id", "product_id", x=apart[cause] - apart.x_mean, y=apart[outcome] - apart.y_mean)
    sums = apart.group_by("customer_id", "product_id").aggregate(lines=_.count(), a=(_.x * _.y).sum(), b=(_.x * _.x).sum())
    by_group = {
        f"{name}_of_{key}": sums[name].sum().over(ibis.window(group_by=f"{key}_id"))
        for key in ("customer", "product")
        for name in ("a", "b")
    }
    found = frame(
        sums.mutate(**by_group).aggregate(
            customers=_.customer_id.nunique(), products=_.product_id.nunique(), pairs=_.count(), lines=_.lines.sum(),
            a=_.a.sum(), b=_.b.sum(), **_squares("pair", _.a, _.b),
            **_squares("customer", _.a_of_customer, _.b_of_customer), **_squares("product", _.a_of_product, _.b_of_product),
        )
    ).iloc[0]  # fmt: skip
    if found["customers"] < 2:
        return None
    slope = found["a"] / found["b"]
    by_customer, by_product, by_pair = (
        (found[f"aa_{of}"] - slope * (found[f"ab_{of}"] + found[f"ba_{of}"]) + slope**2 * found[f"bb_{of}"]) * _few(found[n])
        for of, n in (("customer", "customers"), ("product", "products"), ("pair", "pairs"))
    )
    # Shared by customer and by product, what both share counted once; never less than either alone.
    variance = max(by_customer + by_product - by_pair, by_customer, by_product, 0.0) / found["b"] ** 2
    return _Slope(float(slope), math.sqrt(variance), int(found["customers"]), int(found["products"]), int(found["lines"]))


def _squares(of: str, a: ir.FloatingValue, b: ir.FloatingValue) -> dict[str, ir.FloatingScalar]:
    return {f"aa_{of}": (_.a * a).sum(), f"ab_{of}": (_.a * b).sum(), f"ba_{of}": (_.b * a).sum(), f"bb_{of}": (_.b * b).sum()}


def _few(groups: int) -> float:
    """What makes up for few groups; a single one says nothing about spread."""
    return groups / (groups - 1) if groups > 1 else 0.0


def _told(name: str, found: _Slope, step: float | None) -> tuple[object, ...]:
    """The slope with its interval as people read it: a share where a step is given, else as it is."""
    half = float(student.ppf(0.975, found.freedom)) * found.std_error
    ends = [found.slope + sign * half for sign in (0, -1, 1)]
    if step is not None:
        ends = [math.expm1(step * end) for end in ends]
    chance = 2 * float(student.sf(abs(found.slope) / found.std_error, found.freedom)) if found.std_error > 0 else float(found.slope == 0)
    unit = "number" if step is None else "share"
    return (name, MEASURES[name], *ends, chance, found.customers, found.products, found.lines, unit)
