"""Sentences of the notebook loyalty_tracking: the ladder, tiers and points, stops after a tier, use of offers."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from scipy.stats import poisson

from custkit import words
from custkit.analysis.ladder import bottleneck
from custkit.analysis.rates import SMALL_SAMPLE, shares_differ, wilson
from custkit.analysis.tiers import NO_TIER
from custkit.present.finding import Fact, Finding
from custkit.words import _


def ladder_finding(ladder: pd.DataFrame, dips: pd.DataFrame, *, within_days: int = 180) -> Finding:
    """How many climb from the first order to the second, and the rung that holds customers back, if there is one.

    loyalty_ladder(…), ladder_dips(…)  →  Finding [S64]
    """
    told = ladder[ladder["at_risk"] > 0].set_index("order_number")
    if 1 not in told.index:
        return Finding(
            _("Not estimated: no first order lies {days} or more before the end of the period.").format(days=words.days(within_days)),
            tone="quiet",
        )
    first, top = told.loc[1], int(told.index.max())
    facts = [_step_fact(told.loc[number], int(number), within_days) for number in (1, *((top,) if top > 1 else ()))]
    headline = _("{rate} of customers buy again within {days} of their first order.").format(
        rate=words.share(first["go_on_rate"]), days=words.days(within_days)
    )
    sentences = []
    if top > 1:
        sentences.append(
            _("After order {number}, {rate} went on.").format(number=words.number(top, 0), rate=words.share(told.at[top, "go_on_rate"]))
        )
    deepest = bottleneck(dips)
    if deepest is not None:
        facts.append(_dip_fact(deepest))
        sentences.append(
            _("The bottleneck is order {number}: {rate} go on from it where the orders beside it suggest {expected}.").format(
                number=words.number(deepest["order_number"], 0),
                rate=words.share(deepest["go_on_rate"]),
                expected=words.share(deepest["expected_rate"]),
            )
        )
    elif dips.empty:
        sentences.append(_("A bottleneck is not estimated: too few orders in a row have enough customers."))
    else:
        sentences.append(_("No order holds customers back more than the orders beside it suggest."))
    lost = int((told["at_risk"] - told["went_on"]).max())
    worst = int((told["at_risk"] - told["went_on"]).idxmax())
    sentences.append(
        words.ngettext("Most stop after order {number}: {n} customer.", "Most stop after order {number}: {n} customers.", lost).format(
            number=words.number(worst, 0), n=words.count(lost)
        )
    )
    return Finding(headline, " ".join(sentences), tuple(facts))


def _step_fact(rung: pd.Series, number: int, within_days: int) -> Fact:
    return Fact(
        f"ladder.order_{number}.go_on_rate",
        float(rung["go_on_rate"]),
        "share",
        numerator=int(rung["went_on"]),
        denominator=int(rung["at_risk"]),
        n=int(rung["at_risk"]),
        low=float(rung["go_on_low"]),
        high=float(rung["go_on_high"]),
        window=_("orders placed {days} or more before the end of the period").format(days=words.days(within_days)),
        definition=_("Customers who bought again on a later day within {days} / customers with this order; 95% Wilson interval.").format(
            days=words.days(within_days)
        ),
    )


def _dip_fact(dip: pd.Series) -> Fact:
    return Fact(
        "ladder.bottleneck",
        float(dip["gap"]),
        "share",
        n=int(dip["at_risk"]),
        low=float(dip["gap_low"]),
        high=float(dip["gap_high"]),
        definition=_("Share that goes on, less what the orders before and after suggest; 95% interval for all orders together."),
    )


def tier_finding(activity: pd.DataFrame) -> Finding:
    """What members did with their points in the period, how many are idle, and who moved.

    tier_activity(…)  →  Finding [S67]
    """
    members = int(activity["members"].sum()) if len(activity) else 0
    if members == 0:
        return Finding(_("Not estimated: the client's data hold no loyalty programme."), tone="quiet")
    total = activity.drop(columns="tier").sum(min_count=1)
    expiring = total["expiring_points"]
    idle, earned, redeemed = int(total["idle_members"]), float(total["earned_points"]), float(total["redeemed_points"])
    facts = (
        Fact(
            "loyalty.idle_share",
            idle / members,
            "share",
            numerator=idle,
            denominator=members,
            n=members,
            window=_("180 days before the end of the period"),
            definition=_("Members who neither earned nor redeemed points / members."),
        ),
        Fact("loyalty.earned_points", earned, "count", n=members, definition=_("Points earned in the period.")),
        Fact("loyalty.redeemed_points", redeemed, "count", n=members, definition=_("Points redeemed in the period.")),
        Fact(
            "loyalty.expiring_points",
            _known(expiring),
            "count",
            n=members,
            window=_("90 days after the end of the period"),
            definition=_("Points that lapse unless used; points are used in the order in which they lapse."),
        ),
        Fact("loyalty.upgrades", int(total["upgrades"]), "count", n=members, definition=_("Moves to a higher tier in the period.")),
        Fact("loyalty.downgrades", int(total["downgrades"]), "count", n=members, definition=_("Moves to a lower tier in the period.")),
    )
    headline = _("{idle} of {members} members moved no points in 180 days ({share}).").format(
        idle=words.count(idle), members=words.count(members), share=words.share(idle / members)
    )
    sentences = [
        _("In the period members earned {earned} points and redeemed {redeemed}.").format(
            earned=words.count(earned), redeemed=words.count(redeemed)
        ),
        _("When points lapse the data do not say.")
        if pd.isna(expiring)
        else _("{n} lapse within 90 days unless used.").format(n=words.count(expiring)),
        _("Moves to a higher tier: {up}; to a lower one: {down}.").format(
            up=words.count(total["upgrades"]), down=words.count(total["downgrades"])
        ),
    ]
    apart = int(activity.loc[activity["tier"] == NO_TIER, "idle_members"].sum())  # never had one, or left
    if apart and len(activity) > 1:
        sentences.insert(0, _("{n} of the idle hold no tier.").format(n=words.count(apart)))
    return Finding(headline, " ".join(sentences), facts)


def offer_finding(monthly: pd.DataFrame) -> Finding:
    """How much of the last month was bought on offer, and whether that has changed.

    offers_by_month(…)  →  Finding [S34]
    """
    if monthly.empty or not monthly["offer_orders"].sum():
        return Finding(_("Not estimated: no order in the client's data had a coupon or a reduced price."), tone="quiet")
    last = monthly.iloc[-1]
    facts = (
        Fact(
            "offers.order_share",
            float(last["offer_share"]),
            "share",
            numerator=int(last["offer_orders"]),
            denominator=int(last["orders"]),
            n=int(last["orders"]),
            low=float(last["offer_low"]),
            high=float(last["offer_high"]),
            window=words.month(last["month"]),
            definition=_("Orders with a coupon or a reduced price / orders; 95% Wilson interval."),
        ),
        Fact(
            "offers.ever_share",
            _known(last["ever_offer_share"]),
            "share",
            window=_("since the data begin"),
            definition=_("Customers who ever used an offer / customers who ever ordered."),
        ),
    )
    headline = _("{share} of orders in {month} used an offer.").format(
        share=words.share(last["offer_share"]), month=words.month(last["month"])
    )
    ever = _("So far {share} of customers have used one.").format(share=words.share(last["ever_offer_share"]))
    return Finding(headline, f"{_change(monthly)} {ever}".strip(), facts)


def _change(monthly: pd.DataFrame) -> str:
    """The last month against the same month a year before, or where there is none against the month before."""
    last = monthly.iloc[-1]
    year_ago = f"{int(last['month'][:4]) - 1}{last['month'][4:]}"
    earlier = monthly[monthly["month"] == year_ago]
    earlier = earlier if len(earlier) else monthly.iloc[-2:-1]
    if earlier.empty:
        return ""
    before = earlier.iloc[0]
    filled = {"month": words.month(before["month"]), "share": words.share(before["offer_share"])}
    if not shares_differ(int(last["offer_orders"]), int(last["orders"]), int(before["offer_orders"]), int(before["orders"])):
        return _("No significant change on {month} ({share}).").format(**filled)
    if last["offer_share"] > before["offer_share"]:
        return _("That is more than in {month} ({share}).").format(**filled)
    return _("That is less than in {month} ({share}).").format(**filled)


def offer_only_finding(only: pd.DataFrame, *, min_orders: int = 3) -> Finding:
    """How many customers buy nothing but offers, beyond luck.

    offer_only(…)  →  Finding [S8, S34]
    """
    if only.empty:
        told = _("Not estimated: the data hold no offers, or nobody with {orders} orders or more.").format(
            orders=words.number(min_orders, 0)
        )
        return Finding(told, tone="quiet")
    customers = int(only["customers"].sum())
    if customers < SMALL_SAMPLE:
        return Finding(
            _("Not estimated: only {n} customers have {orders} orders or more.").format(
                n=words.count(customers), orders=words.number(min_orders, 0)
            ),
            tone="quiet",
        )
    always, luck = int(only["offer_only"].sum()), float(only["by_chance"].sum())
    margin = math.sqrt(float(((only["excess_high"] - only["excess"]) ** 2).sum()))
    low, high = always - luck - margin, always - luck + margin
    share_low, share_high = wilson(always, customers)
    facts = (
        Fact(
            "offers.only_on_offer",
            always / customers,
            "share",
            numerator=always,
            denominator=customers,
            n=customers,
            low=share_low,
            high=share_high,
            definition=_("Customers who bought every product of every order on offer / customers with {orders} orders or more.").format(
                orders=words.number(min_orders, 0)
            ),
        ),
        Fact(
            "offers.only_on_offer_excess",
            always - luck,
            "count",
            n=customers,
            low=low,
            high=high,
            definition=_(
                "Customers who bought on offer only, less those expected by luck from orders of the same month and size; 95% interval."
            ),
        ),
    )
    filled: dict[str, Any] = {
        "share": words.share(always / customers),
        "customers": words.count(customers),
        "orders": words.number(min_orders, 0),
        "always": words.count(always),
        "luck": words.number(luck, 0),
    }
    # Where luck explains less than one customer, the first one met is no pattern yet: counts that rare are Poisson, not normal.
    if low > 0 and float(poisson.sf(always - 1, luck)) <= 0.025 and always > 1:
        return Finding(
            _("{share} of customers with {orders} orders or more buy on offer only.").format(**filled),
            _("{always} of {customers} never bought anything at full price; luck would explain {luck}.").format(**filled),
            facts,
        )
    return Finding(
        _("No more customers buy on offer only than luck explains: {always} of {customers}, where {luck} are expected.").format(**filled),
        facts=facts,
        tone="quiet",
    )


def _known(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def ladder_measure(*, within_days: int = 180) -> str:
    """What the ladder's chart shows, as a line under its title."""
    return _("customers who went on to the next order within {days}, of those followed; 95% interval").format(days=words.days(within_days))


def tier_measure() -> str:
    return _("members by tier; idle: neither earned nor redeemed points in 180 days")


def stop_measure(*, follow_days: int = 90) -> str:
    return _("bought again within {days} after reaching the tier, less near-missers; 95% interval").format(days=words.days(follow_days))


def offer_measure() -> str:
    return _("share of the month's orders, and of all customers up to that month")


def bottleneck_number(dips: pd.DataFrame) -> int | None:
    """The bottleneck's order number, for the chart to highlight; None where there is none."""
    deepest = bottleneck(dips)
    return None if deepest is None else int(deepest["order_number"])
