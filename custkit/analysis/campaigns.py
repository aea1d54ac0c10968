"""Campaigns: when each ran, whom it reached in which group, and what those customers bought while it ran. [S7]"""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import wilson
from custkit.engine import frame, to_float
from custkit.tables import BOTH_ARMS
from custkit.words import mark

CONTROL, TREATMENT, CONTACTED, NO_OFFER = mark("control"), mark("treatment"), mark("contacted"), mark("no offer named")
WINDOW_DAYS = 365
# More offers than this are codes of their own for each customer, not versions of a campaign to be told apart.
MOST_OFFERS = 8
SUMMARY_COLUMNS = (
    "campaign_id", "campaign_name", "channel", "starts_at", "ends_at", "window_days", "is_over", "cost_amount", "has_control", "arm",
    "customers", "buyers", "conversion_rate", "low", "high", "orders", "spend", "spend_per_customer", "redeemed", "redemption_rate",
    "bought_without", "in_others",
)  # fmt: skip


def campaign_spans(campaigns: ir.Table, contacts: ir.Table, orders: ir.Table, *, as_of: datetime, follow_days: int = 30) -> ir.Table:
    """Say from when to when each campaign ran that was still running in the 365 days before `as_of`.

    campaigns, contacts, orders  →  campaign_id | campaign_name (its id where it has none), campaign_type, channel, cost_amount, starts_at,
    ends_at (exclusive, `as_of` at the latest), window_days (whole days between them, 1 or more), is_over, has_control (boolean),
    reached (customers, the control group not among them)

    A campaign without an end is followed for `follow_days`; one that is only known by its contacts begins with the first of them. One
    without contacts has no row, nor has one that began before the day of the first order: what it brought is not all known. [S7]

    Raises ValueError if follow_days < 1.
    """
    if follow_days < 1:
        raise ValueError(f"follow_days is {follow_days}; a campaign is followed for a day at least")
    is_control = (contacts.arm == CONTROL).fill_null(False)
    met = contacts.group_by("campaign_id").aggregate(
        first_contact=_.contacted_at.min(), reached=_.count(where=~is_control), has_control=is_control.any()
    )
    known = met.left_join(campaigns, "campaign_id").mutate(starts_at=ibis.coalesce(_.starts_at, _.first_contact))
    known = known.mutate(planned_end=ibis.coalesce(_.ends_at, _.starts_at + ibis.interval(days=follow_days)))
    known = known.cross_join(orders.aggregate(first_date=_.order_date.min()))
    told = known.filter(_.starts_at < as_of, _.planned_end > as_of - timedelta(days=WINDOW_DAYS), _.planned_end > _.starts_at)
    told = told.filter(_.starts_at.date() >= _.first_date)
    ended = told.mutate(is_over=_.planned_end <= as_of).mutate(ends_at=_.is_over.ifelse(_.planned_end, as_of))
    return ended.select(
        "campaign_id", "campaign_type", "channel", "cost_amount", "starts_at", "ends_at", "is_over", "has_control", "reached",
        campaign_name=_.campaign_name.fill_null(_.campaign_id),
        window_days=_whole_days(ended.starts_at, ended.ends_at),
    )  # fmt: skip


def _whole_days(start: ir.TimestampColumn, end: ir.TimestampColumn) -> ir.IntegerValue:
    """Days touched from `start` to `end`, which is exclusive."""
    last = (end - ibis.interval(microseconds=1)).date()
    return (last.delta(start.date(), unit="day") + 1).cast("int64")


def campaign_arms(contacts: ir.Table) -> ir.Table:
    """Say which group of its campaign each contacted customer is in.

    contacts  →  campaign_id, customer_id | arm, offer, redeemed_at

    arm: "contacted" where the campaign kept nobody back; else "control", and for the others "treatment", or the name of their offer where
    the campaign made two to eight. A contact without a group is treatment where only the control group is marked, and left out where both
    are; so is whoever stands in both groups, whatever was drawn for them. [S91]
    """
    is_control = (contacts.arm == CONTROL).fill_null(False)
    of_campaign = contacts.group_by("campaign_id").aggregate(
        has_control=is_control.any(),
        marks_treatment=(_.arm == TREATMENT).fill_null(False).any(),
        offers=_.offer.nunique(where=~is_control),
    )
    placed = contacts.left_join(of_campaign, "campaign_id").drop("campaign_id_right")
    placed = placed.filter(~_.has_control | ((~_.marks_treatment | _.arm.notnull()) & (_.arm != BOTH_ARMS).fill_null(True)))
    treated = placed.offers.between(2, MOST_OFFERS).ifelse(placed.offer.fill_null(NO_OFFER), TREATMENT)
    arm = ibis.cases((~placed.has_control, CONTACTED), ((placed.arm == CONTROL).fill_null(False), CONTROL), else_=treated)
    return placed.select("campaign_id", "customer_id", "offer", "redeemed_at", arm=arm)


def campaign_outcomes(spans: ir.Table, contacts: ir.Table, orders: ir.Table, *, gross_margin: float | None = None) -> ir.Table:
    """Tell what each customer of a campaign bought while it ran, and in as many days before.

    campaign_spans(…), contacts, orders  →  campaign_id, customer_id | arm, orders, spend, margin (currency; null where a cost
    is unknown), orders_before, spend_before, redeemed (boolean), in_others (boolean: contacted by another campaign that ran meanwhile)

    The days are the campaign's and not the contact's, so that both groups are followed over the same ones; who was to be contacted
    counts, whether or not the offer was used. A return slip lowers spend and is no order. margin: revenue less the cost of the goods, else
    `gross_margin` of revenue. [S7 S91]
    """
    placed = campaign_arms(contacts).join(spans.select("campaign_id", "starts_at", "ends_at", "window_days"), "campaign_id")
    placed = placed.mutate(before_at=_.starts_at - _.window_days.as_interval("D"))
    bought = orders.filter(_.customer_id.notnull()).select(
        "customer_id", "ordered_at", "is_purchase", "revenue", margin=order_margin(orders, gross_margin)
    )
    near = placed.join(bought, "customer_id").filter(_.ordered_at >= _.before_at, _.ordered_at < _.ends_at)
    now = near.ordered_at >= near.starts_at
    sums = near.group_by("campaign_id", "customer_id").aggregate(
        orders=_.count(where=now & _.is_purchase),
        spend=_.revenue.sum(where=now),
        margin=_.margin.sum(where=now),
        unknown=_.count(where=now & _.margin.isnull()),
        orders_before=_.count(where=~now & _.is_purchase),
        spend_before=_.revenue.sum(where=~now),
    )
    keys = ["campaign_id", "customer_id"]
    told = placed.left_join(sums, keys).drop("campaign_id_right", "customer_id_right")
    told = told.left_join(_in_others(placed), keys).drop("campaign_id_right", "customer_id_right")
    return told.select(
        *keys, "arm",
        orders=_.orders.fill_null(0),
        spend=to_float(_.spend).fill_null(0.0),
        margin=(_.unknown.fill_null(0) > 0).ifelse(ibis.null("float64"), _.margin.fill_null(0.0)),
        orders_before=_.orders_before.fill_null(0),
        spend_before=to_float(_.spend_before).fill_null(0.0),
        redeemed=_.redeemed_at.notnull(),
        in_others=_.in_others.fill_null(False),
    )  # fmt: skip


def order_margin(orders: ir.Table, gross_margin: float | None) -> ir.Value:
    """What is left of an order's revenue once the goods are paid; null where neither cost nor margin is known.

    A return slip that takes nothing off revenue leaves nothing and costs nothing.
    """
    share = ibis.null("float64") if gross_margin is None else ibis.literal(float(gross_margin))
    known = ibis.coalesce(to_float(orders.revenue) - to_float(orders.cost_amount), to_float(orders.revenue) * share)
    is_nothing = ~orders.is_purchase & (orders.revenue == 0)
    return is_nothing.ifelse(0.0, known)


def _in_others(placed: ir.Table) -> ir.Table:
    """Customers contacted, not merely kept back, by another campaign while one ran."""
    reached = placed.filter(_.arm != CONTROL).select("customer_id", other_id="campaign_id", other_start="starts_at", other_end="ends_at")
    met = placed.select("campaign_id", "customer_id", "starts_at", "ends_at").join(reached, "customer_id")
    met = met.filter(_.other_id != _.campaign_id, _.other_start < _.ends_at, _.other_end > _.starts_at)
    return met.group_by("campaign_id", "customer_id").aggregate(in_others=_.other_id.count() > 0)


def campaign_summary(spans: ir.Table, outcomes: ir.Table) -> pd.DataFrame:
    """What became of those whom each campaign reached, and of those it kept back.

    campaign_spans(…), campaign_outcomes(…)  →  campaign_id, arm | campaign_name, channel, starts_at, ends_at, window_days, is_over,
    cost_amount, has_control, customers, buyers, conversion_rate, low, high (95 %), orders, spend, spend_per_customer, redeemed,
    redemption_rate, bought_without (buyers who did not use the offer), in_others (customers also contacted by another campaign)

    Latest campaign first, control last. Without a control group the conversion rate is that of customers who might have bought anyway: not
    incremental, and `has_control` says so. [S7]
    """
    counted = frame(
        outcomes.group_by("campaign_id", "arm").aggregate(
            customers=_.count(),
            buyers=_.count(where=_.orders > 0),
            orders=_.orders.sum(),
            spend=_.spend.sum(),
            redeemed=_.count(where=_.redeemed),
            bought_without=_.count(where=(_.orders > 0) & ~_.redeemed),
            in_others=_.count(where=_.in_others),
        )
    )
    told = counted.merge(frame(spans), on="campaign_id", validate="many_to_one")
    bounds = [wilson(int(k), int(n)) for k, n in zip(told["buyers"], told["customers"], strict=True)]
    told = told.assign(
        conversion_rate=told["buyers"] / told["customers"],
        low=pd.Series([low for low, _high in bounds], index=told.index, dtype="float64"),
        high=pd.Series([high for _low, high in bounds], index=told.index, dtype="float64"),
        spend_per_customer=told["spend"] / told["customers"],
        redemption_rate=told["redeemed"] / told["customers"],
        place=(told["arm"] == CONTROL).astype("int64"),
    )
    told = told.sort_values(["starts_at", "campaign_id", "place", "arm"], ascending=[False, True, True, True], ignore_index=True)
    return told[list(SUMMARY_COLUMNS)]
