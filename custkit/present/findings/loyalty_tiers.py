"""Sentences of the notebook loyalty_tracking about stops, points, near upgrades, the score by tier, and the same customers' steps."""

from __future__ import annotations

import pandas as pd

from custkit import words
from custkit.analysis.ladder import growth_stops
from custkit.analysis.rates import SMALL_SAMPLE, shares_differ
from custkit.analysis.recommendation import EVERYBODY
from custkit.present.finding import Fact, Finding
from custkit.words import _


def tier_stop_finding(stops: pd.DataFrame, *, follow_days: int = 90) -> Finding:
    """Whether members stop where they reach a tier.

    tier_stops(…)  →  Finding. Only a stop is claimed, never a spur: whoever reaches a tier may be about to buy more anyway. [S65]
    """
    if stops.empty:
        return Finding(
            _("Not estimated: fewer than {n} members reached a tier, or just missed one, who could be followed for {days}.").format(
                n=words.number(SMALL_SAMPLE, 0), days=words.days(follow_days)
            ),
            tone="quiet",
        )
    facts = tuple(
        Fact(
            f"tier_stop.{row.tier}",
            float(row.stop_share),
            "share",
            n=int(row.reached),
            low=float(row.stop_low),
            high=float(row.stop_high),
            window=_("{days} after the order").format(days=words.days(follow_days)),
            definition=_(
                "1 - members who reached the tier and bought again / those who would have, as near-misses who had ordered as often did; "
                "95% interval for all tiers together."
            ),
        )
        for row in stops.itertuples()
    )
    stopped = stops[stops["stop_low"] > 0]
    if stopped.empty:
        return Finding(
            _("No tier makes its members stop, as far as can be told from chance."),
            _("After reaching a tier they buy again at least as often as near-misses do."),
            facts,
            tone="quiet",
        )
    row = stopped.sort_values(["stop_share", "tier"], ascending=[False, True]).iloc[0]
    filled = {
        "tier": _(row["tier"]),
        "share": words.share(row["stop_share"]),
        "low": words.share(row["stop_low"]),
        "high": words.share(row["stop_high"]),
        "reached": words.share(row["again_reached"]),
        "missed": words.share(row["again_missed"]),
        "days": words.days(follow_days),
    }
    return Finding(
        _("Of the members who would have bought again after reaching {tier}, {share} stop.").format(**filled),
        _(
            "Within {days} {reached} bought again; of near-misses who had ordered as often, {missed}. "
            "The stop lies between {low} and {high}."
        ).format(**filled),
        facts,
    )  # fmt: skip


def points_finding(flow: pd.DataFrame, ageing: pd.DataFrame, lapsed: pd.DataFrame) -> Finding:
    """What members hold, what it is worth and how much lapses unused.

    points_by_month(…), points_ageing(…), breakage(…)  →  Finding [S67]
    """
    if flow.empty:
        return Finding(_("Not estimated: the client's data hold no points."), tone="quiet")
    held = float(flow["closing_points"].iloc[-1])
    facts = [Fact("points.held", held, "count", definition=_("Points held by all members at the end of the period."))]
    headline = _("Members hold {points} points.").format(points=words.number(held, 0))
    sentences = []
    if ageing["liability"].notna().any():
        owed = float(ageing["liability"].sum())
        facts.append(Fact("points.liability", owed, "money", definition=_("Points held × the value of a point; no breakage taken off.")))
        headline = _("Members hold {points} points, a liability of {money}.").format(points=words.number(held, 0), money=words.money(owed))
    else:
        sentences.append(_("What they are worth is not told: the client file gives no `point_value`."))
    if lapsed.empty:
        sentences.append(_("Breakage is not estimated: no points have lapsed so far, or no lapse is recorded."))
    else:
        row = lapsed.iloc[0]
        facts.append(
            Fact(
                "points.breakage",
                float(row["breakage_rate"]),
                "share",
                numerator=float(row["lapsed_points"]),
                denominator=float(row["due_points"]),
                n=int(row["members"]),
                low=float(row["breakage_low"]),
                high=float(row["breakage_high"]),
                definition=_("Points that lapsed unused / points whose time has run out; 95% interval over members."),
            )
        )
        sentences.append(
            _("Of points whose time has run out, {rate} lapsed unused ({low} to {high}).").format(
                rate=words.share(row["breakage_rate"]), low=words.share(row["breakage_low"]), high=words.share(row["breakage_high"])
            )
        )
    return Finding(headline, " ".join(sentences), tuple(facts))


def near_finding(near: pd.DataFrame) -> Finding:
    """How many members lack little to the next tier.

    near_upgrade_summary(…)  →  Finding [S67]
    """
    if near.empty:
        return Finding(_("No active member is known to stand just below a tier."), tone="quiet")
    n, lacking = int(near["members"].sum()), float(near["lacking_in_all"].sum())
    facts = (
        Fact("tiers.near", n, "count", n=n, definition=_("Active members whose spend of 365 days lacks at most 20% of the next tier's.")),
    )
    headline = words.ngettext(
        "{n} active member lacks at most a fifth to the next tier.", "{n} active members lack at most a fifth to the next tier.", n
    ).format(n=words.count(n))
    return Finding(headline, _("Together they lack {money}. Whom to write to is theirs.").format(money=words.money(lacking)), facts)


def same_customers_finding(steps: pd.DataFrame) -> Finding:
    """Up to which order the same customers spend more.

    same_customers_ladder(…)  →  Finding [S64]
    """
    last = growth_stops(steps)
    if last is None:
        return Finding(_("Not estimated: too few customers placed two orders."), tone="quiet")
    first, top = steps.iloc[0], steps.iloc[-1]
    facts = tuple(
        Fact(
            f"ladder.same.order_{int(row['order_number'])}",
            float(row["mean_order_value"]),
            "money",
            n=int(row["customers"]),
            low=float(row["value_low"]),
            high=float(row["value_high"]),
            definition=_("Mean order value of customers who placed all these orders; 95% interval."),
        )
        for row in (first, top)
    )
    filled = {
        "n": words.count(top["customers"]),
        "orders": words.number(top["order_number"], 0),
        "last": words.number(last, 0),
        "first": words.money(first["mean_order_value"]),
        "top": words.money(top["mean_order_value"]),
    }
    told = _("{n} customers placed {orders} orders or more: {first} at the first, {top} at order {orders}.").format(**filled)
    if last == 1:
        return Finding(_("The same customers spend no more from order to order: growth comes from ordering again."), told, facts)
    return Finding(
        _("The same customers spend more from order to order up to order {last}; there growth stops.").format(**filled), told, facts
    )


def habit_finding(habit: pd.DataFrame) -> Finding:
    """Whether the same customers come to use more offers from order to order.

    offer_habit(…)  →  Finding [S34]
    """
    if len(habit) < 2 or int(habit["customers"].iloc[0]) < SMALL_SAMPLE or not habit["offer_orders"].sum():
        return Finding(_("Not estimated: too few customers with many orders, or no offers."), tone="quiet")
    first, last = habit.iloc[0], habit.iloc[-1]
    filled = {
        "number": words.number(last["order_number"], 0),
        "first": words.share(first["offer_share"]),
        "last": words.share(last["offer_share"]),
        "given": words.money(last["given_per_customer"]),
    }
    facts = (
        Fact(
            "offers.habit",
            float(last["offer_share"] - first["offer_share"]),
            "share",
            n=int(last["customers"]),
            definition=_("Share of the last of these orders on offer, less that of the first, of the same customers."),
        ),
    )
    told = _("On offer were {first} of their first orders and {last} of their orders number {number}; by then each had been given {given}.")
    k1, n1, k2, n2 = (int(row[name]) for row in (last, first) for name in ("offer_orders", "customers"))
    if shares_differ(k1, n1, k2, n2) and last["offer_share"] > first["offer_share"]:
        return Finding(_("The same customers come to use more offers from order to order."), told.format(**filled), facts)
    return Finding(_("The same customers do not come to use more offers."), told.format(**filled), facts, tone="quiet")


def nps_finding(scores: pd.DataFrame) -> Finding:
    """The tier that recommends most, where tiers differ beyond chance.

    nps_tier_quarters(…)  →  Finding [S14]
    """
    whole = scores[(scores["quarter"] == EVERYBODY) & (scores["answers"] >= SMALL_SAMPLE)]
    if whole.empty:
        return Finding(
            _("Not estimated: no tier has {n} answers to whether members would recommend.").format(n=words.number(SMALL_SAMPLE, 0)),
            tone="quiet",
        )
    facts = tuple(
        Fact(
            f"nps.{row.tier}",
            float(row.nps),
            "share",
            n=int(row.answers),
            low=float(row.nps_low),
            high=float(row.nps_high),
            definition=_("(9 and 10 - 0 to 6) / answers, by the tier held when answering; 95% interval."),
        )
        for row in whole.itertuples()
    )
    best, worst = (whole.sort_values(["nps", "tier"]).iloc[place] for place in (-1, 0))
    filled = {
        "best": _(best["tier"]),
        "worst": _(worst["tier"]),
        "high": words.points(best["nps"], 0),
        "low": words.points(worst["nps"], 0),
        "n": words.count(whole["answers"].sum()),
    }
    told = _("Of {n} answers; it is the tier of the day of the answer.").format(**filled)
    if len(whole) > 1 and best["nps_low"] > worst["nps_high"]:
        return Finding(_("{best} recommends the shop most ({high}), {worst} least ({low}).").format(**filled), told, facts)
    return Finding(_("Tiers recommend the shop alike, as far as can be told from chance."), told, facts, tone="quiet")


def stop_share_measure(*, follow_days: int = 90) -> str:
    return _("of members who would have bought again within {days}, the share who did not; 95% interval").format(
        days=words.days(follow_days)
    )
