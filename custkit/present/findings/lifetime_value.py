"""What customers are worth and who is leaving, said in sentences, each with what speaks for it."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import pandas as pd

from custkit import words
from custkit.analysis.buy_till_you_die import MODEL_NAMES
from custkit.analysis.churn_risk import HIGH, HORIZON_DAYS, LOW, MEDIUM, RISK_NAMES, ChurnRisk
from custkit.analysis.early_features import EARLY_DAYS
from custkit.analysis.early_value import FEWEST_BACK, FEWEST_FOLLOWED, MODEL, RULE_NAMES, SPEND_ALONE, EarlyValue
from custkit.analysis.lifetime import PLAIN, PLAIN_NAME, Lifetime
from custkit.analysis.look_alikes import LookAlike
from custkit.analysis.next_order import FEWEST_CUSTOMERS, Cycle
from custkit.analysis.rates import SMALL_SAMPLE, shares_differ
from custkit.analysis.win_back import CAUSE_NAMES
from custkit.present.finding import Fact, Finding, Unit, show
from custkit.present.table import Shown, table
from custkit.words import _, mark, ngettext

CHOSEN, BY_THE_WAY = mark("chosen"), mark("may be believed")
MOVED, HELD = mark("moved"), mark("held")
PARAMETERS = {
    ("bg_nbd", "r"): mark("how alike customers are in how often they buy; above 1: quite alike"),
    ("bg_nbd", "alpha"): mark("weeks: the larger, the rarer the purchases, at the same r"),
    ("bg_nbd", "a"): mark("chance to leave after a purchase: a of a + b on average"),
    ("bg_nbd", "b"): mark("the larger at the same a, the fewer leave"),
    ("pareto_nbd", "s"): mark("how alike customers are in how soon they leave"),
    ("pareto_nbd", "beta"): mark("weeks: the larger, the later they leave, at the same s"),
}
# What a feature of the first 30 days is called, and how its value is read.
FEATURES: dict[str, tuple[str, Unit]] = {
    "early_spend": (mark("spend"), "money"),
    "early_days": (mark("days with a purchase"), "number"),
    "last_day": (mark("days from the first purchase to the last"), "number"),
    "first_day_share": (mark("share of spend on the first day"), "share"),
    "items_per_order": (mark("pieces an order"), "number"),
    "products_per_order": (mark("products an order"), "number"),
    "spend_per_item": (mark("spend a piece"), "money"),
    "categories": (mark("categories"), "number"),
    "offer_share": (mark("share taken off by offers"), "share"),
    "return_share": (mark("share sent back"), "share"),
    "visit_days": (mark("days with a visit"), "number"),
}
CAME_BY, BOUGHT_VIA = mark("came by {word}"), mark("bought first via {word}")
# Why a new customer looks like the best.
REASONS = {
    "early_days high": mark("bought on several days"), "early_days low": mark("bought on few days"),
    "last_day high": mark("still bought weeks later"), "last_day low": mark("bought within few days"),
    "first_day_share high": mark("spent most on the first day"), "first_day_share low": mark("spent on after the first day"),
    "items_per_order high": mark("many pieces an order"), "items_per_order low": mark("few pieces an order"),
    "products_per_order high": mark("many products an order"), "products_per_order low": mark("few products an order"),
    "spend_per_item high": mark("dear pieces"), "spend_per_item low": mark("cheap pieces"),
    "categories high": mark("many categories"), "categories low": mark("few categories"),
    "offer_share high": mark("bought on offer"), "offer_share low": mark("paid full prices"),
    "return_share high": mark("sent goods back"), "return_share low": mark("kept what was bought"),
    "visit_days high": mark("came to look often"), "visit_days low": mark("came to look seldom"),
}  # fmt: skip


# What they will bring


def model_name(name: str) -> str:
    """ "bg_nbd" → BG/NBD, "plain" → the plain rule, in the reader's words."""
    return _(MODEL_NAMES.get(name, PLAIN_NAME))


def reason(lifetime: Lifetime) -> str:
    """Why no purchase model may be believed."""
    shown = {name: words.share(value, 0) if name in ("share", "most") else words.count(value) for name, value in lifetime.gaps.items()}
    return _(lifetime.reason).format(**shown)


def worth_finding(ahead: pd.DataFrame, lifetime: Lifetime) -> Finding:
    """What today's customers will bring in the longest time that can be told, with its range."""
    if ahead.empty:
        return _quiet(_("What customers will bring is not estimated: {reason}.").format(reason=reason(lifetime)))
    row = ahead.iloc[-1]
    months = int(row["months"])
    customers = int(row["customers"])
    window = _("the {n} months from {day} on").format(n=words.number(months, 0), day=words.day(lifetime.as_of))
    headline = _("Today's customers will bring {revenue} in the next {n} months ({low} to {high}).").format(
        revenue=_round_money(row["expected_revenue"]), n=words.number(months, 0), low=_round_money(row["revenue_low"]),
        high=_round_money(row["revenue_high"]),
    )  # fmt: skip
    detail = [
        _("That is {orders} orders of {customers} customers; who is new by then comes on top.").format(
            orders=words.count(row["expected_orders"]), customers=words.count(customers)
        )
    ]
    if not math.isnan(row["expected_margin"]):
        detail.append(_("Of it {margin} is margin.").format(margin=_round_money(row["expected_margin"])))
    if not lifetime.accepted:
        detail.append(_("It is told by a plain rule, as no model may be believed: {reason}.").format(reason=reason(lifetime)))
    definition = _("Expected purchases of all customers so far times what they spend an order; 90% interval.")
    units: tuple[tuple[str, Unit], ...] = (("orders", "count"), ("revenue", "money"), ("margin", "money"))
    facts = [
        Fact(
            f"expected_{what}_{months}_months", float(row[f"expected_{what}"]), unit, n=customers, low=float(row[f"{what}_low"]),
            high=float(row[f"{what}_high"]), window=window, definition=definition,
        )
        for what, unit in units
        if not math.isnan(row[f"expected_{what}"])
    ]  # fmt: skip
    return Finding(headline, " ".join(detail), tuple(facts))


def forecast_table(ahead: pd.DataFrame) -> Shown:
    """Orders, revenue and margin of 3, 6 and 12 months with their ranges."""
    named = [ngettext("{n} month", "{n} months", int(n)).format(n=words.number(n, 0)) for n in ahead["months"]]
    told = pd.DataFrame({"horizon": pd.Series(named, dtype="object")})
    for what, unit in (("orders", "count"), ("revenue", "money"), ("margin", "money")):
        if ahead[f"expected_{what}"].isna().all():
            continue
        told[f"{what}_ahead"] = ahead[f"expected_{what}"].to_numpy()
        told[f"{what}_range"] = [
            _("{low} to {high}").format(low=show(low, unit), high=show(high, unit))
            for low, high in zip(ahead[f"{what}_low"], ahead[f"{what}_high"], strict=True)
        ]
    return table(told, note=_("Customers of today only. The range is a 90% interval."))


# Can it be trusted?


def trust_finding(lifetime: Lifetime) -> Finding:
    """How the chosen model did on weeks it had not seen, or why none may be believed."""
    told = lifetime.candidates[lifetime.candidates["chosen"]] if len(lifetime.candidates) else lifetime.candidates
    if not lifetime.accepted:
        detail = _("In its place stands the plain rule: customers will do as those did who stood there before.")
        if len(told) and not math.isnan(lifetime.off):
            detail += " " + _("Learnt from the weeks before, it would have missed the held-out weeks by {off}.").format(
                off=words.share(abs(lifetime.off), 0)
            )
        return Finding(
            _("No purchase model may be believed: {reason}.").format(reason=reason(lifetime)), detail, _off_fact(lifetime), "quiet"
        )
    row = told.iloc[0]
    weeks = round((lifetime.as_of - lifetime.cut).days / 7) if lifetime.cut else 0
    more = _("{off} too many") if lifetime.off > 0 else _("{off} too few")
    headline = _("The model foretold {expected} orders of {weeks} weeks it had not seen; {actual} came ({off}).").format(
        expected=words.count(row["expected_orders"]), weeks=words.number(weeks, 0), actual=words.count(row["actual_orders"]),
        off=more.format(off=words.share(abs(lifetime.off), 1)),
    )  # fmt: skip
    told_of = [
        _("{model} was chosen; it is fitted again on everything to look ahead.").format(model=model_name(lifetime.model)),
        _spend_sentence(lifetime),
    ]
    return Finding(headline, " ".join(part for part in told_of if part), _off_fact(lifetime))


def _spend_sentence(lifetime: Lifetime) -> str:
    spend = lifetime.spend
    if spend.refusal:
        return _("What an order brings is each customer's own mean, because {reason}.").format(reason=_(spend.refusal))
    return _("What an order brings is drawn towards everybody's mean of {mean} (Gamma-Gamma).").format(mean=words.money(spend.mean))


def _off_fact(lifetime: Lifetime) -> tuple[Fact, ...]:
    if math.isnan(lifetime.off):
        return ()
    row = lifetime.candidates[lifetime.candidates["chosen"]].iloc[0]
    return (
        Fact(
            "held_out_miss", lifetime.off, "share", numerator=float(row["expected_orders"] - row["actual_orders"]),
            denominator=float(row["actual_orders"]), n=lifetime.customers,
            definition=_("Purchases foretold for the held-out weeks less those made, of those made."),
        ),
    )  # fmt: skip


def candidates_table(lifetime: Lifetime) -> Shown:
    """The models that were tried: what they foretold of the held-out weeks, and why they were not chosen."""
    tried = lifetime.candidates
    verdict = [
        _(CHOSEN) if row.chosen else _refusal(row) if row.refusal else "" if row.model == PLAIN else _(BY_THE_WAY)
        for row in tried.itertuples()
    ]
    told = pd.DataFrame(
        {
            "model": [model_name(name) for name in tried["model"]],
            "orders_foretold": tried["expected_orders"].astype("float64"),
            "orders_made": tried["actual_orders"].astype("float64"),
            "off": tried["off"].astype("float64"),
            "decision": verdict,
        }
    )
    return table(told, note=_("Purchases of the held-out weeks; above 0: more were foretold than made."))


def _refusal(row: Any) -> str:
    shown = {"share": words.share(row.off, 0), "most": words.share(0.25, 0)}
    return _(row.refusal).format(**shown)


def tracking_measure(lifetime: Lifetime) -> str:
    """What the tracking plot counts."""
    if lifetime.cut is None:
        return ""
    return _("Repeat purchases so far, of customers known by {day}; the weeks after it are held out").format(day=words.day(lifetime.cut))


def held_out_title(lifetime: Lifetime) -> str:
    """In how many groups the purchases made lie within the range foretold."""
    held = lifetime.holdout
    inside = int(((held["actual_orders"] >= held["low"]) & (held["actual_orders"] <= held["high"])).sum())
    return _("In {n} of {all} groups the purchases lie within the range foretold.").format(
        n=words.number(inside, 0), all=words.number(len(held), 0)
    )


def held_out_measure(lifetime: Lifetime) -> str:
    """What the hold-out plot counts."""
    if lifetime.cut is None:
        return ""
    return _("Purchases a customer from {day} on, by repeat purchases before; bars are foretold, with 90% intervals").format(
        day=words.day(lifetime.cut)
    )


# Who is leaving


def leaving_finding(summary: pd.DataFrame, risk: ChurnRisk) -> Finding:
    """How many active customers are at high risk, and what they bring."""
    if risk.refusal or summary.empty:
        return _quiet(_("Churn risk is not estimated: {reason}.").format(reason=risk_reason(risk)))
    rows = summary.set_index("risk")
    customers, high = int(summary["customers"].sum()), rows.loc[HIGH]
    detail = _(
        "They brought {revenue} in the last year, {share} of what active customers brought. {low} have a low risk, {medium} a medium one."
    ).format(
        low=words.count(rows.loc[LOW, "customers"]), medium=words.count(rows.loc[MEDIUM, "customers"]),
        revenue=words.money(high["revenue"]), share=words.share(high["revenue_share"], 0),
    )  # fmt: skip
    window = _("the {days} from {day} on").format(days=words.days(HORIZON_DAYS), day=words.day(risk.as_of))
    facts = (
        Fact(
            "high_risk_customers", int(high["customers"]), "count", n=customers, window=window,
            definition=_("Active customers whose chance of buying nothing is two thirds or more."),
        ),
        Fact(
            "revenue_at_risk", float(summary["revenue_at_risk"].sum()), "money", n=customers, window=window,
            definition=_("Revenue of active customers in the last 365 days, each times the customer's risk."),
        ),
    )  # fmt: skip
    if not high["customers"]:
        headline = _("No active customer is at high risk of leaving.")
        detail = _("Of {customers} active customers {low} have a low risk and {medium} a medium one.").format(
            customers=words.count(customers), low=words.count(rows.loc[LOW, "customers"]), medium=words.count(rows.loc[MEDIUM, "customers"])
        )
        return Finding(headline, detail, facts, "quiet")
    headline = ngettext(
        "{n} of {all} active customers is at high risk of leaving.", "{n} of {all} active customers are at high risk of leaving.",
        int(high["customers"]),
    ).format(n=words.count(high["customers"]), all=words.count(customers))  # fmt: skip
    return Finding(headline, detail, facts)


def risk_reason(risk: ChurnRisk) -> str:
    """Why no risk is estimated."""
    return _(risk.refusal).format(days=words.days(3 * HORIZON_DAYS if "begin" in risk.refusal else HORIZON_DAYS), n=words.number(200, 0))


def risk_table(summary: pd.DataFrame) -> Shown:
    """The classes of risk now: size, mean risk, revenue, revenue at risk."""
    named = summary.assign(risk=[_(RISK_NAMES[name]) for name in summary["risk"]])
    note = _("Low: below a third; high: two thirds or more. Active customers only.")
    return table(named, bars=["customer_share", "revenue_share"], small="customers", note=note)


def calibration_finding(risk: ChurnRisk) -> Finding:
    """Whether the risk told 90 days ago came true, class by class, and whether it beats telling everybody the average."""
    if risk.refusal:
        return _quiet(_("The risk cannot be checked: {reason}.").format(reason=risk_reason(risk)))
    better = 1 - risk.brier / risk.brier_base if risk.brier_base > 0 else 0.0
    parts = [
        _("{risk} risk {told} and {came} ({low} to {high}, n = {n})").format(
            risk=_(RISK_NAMES[row.risk]), told=words.share(row.expected_share, 0), came=words.share(row.left_share, 0),
            low=words.share(row.low, 0), high=words.share(row.high, 0), n=words.count(row.customers),
        )
        for row in risk.classes.itertuples()
        if row.customers
    ]  # fmt: skip
    detail = _("Foretold to leave and left: {list}.").format(list=_("; ").join(parts))
    facts = [
        Fact(
            f"left_share_{row.risk}", float(row.left_share), "share", numerator=int(row.left), denominator=int(row.customers),
            low=float(row.low), high=float(row.high), window=_("{days} from {day} on").format(days=words.days(90), day=words.day(risk.cut)),
            definition=_("Bought nothing, of the customers whose risk was told before; 95% interval."),
        )
        for row in risk.classes.itertuples()
        if row.customers
    ]  # fmt: skip
    facts.append(
        Fact(
            "brier", risk.brier, "number", n=risk.customers,
            definition=_("Brier score: mean squared error of the risk, told 90 days before; the average alone gives {base}.").format(
                base=words.number(risk.brier_base, 3)
            ),
        )
    )  # fmt: skip
    if better <= 0 or not _told_apart(risk.calibration):
        return Finding(_("The risk tells no more than the average for all does."), detail, tuple(facts), "quiet")
    detail += " " + _("Its squared error is {share} smaller than if all were told the average.").format(share=words.share(better, 0))
    low, high = (risk.classes.set_index("risk").loc[name] for name in (LOW, HIGH))
    if min(low["customers"], high["customers"]) < SMALL_SAMPLE:
        headline = _("The risk told {days} ago came true better than the average for all would have.").format(days=words.days(HORIZON_DAYS))
        return Finding(headline, detail, tuple(facts))
    headline = _("Of those told a high risk {days} ago {high} bought nothing since, of those told a low one {low}.").format(
        days=words.days(HORIZON_DAYS), high=words.share(high["left_share"], 0), low=words.share(low["left_share"], 0)
    )
    return Finding(headline, detail, tuple(facts))


def _told_apart(groups: pd.DataFrame) -> bool:
    """Do fewer of those with the least risk leave than of those with the most, beyond chance?"""
    if len(groups) < 2:
        return False
    (n1, share1), (n2, share2) = ((int(row["customers"]), float(row["left_share"])) for _i, row in groups.iloc[[0, -1]].iterrows())
    return share1 < share2 and shares_differ(round(share1 * n1), n1, round(share2 * n2), n2)


def calibration_measure(risk: ChurnRisk) -> str:
    """What the calibration plot counts."""
    return _("Share that bought nothing in the {days} from {day} on, by tenths of the risk told before; with 95% intervals").format(
        days=words.days(HORIZON_DAYS), day=words.day(risk.cut)
    )


# Why they went quiet


def win_back_finding(causes: pd.DataFrame) -> Finding:
    """How many can be won back and what is at stake; the cause that holds most of it."""
    if causes.empty:
        return _quiet(_("Nobody has gone quiet."))
    gone, listed, stake = int(causes["customers"].sum()), int(causes["to_win_back"].sum()), float(causes["value_at_stake"].sum())
    if not listed:
        return _quiet(_("Of {gone} dormant or lost customers none is worth a letter.").format(gone=words.count(gone)))
    top = causes.sort_values(["value_at_stake", "cause"], ascending=[False, True]).iloc[0]
    detail = _(
        "Most of it lies with those who {cause}: {n} customers, {stake}. It is what they brought in the year before they left, not what "
        "a letter brings back. In all {gone} customers are dormant or lost."
    ).format(
        cause=_(WHO[top["cause"]]), n=words.count(top["to_win_back"]), stake=words.money(top["value_at_stake"]), gone=words.count(gone)
    )
    return Finding(
        ngettext(
            "{n} customer gone quiet is worth winning back: {stake} a year is at stake.",
            "{n} customers gone quiet are worth winning back: {stake} a year is at stake.", listed,
        ).format(n=words.count(listed), stake=words.money(stake)),
        detail,
        (
            Fact(
                "win_back_customers", listed, "count", n=gone,
                definition=_("Dormant customers, neither slow nor out of season, who said no farewell and brought more than is expected."),
            ),
            Fact(
                "value_at_stake", stake, "money", n=listed,
                definition=_("What they brought in the year up to their last order, less what is expected of them anyway."),
            ),
        ),
    )  # fmt: skip


WHO = {
    "sent_back": mark("sent goods back"), "complained": mark("complained"), "one_offer": mark("bought once, on offer"),
    "once": mark("bought once"), "drifted": mark("drifted away"), "stopped": mark("stopped in mid-rhythm"),
    "farewell": mark("said farewell"), "never": mark("never bought"), "slow": mark("buy slowly"), "seasonal": mark("buy in one season"),
}  # fmt: skip


def causes_table(causes: pd.DataFrame) -> Shown:
    """The causes in the order of the rules; the first that fits counts."""
    named = causes.assign(cause=[_(CAUSE_NAMES[name]) for name in causes["cause"]])
    note = _("Each customer counts under the first cause that fits, from top to bottom. A rule is a likely cause, not proof of one.")
    return table(named, bars=["customer_share"], small="customers", note=note)


def causes_measure(as_of: datetime) -> str:
    """What the chart of causes counts."""
    return _("Customers dormant or lost on {day}, by likely cause").format(day=words.day(as_of))


# When they order next


def due_finding(weeks: pd.DataFrame, cycle: Cycle, check: pd.DataFrame, tried: pd.DataFrame) -> Finding:
    """How many customers are expected to order in the next four weeks, how that came true before, and how good dates have been."""
    if cycle.refusal:
        reason_told = _(cycle.refusal).format(n=words.number(FEWEST_CUSTOMERS, 0))
        return _quiet(_("When customers order next is not estimated: {reason}.").format(reason=reason_told))
    four = weeks[weeks["week"] == 4].iloc[0]
    n = round(float(four["by_now"]))
    detail = [
        _("The usual gap between two purchases is {days}; a customer's own gaps count as much as everybody's from {n} gaps on.").format(
            days=words.days(cycle.usual_days), n=words.number(cycle.gaps_that_weigh_half)
        )
    ]
    facts = [
        Fact(
            "due_in_four_weeks", n, "count", low=float(four["by_now_low"]), high=float(four["by_now_high"]),
            window=_("the four weeks from {day} on").format(day=words.day(weeks["week_start"].iloc[0])),
            definition=_(
                "Sum over active customers of the chance of an order in these weeks: that of the own rhythm times the chance of still "
                "being a customer, corrected by what came of it in the weeks before."
            ),
        ),
        Fact(
            "usual_gap_days", cycle.usual_days, "days", n=cycle.customers,
            definition=_("Geometric mean of customers' gaps between purchase days, each customer counting once."),
        ),
    ]  # fmt: skip
    if len(tried):
        detail.append(
            _("Four weeks ago the same sum, not corrected, was {told}; {came} came.").format(
                told=words.count(round(float(tried["told"].iloc[0]))), came=words.count(tried["came"].iloc[0])
            )
        )
    if len(check) and int(check["told"].iloc[0]) - int(check["not_back"].iloc[0]) >= SMALL_SAMPLE:
        row = check.iloc[0]
        back = int(row["told"] - row["not_back"])
        detail.append(
            _(
                "Told {ago} ago, the range has passed for {told} customers: of the {back} who ordered again {share} did so within it "
                "({low} to {high}; {aim} was the aim), {early} earlier, {late} later; {gone} have not."
            ).format(
                ago=words.days(row["days"]), told=words.count(row["told"]), back=words.count(back),
                share=words.share(row["inside_share"], 0), low=words.share(row["low"], 0), high=words.share(row["high"], 0),
                aim=words.share(0.8, 0), early=words.count(row["early"]),
                late=words.count(row["late"]), gone=words.count(row["not_back"]),
            )
        )  # fmt: skip
        facts.append(
            Fact(
                "next_order_inside", float(row["inside_share"]), "share", numerator=int(row["inside"]), denominator=back,
                low=float(row["low"]), high=float(row["high"]),
                definition=_("Next orders within the range told before, of the customers whose range has passed and who ordered again."),
            )
        )  # fmt: skip
    headline = ngettext(
        "{n} customer of today is expected to order in the coming four weeks ({low} to {high}).",
        "{n} customers of today are expected to order in the coming four weeks ({low} to {high}).",
        n,
    ).format(n=words.count(n), low=words.count(round(four["by_now_low"])), high=words.count(round(four["by_now_high"])))
    return Finding(headline, " ".join(detail), tuple(facts))


def due_measure(as_of: datetime) -> str:
    """What the chart of due orders counts."""
    return _("Active customers expected to order next, by week from {day} on").format(day=words.day(as_of))


# New customers


def early_reason(fitted: EarlyValue) -> str:
    """Why nothing is told of new customers."""
    return _(fitted.refusal).format(
        n=words.number(FEWEST_FOLLOWED, 0), days=words.days(EARLY_DAYS + fitted.days), back=words.number(FEWEST_BACK, 0)
    )


def early_finding(fitted: EarlyValue) -> Finding:
    """Whether the first 30 days tell more of later spend than their spend alone does, on customers held out."""
    if fitted.refusal:
        return _quiet(_("What newcomers will spend is not estimated: {reason}.").format(reason=early_reason(fitted)))
    rows = fitted.quality.set_index("rule")
    model, alone, used = rows.loc[MODEL], rows.loc[SPEND_ALONE], rows.loc[fitted.chosen]
    n = int(used["customers"])
    order = _(
        "On {n} later customers all of it finds {model} of the perfect order of spend, spend alone {alone} (lead {lead}, {low} to {high})."
    )
    detail = [
        order.format(
            n=words.count(n), model=words.share(model["gini"], 0), alone=words.share(alone["gini"], 0),
            lead=words.points(model["gini_lead"]), low=words.points(model["lead_low"]), high=words.points(model["lead_high"]),
        ),
        _("In all {told} were told and {came} spent; the tenth expected to spend most spent {share} of it.").format(
            told=words.money(used["expected_spend"]), came=words.money(used["next_spend"]), share=words.share(used["top_share"], 0)
        ),
        _("The 80% ranges held {share} of customers.").format(share=words.share(used["inside_share"], 0)),
        _old(fitted),
    ]  # fmt: skip
    days = {name: words.day(day) for name, day in (("first", fitted.first), ("split", fitted.split), ("last", fitted.last)) if day}
    window = _("first purchases from {first} to {last}, held out from {split} on").format(**days)
    gini = _("Normalised Gini: how much of the perfect order of later spend the rule finds, 1 for all of it, 0 for none; 95% interval.")
    facts = [
        Fact(
            f"early_gini_{key}", float(row["gini"]), "number", n=n, low=float(row["gini_low"]), high=float(row["gini_high"]), window=window,
            definition=gini,
        )
        for key, row in (("model", model), ("spend_alone", alone))
    ]  # fmt: skip
    facts.append(
        Fact(
            "early_gini_lead", float(model["gini_lead"]), "number", n=n, low=float(model["lead_low"]), high=float(model["lead_high"]),
            window=window, definition=_("Lead of the model over the first 30 days' spend alone; 95% interval."),
        )
    )  # fmt: skip
    if not fitted.tells:
        nothing = _("Nothing in the first {days} tells what is spent in the next {next}, beyond chance.")
        return Finding(
            nothing.format(days=words.days(EARLY_DAYS), next=words.days(fitted.days)), " ".join(part for part in detail if part),
            tuple(facts), "quiet",
        )  # fmt: skip
    headline = (
        _("The first {days} tell more about the next {next} than their spend alone.")
        if fitted.chosen == MODEL
        else _("What customers spend in their first {days} tells the next {next} as well as anything else: the simple rule is used.")
    )
    told = headline.format(days=words.days(EARLY_DAYS), next=words.days(fitted.days))
    return Finding(told, " ".join(part for part in detail if part), tuple(facts), "plain" if n >= SMALL_SAMPLE else "quiet")


def _old(fitted: EarlyValue) -> str:
    if not fitted.old:
        return ""
    return _("{n} first seen in the first month of the data are left out: most of them were customers before.").format(
        n=words.count(fitted.old)
    )


def early_table(fitted: EarlyValue) -> Shown:
    """Both rules on the customers held out."""
    told = fitted.quality
    shown = pd.DataFrame(
        {
            "rule": [_(RULE_NAMES[name]) for name in told["rule"]],
            "customers": told["customers"],
            "spend_order": told["gini"].astype("float64"),
            "spend_told": told["expected_spend"],
            "spend_came": told["next_spend"],
            "inside_share": told["inside_share"],
            "top_share": told["top_share"],
            "decision": [_(CHOSEN) if chosen else "" for chosen in told["chosen"]],
        }
    )
    return table(shown, small="customers")


def early_measure(fitted: EarlyValue) -> str:
    """What the calibration plot of new customers counts."""
    return _("Mean spend of the {next} after the first {days}, by groups of what was expected; with 95% intervals").format(
        next=words.days(fitted.days), days=words.days(EARLY_DAYS)
    )


def newcomers_finding(summary: pd.DataFrame, fitted: EarlyValue, *, window_days: int = 90) -> Finding:
    """Who is about to spend big, of the customers whose first 30 days ended lately."""
    row = summary.iloc[0]
    n = int(row["customers"])
    if not fitted.tells or not n:
        if fitted.refusal:
            reason_told = early_reason(fitted)
        elif not fitted.tells:
            reason_told = _("nothing in their first {days} tells later spend, beyond chance").format(days=words.days(EARLY_DAYS))
        else:
            reason_told = _("nobody's first 30 days ended in the last {days}").format(days=words.days(window_days))
        return _quiet(_("No list of newcomers who are about to spend big: {reason}.").format(reason=reason_told))
    window = _("first {early} ended in the last {days}").format(early=words.days(EARLY_DAYS), days=words.days(window_days))
    detail = _("All {n} newcomers spent {spent} in their first days and will spend {expected} in the next {days}, these {big}.").format(
        n=words.count(n), spent=words.money(row["early_spend"]), expected=words.money(row["expected_spend"]), days=words.days(fitted.days),
        big=words.money(row["big_expected"]),
    )  # fmt: skip
    facts = (
        Fact(
            "about_to_spend_big", int(row["big"]), "count", n=n, window=window,
            definition=_("Newcomers expected to spend as much as the top tenth of those followed."),
        ),
        Fact("newcomers_expected_spend", float(row["expected_spend"]), "money", n=n, window=window, definition=_("Sum over newcomers.")),
    )  # fmt: skip
    headline = ngettext("{n} newcomer is about to spend big.", "{n} newcomers are about to spend big.", int(row["big"]))
    return Finding(headline.format(n=words.count(row["big"])), detail, facts, "plain" if row["big"] else "quiet")


# Look-alikes


def alike_finding(summary: pd.DataFrame, fitted: LookAlike) -> Finding:
    """How many new customers look like today's best, and how often that came true."""
    if fitted.refusal:
        reason_told = _(fitted.refusal).format(best=words.number(fitted.best, 0), customers=words.count(fitted.customers))
        return _quiet(_("Look-alikes of the best customers are not sought: {reason}.").format(reason=reason_told))
    row, quality = summary.iloc[0], fitted.quality.iloc[0]
    detail = [
        _(
            "Of {looked} earlier customers who looked most like them, {found} are among the best today: {precision} ({low} to {high}), "
            "where {base} of all are."
        ).format(
            looked=words.count(quality["looked_at"]), found=words.count(quality["looked_at_best"]),
            precision=words.share(quality["precision"], 0), low=words.share(quality["low"], 0), high=words.share(quality["high"], 0),
            base=words.share(quality["best_share"], 0),
        ),
        _("Of the tenth that spent most in their first {days} it is {share}.").format(
            days=words.days(EARLY_DAYS), share=words.share(quality["spend_precision"], 0)
        ),
    ]  # fmt: skip
    facts = (
        Fact(
            "look_alikes", int(row["look_alikes"]), "count", n=int(row["customers"]),
            definition=_("Newcomers who score as high as the tenth of those followed that looks most like today's best."),
        ),
        Fact(
            "look_alike_precision", float(quality["precision"]), "share", numerator=int(quality["looked_at_best"]),
            denominator=int(quality["looked_at"]), low=float(quality["low"]), high=float(quality["high"]),
            definition=_("Among the best today, of the tenth of customers held out that looked most like them; 95% interval."),
        ),
        Fact(
            "look_alike_lift", float(quality["lift"]), "number", n=int(quality["looked_at"]),
            definition=_("How many times more common the best are among them than among all held out."),
        ),
    )  # fmt: skip
    if not row["customers"]:
        return Finding(_("There are no newcomers who could look like the best."), " ".join(detail), facts, "quiet")
    if not fitted.tells:
        headline = _("Nothing in the first {days} tells who will be among the best, beyond chance.").format(days=words.days(EARLY_DAYS))
        return Finding(headline, " ".join(detail), facts, "quiet")
    headline = ngettext(
        "{n} of {all} newcomers looks like today's best did.", "{n} of {all} newcomers look like today's best did.",
        int(row["look_alikes"]),
    ).format(n=words.count(row["look_alikes"]), all=words.count(row["customers"]))  # fmt: skip
    expected = _("About {n} of them will be as good ({low} to {high}).").format(
        n=words.count(row["expected"]), low=words.count(row["low"]), high=words.count(row["high"])
    )
    return Finding(headline, " ".join([expected, *detail]) if row["look_alikes"] else " ".join(detail), facts)


def looks_table(fitted: LookAlike) -> Shown:
    """What today's best did in their first 30 days, beside the others; what tells them apart most comes first."""
    rows = fitted.looks.head(8)
    units = [_feature_unit(name) for name in rows["feature"]]
    shown = pd.DataFrame(
        {
            "feature": [feature_name(name) for name in rows["feature"]],
            "best_mean": rows["best_mean"].astype("float64"),
            "others_mean": rows["others_mean"].astype("float64"),
            "unit": pd.Series(units, dtype="object", index=rows.index),
        }
    )
    return table(
        shown, units_by={"best_mean": "unit", "others_mean": "unit"}, note=_("Means over the first 30 days, what weighs most first.")
    )


def reasons_table(counts: pd.DataFrame) -> Shown:
    """What speaks for the look-alikes, as the first or second reason."""
    named = counts.assign(reason=[reason_name(code) for code in counts["reason"]])
    return table(named, bars=["customers"], note=_("Up to two reasons for each look-alike."))


def feature_name(name: str) -> str:
    """ "early_days" → days with a purchase; "came_by=Referral" → came by Referral"""
    feature, equals, word = name.partition("=")
    return _(CAME_BY if feature == "came_by" else BOUGHT_VIA).format(word=word) if equals else _(FEATURES[feature][0])


def reason_name(code: str) -> str:
    """ "early_days high" → bought on several days"""
    return feature_name(code) if "=" in code else _(REASONS[code])


def _feature_unit(name: str) -> Unit:
    return "share" if "=" in name else FEATURES[name][1]


# The model card


def card_table(card: pd.DataFrame, lifetime: Lifetime) -> Shown:
    """The parameters now with their 95 % interval, last month's, and whether these lie outside."""
    shown = pd.DataFrame(
        {
            "parameter": card["parameter"],
            "meaning": [_(PARAMETERS.get((_family(lifetime.model), name), "")) for name in card["parameter"]],
            "estimate": card["estimate"].astype("float64"),
            "estimate_range": [
                _("{low} to {high}").format(low=words.number(low, 2), high=words.number(high, 2))
                for low, high in zip(card["low"], card["high"], strict=True)
            ],
            "estimate_before": card["before"].astype("float64"),
            "decision": [
                "" if math.isnan(before) else _(MOVED) if moved else _(HELD)
                for before, moved in zip(card["before"], card["moved"], strict=True)
            ],
        }
    )  # fmt: skip
    return table(shown if shown["estimate_before"].notna().any() else shown.drop(columns=["estimate_before", "decision"]))


def _family(model: str) -> str:
    # Both have r and alpha for the rate; MBG/NBD has a and b as BG/NBD.
    return "bg_nbd" if model == "mbg_nbd" else model


def card_finding(card: pd.DataFrame, now: Lifetime, before: Lifetime, *, against: str) -> Finding:
    """Whether the model still is what it was last month, and what was decided."""
    if now.fitted is None:
        return _quiet(_("There is no model card: {reason}.").format(reason=reason(now)))
    decision = _("{model}, fitted on {n} customers; {back} of them bought on a later day.").format(
        model=model_name(now.model), n=words.count(now.fitted.customers), back=words.count(now.fitted.repeaters)
    )
    if before.fitted is None:
        return Finding(
            _("The purchase model is new this month: in {month} none could be believed.").format(month=against), decision, tone="quiet"
        )
    if before.model != now.model:
        told = _("The purchase model changed on {month}: {before} then, {now} now.")
        return Finding(told.format(month=against, before=model_name(before.model), now=model_name(now.model)), decision)
    moved = [str(name) for name in card.loc[card["moved"], "parameter"]]
    facts = tuple(
        Fact(
            f"parameter_{row.parameter}", float(row.estimate), "number", n=now.fitted.customers, low=float(row.low), high=float(row.high),
            definition=_("{model}, by maximum likelihood; 95% interval.").format(model=model_name(now.model)),
        )
        for row in card.itertuples()
    )  # fmt: skip
    if not moved:
        return Finding(_("The model has not drifted since {month}.").format(month=against), decision, facts, "quiet")
    told = _("The model has drifted since {month}: {names} moved out of their range.")
    refit = _("It is fitted anew each month, so the forecast already follows; ask what changed in the business.")
    return Finding(told.format(month=against, names=_(", ").join(moved)), f"{decision} {refit}", facts)


def _round_money(value: float) -> str:
    """Three significant digits: a forecast is not known better."""
    if not math.isfinite(value) or value == 0:
        return words.money(value)
    step = 10 ** (math.floor(math.log10(abs(value))) - 2)
    return words.money(round(value / step) * step)


def _quiet(sentence: str) -> Finding:
    return Finding(sentence, tone="quiet")
