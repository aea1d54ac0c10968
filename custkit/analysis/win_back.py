"""Why customers have gone quiet, by plain rules in order, and whom to win back first."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.lifecycle import DORMANT, LOST
from custkit.analysis.next_order import Cycle, with_cycle
from custkit.engine import frame, to_float
from custkit.words import mark

(
    FAREWELL, NEVER, SENT_BACK, COMPLAINED, SLOW, SEASONAL, ONE_OFFER, ONCE, DRIFTED, STOPPED,
) = CAUSES = (
    "farewell", "never", "sent_back", "complained", "slow", "seasonal", "one_offer", "once", "drifted", "stopped",
)  # fmt: skip
CAUSE_NAMES = {
    FAREWELL: mark("said farewell"),
    NEVER: mark("never bought"),
    SENT_BACK: mark("sent goods back"),
    COMPLAINED: mark("complained"),
    SLOW: mark("slow rhythm, not late yet"),
    SEASONAL: mark("buys in one season"),
    ONE_OFFER: mark("bought once, on offer"),
    ONCE: mark("bought once"),
    DRIFTED: mark("drifted away: gaps grew"),
    STOPPED: mark("stopped in mid-rhythm"),
}
# Whom to call: the others said no, never came, or are not due yet.
WIN_BACK = (SENT_BACK, COMPLAINED, ONE_OFFER, ONCE, DRIFTED, STOPPED)
AFTER_DAYS = 60
UNHAPPY = 6.0
ON_OFFER = 0.1
_LATE, _SEASON_MONTHS, _A_YEAR_APART = 0.9, 3, 270
GREW = math.log(1.5)


def dormant_causes(stages: ir.Table, orders: ir.Table, surveys: ir.Table, gaps: ir.Table, *, cycle: Cycle, as_of: datetime) -> ir.Table:
    """Give each dormant or lost customer the likely cause: the first rule that fits.

    customer_stages, orders, surveys, customer_gaps, fit_cycle  →  customer_id | cause, last_date, waited (days), orders,
    last_year_spend (currency, of the 365 days up to the last order, less what was sent back)

    farewell    said so
    never       registered, never bought
    sent_back   goods sent back in the 60 days after the last order
    complained  a score of 6 or less in the 60 days around the last order
    slow        twice or more came back, and nine in ten of the own gaps would be longer or as long: not late yet
    seasonal    every order in the same three months of the year, over more than one year, and that season is not over yet
    one_offer   one day's purchase, a tenth or more of it taken off
    once        one day's purchase
    drifted     the last two gaps half as long again as the ones before
    stopped     the rest: in mid-rhythm

    A rule is a likely cause, not proof of one. [S68]
    """
    gone = stages.filter(_.stage.isin([DORMANT, LOST])).select("customer_id", "stage")
    known = gone.left_join(_bought(orders, as_of), "customer_id").drop("customer_id_right")
    for part in (_returned(orders, as_of), _unhappy(surveys, orders, as_of), _late(gaps, cycle)):
        known = known.left_join(part, "customer_id").drop("customer_id_right")
    known = known.mutate(
        waited=ibis.literal(as_of.date()).delta(known.last_date, unit="day").cast("int64"),
        apart=known.last_date.delta(known.first_date, unit="day").cast("int64"),
        order_days=known.order_days.fill_null(0),
    ).cache()
    cause = ibis.cases(
        (known.stage == LOST, FAREWELL),
        (known.order_days == 0, NEVER),
        (known.sent_back.fill_null(False), SENT_BACK),
        (known.unhappy.fill_null(False), COMPLAINED),
        ((known.known_gaps >= 2).fill_null(False) & (known.overdue < _LATE).fill_null(False), SLOW),
        ((known.apart >= _A_YEAR_APART) & (known.season <= _SEASON_MONTHS - 1) & (known.waited <= 365), SEASONAL),
        ((known.order_days == 1) & (known.offer_share >= ON_OFFER).fill_null(False), ONE_OFFER),
        (known.order_days == 1, ONCE),
        ((known.growth >= GREW).fill_null(False), DRIFTED),
        else_=STOPPED,
    )
    return known.mutate(cause=cause).select("customer_id", "cause", "last_date", "waited", "orders", "last_year_spend")


def _bought(orders: ir.Table, as_of: datetime) -> ir.Table:
    known = orders.filter(_.customer_id.notnull(), _.ordered_at < as_of)
    bought = known.filter(_.is_purchase)
    ended = bought.group_by("customer_id").aggregate(ends=_.order_date.max())
    back = known.join(ended, "customer_id")
    returned = (
        back.filter(back.ends.delta(back.order_date, unit="day") < 365)
        .group_by("customer_id")
        .aggregate(returned=_.return_amount.sum().fill_null(0))
    )
    dated = bought.join(ended, "customer_id").mutate(
        before=_.ends.delta(_.order_date, unit="day"),
        month=_.order_date.month().cast("int64"),
        offer=to_float(_.discount_amount.fill_null(0) + _.coupon_amount.fill_null(0)),
    )
    # Months since each of the twelve a season could begin in; the season that holds all orders in the fewest is theirs.
    since = {f"since_{start}": ((_.month + (12 - start)) % 12).max() for start in range(1, 13)}
    folded = dated.group_by("customer_id").aggregate(
        first_date=_.order_date.min(), last_date=_.order_date.max(), orders=_.count(), order_days=_.order_date.nunique(),
        spent=_.revenue.sum(where=_.before < 365), gross=_.gross_amount.sum(), off=_.offer.sum(), **since,
    )  # fmt: skip
    folded = folded.left_join(returned, "customer_id").drop("customer_id_right")
    return folded.select(
        "customer_id", "first_date", "last_date", "orders", "order_days",
        last_year_spend=(to_float(folded.spent) + to_float(folded.returned.fill_null(0))).clip(lower=0.0),
        season=ibis.least(*[folded[name] for name in since]),
        offer_share=folded.off / to_float(folded.gross).nullif(0.0),
    )  # fmt: skip


def _returned(orders: ir.Table, as_of: datetime) -> ir.Table:
    known = orders.filter(_.customer_id.notnull(), _.ordered_at < as_of)
    ended = known.filter(_.is_purchase).group_by("customer_id").aggregate(ends=_.order_date.max())
    back = known.filter((_.return_amount < 0).fill_null(False)).join(ended, "customer_id")
    day = back.order_date.delta(back.ends, unit="day")
    return back.filter(day >= 0, day <= AFTER_DAYS).select("customer_id").distinct().mutate(sent_back=ibis.literal(True))


def _unhappy(surveys: ir.Table, orders: ir.Table, as_of: datetime) -> ir.Table:
    ended = (
        orders.filter(_.is_purchase, _.customer_id.notnull(), _.ordered_at < as_of)
        .group_by("customer_id")
        .aggregate(ends=_.order_date.max())
    )
    told = surveys.filter(_.customer_id.notnull(), _.answered_at < as_of, (_.score <= UNHAPPY).fill_null(False)).join(ended, "customer_id")
    day = told.answered_at.date().delta(told.ends, unit="day")
    return told.filter(day >= -AFTER_DAYS, day <= AFTER_DAYS).select("customer_id").distinct().mutate(unhappy=ibis.literal(True))


def _late(gaps: ir.Table, cycle: Cycle) -> ir.Table:
    told = gaps.mutate(overdue=ibis.null("float64")) if cycle.refusal else with_cycle(gaps, cycle=cycle)
    return told.select("customer_id", known_gaps=_.gaps, overdue=_.overdue, growth=_.recent_log - _.earlier_log)


def win_back(causes: ir.Table, lifetimes: ir.Table) -> ir.Table:
    """Whom to win back, and what is at stake.

    dormant_causes, customer_lifetimes  →  customer_id | cause, last_date, waited (days), orders, last_year_spend, expected_revenue,
    value_at_stake (currency)

    At stake is what the customer brought in the last year up to the last order, less what is expected in the next 12 months anyway (0
    where no model tells). Who said farewell, never bought, is not late yet or waits for the season is not on the list, nor who is
    worth nothing. [S68]
    """
    wanted = causes.filter(_.cause.isin(list(WIN_BACK)))
    expected = lifetimes.select("customer_id", expected_revenue=to_float(_.expected_revenue_12_months))
    joined = wanted.left_join(expected, "customer_id").drop("customer_id_right")
    stake: Any = (joined.last_year_spend - joined.expected_revenue.fill_null(0.0)).clip(lower=0.0)
    return joined.mutate(value_at_stake=stake).filter(_.value_at_stake > 0)


def cause_summary(causes: ir.Table, win_back: ir.Table) -> pd.DataFrame:
    """How many have gone quiet by cause, and what is at stake.

    dormant_causes, win_back  →  cause | customers, customer_share, waited (median days), last_year_spend, to_win_back (customers),
    value_at_stake; in the order of the rules, causes without customers left out
    """
    counted = frame(
        causes.group_by("cause").aggregate(
            customers=_.count(), waited=to_float(_.waited).quantile(0.5), last_year_spend=_.last_year_spend.sum()
        )
    ).set_index("cause")
    listed = frame(win_back.group_by("cause").aggregate(to_win_back=_.count(), value_at_stake=_.value_at_stake.sum())).set_index("cause")
    both = counted.join(listed).reindex([cause for cause in CAUSES if cause in counted.index]).rename_axis("cause").reset_index()
    everyone = max(int(both["customers"].sum()), 1)
    filled = both.fillna({"last_year_spend": 0.0, "to_win_back": 0, "value_at_stake": 0.0}).astype({"to_win_back": "int64"})
    filled.insert(2, "customer_share", filled["customers"] / everyone)
    return filled
