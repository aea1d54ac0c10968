"""Everyone a campaign reached, and everyone it did not, with what they bought before, while it ran and afterwards. [S89]"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from custkit.analysis.campaigns import CONTROL
from custkit.engine import to_float

LOOKBACK_DAYS, MOST_DAYS = 365, 60
_RECENCIES, _FREQUENCIES, _SPENDS, _BEFORE = 4, 4, 5, 2
_KEYS = ["campaign_id", "is_placebo", "customer_id"]


def before_after_customers(spans: ir.Table, contacts: ir.Table, customers: ir.Table, orders: ir.Table, *, as_of: datetime) -> ir.Table:
    """Put beside everyone whom a campaign reached those it did not, with what they had bought until then and what they bought next.

    campaign_spans(…), contacts, customers, orders  →  campaign_id, is_placebo, customer_id | start_day, middle_day, later_day (days since
    1970), contacted (boolean), cell, is_best (boolean), bought_before, bought_after, bought_later (0 or 1), spend_before, spend_after,
    spend_later (currency)

    Only campaigns that are over and kept nobody back: a control group is the better comparison. Before, after and later are as many days
    each, the campaign's own and 60 at most: up to its first day, from it on, and from its end on; later is null where the data do not
    reach so far. Each campaign stands there twice: is_placebo has the same people as if it had begun one length earlier, when nothing
    had happened. cell: alike in how lately, how often and for how much they had bought in the 365 days before, and in the number of orders
    of the time before; is_best: the fifth that had spent most. Untouched is who was reached by no campaign that ran meanwhile. Everybody
    had been registered before the time before began.

    Worked out once and kept on the engine for as long as the answer is: everything asked of it asks it several times. [S89 S90]
    """
    rounds = _rounds(spans, orders)
    met = _population(rounds, spans, contacts, customers).left_join(_behaviour(rounds, orders), _KEYS)
    met = met.drop(*(f"{key}_right" for key in _KEYS))
    counts = {name: met[name].fill_null(0) for name in ("orders_before", "orders_after", "orders_later", "year_orders", "last_day")}
    money = {name: met[name].fill_null(0.0) for name in ("spend_before", "spend_after", "spend_later", "year_spend")}
    told = _with_cells(met.mutate(**counts, **money))
    is_known = told.end_day + told.days <= ibis.literal(as_of.date()).epoch_days()
    bought = {when: to_float((told[f"orders_{when}"] > 0).ifelse(1, 0)) for when in ("before", "after", "later")}
    unknown = ibis.null("float64")
    return told.select(
        *_KEYS, "start_day", "contacted", "cell", "is_best", "spend_before", "spend_after",
        middle_day=told.start_day + told.days,
        later_day=told.end_day + told.days,
        bought_before=bought["before"],
        bought_after=bought["after"],
        bought_later=is_known.ifelse(bought["later"], unknown),
        spend_later=is_known.ifelse(told.spend_later, unknown),
    ).cache()  # fmt: skip


def _rounds(spans: ir.Table, orders: ir.Table) -> ir.Table:
    """Each campaign that is over and kept nobody back, twice, where the orders reach back to the time before."""
    own = spans.filter(_.is_over, ~_.has_control)
    real = own.select(
        "campaign_id",
        days=(own.window_days < MOST_DAYS).ifelse(own.window_days, MOST_DAYS).cast("int64"),
        start_day=_day(own.starts_at),
        end_day=_day(own.ends_at - ibis.interval(microseconds=1)) + 1,
        is_placebo=ibis.literal(False),
    )
    shifted = real.mutate(start_day=_.start_day - _.days, end_day=_.start_day, is_placebo=ibis.literal(True))
    first = orders.aggregate(first_day=_day(_.ordered_at).min())
    both = real.union(shifted).cross_join(first)
    return both.filter(_.start_day - _.days >= _.first_day).drop("first_day")


def _day(column: Any) -> Any:
    return column.date().epoch_days().cast("int64")


def _population(rounds: ir.Table, spans: ir.Table, contacts: ir.Table, customers: ir.Table) -> ir.Table:
    """campaign_id, is_placebo, customer_id | contacted, and the round's days: who was there before, was reached, or left alone."""
    reached = contacts.filter((_.arm != CONTROL).fill_null(True)).select("campaign_id", "customer_id").distinct()
    busy = _meanwhile(spans).join(reached.select("customer_id", other_id="campaign_id"), "other_id")
    busy = busy.select("campaign_id", "customer_id").distinct().mutate(is_busy=ibis.literal(True))
    people = customers.select("customer_id", registered_day=_day(_.registered_at), closed_day=_day(_.closed_at))
    keys = ["campaign_id", "customer_id"]
    there = rounds.cross_join(people).filter(_.registered_day < _.start_day - _.days, _.closed_day.isnull() | (_.closed_day >= _.start_day))
    marked = there.left_join(reached.mutate(contacted=ibis.literal(True)), keys).drop("campaign_id_right", "customer_id_right")
    marked = marked.left_join(busy, keys).drop("campaign_id_right", "customer_id_right")
    marked = marked.mutate(contacted=_.contacted.fill_null(False), is_busy=_.is_busy.fill_null(False))
    return marked.filter(_.contacted | ~_.is_busy).drop("is_busy", "registered_day", "closed_day")


def _meanwhile(spans: ir.Table) -> ir.Table:
    """Pairs of campaigns that ran at one time; each with itself too."""
    own = spans.select("campaign_id", "starts_at", "ends_at")
    others = spans.select(other_id="campaign_id", other_start="starts_at", other_end="ends_at")
    met = own.cross_join(others).filter(_.other_start < _.ends_at, _.other_end > _.starts_at)
    return met.select("campaign_id", "other_id")


def _behaviour(rounds: ir.Table, orders: ir.Table) -> ir.Table:
    """campaign_id, is_placebo, customer_id | orders and spend before, after and later, in the year before, and the day of the last one."""
    bought = orders.filter(_.customer_id.notnull()).select(
        "customer_id", "is_purchase", revenue=to_float(_.revenue), day=_.order_date.epoch_days().cast("int64")
    )
    near = rounds.cross_join(bought).filter(_.day >= _.start_day - LOOKBACK_DAYS, _.day < _.end_day + _.days)
    past = near.day < near.start_day
    times = {
        "before": past & (near.day >= near.start_day - near.days),
        "after": ~past & (near.day < near.start_day + near.days),
        "later": near.day >= near.end_day,
    }
    counts = {f"orders_{when}": _.count(where=time & _.is_purchase) for when, time in times.items()}
    money = {f"spend_{when}": _.revenue.sum(where=time) for when, time in times.items()}
    return near.group_by(_KEYS).aggregate(
        **counts,
        **money,
        year_orders=_.count(where=past & _.is_purchase),
        year_spend=_.revenue.sum(where=past),
        last_day=_.day.max(where=past & _.is_purchase),
    )


def _with_cells(met: ir.Table) -> ir.Table:
    scored = met.mutate(
        recency=_part(met.last_day, _RECENCIES),
        frequency=_part(met.year_orders, _FREQUENCIES),
        amount=_part(met.year_spend, _SPENDS),
        lately=(met.orders_before < _BEFORE).ifelse(met.orders_before, _BEFORE).cast("int64"),
    )
    cell = ((scored.recency * 10 + scored.frequency) * 10 + scored.amount) * 10 + scored.lately
    return scored.mutate(cell=cell, is_best=scored.amount == _SPENDS - 1)


def _part(column: ir.NumericColumn, parts: int) -> ir.IntegerValue:
    """Which of so many equal parts a value lies in among those compared, 0 the lowest; equal values lie in one."""
    among = ibis.window(group_by=["campaign_id", "is_placebo"], order_by=column)
    return (ibis.percent_rank().over(among) * parts).floor().cast("int64").clip(0, parts - 1)
