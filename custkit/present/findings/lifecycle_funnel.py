"""Sentences of the notebook lifecycle_funnel: stages, moves, registrations, the funnel, cohorts and waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from custkit import words
from custkit.analysis.funnel import STEP_NAMES, break_point, worst_break
from custkit.analysis.lifecycle import DORMANT, LIVE_BUYERS, LOST, NEW, STAGE_NAMES, VIP, VIP_DEFINITIONS, VISITOR
from custkit.analysis.rates import SMALL_SAMPLE, false_discovery, shares_p_value, wilson
from custkit.analysis.registrations import ALL_CHANNELS
from custkit.analysis.second_purchase import second_purchase_summary
from custkit.analysis.survival import kaplan_meier, km_at, km_at_interval, km_median, km_median_interval
from custkit.period import Period
from custkit.present.finding import Fact, Finding
from custkit.words import _, mark, ngettext

# The line under a chart's title: what is drawn, of whom, when.
MEASURES = {
    "stages": mark("Customers by stage at the end of {month}, and their share."),
    "moves": mark("Customers by stage at the start (rows) and the end (columns) of {month}."),
    "registrations": mark("Bought within 90 days of registering, 12 months to {month}; 95% intervals."),
    "funnel": mark("Visits of {month} by the step they came to, and their share of all."),
    "split": mark("Visits of {month} that go on; coloured where beyond chance."),
    "cohorts": mark("New customers of each month who bought again, by months since, to {month}."),
    "return": mark("New customers with an order on a second day, by days since the first, to {month}."),
    "stay": mark("Buyers neither silent for {days} nor gone, by days since the first order."),
}

# What a stage asks for. [S61]
STRATEGIES = {
    "visitor": mark("Give a reason to register: a first benefit, a saved basket."),
    "registered": mark("Bring them back to look: a welcome series within the first days."),
    "active": mark("Bring down the first hurdle: free delivery or a trial on the product they looked at."),
    "first_payment": mark("Win the second order before the usual wait is over: follow-up and a fitting product."),
    "regular": mark("Keep the rhythm: reminders when due, the next category."),
    "vip": mark("Look after them by name: service first, price last."),
    "dormant": mark("One win-back offer to the best of them; leave the others in peace."),
    "lost": mark("Ask why and learn; no more mail."),
}


# What a stage is there for. [S61]
GOALS = {
    "visitor": mark("become a customer"),
    "registered": mark("look around"),
    "active": mark("buy for the first time"),
    "first_payment": mark("buy a second time"),
    "regular": mark("go on buying"),
    "vip": mark("stay"),
    "dormant": mark("come back"),
    "lost": mark("leave in peace"),
}


def measure(chart: str, period: Period, *, dormant_days: int | None = None, months: int = 1) -> str:
    """The line under a chart's title; `months` are drawn, `period` the last of them."""
    when = words.month(period)
    if months > 1:
        when = _("{first} to {last}").format(first=words.month(period - (months - 1)), last=when)
    return _(MEASURES[chart]).format(month=when, days=words.days(dormant_days))


def stage_finding(counts: pd.DataFrame) -> Finding:
    """How many customers are buying, silent and gone, and what the VIPs bring.

    stage_counts(…)  →  Finding [S56–S60]
    """
    by_stage = counts[counts["stage"] != VISITOR].set_index("stage")
    total = int(by_stage["customers"].sum())
    if total == 0:
        return Finding(_("Not estimated: there are no customers yet."), tone="quiet")
    gone = int(by_stage["customers"].reindex([DORMANT, LOST]).sum())
    live = int(by_stage["customers"].reindex(list(LIVE_BUYERS)).sum())
    facts = [
        _share_fact("lifecycle.gone_share", gone, total, _("Customers on the stages dormant and lost / customers.")),
        _share_fact("lifecycle.live_share", live, total, _("Customers on the stages first payment, regular and VIP / customers.")),
        *(
            Fact(
                f"lifecycle.{stage}", int(row.customers), "count", n=total, definition=_("Customers on the stage at the end of the month.")
            )
            for stage, row in by_stage.iterrows()
        ),
    ]
    headline = _("{share} of customers are dormant or lost: {n} of {total}.").format(
        share=words.share(gone / total), n=words.count(gone), total=words.count(total)
    )
    sentences = [_("{n} are buying ({share}).").format(n=words.count(live), share=words.share(live / total))]
    vip = by_stage.loc[VIP] if VIP in by_stage.index else None
    if vip is not None and vip["customers"] and vip["revenue_share"] == vip["revenue_share"]:
        sentences.append(
            _("VIPs are {people} of customers and brought {revenue} of the last 365 days' revenue.").format(
                people=words.share(vip["customer_share"]), revenue=words.share(vip["revenue_share"])
            )
        )
        facts.append(
            Fact("lifecycle.vip_revenue_share", float(vip["revenue_share"]), "share", n=int(vip["customers"]), window=_("365 days"))
        )
    return Finding(headline, " ".join(sentences), tuple(facts))


def coverage_finding(coverage: pd.DataFrame) -> Finding:
    """Which stages the client's data cannot tell apart, where those customers stand instead, and what to ask for.

    stage_coverage(…)  →  Finding
    """
    missing = coverage[~coverage["is_known"]]
    if missing.empty:
        return Finding(_("Every stage can be told from the client's data."), tone="quiet")
    sentences = []
    for row in missing.itertuples():
        stage, fields = _(STAGE_NAMES[row.stage]), _(", ").join(f"`{name}`" for name in row.lacks.split(", "))
        if row.merged_into:
            message = _("The stage “{stage}” is counted as “{other}”: the data lack {fields}.")
            sentences.append(message.format(stage=stage, other=_(STAGE_NAMES[row.merged_into]), fields=fields))
        else:
            sentences.append(_("The stage “{stage}” is not counted: the data lack {fields}.").format(stage=stage, fields=fields))
    return Finding(" ".join(sentences), tone="quiet")


def moves_finding(transitions: pd.DataFrame, *, period: Period) -> Finding:
    """How many buying customers fell silent or left in the month, and how many silent ones came back.

    stage_transitions(…)  →  Finding
    """
    people = transitions.set_index(["stage_before", "stage"])["customers"]
    base = int(people.reindex(list(LIVE_BUYERS), level="stage_before").sum())
    if base == 0:
        return Finding(_("Not estimated: nobody was buying at the start of {month}.").format(month=words.month(period)), tone="quiet")
    gone = int(sum(people[(before, stage)] for before in LIVE_BUYERS for stage in (DORMANT, LOST)))
    back = int(sum(people[(DORMANT, stage)] for stage in LIVE_BUYERS))
    new = int(people[NEW].sum())
    headline = _("{share} of buying customers fell silent or left in {month}.").format(
        share=words.share(gone / base), month=words.month(period)
    )
    detail = _("That is {n} of {base}. {back} dormant customers bought again; {new} customers were new.").format(
        n=words.count(gone), base=words.count(base), back=words.count(back), new=words.count(new)
    )
    facts = (
        _share_fact(
            "lifecycle.falling_silent_share",
            gone,
            base,
            _("Customers on first payment, regular or VIP at the start of the month and dormant or lost at its end / those at the start."),
        ),
        Fact("lifecycle.won_back", back, "count", definition=_("Dormant at the start of the month, buying at its end.")),
        Fact("lifecycle.new", new, "count", definition=_("Customers at the end of the month who were none at its start.")),
    )
    return Finding(headline, detail, facts)


def rates_finding(rates: pd.DataFrame, before: pd.DataFrame, *, against: Period) -> Finding:
    """Which rates between the stages changed beyond chance on the month before.

    stage_rates(…) of this month and the last  →  Finding. All rates are compared at once, false discoveries kept to one in twenty. [S62]
    """
    both = rates.merge(before, on=["stage", "measure"], suffixes=("", "_before"))
    both = both[(both["n"] >= SMALL_SAMPLE) & (both["n_before"] >= SMALL_SAMPLE)].reset_index(drop=True)
    facts = tuple(_rate_fact(row) for row in rates[rates["n"] > 0].itertuples())
    if both.empty:
        message = _("Not estimated: fewer than {n} customers on any stage, this month or in {month}.")
        return Finding(message.format(n=words.number(SMALL_SAMPLE, 0), month=words.month(against)), facts=facts, tone="quiet")
    counts = ("customers", "n", "customers_before", "n_before")
    chances = [shares_p_value(*(int(row[name]) for name in counts)) for _i, row in both[list(counts)].iterrows()]
    changed = both[[chance <= 0.05 for chance in false_discovery(chances)]]
    if changed.empty:
        message = _("Rates between stages: no significant change on {month}.")
        return Finding(message.format(month=words.month(against)), _retained(rates), facts, tone="quiet")
    told = [
        _("The rate of {measure} went from {before} to {now}.").format(
            measure=_(row.measure), before=words.share(row.rate_before), now=words.share(row.rate)
        )
        for row in changed.itertuples()
    ]
    detail = _("Compared with {month}, beyond chance; the other rates did not change significantly.").format(month=words.month(against))
    return Finding(" ".join(told), detail, facts)


def _retained(rates: pd.DataFrame) -> str:
    row = rates[(rates["measure"] == "retention") & (rates["n"] > 0)]
    if row.empty:
        return ""
    return _("{share} of {n} buying customers stayed.").format(share=words.share(row["rate"].iloc[0]), n=words.count(row["n"].iloc[0]))


def _rate_fact(row: Any) -> Fact:
    key = "lifecycle.rate." + row.measure.lower().replace(" ", "_").replace("-", "_")
    return Fact(
        key,
        float(row.rate),
        "share",
        numerator=int(row.customers),
        denominator=int(row.n),
        n=int(row.n),
        low=float(row.low),
        high=float(row.high),
        window=_("the reported month"),
        definition=_(
            "Share of those on the stage at the start of the month who moved on, or stayed where staying is the aim; 95% Wilson interval."
        ),
    )


def strategy_table(counts: pd.DataFrame, rates: pd.DataFrame, dwell: pd.DataFrame) -> pd.DataFrame:
    """What each stage is for, what to do on it and the rate that measures it, beside how long people stay.

    stage_counts(…), stage_rates(…), stage_dwell(…)  →  stage | goal, strategy, measure, rate, n, median_months [S61]
    """
    joined = counts[["stage"]].merge(rates, on="stage", how="left").merge(dwell[["stage", "median_months"]], on="stage", how="left")
    told = joined.assign(goal=joined["stage"].map(GOALS), strategy=joined["stage"].map(STRATEGIES))
    return told[["stage", "goal", "strategy", "measure", "rate", "n", "median_months"]]


def rates_table(rates: pd.DataFrame) -> pd.DataFrame:
    """The rates with what they need to be believed; those nobody was asked for are left out. [S62]"""
    return rates.loc[rates["n"] > 0, ["measure", "n", "customers", "rate", "low", "high"]].reset_index(drop=True)


def vip_table(definitions: pd.DataFrame) -> pd.DataFrame:
    """The definitions of a VIP that the client's data can count. [S59]"""
    known = definitions[definitions["customers"].notna()].reset_index(drop=True)
    names = [VIP_DEFINITIONS[vip_by][0] for vip_by in known["vip_by"]]
    return known.assign(vip_by=names)[["vip_by", "customers", "customer_share", "revenue", "revenue_share"]]


def vip_finding(definitions: pd.DataFrame) -> Finding:
    """Which definition of a VIP counts, and what the others would need.

    vip_definitions(…)  →  Finding [S59]
    """
    used = definitions[definitions["is_used"]].iloc[0]
    sentences = [_("VIPs are counted {definition} here.").format(definition=_(VIP_DEFINITIONS[used["vip_by"]][0]))]
    for vip_by in definitions.loc[definitions["customers"].isna(), "vip_by"]:
        name, column = VIP_DEFINITIONS[vip_by]
        sentences.append(_("They cannot be counted {definition}: the data lack {field}.").format(definition=_(name), field=f"`{column}`"))
    facts = tuple(
        Fact(f"lifecycle.vips_by_{row['vip_by']}", int(row["customers"]), "count", definition=_(VIP_DEFINITIONS[row["vip_by"]][0]))
        for row in definitions[definitions["customers"].notna()].to_dict("records")
    )
    return Finding(" ".join(sentences), facts=facts, tone="quiet")


def month_table(months: pd.DataFrame) -> pd.DataFrame:
    """The last thirteen months of `conversion_by_month`, months in words."""
    last = months.tail(13).reset_index(drop=True)
    return last.assign(month=[words.short_month(month) for month in last["month"]])


def registration_table(quality: pd.DataFrame) -> pd.DataFrame:
    """The columns of `registration_quality` that people read; costs only where a spend is known. [S57]"""
    columns = ["acquisition_channel", "registrations", "share_30", "share_90", "n_90"]
    costs = ["spend_amount", "cost_per_new", "cost_per_buyer"] if quality["spend_amount"].notna().any() else []
    return quality[[*columns, *costs]]


def visit_table(quality: pd.DataFrame) -> pd.DataFrame:
    """The columns of `visit_quality` that people read. [S19]"""
    return quality[["group", "visits", "bounce_rate", "dwell_seconds", "pages"]]


def dwell_finding(dwell: pd.DataFrame) -> Finding:
    """How long customers stay on their first payment, and how long the dormant have been silent.

    stage_dwell(…)  →  Finding
    """
    by_stage = dwell.set_index("stage")
    facts = tuple(
        Fact(
            f"lifecycle.stay_months.{row.stage}",
            float(row.median_months),
            "number",
            n=int(row.n),
            definition=_("Median months on the stage by Kaplan–Meier; stays that go on count as going on."),
        )
        for row in dwell[dwell["median_months"].notna()].itertuples()
    )
    sentences = []
    first, silent = by_stage.loc["first_payment"], by_stage.loc[DORMANT]
    if first["n"] >= SMALL_SAMPLE and first["median_months"] == first["median_months"]:
        months = int(first["median_months"])
        message = ngettext(
            "Half of those on their first payment move on within {n} month, to a second order or into silence.",
            "Half of those on their first payment move on within {n} months, to a second order or into silence.",
            months,
        )
        sentences.append(message.format(n=words.number(months, 0)))
    if silent["customers"] >= SMALL_SAMPLE:
        months = int(silent["months_so_far"])
        message = ngettext(
            "Half of the dormant have been so for {n} month or longer.",
            "Half of the dormant have been so for {n} months or longer.",
            months,
        )
        sentences.append(message.format(n=words.number(months, 0)))
    if not sentences:
        return Finding(
            _("Not estimated: fewer than {n} stays on any stage.").format(n=words.number(SMALL_SAMPLE, 0)), facts=facts, tone="quiet"
        )
    return Finding(sentences[0], " ".join(sentences[1:]), facts)


def registration_finding(quality: pd.DataFrame) -> Finding:
    """What share of registrations buys within 90 days, which channels stand out, and what a registration costs.

    registration_quality(…)  →  Finding [S57]
    """
    everyone = quality[quality["acquisition_channel"] == ALL_CHANNELS]
    if everyone.empty or not int(everyone["n_90"].iloc[0]):
        return Finding(_("Not estimated: nobody registered 90 days ago or earlier in the last 12 months."), tone="quiet")
    total = everyone.iloc[0]
    facts = [_bought_fact("registrations.bought_90", total)]
    headline = _("{share} of registrations buy within {days}.").format(share=words.share(total["share_90"]), days=words.days(90))
    sentences = []
    different = quality[quality["is_different"]].sort_values(["share_90", "acquisition_channel"], ascending=[False, True])
    for row in (different.iloc[[0, -1]] if len(different) > 1 else different).to_dict("records"):
        better = row["share_90"] > total["share_90"]
        message = _("“{channel}” stands out above: {share}.") if better else _("“{channel}” stands out below: {share}.")
        sentences.append(message.format(channel=_(row["acquisition_channel"]), share=words.share(row["share_90"])))
        facts.append(_bought_fact("registrations.best_channel" if better else "registrations.worst_channel", row))
    if different.empty and len(quality) > 2:
        sentences.append(_("No channel differs from the others beyond chance."))
    if total["cost_per_new"] == total["cost_per_new"]:
        sentences.append(
            _("A registration costs {new}, one that buys {buyer}.").format(
                new=words.money(total["cost_per_new"]), buyer=words.money(total["cost_per_buyer"])
            )
        )
        facts.append(
            Fact(
                "registrations.cost_per_new",
                float(total["cost_per_new"]),
                "money",
                numerator=float(total["spend_amount"]),
                denominator=int(total["registrations"]),
                n=int(total["registrations"]),
                window=_("last 12 months"),
                definition=_("Marketing spend / registrations of the same months, all channels."),
            )
        )
    return Finding(headline, " ".join(sentences), tuple(facts))


def _bought_fact(key: str, row: Any) -> Fact:
    return Fact(
        key,
        float(row["share_90"]),
        "share",
        numerator=int(row["bought_90"]),
        denominator=int(row["n_90"]),
        n=int(row["n_90"]),
        low=float(row["low"]),
        high=float(row["high"]),
        window=_("registered in the last 12 months, 90 days ago or earlier"),
        definition=_("Registrations that bought within 90 days / registrations at least 90 days old; 95% Wilson interval."),
    )


def funnel_finding(steps: pd.DataFrame) -> Finding:
    """What share of visits ends in the last step, and after which step the smallest share goes on.

    funnel(…)  →  Finding [S75]
    """
    breaks = break_point(steps)
    if breaks is None:
        return Finding(_("Not estimated: fewer than {n} visits with recorded steps.").format(n=words.number(SMALL_SAMPLE, 0)), tone="quiet")
    last = steps.iloc[-1]
    everyone = round(last["visits"] / last["conversion_rate"]) if last["visits"] else int(steps["n"].iloc[0])
    names = list(steps["step"])
    before = names[names.index(breaks["step"]) - 1]
    headline = _("{share} of {n} visits come to the step “{step}”.").format(
        share=words.share(last["conversion_rate"]), n=words.count(everyone), step=_step(last["step"])
    )
    detail = _("The narrowest point lies between “{before}” and “{step}”: {share} go on, {lost} do not.").format(
        before=_step(before),
        step=_step(breaks["step"]),
        share=words.share(breaks["step_conversion_rate"]),
        lost=words.count(breaks["lost"]),
    )
    facts = (
        Fact(
            "funnel.conversion",
            float(last["conversion_rate"]),
            "share",
            numerator=int(last["visits"]),
            denominator=everyone,
            n=everyone,
            window=_("the reported month"),
            definition=_("Visits that took every step in order / visits that took any."),
        ),
        *(_step_fact(f"funnel.step.{row['step']}", row) for row in steps.iloc[1:].to_dict("records")),
    )
    return Finding(headline, detail, facts)


def _step(step: str) -> str:
    return _(STEP_NAMES.get(step, step))


def _step_fact(key: str, row: Any) -> Fact:
    return (
        Fact(
            key,
            float(row["step_conversion_rate"]),
            "share",
            numerator=int(row["visits"]),
            denominator=int(row["n"]),
            n=int(row["n"]),
            low=float(row["low"]),
            high=float(row["high"]),
            window=_("the reported month"),
            definition=_("Visits that took this step after all before it / visits that took the step before; 95% Wilson interval."),
        )
        if row["n"]
        else Fact(key, None, "share", n=0)
    )


def split_finding(split: pd.DataFrame) -> Finding:
    """The device or channel and the step that miss most orders against the others.

    funnel_splits(…)  →  Finding [S75]
    """
    if split["p_value"].isna().all():
        return Finding(_("Not estimated: there are no two groups of visits to compare."), tone="quiet")
    worst = worst_break(split)
    if worst is None:
        return Finding(_("No group loses more visits on any step than the others do, beyond chance."), tone="quiet")
    headline = _("“{group}” breaks at “{step}”: {share} go on, elsewhere {rest}.").format(
        group=_(worst["group"]),
        step=_step(worst["step"]),
        share=words.share(worst["step_conversion_rate"]),
        rest=words.share(worst["rest_rate"]),
    )
    missed = round(float(worst["missed"]))
    detail = ngettext(
        "At the others' rate {n} more visit of the month would have come to the last step.",
        "At the others' rate {n} more visits of the month would have come to the last step.",
        missed,
    ).format(n=words.count(missed))
    facts = (
        _step_fact("funnel.worst_break", worst),
        Fact(
            "funnel.worst_break.missed",
            float(worst["missed"]),
            "number",
            n=int(worst["n"]),
            definition=_(
                "Visits of the group at this step × the others' rate, less those that went on, × the group's own "
                "rate from there to the last step."
            ),
        ),
    )
    return Finding(headline, detail, facts)


def visit_finding(quality: pd.DataFrame, search: pd.DataFrame) -> Finding:
    """How many visits end where they began, how long the others last, and how often a search leads on.

    visit_quality(…), search_use(…)  →  Finding [S19, S20]
    """
    if quality.empty or int(quality["visits"].iloc[0]) == 0:
        return Finding(_("Not estimated: no visits are recorded."), tone="quiet")
    total, use = quality.iloc[0], search.iloc[0]
    headline = _("{share} of visits end on the page where they began.").format(share=words.share(total["bounce_rate"]))
    facts = [
        _share_fact(
            "visits.bounce_rate",
            int(total["bounces"]),
            int(total["visits"]),
            _("Visits in which nothing followed the first page / visits."),
        )
    ]
    sentences = []
    different = quality[quality["is_different"]]
    if len(different):
        worst = different.sort_values(["bounce_rate", "group"], ascending=[False, True]).iloc[0]
        if worst["bounce_rate"] > total["bounce_rate"]:
            sentences.append(
                _("The highest share is on “{group}”: {share}.").format(group=_(worst["group"]), share=words.share(worst["bounce_rate"]))
            )
    if use["searches"]:
        sentences.append(
            _("{visits} of visits search; {clicked} of searches are clicked, {nothing} find nothing.").format(
                visits=words.share(use["searching_visits"] / use["visits"]),
                clicked=words.share(use["click_through_rate"]),
                nothing=words.share(use["without_result"] / use["searches"]),
            )
        )
        facts.append(
            _share_fact(
                "visits.search_click_through", int(use["clicks"]), int(use["searches"]), _("Searches followed by a click / searches.")
            )
        )
        facts.append(
            _share_fact(
                "visits.search_without_result", int(use["without_result"]), int(use["searches"]), _("Searches with no result / searches.")
            )
        )
    return Finding(headline, " ".join(sentences), tuple(facts))


def cohort_finding(triangle: pd.DataFrame) -> Finding:
    """What share of new customers buys again a month and three months later, and whether newer cohorts do better.

    cohorts(…)  →  Finding. The first month of the data is left out: older customers are among its new ones.
    """
    later = triangle[triangle["cohort"] > triangle["cohort"].min()] if len(set(triangle["cohort"])) > 1 else triangle
    known = later[later["retention_rate"].notna()]
    first, third = known[known["period"] == 1], known[known["period"] == 3]
    n = int(first["cohort_customers"].sum())
    if n == 0:
        return Finding(_("Not estimated: no month's new customers have a whole month behind them."), tone="quiet")
    k = int(first["customers"].sum())
    facts = [_cohort_fact("cohorts.month_1", k, n)]
    headline = _("{share} of new customers buy again in the month after their first.").format(share=words.share(k / n))
    sentences = []
    n3, k3 = int(third["cohort_customers"].sum()), int(third["customers"].sum())
    if n3:
        facts.append(_cohort_fact("cohorts.month_3", k3, n3))
        sentences.append(_("Three months after it {share} do.").format(share=words.share(k3 / n3)))
    sentences.append(_newer(first))
    return Finding(headline, " ".join(part for part in sentences if part), tuple(facts))


def _newer(first: pd.DataFrame) -> str:
    """The latest three cohorts with a whole month against all earlier ones."""
    ordered = first.sort_values("cohort")
    new, old = ordered.iloc[-3:], ordered.iloc[:-3]
    k1, n1, k2, n2 = (int(part[name].sum()) for part in (new, old) for name in ("customers", "cohort_customers"))
    if min(n1, n2) < SMALL_SAMPLE:
        return ""
    if shares_p_value(k1, n1, k2, n2) > 0.05:
        return _("The latest three months' new customers do not differ from earlier ones beyond chance.")
    message = _("The latest three months' new customers come back more: {now} against {before}.")
    if k1 / n1 < k2 / n2:
        message = _("The latest three months' new customers come back less: {now} against {before}.")
    return message.format(now=words.share(k1 / n1), before=words.share(k2 / n2))


def _cohort_fact(key: str, k: int, n: int) -> Fact:
    return _share_fact(
        key,
        k,
        n,
        _("Customers who bought in that calendar month after the month of their first order / all new customers it has happened to."),
    )


def return_finding(spells: pd.DataFrame) -> Finding:
    """When new customers are back, those still awaited counted, beside what repeaters alone would say.

    second_purchase_spells(…)  →  Finding [S6]
    """
    curve, summary = kaplan_meier(spells), second_purchase_summary(spells)
    if curve.empty:
        return Finding(_("Not estimated: there are no first orders."), tone="quiet")
    row, median, back = summary.iloc[0], km_median(curve), 1 - km_at(curve, 90)
    low, high = km_median_interval(curve)
    still_low, still_high = km_at_interval(curve, 90)
    n = int(row["customers"])
    if median == median:
        headline = _("Half of new customers are back within {days} of their first order.").format(days=words.days(median))
    else:
        share = 1 - float(curve["survival"].iloc[-1])
        headline = _("Fewer than half of new customers come back: {share} within {days}.").format(
            share=words.share(share), days=words.days(curve["duration_days"].iloc[-1])
        )
    sentences = []
    if back == back:
        sentences.append(_("{share} are within {days}.").format(share=words.share(back), days=words.days(90)))
    # Only where waiting for the slow ones makes a difference is there anything to warn of.
    if row["repeaters"] and not median <= row["median_days"]:
        message = _("Of the {n} who did come back, half took {days} or less: a flattering number, since the slow ones are still to come.")
        sentences.append(message.format(n=words.count(row["repeaters"]), days=words.days(row["median_days"])))
    facts = _known(
        Fact(
            "second_purchase.km_median_days",
            median,
            "days",
            n=n,
            low=low,
            high=high,
            definition=_("Days from the first to the second order day by which half are back; Kaplan–Meier, 95% interval."),
        ),
        Fact(
            "second_purchase.back_90_days",
            back,
            "share",
            n=n,
            low=1 - still_high,
            high=1 - still_low,
            definition=_("Share back within 90 days by Kaplan–Meier."),
        ),
        Fact(
            "second_purchase.median_days",
            float(row["median_days"]),
            "days",
            n=int(row["repeaters"]),
            definition=_("Median of repeaters alone."),
        ),
    )
    return Finding(headline, " ".join(sentences), facts)


def stay_finding(spells: pd.DataFrame, *, dormant_days: int) -> Finding:
    """How long buyers stay before a silence of `dormant_days` or a farewell.

    churn_spells(…)  →  Finding [S4, S60]
    """
    curve = kaplan_meier(spells)
    median, year = km_median(curve), km_at(curve, 365)
    longest = int(curve["duration_days"].iloc[-1]) if len(curve) else 0
    if longest <= dormant_days:
        message = _("Not estimated: the data are too young to see buyers fall silent for {days}.")
        return Finding(message.format(days=words.days(dormant_days)), tone="quiet")
    n = int(curve["at_risk"].iloc[0])
    low, high = km_median_interval(curve)
    year_low, year_high = km_at_interval(curve, 365)
    then, share = (365, year) if year == year else (longest, float(curve["survival"].iloc[-1]))
    later = _("{days} after the first order {share} are still customers.").format(days=words.days(then), share=words.share(share))
    facts = _known(
        Fact(
            "lifecycle.km_life_days",
            median,
            "days",
            n=n,
            low=low,
            high=high,
            definition=_(
                "Days from the first order until half have been silent for the client's dormant days or said "
                "farewell; Kaplan–Meier, 95% interval."
            ),
        ),
        Fact(
            "lifecycle.alive_365_days",
            year,
            "share",
            n=n,
            low=year_low,
            high=year_high,
            definition=_("Share still customers 365 days after the first order, by Kaplan–Meier."),
        ),
    )
    if median != median:
        return Finding(later, facts=facts)
    headline = _("Half of buyers are gone {days} after their first order.").format(days=words.days(median))
    silence = _("The silence of {days} that counts as leaving is included.").format(days=words.days(dormant_days))
    return Finding(headline, f"{silence} {later}", facts)


def _known(*facts: Fact) -> tuple[Fact, ...]:
    """Facts with a value; an end of an interval that is not known is left out with its other end."""
    told = [fact for fact in facts if fact.value == fact.value]
    return tuple(fact if fact.low == fact.low and fact.high == fact.high else replace(fact, low=None, high=None) for fact in told)


def _share_fact(key: str, k: int, n: int, definition: str) -> Fact:
    low, high = wilson(k, n)
    return Fact(key, k / n, "share", numerator=k, denominator=n, n=n, low=low, high=high, definition=definition)
