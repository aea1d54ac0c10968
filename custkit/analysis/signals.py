"""Favourites, carts, shares and questions: what becomes of them, against the same customers' other looks. [S76]"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import Z95, false_discovery, wilson
from custkit.engine import frame, to_float

SIGNALS = ("cart", "favourite", "share", "question")
COLUMNS = (
    "signal", "looks", "customers", "bought", "bought_share", "low", "high", "base_share", "difference", "difference_low",
    "difference_high", "is_different",
)  # fmt: skip


def product_looks(events: ir.Table, lines: ir.Table, *, start: datetime, as_of: datetime, follow_days: int = 30) -> ir.Table:
    """List each known customer's looks at a product, what they did at it, and whether they bought it in the days after.

    events, order lines  →  customer_id, product_id, look_date | bought, cart, favourite, share, question (1 or 0)

    A look is a day on which a customer viewed the product or put it somewhere. Only looks that can be followed for `follow_days` before
    `as_of` are listed. [S76]
    """
    until = as_of - timedelta(days=follow_days)
    acts = events.filter(
        _.customer_id.notnull(),
        _.product_id.notnull(),
        _.event_type.isin(["view", *SIGNALS]),
        _.occurred_at >= start,
        _.occurred_at < until,
    )
    looks = (
        acts.mutate(look_date=_.occurred_at.date())
        .group_by("customer_id", "product_id", "look_date")
        .aggregate(looked_at=_.occurred_at.min(), **{signal: (_.event_type == signal).ifelse(1, 0).max() for signal in SIGNALS})
    )
    sold = lines.filter(_.customer_id.notnull(), _.kind == "sale", _.ordered_at < as_of).select("customer_id", "product_id", "ordered_at")
    followed = (
        looks.select("customer_id", "product_id", "look_date", "looked_at")
        .join(sold, ["customer_id", "product_id"])
        .filter(_.ordered_at >= _.looked_at, _.ordered_at < _.looked_at + ibis.interval(days=follow_days))
        .select("customer_id", "product_id", "look_date")
        .distinct()
        .mutate(hit=ibis.literal(1, "int64"))
    )
    both = looks.left_join(followed, ["customer_id", "product_id", "look_date"])
    return both.select("customer_id", "product_id", "look_date", *SIGNALS, bought=_.hit.fill_null(0))


def signal_outcomes(looks: ir.Table) -> pd.DataFrame:
    """How many favourites, carts, shares and questions end in a purchase of the product, against the same customers' looks without.

    product_looks(…)  →  signal | looks (with the signal), customers, bought, bought_share, low, high, base_share, difference,
    difference_low, difference_high (95 %), is_different

    Each customer is compared with themselves (Mantel & Haenszel's weights), so that keen customers do not make a signal look strong;
    the interval holds customers independent. `base_share` is what the same customers' looks without the signal would have brought,
    `difference` the rest. Signals follow interest, they need not make it. [Mantel & Haenszel 1959; Greenland & Robins 1985; S76]
    """
    rows = []
    for signal in SIGNALS:
        has = looks[signal] == 1
        people = looks.group_by("customer_id").aggregate(
            s=looks.count(where=has), k=looks.count(where=has & (looks.bought == 1)), b=looks.count(where=~has),
            h=looks.count(where=~has & (looks.bought == 1)),
        )  # fmt: skip
        told = people.filter(_.s > 0)
        weight = to_float(told.s) * told.b / (told.s + told.b)
        gap = (told.b > 0).ifelse(to_float(told.k) / told.s - to_float(told.h) / told.b.nullif(0), 0.0)
        weighed = told.mutate(w=weight, d=gap)
        sums = frame(
            weighed.aggregate(
                customers=_.count(), looks=_.s.sum(), bought=_.k.sum(), w=_.w.sum(), wd=(_.w * _.d).sum(), ww=(_.w * _.w).sum(),
                wwd=(_.w * _.w * _.d).sum(), wwdd=(_.w * _.w * _.d * _.d).sum(),
            )
        ).fillna(0).iloc[0]  # fmt: skip
        if sums["looks"]:
            rows.append((signal, *_told(sums)))
    shown = pd.DataFrame(rows, columns=[*COLUMNS[:-1], "p_value"])
    adjusted = false_discovery([1.0 if math.isnan(p) else p for p in shown["p_value"]])
    return shown.assign(is_different=[q <= 0.05 for q in adjusted])[list(COLUMNS)]


def _told(sums: pd.Series) -> tuple[float, ...]:
    n, k, customers = (int(sums[name]) for name in ("looks", "bought", "customers"))
    share = k / n
    if not sums["w"] > 0:
        return (n, customers, k, share, *wilson(k, n), *[math.nan] * 5)
    gap = float(sums["wd"] / sums["w"])
    variance = float(sums["wwdd"] - 2 * gap * sums["wwd"] + gap * gap * sums["ww"]) / float(sums["w"]) ** 2
    error = math.sqrt(max(variance, 0.0))
    p = math.erfc(abs(gap) / error / math.sqrt(2)) if error > 0 else math.nan
    return (n, customers, k, share, *wilson(k, n), share - gap, gap, gap - Z95 * error, gap + Z95 * error, p)
