"""How the shop does, month by month: revenue, buyers, what they spend, whether they come back, who goes quiet.

Every measure of every month comes from six passes over the tables, however many months are asked for: a customer's state (bought
in the trailing year, gone quiet …) holds from one month to another, so the engine counts the spans and the months are added up here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.client import Lifecycle
from custkit.engine import frame
from custkit.period import Period

WINDOW_DAYS = 365
MATURE_DAYS = 90
# A gap at the month's end is only told from a closed shop when it is longer than any gap seen, and than these days.
QUIET_DAYS = 3

COUNTS = (
    "customers", "orders", "guest_orders", "all_orders", "new_customers", "customer_months", "orders_ever",
    "repeat_customers", "repurchase_base", "repeat_customers_by_order", "repeat_customers_mature", "repurchase_base_mature",
    "repeat_customers_ever", "customers_ever",
    "churned", "churned_dormant", "churned_lost", "churn_base",
    "active_customers", "active_buyers", "registered", "first_buyers", "registered_mature", "first_buyers_mature",
)  # fmt: skip
COLUMNS = (
    "month", "complete", "last_order_date", "history_days",
    "revenue", "revenue_to_day", "known_revenue", "guest_revenue", "guest_revenue_share",
    "customers", "new_customers", "orders", "guest_orders", "all_orders", "items",
    "orders_per_customer", "aov", "aov_with_guests", "spend_per_customer", "items_per_order", "price_per_item",
    "revenue_year", "customer_months", "revenue_ever", "orders_ever",
    "average_spend_per_customer", "cumulative_spend_per_customer", "cumulative_aov",
    "repurchase_rate", "repeat_customers", "repurchase_base",
    "repurchase_rate_by_order", "repeat_customers_by_order",
    "repurchase_rate_mature", "repeat_customers_mature", "repurchase_base_mature",
    "repurchase_rate_all_time", "repeat_customers_ever", "customers_ever",
    "churn_rate", "churned", "dormant_rate", "churned_dormant", "lost_rate", "churned_lost", "churn_base",
    "activity_rate", "active_customers", "activity_rate_by_purchase", "active_buyers", "registered",
    "first_purchase_rate", "first_buyers", "first_purchase_rate_mature", "first_buyers_mature", "registered_mature",
)  # fmt: skip


def monthly_kpis(
    orders: ir.Table,
    customers: ir.Table,
    events: ir.Table,
    *,
    period: Period,
    rules: Lifecycle,
    months: int = 25,
    window_days: int = WINDOW_DAYS,
) -> pd.DataFrame:
    """Tell each of the `months` months that end with `period` in one row; months before the data begin are null.

    one row an order, customer, event  →  month | complete, revenue, customers, orders, aov, spend_per_customer, …   (money in currency)

    revenue, guest_revenue_share       all revenue; the part without a customer id (S97). Everything else is of known customers
    customers, orders                  who bought in the month, and how often (S17: orders_per_customer)
    aov, spend_per_customer            revenue / orders, revenue / customers of the month; never the mean of lines (S2 S18);
                                       average: of the last 12 months with data, per customer and month; cumulative: since the data begin
    repurchase_rate                    of those who bought in the trailing `window_days`, on two or more days (S1);
                                       also by order, mature (first purchase at least 90 days ago) and all time
    churn_rate                         of those who bought in the `dormant_days` before the month and had not left, dormant or lost at
                                       its end (S4, S60); each apart; null until the data reach back that far
    activity_rate                      seen in the last `active_days`, of all registered (S5); also by purchase alone
    first_purchase_rate                of all registered, bought at least once (S22); also mature (registered at least 90 days ago)
    complete                           false where orders stop before the month does, or the data begin after it does;
                                       last_order_date: the month's last day with an order
    revenue_to_day                     revenue up to that day of the month, in every month: for a last month that is not over
    history_days                       days of the trailing window that the data cover

    A customer who only returned something is no buyer of that month; the money counts. [S1 S2 S4 S5 S17 S18 S22 S97]

    Raises ValueError if months < 1 or window_days < 1.
    """
    if months < 1 or window_days < 1:
        raise ValueError(f"months is {months}, window_days is {window_days}; both are at least 1")
    last = _index(period)
    span = range(last - months + 1, last + 1)
    orders = orders.filter(orders.ordered_at < period.end)
    purchases = orders.filter(orders.is_purchase, orders.customer_id.notnull())
    every_day = frame(orders.group_by("order_date").aggregate(orders=_.is_purchase.ifelse(1, 0).sum(), revenue=_.revenue.sum()))
    days = every_day[every_day["orders"] > 0].sort_values("order_date")
    first = days["order_date"].min() if len(days) else None
    sums = _sums(orders, range(min(span[0], last if first is None else _index_of(first)), last + 1))
    kpis = (
        sums.join(_repurchase(purchases, span, window_days))
        .join(_customers_to_date(purchases, customers, sums.index, period.end))
        .join(_churn_and_activity(purchases, customers, events, span, period, rules))
        .loc[list(span)]
    )
    kpis["month"] = [str(_period(i)) for i in span]
    kpis["complete"] = _complete(days["order_date"], span, period)
    kpis["last_order_date"] = _last_dates(days["order_date"], span)
    kpis["revenue_to_day"] = _to_day(every_day, kpis["last_order_date"].iloc[-1], span)
    kpis["history_days"] = [_history_days(first, _period(i), window_days) for i in span]
    kpis = _with_rates(kpis)
    return _blank_before_data(kpis, first, span, rules)[list(COLUMNS)].reset_index(drop=True)


def _sums(orders: ir.Table, span: range) -> pd.DataFrame:
    """Month by month: revenue, buyers, orders, items; running totals too."""
    folded = (
        orders.mutate(month=month_index(orders.ordered_at))
        .filter(_.customer_id.notnull())
        .group_by("month", "customer_id")
        .aggregate(
            orders=_.is_purchase.ifelse(1, 0).sum(),
            items=_.items.sum(where=_.is_purchase),
            revenue=_.revenue.sum(),
        )
    )
    known = frame(
        folded.group_by("month").aggregate(
            customers=(folded.orders > 0).ifelse(1, 0).sum(),
            orders=folded.orders.sum(),
            items=folded["items"].sum(),
            known_revenue=folded.revenue.sum(),
        )
    )
    unlinked = orders.filter(_.customer_id.isnull()).mutate(month=month_index(_.ordered_at))
    guests = frame(unlinked.group_by("month").aggregate(guest_orders=_.is_purchase.ifelse(1, 0).sum(), guest_revenue=_.revenue.sum()))
    sums = known.set_index("month").join(guests.set_index("month"), how="outer").reindex(list(span))
    has_items = sums["items"].notna().any()
    sums = sums.astype("float64").fillna(0.0)
    if not has_items:
        sums["items"] = np.nan
    sums["all_orders"] = sums["orders"] + sums["guest_orders"]
    sums["revenue"] = sums["known_revenue"] + sums["guest_revenue"]
    sums["revenue_ever"] = sums["known_revenue"].cumsum()
    sums["revenue_year"] = sums["known_revenue"].rolling(12, min_periods=1).sum()
    sums["orders_ever"] = sums["orders"].cumsum()
    sums["customer_months"] = sums["customers"].rolling(12, min_periods=1).sum()
    return sums


def _repurchase(purchases: ir.Table, span: range, window_days: int) -> pd.DataFrame:
    """Who bought on one and on two days of the trailing window, at each month's end.

    At a month's end only the last purchase day and the one before it matter: both stay inside the window until `window_days`
    after them, so each customer's last day of a month stands for a span of months that ends with the next purchase.
    """
    low, high = span[0], span[-1] + 1
    window = ibis.window(group_by="customer_id", order_by="order_date")
    days = purchases.group_by("customer_id", "order_date").aggregate(day_orders=_.count())
    numbered = days.mutate(
        previous=_.order_date.lag().over(window),
        following=_.order_date.lead().over(window),
        first_date=_.order_date.min().over(ibis.window(group_by="customer_id", order_by="order_date", rows=(None, 0))),
    )
    dated = numbered.mutate(start=month_index(_.order_date), stop=ibis.coalesce(month_index(_.following), high))
    until = dated.filter(_.stop > _.start).mutate(
        bought=ibis.least(_.stop, month_index(_.order_date + ibis.interval(days=window_days))),
        repeated=ibis.least(_.stop, ibis.coalesce(month_index(_.previous + ibis.interval(days=window_days)), low)),
        mature=month_index(_.first_date + ibis.interval(days=MATURE_DAYS - 1)),
    )
    spans = until.select(
        start=_.start.clip(low, high),
        mature=ibis.greatest(_.start, _.mature).clip(low, high),
        bought=_.bought.clip(low, high),
        repeated=_.repeated.clip(low, high),
        ordered_twice=(_.day_orders >= 2).ifelse(_.bought, _.repeated).clip(low, high),
    )
    counted = frame(spans.filter(_.bought > _.start).group_by(*spans.columns).aggregate(n=_.count()))
    return pd.DataFrame(
        {
            "repurchase_base": _months(counted, "start", "bought", span),
            "repeat_customers": _months(counted, "start", "repeated", span),
            "repeat_customers_by_order": _months(counted, "start", "ordered_twice", span),
            "repurchase_base_mature": _months(counted, "mature", "bought", span),
            "repeat_customers_mature": _months(counted, "mature", "repeated", span),
        },
        index=list(span),
    )


def _customers_to_date(purchases: ir.Table, customers: ir.Table, months: pd.Index, end: datetime) -> pd.DataFrame:
    """New buyers of each month; how many have registered, bought, and bought on a second day so far."""
    first_days = (
        purchases.group_by("customer_id", "order_date")
        .aggregate(at=_.ordered_at.min())
        .mutate(day_number=ibis.row_number().over(ibis.window(group_by="customer_id", order_by="order_date")))
        .group_by("customer_id")
        .aggregate(first_at=_.at.min(where=_.day_number == 0), second_at=_.at.min(where=_.day_number == 1))
    )
    accounts = customers.filter(_.registered_at.isnull() | (_.registered_at < end)).select("customer_id", "registered_at")
    known = accounts.outer_join(first_days, "customer_id").mutate(opened_at=ibis.least(_.registered_at, _.first_at))
    everyone = known.select(
        registered=ibis.coalesce(month_index(_.opened_at), int(months[0])),
        mature=ibis.coalesce(month_index(_.opened_at.date() + ibis.interval(days=MATURE_DAYS - 1)), int(months[0])),
        bought=month_index(_.first_at),
        repeated=month_index(_.second_at),
    ).mutate(bought_mature=_.bought.notnull().ifelse(ibis.greatest(_.bought, _.mature), None))
    counted = frame(everyone.group_by(*everyone.columns).aggregate(n=_.count()))
    bought, repeated = (counted.groupby(name)["n"].sum().reindex(months, fill_value=0) for name in ("bought", "repeated"))
    opened, mature, bought_mature = (_so_far(counted, name, months) for name in ("registered", "mature", "bought_mature"))
    return pd.DataFrame(
        {
            "new_customers": bought,
            "customers_ever": bought.cumsum(),
            "repeat_customers_ever": repeated.cumsum(),
            "registered": opened,
            "first_buyers": bought.cumsum(),
            "registered_mature": mature,
            "first_buyers_mature": bought_mature,
        },
        index=months,
    )


def _so_far(counted: pd.DataFrame, name: str, months: pd.Index) -> pd.Series:
    """How many had come so far by the end of each month; those before the first month count from it on."""
    return counted.groupby(counted[name].clip(lower=months[0]))["n"].sum().reindex(months, fill_value=0).cumsum()


def _churn_and_activity(
    purchases: ir.Table, customers: ir.Table, events: ir.Table, span: range, period: Period, rules: Lifecycle
) -> pd.DataFrame:
    """At each month's end: seen lately; of those who were live at its start, gone dormant or lost. Equals `customer_stages`.

    One row a customer and month in which they were seen; it stands until the month in which they are seen again.
    """
    low, high = span[0], span[-1] + 1
    live, quiet, active = (ibis.interval(days=d) for d in (rules.dormant_days, rules.dormant_days, rules.active_days))
    window = ibis.window(group_by="customer_id", order_by="start")
    seen = _seen(purchases, customers, events, period.end)
    dated = seen.mutate(
        stop=ibis.coalesce(_.start.lead().over(window), high),
        bought_at=_.bought_at.max().over(ibis.window(group_by="customer_id", order_by="start", rows=(None, 0))),
        bought_before=_.bought_at.max().over(ibis.window(group_by="customer_id", order_by="start", rows=(None, -1))),
    )
    left = customers.filter(_.closed_at < period.end).select("customer_id", "closed_at")
    known = dated.left_join(left, "customer_id").mutate(
        farewell=(_.closed_at.notnull() & (_.bought_at.isnull() | (_.bought_at <= _.closed_at))).ifelse(month_index(_.closed_at), high),
        live_until=ibis.coalesce(month_index(_.bought_at + live), low - 1),
        live_before_until=month_index(_.bought_before + live),
        bought_lately_until=ibis.coalesce(month_index(_.bought_at + active), low - 1),
        quiet_from=month_index(_.seen_at + quiet),
        active_until=month_index(_.seen_at + active),
    )
    left_while_quiet = (_.farewell > _.start) & (_.farewell < _.stop) & (_.farewell <= _.live_until)
    left_while_seen = (_.farewell == _.start) & (_.live_before_until >= _.start)
    quiet_while_seen = (
        (_.quiet_from <= _.start)
        & (_.live_before_until >= _.start)
        & (_.farewell > _.start)
        & (_.closed_at.isnull() | (_.bought_before > _.closed_at) | (month_index(_.closed_at) >= _.start))
    )
    spans = known.select(
        start=_.start.clip(low, high),
        active=ibis.least(_.stop, _.active_until, _.farewell).clip(low, high),
        buying=ibis.least(_.stop, _.bought_lately_until, _.farewell).clip(low, high),
        live=(_.start + 1).clip(low, high),
        live_stop=(ibis.least(_.stop, _.live_until, _.farewell) + 1).clip(low, high),
        quiet=ibis.greatest(_.start + 1, _.quiet_from).clip(low, high),
        quiet_stop=ibis.least(_.stop, _.live_until + 1, _.farewell).clip(low, high),
        quiet_now=quiet_while_seen.fill_null(False).ifelse(_.start, low - 1).clip(low - 1, high),
        lost=(left_while_quiet | left_while_seen).fill_null(False).ifelse(_.farewell, low - 1).clip(low - 1, high),
    )
    counted = frame(spans.group_by(*spans.columns).aggregate(n=_.count()))
    at = list(span)
    dormant = _months(counted, "quiet", "quiet_stop", span) + counted.groupby("quiet_now")["n"].sum().reindex(at, fill_value=0).to_numpy()
    lost = counted.groupby("lost")["n"].sum().reindex(at, fill_value=0).to_numpy()
    return pd.DataFrame(
        {
            "active_customers": _months(counted, "start", "active", span),
            "active_buyers": _months(counted, "start", "buying", span),
            "churn_base": _months(counted, "live", "live_stop", span),
            "churned_dormant": dormant,
            "churned_lost": lost,
            "churned": dormant + lost,
        },
        index=at,
    )


def _seen(purchases: ir.Table, customers: ir.Table, events: ir.Table, end: datetime) -> ir.Table:
    """customer_id, start (month) | seen_at: last purchase, event or registration; bought_at: last purchase, null without one."""
    bought = purchases.select("customer_id", seen_at=_.ordered_at, bought_at=_.ordered_at)
    known = ibis.union(
        purchases.select("customer_id"), customers.filter(_.registered_at.isnull() | (_.registered_at < end)).select("customer_id")
    )
    acted = (
        events.filter(_.customer_id.notnull(), _.occurred_at < end)
        .semi_join(known, "customer_id")
        .select("customer_id", seen_at=_.occurred_at, bought_at=ibis.null(events.occurred_at.type()))
    )
    registered = customers.filter(_.registered_at < end).select(
        "customer_id", seen_at=_.registered_at, bought_at=ibis.null(customers.registered_at.type())
    )
    return (
        ibis.union(bought, acted, registered)
        .mutate(start=month_index(_.seen_at))
        .group_by("customer_id", "start")
        .aggregate(seen_at=_.seen_at.max(), bought_at=_.bought_at.max())
    )


def _months(counted: pd.DataFrame, start: str, stop: str, span: range) -> np.ndarray:
    """How many spans [start, stop) hold each month."""
    steps = np.zeros(len(span) + 1, dtype="int64")
    kept = counted[counted[stop] > counted[start]]
    np.add.at(steps, kept[start].to_numpy("int64") - span[0], kept["n"].to_numpy("int64"))
    np.add.at(steps, kept[stop].to_numpy("int64") - span[0], -kept["n"].to_numpy("int64"))
    return steps.cumsum()[:-1]


def _complete(order_dates: pd.Series, span: Sequence[int], period: Period) -> list[bool]:
    """False for the last month where orders stop long before it does, and for the first where they begin long after."""
    if order_dates.empty:
        return [False] * len(span)
    gaps = order_dates.diff().dt.days.max()
    longest = max(QUIET_DAYS, 0 if pd.isna(gaps) else int(gaps) - 1)
    first, last = order_dates.iloc[0], order_dates.iloc[-1]
    late = (first - pd.Timestamp(Period.of(first).start)).days > longest
    early = (pd.Timestamp(period.end) - last).days - 1 > longest
    broken = ({_index_of(first)} if late else set()) | (set(range(_index_of(last), _index(period) + 1)) if early else set())
    return [i >= _index_of(first) and i not in broken for i in span]


def _last_dates(order_dates: pd.Series, span: range) -> pd.Series:
    dates = pd.to_datetime(order_dates).astype("datetime64[us]")
    return dates.groupby(dates.dt.year * 12 + dates.dt.month - 1).max().reindex(list(span))


def _to_day(days: pd.DataFrame, last: pd.Timestamp, span: range) -> pd.Series:
    """Revenue of each month up to the day of the month on which the last month had its last order."""
    if pd.isna(last):
        return pd.Series(np.nan, index=list(span))
    dates = pd.to_datetime(days["order_date"])
    inside = days["revenue"].where(dates.dt.day <= last.day, 0.0)
    return inside.groupby(dates.dt.year * 12 + dates.dt.month - 1).sum().reindex(list(span), fill_value=0.0)


def _history_days(first: pd.Timestamp | None, month: Period, window_days: int) -> float:
    return np.nan if first is None else max(0, min(window_days, (pd.Timestamp(month.end) - first).days))


def _with_rates(kpis: pd.DataFrame) -> pd.DataFrame:
    def ratio(numerator: str, denominator: str) -> pd.Series:
        return kpis[numerator] / kpis[denominator].where(kpis[denominator] != 0)

    return kpis.assign(
        guest_revenue_share=ratio("guest_revenue", "revenue"),
        orders_per_customer=ratio("orders", "customers"),
        aov=ratio("known_revenue", "orders"),
        aov_with_guests=ratio("revenue", "all_orders"),
        spend_per_customer=ratio("known_revenue", "customers"),
        items_per_order=ratio("items", "orders"),
        price_per_item=ratio("known_revenue", "items"),
        average_spend_per_customer=ratio("revenue_year", "customer_months"),
        cumulative_spend_per_customer=ratio("revenue_ever", "customers_ever"),
        cumulative_aov=ratio("revenue_ever", "orders_ever"),
        repurchase_rate=ratio("repeat_customers", "repurchase_base"),
        repurchase_rate_by_order=ratio("repeat_customers_by_order", "repurchase_base"),
        repurchase_rate_mature=ratio("repeat_customers_mature", "repurchase_base_mature"),
        repurchase_rate_all_time=ratio("repeat_customers_ever", "customers_ever"),
        churn_rate=ratio("churned", "churn_base"),
        dormant_rate=ratio("churned_dormant", "churn_base"),
        lost_rate=ratio("churned_lost", "churn_base"),
        activity_rate=ratio("active_customers", "registered"),
        activity_rate_by_purchase=ratio("active_buyers", "registered"),
        first_purchase_rate=ratio("first_buyers", "registered"),
        first_purchase_rate_mature=ratio("first_buyers_mature", "registered_mature"),
    )


def _blank_before_data(kpis: pd.DataFrame, first: pd.Timestamp | None, span: range, rules: Lifecycle) -> pd.DataFrame:
    kpis = kpis.astype(dict.fromkeys(COUNTS, "Int64"))
    unknown = [name for name in COLUMNS if name not in ("month", "complete", "last_order_date")]
    begin = span[-1] + 1 if first is None else _index_of(first)
    kpis.loc[[i < begin for i in span], unknown] = pd.NA
    reach = [first is None or pd.Timestamp(_period(i).start) - pd.Timedelta(days=rules.dormant_days) < first for i in span]
    churn = ["churn_rate", "churned", "dormant_rate", "churned_dormant", "lost_rate", "churned_lost", "churn_base"]
    kpis.loc[reach, churn] = pd.NA
    return kpis


def month_index(moment: ir.TimestampValue | ir.DateValue) -> ir.IntegerValue:
    """Months since year 0, so that months can be counted: October 2026 is 24321."""
    return moment.year().cast("int64") * 12 + moment.month().cast("int64") - 1


def _index(period: Period) -> int:
    return period.year * 12 + period.month - 1


def _index_of(moment: datetime) -> int:
    return moment.year * 12 + moment.month - 1


def _period(index: int) -> Period:
    return Period(index // 12, index % 12 + 1)
