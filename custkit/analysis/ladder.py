"""The loyalty ladder: how many customers climb from one order to the next, and where they stop. [S64]"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from statistics import NormalDist

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import SMALL_SAMPLE, Z95, wilson
from custkit.engine import frame, to_float

TOP = 10
LADDER_COLUMNS = (
    "order_number", "customers", "at_risk", "went_on", "go_on_rate", "go_on_low", "go_on_high",
    "mean_order_value", "median_order_value", "categories", "new_categories",
)  # fmt: skip
SAME_COLUMNS = (
    "order_number", "customers", "mean_order_value", "value_low", "value_high", "value_growth", "growth_low", "growth_high",
    "categories", "new_categories",
)  # fmt: skip
DIP_COLUMNS = ("order_number", "at_risk", "go_on_rate", "expected_rate", "gap", "gap_low", "gap_high")


def purchase_days(purchases: ir.Table) -> ir.Table:
    """Number each customer's purchase days: the rungs of the ladder.

    purchases  →  customer_id, order_date | order_value (currency), order_number (1, 2, …), next_date (null: not yet)

    Two orders on one day are one rung, as in the repurchase rate. Guests climb nothing. [S64]
    """
    journey = ibis.window(group_by="customer_id", order_by="order_date")
    return (
        purchases.filter(_.customer_id.notnull())
        .group_by("customer_id", "order_date")
        .aggregate(order_value=_.revenue.sum())
        .mutate(order_number=ibis.row_number().over(journey) + 1, next_date=_.order_date.lead().over(journey))
    )


def categories_so_far(rungs: ir.Table, purchases: ir.Table, lines: ir.Table, products: ir.Table) -> ir.Table:
    """Count the categories that each customer has bought up to each rung.

    purchase_days(…)  →  customer_id, order_number | new_categories (first bought here), categories (up to here)

    Products without a category count for nothing. [S64]
    """
    sold = lines.filter((_.kind == "sale") & _.is_product).select("order_id", "product_id")
    bought = (
        sold.join(products.filter(_.category.notnull()).select("product_id", "category"), "product_id")
        .select("order_id", "category")
        .join(purchases.filter(_.customer_id.notnull()).select("order_id", "customer_id", "order_date"), "order_id")
        .select("customer_id", "order_date", "category")
    )
    first = bought.group_by("customer_id", "category").aggregate(order_date=_.order_date.min())
    new = first.group_by("customer_id", "order_date").aggregate(new_categories=_.count())
    climbed = ibis.window(group_by="customer_id", order_by="order_number", rows=(None, 0))
    return (
        rungs.left_join(new, ["customer_id", "order_date"])
        .select("customer_id", "order_number", new_categories=_.new_categories.fill_null(0))
        .mutate(categories=_.new_categories.sum().over(climbed))
    )


def loyalty_ladder(
    purchases: ir.Table, lines: ir.Table, products: ir.Table, *, as_of: datetime, within_days: int = 180, top: int = TOP
) -> pd.DataFrame:
    """Say, order by order, how many customers reach it, what they spend there and how many go on to the next.

    purchases, order lines, products  →  order_number (1 … top) | customers, at_risk, went_on, go_on_rate (share),
    go_on_low, go_on_high (95 %), mean_order_value, median_order_value (currency), categories, new_categories (means)

    customers: all who reached the order, so the last row holds everyone with `top` orders or more. at_risk: mature customers
    only, those whose order lies `within_days` or longer before `as_of`; went_on: those of them who bought again within
    `within_days`. Everyone counted had the same time to come back, so that recent customers are not mistaken for lost ones.
    categories is null where no product has one. Later rungs hold other people than earlier ones. [S64]

    Raises ValueError if within_days or top is below 1.
    """
    if within_days < 1 or top < 1:
        raise ValueError(f"within_days and top must be 1 or more, not {within_days} and {top}")
    rungs = purchase_days(purchases)
    counted = categories_so_far(rungs, purchases, lines, products)
    mature = rungs.order_date < (as_of - timedelta(days=within_days)).date()
    returned = (rungs.next_date <= rungs.order_date + ibis.interval(days=within_days)).fill_null(False)
    steps = (
        rungs.mutate(mature=mature, returned=returned)
        .join(counted, ["customer_id", "order_number"])
        .filter(_.order_number <= top)
        .group_by("order_number")
        .aggregate(
            customers=_.count(),
            at_risk=_.count(where=_.mature),
            went_on=_.count(where=_.mature & _.returned),
            mean_order_value=to_float(_.order_value).mean(),
            median_order_value=to_float(_.order_value).quantile(0.5),
            categories=to_float(_.categories).mean(),
            new_categories=to_float(_.new_categories).mean(),
        )
    )
    ladder = frame(steps).sort_values("order_number", ignore_index=True)
    intervals = [wilson(k, n) for k, n in zip(ladder["went_on"], ladder["at_risk"], strict=True)]
    ladder["go_on_rate"] = ladder["went_on"] / ladder["at_risk"].where(ladder["at_risk"] > 0).astype("float64")
    ladder["go_on_low"] = pd.Series([low for low, _high in intervals], dtype="float64")
    ladder["go_on_high"] = pd.Series([high for _low, high in intervals], dtype="float64")
    if not ladder["new_categories"].gt(0).any():
        ladder[["categories", "new_categories"]] = math.nan
    return ladder[list(LADDER_COLUMNS)]


def ladder_dips(ladder: pd.DataFrame, *, min_at_risk: int = SMALL_SAMPLE) -> pd.DataFrame:
    """Compare each rung's share that goes on with what the rungs beside it suggest: a deep dip is a bottleneck.

    loyalty_ladder(…)  →  order_number | at_risk, go_on_rate, expected_rate, gap (share points), gap_low, gap_high

    expected_rate is the mean of both neighbours on the log-odds scale. The share that goes on rises from rung to rung by
    itself, because frequent buyers are left over, and ever more slowly: that curve has no dips, so chance alone makes one.
    The interval is 95 % for all rungs together (Bonferroni). The first and the last rung have one neighbour and no row. [S64]

    Raises ValueError if min_at_risk < 1.
    """
    if min_at_risk < 1:
        raise ValueError(f"min_at_risk must be 1 or more, not {min_at_risk}")
    solid = ladder[ladder["at_risk"] >= min_at_risk].set_index("order_number")
    inner = [k for k in solid.index if k - 1 in solid.index and k + 1 in solid.index]
    z = NormalDist().inv_cdf(1 - 0.025 / max(1, len(inner)))
    odds = {k: _log_odds(int(row.went_on), int(row.at_risk)) for k, row in solid.iterrows()}
    rows = []
    for k in inner:
        (below, below_var), (own, own_var), (above, above_var) = odds[k - 1], odds[k], odds[k + 1]
        expected, rate = _share((below + above) / 2), _share(own)
        error = math.sqrt((rate * (1 - rate)) ** 2 * own_var + (expected * (1 - expected)) ** 2 * (below_var + above_var) / 4)
        gap = rate - expected
        rows.append((k, int(solid.at[k, "at_risk"]), float(solid.at[k, "go_on_rate"]), expected, gap, gap - z * error, gap + z * error))
    kinds = {"order_number": "int64", "at_risk": "int64"}
    return pd.DataFrame(rows, columns=list(DIP_COLUMNS)).astype({name: kinds.get(name, "float64") for name in DIP_COLUMNS})


def bottleneck(dips: pd.DataFrame) -> pd.Series | None:
    """The rung that falls furthest below its neighbours, beyond chance; None where none does."""
    deep = dips[dips["gap_high"] < 0].sort_values(["gap", "order_number"])
    return None if deep.empty else deep.iloc[0]


def same_customers_ladder(
    purchases: ir.Table, lines: ir.Table, products: ir.Table, *, top: int = TOP, min_customers: int = SMALL_SAMPLE
) -> pd.DataFrame:
    """Follow the same customers from order to order: what they spend there and how many categories they have tried.

    purchases, order lines, products  →  order_number (1 … top) | customers, mean_order_value, value_low, value_high (currency, 95 %),
    value_growth, growth_low, growth_high (currency, on the order before), categories, new_categories (means)

    Everyone in it placed `top` orders or more, so every row holds the same people and what changes is not who is left. The
    growth is within customers; its interval is 95 % for all steps together (Bonferroni). `top` is lowered until `min_customers`
    remain; no rows where not even two orders have so many. categories is null where no product has one. [S64]

    Raises ValueError if top < 2.
    """
    if top < 2:
        raise ValueError(f"top must be 2 or more, not {top}")
    rungs = purchase_days(purchases)
    reach = frame(rungs.filter(_.order_number <= top).group_by("order_number").aggregate(customers=_.count()))
    last = int(reach.loc[reach["customers"] >= min_customers, "order_number"].max() if (reach["customers"] >= min_customers).any() else 0)
    names = [*SAME_COLUMNS]
    if last < 2:
        return pd.DataFrame(columns=names).astype(dict.fromkeys(names, "float64") | {"order_number": "int64", "customers": "int64"})
    stayed = rungs.filter(_.order_number == last).select("customer_id")
    journey = ibis.window(group_by="customer_id", order_by="order_number")
    value = to_float(_.order_value)
    steps = frame(
        rungs.semi_join(stayed, "customer_id")
        .filter(_.order_number <= last)
        .mutate(value=value)
        .mutate(growth=_.value - _.value.lag().over(journey))
        .join(categories_so_far(rungs, purchases, lines, products), ["customer_id", "order_number"])
        .group_by("order_number")
        .aggregate(
            customers=_.count(),
            mean_order_value=_.value.mean(),
            spread=_.value.std(),
            value_growth=_.growth.mean(),
            growth_spread=_.growth.std(),
            categories=to_float(_.categories).mean(),
            new_categories=to_float(_.new_categories).mean(),
        )
    ).sort_values("order_number", ignore_index=True)
    root = steps["customers"].astype("float64") ** 0.5
    near, far = Z95 * steps["spread"] / root, NormalDist().inv_cdf(1 - 0.025 / (last - 1)) * steps["growth_spread"] / root
    told = steps.assign(
        value_low=steps["mean_order_value"] - near, value_high=steps["mean_order_value"] + near,
        growth_low=steps["value_growth"] - far, growth_high=steps["value_growth"] + far,
    )  # fmt: skip
    if not told["new_categories"].gt(0).any():
        told[["categories", "new_categories"]] = math.nan
    return told[names]


def growth_stops(steps: pd.DataFrame) -> int | None:
    """The last order up to which spend grew beyond chance from the one before; 1 where it never did, None without steps.

    same_customers_ladder(…)  →  order number
    """
    if steps.empty:
        return None
    grew = steps.loc[steps["growth_low"] > 0, "order_number"]
    return int(grew.max()) if len(grew) else 1


def _log_odds(successes: int, n: int) -> tuple[float, float]:
    # Half a customer on each side keeps 0 % and 100 % finite. [Haldane 1956, Anscombe 1956]
    yes, no = successes + 0.5, n - successes + 0.5
    return math.log(yes / no), 1 / yes + 1 / no


def _share(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
