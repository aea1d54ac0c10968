"""More pieces of the same product at once: a growing need, or a stock that is used up later? The next gap tells."""

from __future__ import annotations

import math

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from ibis import _
from scipy.stats import t as student

from custkit.engine import beside, frame, to_float
from custkit.words import mark

COUPON, PLAIN = mark("with a coupon"), mark("without a coupon")
PILING, GROWING, BOTH = mark("stock-piling"), mark("growing need"), mark("some of each")
NO_MORE, TOO_FEW = mark("no more pieces than usual"), mark("too few to tell")
# Fewer customers than this cannot speak for others.
FEWEST = 20
# A purchase counts when it lies this many usual gaps back: else long gaps would be missing, not being over yet.
_SETTLED = 3.0
LEVEL = 0.9
ALL = ""
_COLUMNS = {
    "product_name": "str",
    "bought": "str",
    "customers": "int64",
    "purchases": "int64",
    "extra_pieces": "float64",
    "extra_low": "float64",
    "extra_high": "float64",
    "gap_stretch": "float64",
    "pulled_forward": "float64",
    "pulled_low": "float64",
    "pulled_high": "float64",
    "new_need": "float64",
    "verdict": "str",
}


def incremental_sales(spells: ir.Table, cycles: pd.DataFrame) -> pd.DataFrame:
    """Of the pieces bought beyond the usual, how many are only bought ahead: the next gap is that much longer.

    product_spells, replenishment_cycles  →  product_name ("" for all together), bought ("with a coupon", "without a coupon") | customers,
    purchases, extra_pieces (a purchase, beyond the customer's usual), extra_low, extra_high, gap_stretch (1.8: the next gap is 80 %
    longer), pulled_forward (share of the extra pieces), pulled_low, pulled_high (90 %), new_need (extra pieces that are not), verdict

    Each customer is held against itself, product by product: purchases with a coupon against those without; and among those without,
    larger ones against smaller ones. If a piece usually lasts 30 days and the second one moved the next purchase by 24, four fifths of
    it were bought ahead. Only products of a regular cycle can say this: elsewhere the next gap is chance. Rows stand by customers whose
    pieces varied; the interval allows for what purchases of one customer share. Below `low` of the extra pieces nothing is told:
    verdict "no more pieces than usual" where pieces do not rise beyond chance. [Blattberg, Eppen & Lieberman 1981; Neslin 2002; S10]
    """
    regular = cycles[cycles["is_regular"]]
    if regular.empty:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _COLUMNS.items()})
    known = pa.table(
        {
            "product_id": pa.array(regular["product_id"].tolist(), "string"),
            "product_name": pa.array(regular["product_name"].tolist(), "string"),
            "piece_days": pa.array(regular["days_per_piece"].tolist(), "float64"),
        }
    )
    settled = spells.join(beside(spells, known), "product_id")
    # Whether a purchase is old enough must not depend on how long its own gap was.
    since = settled.gap.sum().over(ibis.window(group_by=["customer_id", "product_id"], order_by="bought_date", rows=(0, None)))
    settled = settled.mutate(since=to_float(since)).filter(_.observed == 1, _.since >= _.piece_days * _.pieces * _SETTLED)
    sums = _sums(settled)
    names = regular.set_index("product_id")["product_name"]
    rows = []
    for bought, n in ((COUPON, "coupon"), (PLAIN, "plain")):
        mine = sums[sums["bought"] == n]
        rows.append(_told(ALL, bought, mine.drop(columns="product_id").groupby("bought").sum().iloc[0] if len(mine) else None))
        for row in mine[mine["customers"] >= FEWEST].sort_values("purchases", ascending=False).to_dict("records"):
            rows.append(_told(str(names[row["product_id"]]), bought, pd.Series(row)))
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


def _sums(settled: ir.Table) -> pd.DataFrame:
    """By product and kind: sums over customers of the days moved (a), of the days that the extra pieces should last (b), and products.

    With a coupon: n × differences of means with and without. Without: deviations from the customer's means, times those of the pieces.
    """
    with_, without = settled.filter(_.with_coupon == 1), settled.filter(_.with_coupon == 0)
    key = ["product_id", "customer_id"]
    plain = without.group_by(key).aggregate(
        n0=to_float(_.count()), q0=_.pieces.mean(), g0=to_float(_.gap).mean(), least=_.pieces.min(), most=_.pieces.max()
    )
    coupon = with_.group_by(key).aggregate(n1=to_float(_.count()), q1=_.pieces.mean(), g1=to_float(_.gap).mean())
    both = coupon.join(plain, key)
    told = both.select(
        *key,
        bought=ibis.literal("coupon"),
        n=both.n1,
        a=both.n1 * (both.g1 - both.g0),
        b=both.n1 * (both.q1 - both.q0) * both.g0 / both.q0,
        x=both.n1 * (both.q1 - both.q0),
        g=both.n1 * both.g0,
    )
    varied = plain.filter(plain.most > plain.least)
    apart = without.join(varied, key)
    usual = apart.g0 / apart.q0  # days a piece lasts with this customer
    dq, dg = apart.pieces - apart.q0, to_float(apart.gap) - apart.g0
    apart = apart.mutate(a=dq * dg / usual, b=dq * dq, x=dq.clip(lower=0.0), g=apart.g0)
    larger = (apart.pieces > apart.q0).ifelse(1.0, 0.0)
    plainly = apart.mutate(n=larger).group_by(key).aggregate(n=_.n.sum(), a=_.a.sum(), b=_.b.sum(), x=_.x.sum(), g=(_.g * _.n).sum())
    plainly = plainly.select(*key, bought=ibis.literal("plain"), n=_.n, a=_.a, b=_.b, x=_.x, g=_.g)
    every = told.union(plainly)
    summed = every.group_by("product_id", "bought").aggregate(
        customers=_.count(), purchases=_.n.sum(), a=_.a.sum(), b=_.b.sum(), x=_.x.sum(), g=_.g.sum(),
        aa=(_.a * _.a).sum(), ab=(_.a * _.b).sum(), bb=(_.b * _.b).sum(), xx=(_.x * _.x).sum(), xn=(_.x * _.n).sum(), nn=(_.n * _.n).sum(),
    )  # fmt: skip
    return frame(summed).sort_values(["product_id", "bought"], ignore_index=True)


def _told(product: str, bought: str, sums: pd.Series | None) -> tuple[object, ...]:
    if sums is None or sums["customers"] < FEWEST:
        n = 0 if sums is None else int(sums["customers"])
        return (product, bought, n, 0 if sums is None else round(sums["purchases"]), *[math.nan] * 8, TOO_FEW)
    customers, purchases = int(sums["customers"]), float(sums["purchases"])
    wide = float(student.ppf((1 + LEVEL) / 2, customers - 1)) * math.sqrt(customers / (customers - 1))
    extra = sums["x"] / purchases
    spread = sums["xx"] - 2 * extra * sums["xn"] + extra**2 * sums["nn"]
    half = wide * math.sqrt(max(spread, 0.0)) / purchases
    told = [extra, extra - half, extra + half]
    if extra - half <= 0:
        return (product, bought, customers, round(purchases), *told, *[math.nan] * 5, NO_MORE)
    pulled = sums["a"] / sums["b"]
    error = sums["aa"] - 2 * pulled * sums["ab"] + pulled**2 * sums["bb"]
    half = wide * math.sqrt(max(error, 0.0)) / abs(sums["b"])
    low, high = pulled - half, pulled + half
    verdict = PILING if low > 0.5 else GROWING if high < 0.5 else BOTH
    stretch = 1 + (sums["a"] / sums["g"] if bought == COUPON else math.nan)
    new = sums["x"] * (1 - min(max(pulled, 0.0), 1.0))
    return (product, bought, customers, round(purchases), *told, stretch, pulled, low, high, new, verdict)
