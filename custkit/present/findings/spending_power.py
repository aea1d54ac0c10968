"""What customers can and will spend, said in sentences: who stands high, what the score is made of, who is left out, who gets what."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from custkit import words
from custkit.analysis.abuse import ANY_RULE, RULE_NAMES
from custkit.analysis.price_sensitivity import KINDS
from custkit.analysis.rates import SMALL_SAMPLE
from custkit.analysis.spending_actions import ACTION_NAMES, CHOICE_NAMES, FIRST, LIMIT, NO_OFFER, OFFER, STANDARD, SUSPECTED
from custkit.analysis.spending_score import DIMENSION_NAMES, HIGH, LEVEL_NAMES, NOT_COMPARED, PARTS, HeldOut
from custkit.client import Abuse, Credit
from custkit.present.finding import Fact, Finding
from custkit.present.table import Shown, table
from custkit.words import _, mark, ngettext

PART_NAMES = {
    "income_place": mark("income band"),
    "occupation_place": mark("occupation, in the client's order"),
    "prepaid_amount": mark("money paid in ahead"),
    "monetary_value": mark("spend, after returns"),
    "frequency": mark("orders"),
    "active_months": mark("months with an order"),
    "breadth": mark("breadth: categories, else products"),
    "full_price_share": mark("bought without an offer"),
    "paid_at_once_share": mark("paid at once, not by instalments"),
    "subscription_share": mark("paid by subscription"),
    "expected_revenue_12_months": mark("revenue expected of the next 12 months"),
    "favourites": mark("favourites"),
    "shared": mark("products shared"),
    "questions": mark("questions asked"),
    "answers": mark("reviews and survey answers"),
    "mean_rating": mark("mean score given"),
}
# What to ask the client for where nobody has the part.
ASK = {
    "income_place": "customers.income_band",
    "occupation_place": "customers.occupation",
    "prepaid_amount": "customers.prepaid_amount",
    "breadth": "order_lines.product_id",
    "full_price_share": "order_lines.discount_amount",
    "paid_at_once_share": "orders.payment_method",
    "subscription_share": "orders.payment_method",
    "favourites": "events",
    "shared": "events",
    "questions": "events",
    "answers": "surveys",
    "mean_rating": "surveys.score",
}
# Why a rule says nothing.
NOT_LOOKED = {
    "refund_loops": mark("not looked for: the data hold no returns"),
    "round_trips": mark("not looked for: the data hold no returns"),
    "threshold_orders": mark("not looked for: the client file names no threshold"),
    "resale": mark("not looked for: no product has enough buyers to say what is usual"),
    "coupons": mark("not looked for: the data hold no coupons"),
    ANY_RULE: mark("a customer counts once"),
}
ALIKE, NOT_PLACED = mark("nothing: it tells no two customers apart"), mark("its order, in the client file")
NO_MODEL = mark("nothing: no purchase model may be believed yet")
_PLACED = {"income_place", "occupation_place"}
SCORE, LAST_YEAR = mark("score"), mark("spend of the year before, alone")
# Above such a share of spend the rule itself is to be doubted, not the customers.
_MUCH = 0.1
_DIMENSIONS = len(PARTS)


def score_finding(levels: pd.DataFrame, coverage: pd.DataFrame, parts: pd.DataFrame) -> Finding:
    """Who stands high and what they bring, and on how much the scores rest.

    level_summary(…), score_coverage(…), score_parts(…)  →  Finding [S23-S31]
    """
    customers = int(coverage["customers"].sum()) if len(coverage) else 0
    scored = coverage[coverage["dimensions_present"] > 0]
    n = int(scored["customers"].sum()) if len(scored) else 0
    if not n:
        return _quiet(_("Nobody has a spending score: customers are too few, or all alike."))
    row = levels.set_index("level").loc[HIGH]
    most = scored.iloc[0]
    facts = (
        Fact(
            "spending.scored", n, "count", n=customers,
            definition=_("Customers who bought in the last 365 days and have a score; n counts all not suspected of abuse."),
        ),
        Fact(
            "spending.weight_covered", float(most.weight_covered), "share", n=int(most.customers),
            definition=_("Share of the score's weight that is known for the most customers; n counts them."),
        ),
        Fact(
            "spending.high_revenue_share", float(row.revenue_share), "share", numerator=float(row.revenue),
            denominator=float(levels["revenue"].sum()), n=int(row.customers),
            definition=_("Spend of the last 365 days, after returns, of customers on the high level, of all who are scored."),
        ),
    )  # fmt: skip
    rests = f"{_rests(scored, n)} {_unknown(parts)}".strip()
    if not row.customers:
        return Finding(
            _("{n} customers have a spending score, too few of a kind to say who stands high.").format(n=words.count(n)),
            rests,
            facts,
            "quiet",
        )
    return Finding(
        _("{n} customers stand high, {share} of all: they brought {revenue} of what customers spent in the last 365 days.").format(
            n=words.count(row.customers), share=words.share(row.customer_share, 0), revenue=words.share(row.revenue_share, 0)
        ),
        rests,
        facts,
    )


def _rests(scored: pd.DataFrame, n: int) -> str:
    most = scored.iloc[0]
    all_alike = _("All scores rest on {k} of {all} dimensions, {weight} of the weight.")
    most_alike = _("The score of {share} of customers rests on {k} of {all} dimensions, {weight} of the weight.")
    told = (all_alike if most.customers == n else most_alike).format(
        share=words.share(most.customers / n),
        k=words.number(most.dimensions_present, 0),
        all=words.number(_DIMENSIONS, 0),
        weight=words.share(most.weight_covered, 0),
    )
    here = most.coverage.split("+")
    lacking = [_(name) for dimension, name in DIMENSION_NAMES.items() if dimension not in here]
    missing = _("Missing: {dimensions}; missing is not 0.").format(dimensions=_(", ").join(lacking)) if lacking else ""
    apart = _("Customers are compared only with those whose score is made of the same dimensions.") if len(scored) > 1 else ""
    return " ".join(part for part in (told, missing, apart) if part)


def _unknown(parts: pd.DataFrame) -> str:
    """The parts that nobody has of the dimensions that are known."""
    known = set(parts["dimension"][parts["customers"] > 0])
    lacking = parts[parts["dimension"].isin(known) & (parts["customers"] == 0)]
    if lacking.empty:
        return ""
    return _("Of the dimensions known these parts are not: {parts}.").format(parts=_("; ").join(_(PART_NAMES[p]) for p in lacking["part"]))


def parts_table(parts: pd.DataFrame, *, has: Callable[[str], bool]) -> Shown:
    """Every part of the score with its weight and how many customers it is known of; of those nobody has, what is lacking.

    score_parts(…); has: `book.has`
    """
    shown = pd.DataFrame(
        {
            "dimension": [DIMENSION_NAMES[name] for name in parts["dimension"]],
            "part": [PART_NAMES[name] for name in parts["part"]],
            "weight": parts["weight"],
            "customers": parts["customers"],
            "customer_share": parts["customer_share"],
            "lacks": [_lacks(part, int(n), has) for part, n in zip(parts["part"], parts["customers"], strict=True)],
        }
    )
    note = _("Weights are those of a score that knows everything that is known here.")
    return table(shown, bars=["weight"], note=note, limit=None)


def _lacks(part: str, known: int, has: Callable[[str], bool]) -> str:
    if known:
        return ""
    if part not in ASK:
        return NO_MODEL if part == "expected_revenue_12_months" else ALIKE
    if not has(ASK[part]):
        return ASK[part]
    return NOT_PLACED if part in _PLACED else ALIKE


def held_out_table(held: HeldOut) -> Shown:
    """How each measure ordered customers by what they spent next, best first."""
    known = held.judged[held.judged["gini"].notna()].sort_values(["gini", "measure"], ascending=[False, True])
    names = DIMENSION_NAMES | {"score": SCORE, "monetary_value": LAST_YEAR}
    shown = pd.DataFrame(
        {
            "measure": [names[name] for name in known["measure"]],
            "customers": known["customers"],
            "spend_order": known["gini"].round(3) + 0.0,
            "low": known["gini_low"].clip(lower=-1),
            "high": known["gini_high"],
            "order_lead": known["gini_lead"].where(known["measure"] != "monetary_value"),
        }
    )
    note = _("A dimension is judged on the customers for whom it is known, and its lead is over their own last year's spend.")
    return table(shown, note=note)


def held_out_finding(held: HeldOut) -> Finding:
    """Whether the score foretells spend better than last year's spend alone; where it does not, that too.

    held_out(…)  →  Finding [S33]
    """
    judged = held.judged.set_index("measure")
    score, spend = judged.loc["score"], judged.loc["monetary_value"]
    if pd.isna(score.gini) or pd.isna(spend.gini):
        return _quiet(
            _("Not judged: {months} months ago fewer than {n} customers had a score, or none of them has bought since.").format(
                months=words.number(held.months, 0), n=words.number(SMALL_SAMPLE, 0)
            )
        )
    filled = {"months": words.number(held.months, 0), "score": words.share(score.gini, 0), "spend": words.share(spend.gini, 0)}
    facts = _held_out_facts(judged)
    best = judged.loc[[name for name in PARTS if pd.notna(judged.gini[name]) and judged.customers[name] == score.customers]]
    then = _("The score of that time was made of {dimensions}.").format(
        dimensions=_(", ").join(_(DIMENSION_NAMES[name]) for name in PARTS if judged.customers[name])
    )
    best_one = (
        _("Best by itself of the dimensions known of all: {name}, {gini}.").format(
            name=_(DIMENSION_NAMES[best.gini.idxmax()]), gini=words.share(best.gini.max(), 0)
        )
        if len(best) > 1
        else ""
    )
    detail = f"{then} {best_one}".strip()
    if score.lead_low > 0:
        return Finding(
            _(
                "On {months} months it had not seen, the score finds {score} of the order in which customers spent; last year's spend "
                "alone finds {spend}."
            ).format(**filled),
            detail,
            facts,
        )
    if score.lead_high < 0:
        loses = _("To foretell spend alone, order customers by last year's spend; the score adds what spend does not tell.")
        return Finding(
            _(
                "On {months} months it had not seen, the score finds {score} of the order in which customers spent, less than last "
                "year's spend alone: {spend}."
            ).format(**filled),
            f"{loses} {detail}".strip(),
            facts,
        )
    return Finding(
        _(
            "On {months} months it had not seen, the score finds no more and no less of the order in which customers spent than last "
            "year's spend alone: {score} and {spend}."
        ).format(**filled),
        detail,
        facts,
        "quiet",
    )


def _held_out_facts(judged: pd.DataFrame) -> tuple[Fact, ...]:
    definition = _("Normalised Gini: how much of the perfect order of later spend the measure finds, 0% is none; 95% interval.")
    lead = _("The same of the score less that of last year's spend alone, same customers; 95% interval.")
    known = judged[judged["gini"].notna()]
    facts = [
        Fact(
            f"spending.order_{name}", float(row.gini), "share", n=int(row.customers), low=float(row.gini_low), high=float(row.gini_high),
            definition=definition,
        )
        for name, row in known.iterrows()
    ]  # fmt: skip
    score = judged.loc["score"]
    facts.append(
        Fact(
            "spending.order_lead", float(score.gini_lead), "points", n=int(score.customers), low=float(score.lead_low),
            high=float(score.lead_high), definition=lead,
        )
    )  # fmt: skip
    return tuple(facts)


def tenths_measure(held: HeldOut) -> str:
    """Of what the chart of tenths speaks: the line under its title."""
    return _("Share of what customers spent in the {months} months after, by tenth of the score before them").format(
        months=words.number(held.months, 0)
    )


def abuse_table(summary: pd.DataFrame, *, rules: Abuse) -> Shown:
    """Each rule of the client file in words, how many customers it fits and what they spent."""
    names = RULE_NAMES | {ANY_RULE: mark("any of these")}
    shown = pd.DataFrame(
        {
            "rule": [names[rule] for rule in summary["rule"]],
            "rule_in_words": [
                _in_words(rule, rules) if looked else _(NOT_LOOKED[rule])
                for rule, looked in zip(summary["rule"], summary["is_looked_for"], strict=True)
            ],
            "customers": summary["customers"],
            "revenue": summary["revenue"],
            "revenue_share": summary["revenue_share"],
        }
    )
    return table(shown, limit=None)


def _in_words(rule: str, rules: Abuse) -> str:
    return {
        "refund_loops": _("{share} or more of what they bought came back, in {n} returns or more and more than chance explains").format(
            share=words.share(rules.returned, 0), n=words.number(rules.returns, 0)
        ),
        "round_trips": _("{n} orders or more came back to the cent within {days}, {share} or more of what they bought").format(
            n=words.number(rules.round_trips, 0), days=words.days(rules.round_trip_days), share=words.share(rules.returned, 0)
        ),
        "threshold_orders": _("{n} orders or more at most {near} above {thresholds} and more than chance explains").format(
            n=words.number(rules.threshold_orders, 0),
            near=words.share(rules.near, 0),
            thresholds=_(", ").join(words.money(threshold) for threshold in rules.thresholds),
        ),
        "resale": _("{n} lines or more of {times} times what nine in ten buyers of the product take at most").format(
            n=words.number(rules.bulk_lines, 0), times=words.number(rules.bulk_times, 0 if float(rules.bulk_times).is_integer() else 1)
        ),
        "coupons": _("coupons paid for {share} or more at list price, in {n} orders or more").format(
            share=words.share(rules.coupon_share, 0), n=words.number(rules.coupon_orders, 0)
        ),
        ANY_RULE: _("a customer counts once"),
    }[rule]


def abuse_finding(summary: pd.DataFrame) -> Finding:
    """How many look like cash-out or abuse and are left out of the score: to be looked at, not acted on.

    abuse_summary(…)  →  Finding [S35]
    """
    if summary.empty:
        return _quiet(_("Nobody is looked at for abuse: no known customer bought in the last 365 days."))
    row, by_rule = summary.iloc[-1], summary.iloc[:-1]
    n, tried = int(row.customers), int(by_rule["is_looked_for"].sum())
    definition = _("Customers whom a rule of the client file fits, of those who bought in the last 365 days: suspected, not convicted.")
    everyone = round(n / row.customer_share) if n else None
    fact = Fact("spending.suspected", n, "count", n=everyone, definition=definition)
    if not tried:
        return _quiet(_("Abuse cannot be looked for: the data hold no returns, no coupons, and no product that enough customers buy."))
    if not n:
        told = ngettext(
            "Nobody looks like cash-out or abuse by the one rule looked at.",
            "Nobody looks like cash-out or abuse by the {n} rules looked at.",
            tried,
        )
        return Finding(told.format(n=words.number(tried, 0)), "", (fact,), "quiet")
    share = Fact(
        "spending.suspected_revenue_share", None if pd.isna(row.revenue_share) else float(row.revenue_share), "share",
        numerator=float(row.revenue), n=n, definition=_("Spend after returns of those suspected, of all who bought in the last 365 days."),
    )  # fmt: skip
    found = by_rule[by_rule["customers"] > 0]
    by = _("By rule: {rules}.").format(
        rules=_(", ").join(
            _("{rule} {n}").format(rule=_(RULE_NAMES[name]), n=words.count(k))
            for name, k in zip(found["rule"], found["customers"], strict=True)
        )
    )
    look = _("Look before you act: a school, a wedding or a faulty batch can look the same.")
    doubt = (
        _(
            "They hold {share} of spend, so doubt the rule first: where customers buy to sell again, leave it out in the client file."
        ).format(share=words.share(row.revenue_share, 0))
        if row.revenue_share > _MUCH
        else ""
    )
    headline = ngettext(
        "{n} customer is suspected of abuse and left out of the score.",
        "{n} customers are suspected of abuse and left out of the score.",
        n,
    )
    return Finding(headline.format(n=words.count(n)), " ".join(part for part in (by, look, doubt) if part), (fact, share))


def action_table(summary: pd.DataFrame) -> Shown:
    """Who gets what: counts and spend by offer, service and credit limit; never names."""
    shown = summary.assign(
        action=[ACTION_NAMES[name] for name in summary["action"]], choice=[CHOICE_NAMES[name] for name in summary["choice"]]
    )
    columns = ["action", "choice", "customers", "customer_share", "revenue", "revenue_share", "credit_limit"]
    kept = shown[columns] if summary["credit_limit"].fillna(0).sum() else shown[columns[:-1]]
    return table(kept, bars=["customer_share"], limit=None)


def action_finding(summary: pd.DataFrame, *, rules: Credit) -> Finding:
    """How many get an offer of their own, are served first, and get a credit limit suggested.

    action_summary(…)  →  Finding [S36 S37 S38]
    """
    if summary.empty:
        return _quiet(_("There is nobody to act on: no known customer bought in the last 365 days."))
    by_choice = summary.set_index("choice")
    offers = summary[(summary["action"] == OFFER) & ~summary["choice"].isin([STANDARD])]
    own = int(offers["customers"].sum()) - int(by_choice.customers[NO_OFFER])
    first = int(by_choice.customers[FIRST])
    n = int(summary.loc[summary["action"] == OFFER, "customers"].sum())
    limits, limit = int(by_choice.customers[LIMIT]), by_choice.credit_limit[LIMIT]
    facts = (
        Fact("actions.own_offer", own, "count", n=n, definition=_("Customers with another offer than what everybody gets.")),
        Fact("actions.served_first", first, "count", n=n, definition=_("Customers on the high level.")),
        Fact("actions.credit_limits", limits, "count", n=n, definition=_limit_rule(rules)),
    )
    headline = _("{own} of {n} customers get an offer of their own and {first} are served first.").format(
        own=words.count(own), n=words.count(n), first=words.count(first)
    )
    if not limits:
        credit = _("No credit limit is suggested: nobody has a history of orders by instalments or invoice.")
    else:
        credit = ngettext(
            "{n} customer gets a credit limit suggested, {sum}.", "{n} customers get a credit limit suggested, {sum} in all.", limits
        ).format(n=words.count(limits), sum=words.money(limit))
        unknown = _("Whether earlier invoices were paid in time, the data do not tell.")
        credit = f"{credit} {_limit_rule(rules)} {unknown}"
    return Finding(headline, credit, facts)


def _limit_rule(rules: Credit) -> str:
    rule = _(
        "A limit is {months} × the spend of a month, the mean of the last twelve, rounded down to tens, after {n} orders on credit."
    ).format(months=words.number(rules.months, 0 if float(rules.months).is_integer() else 1), n=words.number(rules.min_orders, 0))
    if rules.cap is None:
        return rule
    return rule + " " + _("It is {cap} at most.").format(cap=words.money(rules.cap))


_REASONS = {
    SUSPECTED: mark("suspected of abuse: look first"),
    "enough_history": mark("enough orders on credit"),
    "no_history": mark("too few orders on credit"),
    "too_little": mark("spends too little"),
}


def reason(code: str) -> str:
    """A reason of the action list as people read it: "high+price-driven" → "high level, price-driven"."""
    if code in _REASONS:
        return _(_REASONS[code])
    level, _plus, kind = code.partition("+")
    told = _(LEVEL_NAMES[level]) if level == NOT_COMPARED else _("{level} level").format(level=_(LEVEL_NAMES[level]))
    return _("{level}, {kind}").format(level=told, kind=_(kind)) if kind in KINDS else told


def _quiet(sentence: str) -> Finding:
    return Finding(sentence, tone="quiet")
