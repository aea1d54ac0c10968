"""When a product is used up and bought again: the same customer, the same product, the days a piece lasts, and who is due."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _
from scipy.stats import norm

from custkit.analysis.offers import with_coupon
from custkit.analysis.rates import Z90, false_discovery
from custkit.analysis.rules import ALPHA
from custkit.analysis.survival import kaplan_meier, km_median
from custkit.engine import beside, frame, to_float
from custkit.tables import SALE

# Fewer customers than this who came back for a product say nothing about it; of the others, those with most are looked at.
MIN_CUSTOMERS, MAX_PRODUCTS = 20, 300
# At random times a customer's gaps have a regularity of 0, by the clock of 1. Less than this is habit of shopping days.
REGULAR = 0.25
AHEAD_DAYS = 30
# A customer's own gaps count as much as everybody's when there are this many.
_OWN = 2.0
# Durations are told in tenths of a day, waits in hundredths of the customer's own gap, up to ten of them.
_TENTHS, _PARTS, _LONGEST = 10, 100, 1000
# What a customer weighs, shared out among the customer's purchases in whole parts.
_WEIGHT = 1_000_000.0
_CYCLES = {
    "product_id": "str",
    "product_name": "str",
    "customers": "int64",
    "gaps": "int64",
    "waiting": "int64",
    "observed_median": "float64",
    "km_median": "float64",
    "days_per_piece": "float64",
    "low": "float64",
    "high": "float64",
    "return_share": "float64",
    "regularity": "float64",
    "p_value": "float64",
    "q_value": "float64",
    "is_regular": "bool",
}


def product_spells(order_lines: ir.Table, *, as_of: datetime) -> ir.Table:
    """Every purchase of a product by a customer and how long it lasted: to the next one, or until `as_of` where there is none yet.

    order lines  →  customer_id, product_id, bought_date | pieces, with_coupon (0 or 1), gap (days), observed (0: not back yet),
    number (1 for the customer's first of the product)

    Lines of one day are one purchase. Returns, gifts, guests and postage are left out. Kept on the engine. [S9]
    """
    sold = order_lines.filter(
        _.kind == SALE, _.is_product.fill_null(False), _.customer_id.notnull(), _.product_id.notnull(), _.quantity > 0, _.ordered_at < as_of
    )
    days = sold.group_by("customer_id", "product_id", bought_date=sold.ordered_at.date()).aggregate(
        pieces=to_float(_.quantity.sum()), with_coupon=with_coupon.ifelse(1, 0).max().cast("int64")
    )
    inside = ibis.window(group_by=["customer_id", "product_id"], order_by="bought_date")
    followed = days.mutate(
        next_date=_.bought_date.lead().over(inside), number=ibis.row_number().over(inside).cast("int32").cast("int64") + 1
    )
    until = ibis.coalesce(followed.next_date, ibis.literal(as_of.date()))
    return followed.select(
        "customer_id",
        "product_id",
        "bought_date",
        "pieces",
        "with_coupon",
        gap=until.delta(followed.bought_date, unit="day").cast("int64"),
        observed=followed.next_date.notnull().ifelse(1, 0).cast("int64"),
        number=followed.number,
    ).cache()


def replenishment_cycles(
    spells: ir.Table, products: ir.Table, *, min_customers: int = MIN_CUSTOMERS, max_products: int = MAX_PRODUCTS
) -> pd.DataFrame:
    """How long a piece of each product lasts, and whether it is bought by the clock or just some time again.

    product_spells, products  →  product_id, product_name | customers (who came back for it), gaps, waiting (not back yet),
    observed_median, km_median, days_per_piece, low, high (90 %), return_share, regularity, p_value, q_value, is_regular

    Days are days per piece: a gap after two pieces counts half. Purchases with a coupon are left out of them, because they are often
    bought ahead (`incremental_sales`), and customers weigh alike: who buys often does not speak for all.

    observed_median  of those who came back; too short, because long gaps are not over yet
    km_median        counts who has not come back as waiting, for good where they left; too long, or nan
    days_per_piece   of those who come back, by Kaplan–Meier above the share that never does (return_share is that of the others);
                     its interval is by customers. [Kaplan & Meier 1958; Maller & Zhou 1992; Woodruff 1952]

    A customer who buys at random times has uneven gaps: of m gaps the squares of their shares sum to 2 / (m + 1) on average, 1 / m by
    the clock. `regularity` is how far customers are on that way; regular products are so beyond chance, at most 5 % false discoveries.
    [Greenwood 1946; Moran 1947; S9]
    """
    counts = spells.group_by("product_id", "customer_id").aggregate(
        gaps=_.observed.sum(), days=(_.gap * _.observed).sum(), squares=(_.gap * _.gap * _.observed).sum()
    )
    back = counts.filter(_.gaps > 0).group_by("product_id").aggregate(customers=_.count(), gaps=_.gaps.sum())
    place = ibis.row_number().over(order_by=[ibis.desc("customers"), "product_id"])
    listed = back.filter(_.customers >= min_customers).mutate(place=place).filter(_.place < max_products).drop("place")
    told = frame(listed).sort_values("product_id", ignore_index=True)
    if told.empty:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _CYCLES.items()})
    wanted = listed.select("product_id")
    chance = frame(_unevenness(counts.semi_join(wanted, "product_id")))
    lasted = _lasted(spells.semi_join(wanted, "product_id")).cache()
    curves = frame(lasted.group_by("product_id", "lasted", "observed").aggregate(n=_.weight.sum(), spells=_.count()))
    medians = pd.DataFrame([_median(product, rows) for product, rows in curves.groupby("product_id", sort=True)])
    names = products.semi_join(wanted, "product_id").select("product_id", "product_name")
    made = told.merge(medians, on="product_id").merge(chance, on="product_id", how="left").merge(frame(names), on="product_id", how="left")
    made["product_name"] = made["product_name"].fillna(made["product_id"])
    made = _with_interval(made, lasted, curves)
    return _judged(made)


def _unevenness(counts: ir.Table) -> ir.Table:
    """Per product what the squares of customers' shares of gaps sum to, what chance gives and its variance, and what a clock would."""
    twice = counts.filter(_.gaps > 1).mutate(m=to_float(_.gaps))
    return twice.group_by("product_id").aggregate(
        found=(to_float(_.squares) / (to_float(_.days) * to_float(_.days))).sum(),
        due=(2.0 / (twice.m + 1.0)).sum(),
        clock=(1.0 / twice.m).sum(),
        variance=((twice.m - 1.0) * 4.0 / ((twice.m + 1.0) * (twice.m + 1.0) * (twice.m + 2.0) * (twice.m + 3.0))).sum(),
    )


def _lasted(spells: ir.Table) -> ir.Table:
    """Tenths of a day that a piece lasted, or has so far, of purchases without a coupon; customers weigh alike, however many they made."""
    plain = spells.filter(_.with_coupon == 0)
    made = plain.mutate(made=_.number.count().over(ibis.window(group_by=["customer_id", "product_id"])))
    tenths = (to_float(made.gap) * _TENTHS / made.pieces + 0.5).floor().cast("int64")
    return made.mutate(lasted=tenths, weight=(_WEIGHT / to_float(made.made)).floor().cast("int64"))


def _curve(rows: pd.DataFrame) -> pd.DataFrame:
    return kaplan_meier(rows.rename(columns={"lasted": "duration_days"}).assign(observed=rows["observed"] > 0))


def _returned(curve: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, float]:
    """Days and the share of those who come back that is back by then, whole days spread out; and the share that comes back."""
    events = curve[curve["events"] > 0]
    days, back = events["duration_days"].to_numpy(float) / _TENTHS, 1 - events["survival"].to_numpy(float)
    ends = np.append((days[1:] + days[:-1]) / 2, days[-1] + 0.5)
    return np.append(max(days[0] - 0.5, 0.0), ends), np.append(0.0, back / back[-1]), float(back[-1])


def _median(product: object, rows: pd.DataFrame) -> dict[str, object]:
    curve = _curve(rows)
    days, share, back = _returned(curve)
    seen = rows[rows["observed"] > 0].sort_values("lasted")
    middle = seen["lasted"].to_numpy()[np.searchsorted(seen["n"].cumsum(), seen["n"].sum() / 2)]
    return {
        "product_id": product,
        "waiting": int(rows.loc[rows["observed"] == 0, "spells"].sum()),
        "observed_median": middle / _TENTHS,
        "km_median": km_median(curve) / _TENTHS,
        "days_per_piece": float(np.interp(0.5, share, days)),
        "return_share": back,
    }


def _with_interval(made: pd.DataFrame, lasted: ir.Table, curves: pd.DataFrame) -> pd.DataFrame:
    """Woodruff's interval of a median: where the share below it, give or take its error by customers, is reached."""
    middles = pa.table({"product_id": made["product_id"].astype(object).tolist(), "middle": (made["days_per_piece"] * _TENTHS).tolist()})
    gaps = lasted.filter(_.observed == 1)
    gaps = gaps.join(beside(gaps, middles), "product_id")
    below = ibis.cases((to_float(gaps.lasted) < gaps.middle - 0.5, 1.0), (to_float(gaps.lasted) <= gaps.middle + 0.5, 0.5), else_=0.0)
    by_customer = gaps.mutate(below=to_float(below)).group_by("product_id", "customer_id").aggregate(share=_.below.mean())
    told = frame(by_customer.group_by("product_id").aggregate(spread=_.share.var(), n=_.count()))
    told = made[["product_id"]].merge(told, on="product_id", how="left")
    error = np.sqrt(told["spread"].fillna(0.25) / told["n"].fillna(1))
    ends = []
    for product, e in zip(made["product_id"], error, strict=True):
        days, back, _share = _returned(_curve(curves[curves["product_id"] == product]))
        ends.append([float(np.interp(np.clip(0.5 + sign * Z90 * e, 0, 1), back, days)) for sign in (-1, 1)])
    return made.assign(low=[low for low, _high in ends], high=[high for _low, high in ends])


def _judged(made: pd.DataFrame) -> pd.DataFrame:
    error = np.sqrt(made["variance"])
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (made["due"] - made["found"]) / error
    p = np.where(error > 0, norm.sf(z), 1.0)
    q = np.array(false_discovery(p.tolist()))
    regularity = ((made["due"] - made["found"]) / (made["due"] - made["clock"])).astype("float64")
    judged = made.assign(regularity=regularity, p_value=p, q_value=q, is_regular=(q <= ALPHA) & (regularity >= REGULAR).to_numpy())
    ordered = judged.sort_values(["is_regular", "customers", "product_id"], ascending=[False, False, True], ignore_index=True)
    return ordered[list(_CYCLES)].astype(_CYCLES)


def due_list(spells: ir.Table, cycles: pd.DataFrame, *, as_of: datetime, ahead_days: int = AHEAD_DAYS) -> ir.Table:
    """Who is due for which product: one row a customer and product of a regular cycle, with the day and how likely it is.

    product_spells, replenishment_cycles  →  customer_id, product_id | product_name, last_date, pieces, waited (days), usual_days (of so
    many pieces), due_date, probability (that it is bought within `ahead_days`)

    A piece is expected to last as long as the customer's own pieces did before, leaning on everybody's where they are few. The chance
    is read off how long others waited in multiples of that, those who never came back among them: whoever is long overdue has likely
    left. Rows whose chance is nil are left out. For lists of the actions page. [S9]

    Raises ValueError if ahead_days < 1.
    """
    if ahead_days < 1:
        raise ValueError(f"ahead_days is {ahead_days}; look one day ahead at least")
    told = _with_usual(spells, cycles)
    curve = _relative_curve(told)
    last = told.filter(_.observed == 0)
    steps = beside(last, curve)
    now = last.mutate(now=_part(to_float(last.gap) / last.usual), then=_part((to_float(last.gap) + float(ahead_days)) / last.usual))
    now = now.join(steps.select(now="part", left_now="left"), "now").join(steps.select(then="part", left_then="left"), "then")
    chance = (1.0 - now.left_then / now.left_now.nullif(0.0)).fill_null(0.0)
    days = (now.usual + 0.5).floor().cast("int64")
    return now.select(
        "customer_id",
        "product_id",
        "product_name",
        last_date=now.bought_date,
        pieces=now.pieces,
        waited=now.gap,
        usual_days=now.usual,
        due_date=now.bought_date + days.as_interval("D"),
        probability=chance,
    ).filter(_.probability > 0)


def _with_usual(spells: ir.Table, cycles: pd.DataFrame) -> ir.Table:
    """Spells of regular products with `usual`: days that so many pieces should last, from the customer's gaps before and everybody's."""
    regular = cycles[cycles["is_regular"]]
    known = pa.table(
        {
            "product_id": pa.array(regular["product_id"].tolist(), "string"),
            "product_name": pa.array(regular["product_name"].tolist(), "string"),
            "centre": pa.array(np.log(regular["days_per_piece"].to_numpy(float)).tolist(), "float64"),
        }
    )
    own = spells.join(beside(spells, known), "product_id")
    # A gap that the customer has had counts from the purchase that ended it on.
    log_gap = (to_float(own.gap).clip(lower=1.0) / own.pieces).ln() * to_float(own.observed)
    before = ibis.window(group_by=["customer_id", "product_id"], order_by="bought_date", rows=(None, -1))
    past = own.mutate(log_gap=log_gap).mutate(had=to_float(_.number - 1), sum_log=_.log_gap.sum().over(before).fill_null(0.0))
    usual = ((past.sum_log + past.centre * _OWN) / (past.had + _OWN)).exp() * past.pieces
    return past.mutate(usual=usual).drop("log_gap", "sum_log", "had", "centre").cache()


def _part(share: ir.FloatingValue) -> ir.IntegerValue:
    return (share * float(_PARTS)).floor().cast("int64").clip(upper=_LONGEST)


def _relative_curve(told: ir.Table) -> pa.Table:
    """part (hundredth of the usual gap), left (share not back by then), all regular products together."""
    spells = frame(told.mutate(part=_part(to_float(told.gap) / told.usual)).group_by("part", "observed").aggregate(n=_.count()))
    curve = kaplan_meier(spells.rename(columns={"part": "duration_days"}).assign(observed=spells["observed"] > 0))
    parts = np.arange(_LONGEST + 1)
    at = np.searchsorted(curve["duration_days"].to_numpy(), parts, side="right")
    left = np.append(1.0, curve["survival"].to_numpy(float))[at]
    return pa.table({"part": parts.astype("int64"), "left": left.astype("float64")})


def due_check(spells: ir.Table, cycles: pd.DataFrame, order_lines: ir.Table, *, as_of: datetime, ahead_days: int) -> pd.DataFrame:
    """Did those come who were due? The list as it stood at `as_of` against what was bought in the `ahead_days` after it.

    what `due_list` takes as of then, and order lines up to the end of these days  →  chance ("0–20%" …) | due, expected, came, share: by
    fifths of the probability told
    """
    due = due_list(spells, cycles, as_of=as_of, ahead_days=ahead_days)
    until = as_of + timedelta(days=ahead_days)
    bought = order_lines.filter(_.kind == SALE, _.ordered_at >= as_of, _.ordered_at < until, _.customer_id.notnull(), _.quantity > 0)
    bought = bought.select("customer_id", "product_id").distinct().mutate(came=1)
    both = due.left_join(bought, ["customer_id", "product_id"])
    fifth = (both.probability * 5.0).floor().cast("int64").clip(upper=4)
    rows = frame(both.group_by(fifth=fifth).aggregate(due=_.count(), expected=_.probability.sum(), came=_.came.fill_null(0).sum()))
    rows = rows.sort_values("fifth", ignore_index=True).astype({"due": "int64", "came": "int64", "fifth": "int64"})
    return rows.assign(share=rows["came"] / rows["due"], chance_low=rows["fifth"] / 5, chance_high=(rows["fifth"] + 1) / 5).drop(
        columns="fifth"
    )


def due_test(order_lines: ir.Table, products: ir.Table, *, start: datetime, as_of: datetime) -> pd.DataFrame:
    """`due_check` of the list as it would have been made at `start`, against what was bought from then to `as_of`."""
    spells = product_spells(order_lines, as_of=start)
    cycles = replenishment_cycles(spells, products)
    return due_check(spells, cycles, order_lines, as_of=start, ahead_days=(as_of - start).days)


def due_totals(due: ir.Table, *, as_of: datetime, ahead_days: int = AHEAD_DAYS) -> pd.DataFrame:
    """How many are due for each product.

    due_list  →  product_name | customers (with a chance), overdue (due before `as_of`), due_soon (within `ahead_days`), expected (purchases
    within `ahead_days`)
    """
    today, end = ibis.literal(as_of.date()), ibis.literal((as_of + timedelta(days=ahead_days)).date())
    rows = frame(
        due.group_by("product_id", "product_name").aggregate(
            customers=_.count(),
            overdue=_.count(where=_.due_date < today),
            due_soon=_.count(where=(_.due_date >= today) & (_.due_date < end)),
            expected=_.probability.sum(),
        )
    )
    return rows.sort_values(["expected", "product_id"], ascending=[False, True], ignore_index=True).drop(columns="product_id")
