"""What buy-till-you-die models read of a customer: repeat purchases, age at the last one, age, mean repeat spend."""

from __future__ import annotations

from datetime import date, datetime

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.engine import frame, to_float


def clv_summary(purchases: ir.Table, *, as_of: datetime) -> ir.Table:
    """Fold purchases to one row a customer, as buy-till-you-die models read it.

    orders  →  customer_id | frequency (repeat purchase days), recency, T (whole days), monetary_value (currency), first_date

    recency is the customer's age at the last purchase, 0 for who bought once; T the age at the end of the last day before `as_of`.
    Two orders on one day are one purchase. monetary_value is the mean spend of the repeat days, null without one: the first day
    stands outside, as in the literature. Not the RFM of `rfm`, whose recency counts the other way round. Guests are left out.
    [Fader, Hardie & Lee 2005; S21]
    """
    journey = ibis.window(group_by="customer_id", order_by="order_date")
    days = (
        purchases.filter(_.customer_id.notnull(), _.ordered_at < as_of)
        .group_by("customer_id", "order_date")
        .aggregate(spend=_.revenue.sum())
        .mutate(place=ibis.row_number().over(journey))
    )
    folded = days.group_by("customer_id").aggregate(
        frequency=_.count() - 1,
        first_date=_.order_date.min(),
        last_date=_.order_date.max(),
        repeat_spend=_.spend.sum(where=_.place > 0),
    )
    return folded.select(
        "customer_id",
        frequency=_.frequency,
        recency=folded.last_date.delta(folded.first_date, unit="day").cast("int64"),
        T=(ibis.literal(as_of.date()).delta(folded.first_date, unit="day") - 1).cast("int64"),
        monetary_value=to_float(_.repeat_spend) / _.frequency.nullif(0),
        first_date=_.first_date,
    )


def purchase_counts(summary: ir.Table) -> pd.DataFrame:
    """Count equal customers: everything the purchase models need, in a row for each kind.

    clv_summary  →  frequency, recency, T | customers   (one row a distinct history; sorted)

    The likelihood of a customer depends on these three numbers alone, so a million customers are as many rows as there are different
    histories. [Fader, Hardie & Lee 2005]
    """
    counted = frame(summary.group_by("frequency", "recency", "T").aggregate(customers=_.count()))
    return counted.sort_values(["frequency", "recency", "T"], ignore_index=True)


def repeat_purchases(purchases: ir.Table, *, first: date, known_by: datetime, as_of: datetime) -> pd.DataFrame:
    """Count, day by day, who bought for the first time and who bought again, of the customers known by a day.

    orders  →  day (days since `first`) | new_customers, repeats   (days with a purchase; sorted)

    Two orders on one day are one purchase. Customers whose first purchase lies at or after `known_by` are left out: what the tracking
    plot is drawn of.
    """
    journey = ibis.window(group_by="customer_id", order_by="order_date")
    days = (
        purchases.filter(_.customer_id.notnull(), _.ordered_at < as_of)
        .group_by("customer_id", "order_date")
        .aggregate(orders=_.count())
        .mutate(place=ibis.row_number().over(journey), begun=_.order_date.min().over(ibis.window(group_by="customer_id")))
        .filter(_.begun < known_by.date())
    )
    day = days.order_date.delta(ibis.literal(first), unit="day").cast("int64")
    counted = frame(
        days.mutate(day=day).group_by("day").aggregate(new_customers=_.count(where=_.place == 0), repeats=_.count(where=_.place > 0))
    )
    return counted.sort_values("day", ignore_index=True)


def held_out_purchases(purchases: ir.Table, *, cut: datetime, as_of: datetime) -> ir.Table:
    """How often each customer known at `cut` bought between `cut` and `as_of`.

    orders  →  clv_summary at `cut` + purchases (days with one)

    Who did not come back bought 0 times and stays in.
    """
    later = (
        purchases.filter(_.customer_id.notnull(), _.ordered_at >= cut, _.ordered_at < as_of)
        .group_by("customer_id")
        .aggregate(purchases=_.order_date.nunique())
    )
    known = clv_summary(purchases, as_of=cut)
    return known.left_join(later, "customer_id").select(*known.columns, purchases=_.purchases.fill_null(0))
