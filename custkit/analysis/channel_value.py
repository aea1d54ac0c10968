"""What customers cost and bring by the channel they came from: cost of winning one, return, payback. [S15, S16]"""

from __future__ import annotations

import math
from datetime import datetime

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.campaigns import order_margin
from custkit.analysis.intervals import skewed_interval
from custkit.analysis.rates import SMALL_SAMPLE, false_discovery
from custkit.analysis.registrations import UNKNOWN_CHANNEL
from custkit.engine import frame, to_float

COLUMNS = (
    "acquisition_channel", "customers", "spend_amount", "cost_per_customer", "revenue_per_customer", "margin_per_customer", "margin_low",
    "margin_high", "revenue_return", "margin_return", "return_low", "return_high", "adjusted_p", "is_different", "payback_month",
)  # fmt: skip
CURVE_COLUMNS = ("acquisition_channel", "period", "customers", "cumulative_margin", "cost_per_customer")


def won_customers(customers: ir.Table, orders: ir.Table, *, as_of: datetime, months: int = 12, horizon: int = 6) -> ir.Table:
    """Customers won in the `months` calendar months that ended `horizon` months before `as_of`: all of them could be followed since.

    customers, orders  →  customer_id | acquisition_channel, first_date, cohort (year × 12 + month of the first order)

    A customer registered before the data begin is an old one, whatever the first order in them. [S15]

    Raises ValueError if months < 1 or horizon < 0.
    """
    if months < 1 or horizon < 0:
        raise ValueError(f"months is {months} and horizon {horizon}; customers are won in a month or more and followed for 0 or more")
    last = _last_month(as_of) - horizon
    known = orders.filter(_.is_purchase, _.customer_id.notnull(), _.ordered_at < as_of)
    first = known.group_by("customer_id").aggregate(first_date=_.order_date.min())
    begin = orders.aggregate(begin_date=_.order_date.min())
    people = customers.select("customer_id", "registered_at", acquisition_channel=_.acquisition_channel.fill_null(UNKNOWN_CHANNEL))
    met = first.join(people, "customer_id").cross_join(begin)
    met = met.mutate(cohort=_month_number(met.first_date))
    won = met.filter(_.cohort > last - months, _.cohort <= last, _.registered_at.isnull() | (_.registered_at.date() >= _.begin_date))
    return won.select("customer_id", "acquisition_channel", "first_date", "cohort")


def _last_month(as_of: datetime) -> int:
    """Number of the last calendar month that has ended by `as_of`."""
    return as_of.year * 12 + as_of.month - 1


def _month_number(date: ir.DateColumn) -> ir.IntegerValue:
    return (date.year() * 12 + date.month()).cast("int64")


def _since_first(won: ir.Table, orders: ir.Table, as_of: datetime, gross_margin: float | None) -> ir.Table:
    """customer_id, period | revenue, margin, unknown: what won customers brought in each calendar month since the first order."""
    brought = orders.filter(_.customer_id.notnull(), _.ordered_at < as_of).select(
        "customer_id", "order_date", revenue=to_float(_.revenue), margin=order_margin(orders, gross_margin)
    )
    since = brought.join(won, "customer_id").filter(_.order_date >= _.first_date)
    since = since.mutate(period=_month_number(since.order_date) - since.cohort)
    return since.group_by("customer_id", "acquisition_channel", "cohort", "period").aggregate(
        revenue=_.revenue.sum(), margin=_.margin.sum(), unknown=_.count(where=_.margin.isnull())
    )


def channel_value(
    won: ir.Table,
    orders: ir.Table,
    marketing_spend: ir.Table,
    *,
    as_of: datetime,
    gross_margin: float | None = None,
    horizon: int = 6,
) -> pd.DataFrame:
    """What customers won through each channel cost, and what they had brought by the end of the `horizon`-th month after their first.

    won_customers(…), orders, marketing spend  →  acquisition_channel | customers, spend_amount, cost_per_customer, revenue_per_customer,
    margin_per_customer, margin_low, margin_high (95 %), revenue_return (revenue / spend), margin_return (margin / spend), return_low,
    return_high (95 %), adjusted_p, is_different, payback_month   (largest spend first, then most customers)

    Spend and customers are of the same months. `margin_return` is 1 where the money has just come back; its interval is for customers
    drawn anew, how many come among them. is_different: it differs from the other channels' together, false discoveries kept to one in
    twenty. payback_month: the first month since the first order by whose end the margin has covered the cost; null where it has not yet.
    What is unknown is null: a channel without spend has no cost, one whose orders lack a cost no margin. A channel is where a customer came
    from last, as the client records it: what else they had seen is not in it. [Hall 1992; S15 S16]
    """
    since = _since_first(won, orders, as_of, gross_margin)
    brought = since.filter(_.period <= horizon).group_by("customer_id", "acquisition_channel").aggregate(
        revenue=_.revenue.sum(), margin=_.margin.sum(), unknown=_.unknown.sum()
    )  # fmt: skip
    found = frame(
        brought.group_by("acquisition_channel").aggregate(
            customers=_.count(), revenue=_.revenue.sum(), margin=_.margin.sum(), unknown=_.unknown.sum(),
            squares=(_.margin * _.margin).sum(), cubes=(_.margin * _.margin * _.margin).sum(),
        )
    )  # fmt: skip
    told = found.merge(_spent(won, marketing_spend), on="acquisition_channel", how="left")
    told["margin"] = told["margin"].where(told["unknown"] == 0)
    told = told.sort_values(["spend_amount", "customers", "acquisition_channel"], ascending=[False, False, True], ignore_index=True)
    told = _with_returns(told.assign(cost_per_customer=told["spend_amount"] / told["customers"]))
    paid = _payback(_curves(since, won, as_of), told)
    told = told.assign(payback_month=told["acquisition_channel"].map(paid.get).astype("float64"))
    kinds = {"acquisition_channel": "str", "customers": "int64", "is_different": "bool"}
    return told.reindex(columns=COLUMNS).astype({name: kinds.get(name, "float64") for name in COLUMNS})


def _spent(won: ir.Table, marketing_spend: ir.Table) -> pd.DataFrame:
    """acquisition_channel | spend_amount of the months in which customers were won."""
    months = won.aggregate(first_month=_.cohort.min(), last_month=_.cohort.max())
    dated = marketing_spend.mutate(month=_month_number(marketing_spend.spent_at.date())).cross_join(months)
    spent = dated.filter(_.month >= _.first_month, _.month <= _.last_month)
    return frame(spent.group_by(acquisition_channel="channel").aggregate(spend_amount=_.spend_amount.sum()))


def _with_returns(told: pd.DataFrame) -> pd.DataFrame:
    means, returns = [], []
    for row in told.itertuples():
        n, spend, mean = row.customers, row.spend_amount, row.margin / row.customers
        square, cube = row.squares - n * mean**2, row.cubes - 3 * mean * row.squares + 2 * n * mean**3
        variance = max(square, 0.0) / max(n - 1, 1) / n if n > 1 else math.nan
        means.append(skewed_interval(mean, variance, _skewness(square / n**2, cube / n**3)))
        is_paid = spend > 0
        total = row.margin / spend if is_paid else math.nan
        returns.append(skewed_interval(total, row.squares / spend**2 if is_paid else math.nan, _skewness(row.squares, row.cubes)))
    told = told.assign(
        revenue_per_customer=told["revenue"] / told["customers"],
        margin_per_customer=told["margin"] / told["customers"],
        margin_low=pd.Series([low for low, _high in means], dtype="float64"),
        margin_high=pd.Series([high for _low, high in means], dtype="float64"),
        revenue_return=told["revenue"] / told["spend_amount"].where(told["spend_amount"] > 0),
        margin_return=told["margin"] / told["spend_amount"].where(told["spend_amount"] > 0),
        return_low=pd.Series([low for low, _high in returns], dtype="float64"),
        return_high=pd.Series([high for _low, high in returns], dtype="float64"),
    )
    told["adjusted_p"] = _apart(told)
    return told.assign(is_different=(told["adjusted_p"] <= 0.05).fillna(False))


def _skewness(squares: float, cubes: float) -> float:
    return cubes / squares**1.5 if squares > 0 else 0.0


def _apart(told: pd.DataFrame) -> pd.Series:
    """Chance of a return so far from that of the other paid channels together; nan where it cannot be asked."""
    paid = told[told["margin_return"].notna() & (told["customers"] >= SMALL_SAMPLE)]
    chances = []
    for i, row in paid.iterrows():
        rest = paid.drop(index=i)
        spend = rest["spend_amount"].sum()
        if not spend:
            continue
        apart = row["margin"] / row["spend_amount"] - rest["margin"].sum() / spend
        error = math.sqrt(row["squares"] / row["spend_amount"] ** 2 + rest["squares"].sum() / spend**2)
        chances.append((i, math.erfc(abs(apart) / error / math.sqrt(2)) if error > 0 else 1.0))
    adjusted = false_discovery([chance for _i, chance in chances])
    return pd.Series(dict(zip([i for i, _chance in chances], adjusted, strict=True)), dtype="float64").reindex(told.index)


def channel_curves(
    won: ir.Table, orders: ir.Table, channels: pd.DataFrame, *, as_of: datetime, gross_margin: float | None = None
) -> pd.DataFrame:
    """How the margin of a won customer adds up month by month since the first order, against what winning one cost.

    won_customers(…), orders, channel_value(…)  →  acquisition_channel, period (whole calendar months since) | customers (for whom it has
    ended), cumulative_margin (per customer), cost_per_customer

    Each month's margin is the mean over the customers for whom that month has ended, and the means are added up; a month that has ended for
    fewer than 30 of the channel's customers has no row, and none that has not happened. Channels in the order of `channels`. [S15 S16]
    """
    curves = _curves(_since_first(won, orders, as_of, gross_margin), won, as_of)
    told = (
        channels[channels["margin_per_customer"].notna()][["acquisition_channel", "cost_per_customer"]].rename_axis("place").reset_index()
    )
    merged = told.merge(curves, on="acquisition_channel").sort_values(["place", "period"], ignore_index=True)
    kinds = {"acquisition_channel": "str", "period": "int64", "customers": "int64"}
    return merged[list(CURVE_COLUMNS)].astype({name: kinds.get(name, "float64") for name in CURVE_COLUMNS})


def _curves(since: ir.Table, won: ir.Table, as_of: datetime) -> pd.DataFrame:
    """acquisition_channel, period | customers, cumulative_margin."""
    sizes = frame(won.group_by("acquisition_channel", "cohort").aggregate(customers=_.count()))
    sums = frame(since.group_by("acquisition_channel", "cohort", "period").aggregate(margin=_.margin.sum()))
    last = _last_month(as_of)
    ages = [
        (row.acquisition_channel, row.cohort, period, row.customers)
        for row in sizes.itertuples()
        for period in range(last - row.cohort + 1)
    ]
    grid = pd.DataFrame(ages, columns=["acquisition_channel", "cohort", "period", "customers"])
    filled = grid.merge(sums, on=["acquisition_channel", "cohort", "period"], how="left").fillna({"margin": 0.0})
    monthly = filled.groupby(["acquisition_channel", "period"], as_index=False)[["customers", "margin"]].sum()
    monthly = monthly[monthly["customers"] >= SMALL_SAMPLE].astype({"acquisition_channel": "object", "margin": "float64"})
    means = monthly["margin"] / monthly["customers"].astype("float64")
    return monthly.assign(cumulative_margin=means.groupby(monthly["acquisition_channel"]).cumsum()).drop(columns="margin")


def _payback(curves: pd.DataFrame, channels: pd.DataFrame) -> dict[str, int]:
    """Channel → first month by whose end the margin covers what a customer cost."""
    costs = channels[channels["margin"].notna()].set_index("acquisition_channel")["cost_per_customer"]
    cost = curves["acquisition_channel"].map(costs.to_dict()).astype("float64")
    return curves[curves["cumulative_margin"] >= cost].groupby("acquisition_channel")["period"].min().to_dict()
