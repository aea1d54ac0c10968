"""Sentences of the notebook campaigns: what they brought, what customers of each channel are worth, who was offered what."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from custkit import words
from custkit.analysis import difference_in_differences as did
from custkit.analysis.campaign_uplift import BOUGHT, FAIR
from custkit.analysis.campaigns import CONTROL
from custkit.analysis.rates import SMALL_SAMPLE, wilson
from custkit.analysis.registrations import UNKNOWN_CHANNEL
from custkit.present.finding import Fact, Finding, Unit, show
from custkit.present.titles import campaign_title
from custkit.words import _, ngettext

_YEAR = 365
_SMALL = 0.05


def campaign_table(summary: pd.DataFrame, uplift: pd.DataFrame, differences: pd.DataFrame) -> pd.DataFrame:
    """One row a campaign, latest first: campaign_name, ran, contacted, buyer_share, redemption_rate, cost_amount, outcome (in words)."""
    reached = summary[summary["arm"] != CONTROL]
    rows = []
    for campaign, groups in reached.groupby("campaign_id", sort=False):
        first, customers = groups.iloc[0], int(groups["customers"].sum())
        rows.append(
            (
                campaign_title(first["campaign_name"], campaign),
                _("{first} to {last}").format(
                    first=words.day(first["starts_at"]), last=words.day(first["ends_at"] - pd.Timedelta(microseconds=1))
                ),
                customers,
                groups["buyers"].sum() / customers,
                groups["redeemed"].sum() / customers,
                first["cost_amount"],
                _outcome(uplift[uplift["campaign_id"] == campaign], differences[differences["campaign_id"] == campaign]),
            )
        )
    columns = ["campaign_name", "ran", "contacted", "buyer_share", "redemption_rate", "cost_amount", "outcome"]
    told = pd.DataFrame(rows, columns=columns).astype({"contacted": "int64", "buyer_share": "float64", "cost_amount": "float64"})
    return told.drop(columns=[name for name in ("redemption_rate", "cost_amount") if not told[name].any()])


def _outcome(uplift: pd.DataFrame, differences: pd.DataFrame) -> str:
    bought = uplift[uplift["measure"] == BOUGHT]
    if bought.empty:
        seen = differences.loc[differences["measure"] == did.BOUGHT, "verdict"]
        like = _(str(seen.iloc[0])) if len(seen) else _(did.NOT_COMPARABLE)
        return _("not incremental: nobody kept back; against like customers: {verdict}").format(verdict=like)
    unfair = bought.loc[bought["test"] != FAIR, "test"]
    if len(unfair):
        return _("no fair test: {reason}").format(reason=_(str(unfair.iloc[0])))
    best = bought.sort_values(["uplift", "arm"], ascending=[False, True]).iloc[0]
    told = _("{points} ({low} to {high}) against those kept back").format(
        points=words.points(best["uplift"]), low=words.signed(best["low"] * 100), high=words.signed(best["high"] * 100)
    )
    return told if bought["is_beyond_chance"].any() else _("nothing beyond chance: {told}").format(told=told)


def bottom_line_finding(summary: pd.DataFrame, uplift: pd.DataFrame, differences: pd.DataFrame) -> Finding:
    """How many campaigns of the last year are shown to have brought customers who would not have come: "1 of 4 campaigns …".

    campaign_summary(…), campaign_uplift(…), difference_in_differences(…)  →  Finding [S7 S91]
    """
    reached = summary[summary["arm"] != CONTROL]
    campaigns = reached["campaign_id"].nunique()
    if not campaigns:
        return _quiet(_("Not estimated: no campaign of the last {days} is in the client's data.").format(days=words.days(_YEAR)))
    tested = reached.loc[reached["has_control"], "campaign_id"].nunique()
    worked = _shown(uplift, differences)
    facts = (
        Fact(
            "campaigns.shown", len(worked), "count", numerator=len(worked), denominator=campaigns, window=_last_year(),
            definition=_("Campaigns that brought more buyers than a control group, or than like customers, beyond chance."),
        ),
        Fact("campaigns.tested", tested, "count", denominator=campaigns, definition=_("Campaigns with a control group.")),
    )  # fmt: skip
    rest = _without_control(campaigns - tested)
    if not worked:
        return Finding(
            ngettext(
                "{n} campaign in the last {days}, and it is not shown to have brought anybody who would not have come anyway.",
                "{n} campaigns in the last {days}, and none is shown to have brought anybody who would not have come anyway.",
                campaigns,
            ).format(n=words.number(campaigns, 0), days=words.days(_YEAR)),
            rest,
            facts,
            tone="quiet",
        )
    if campaigns == 1:
        alone = _("{names} is shown to have brought customers who would not have come anyway.").format(names=worked[0])
        return Finding(alone, rest, facts)
    return Finding(
        ngettext(
            "{worked} of {n} campaigns is shown to have brought customers who would not have come anyway: {names}.",
            "{worked} of {n} campaigns are shown to have brought customers who would not have come anyway: {names}.",
            len(worked),
        ).format(worked=words.number(len(worked), 0), n=words.number(campaigns, 0), names=_(", ").join(worked)),
        rest,
        facts,
    )


def reach_note(summary: pd.DataFrame) -> str:
    """Under the table: buyers who did not use the offer, and customers whom another campaign reached at the same time."""
    reached = summary[summary["arm"] != CONTROL]
    without, others = int(reached["bought_without"].sum()), int(reached["in_others"].sum())
    told = []
    if reached["redeemed"].sum() and reached["buyers"].sum():
        used = _("{without} of {buyers} buyers did not use the offer.")
        told.append(used.format(without=words.count(without), buyers=words.count(reached["buyers"].sum())))
    if others:
        busy = _("{others} of {n} customers reached were in another campaign at the same time.")
        told.append(busy.format(others=words.count(others), n=words.count(reached["customers"].sum())))
    return " ".join(told)


def _shown(uplift: pd.DataFrame, differences: pd.DataFrame) -> list[str]:
    """Names of campaigns that brought buyers beyond chance, latest first."""
    by_control = uplift[(uplift["measure"] == BOUGHT) & uplift["is_beyond_chance"] & (uplift["uplift"] > 0)]
    by_like = differences[
        (differences["measure"] == did.BOUGHT) & (differences["verdict"] == did.MORE) & (differences["campaign_id"] != "")
    ]
    both = pd.concat([by_control[["campaign_name", "campaign_id"]], by_like[["campaign_name", "campaign_id"]]])
    return list(dict.fromkeys(campaign_title(*pair) for pair in both.itertuples(index=False, name=None)))


def _without_control(n: int) -> str:
    if not n:
        return _("Every campaign kept a control group back.")
    return ngettext(
        "{n} campaign kept nobody back: what its customers bought is not incremental, since some would have bought anyway.",
        "{n} campaigns kept nobody back: what their customers bought is not incremental, since some would have bought anyway.",
        n,
    ).format(n=words.number(n, 0))


def uplift_table(uplift: pd.DataFrame) -> pd.DataFrame:
    """The columns of `campaign_uplift` that people read, with `unit` and `gap_unit` for the figures of each row."""
    columns = [
        "campaign_name", "arm", "measure", "unit", "customers", "control_customers", "treated", "control", "gap_unit", "uplift",
        "estimate_range", "detectable",
    ]  # fmt: skip
    return _titled(_ranged(uplift))[columns]


def _titled(frame: pd.DataFrame) -> pd.DataFrame:
    names = [campaign_title(*pair) for pair in zip(frame["campaign_name"], frame["campaign_id"], strict=True)]
    return frame.assign(campaign_name=pd.Series(names, index=frame.index, dtype="object"))


def _ranged(frame: pd.DataFrame) -> pd.DataFrame:
    """With `gap_unit`, the unit of differences row by row, and `estimate_range`, their interval in words."""
    gap_unit = frame["unit"].where(frame["unit"] != "share", "points")
    ranges = [_range(*row) for row in zip(frame["low"], frame["high"], gap_unit, strict=True)]
    return frame.assign(gap_unit=gap_unit, estimate_range=pd.Series(ranges, index=frame.index, dtype="object"))


def _range(low: float, high: float, unit: Unit) -> str | None:
    if pd.isna(low) or pd.isna(high):
        return None
    digits = 2 if max(abs(low), abs(high)) < _SMALL else 1
    shown = [words.signed(end * 100, digits) if unit == "points" else show(end, unit) for end in (low, high)]
    return _("{low} to {high}").format(low=shown[0], high=shown[1])


UPLIFT_UNITS = {"treated": "unit", "control": "unit", "uplift": "gap_unit", "detectable": "gap_unit"}


def uplift_finding(uplift: pd.DataFrame, returns: pd.DataFrame) -> Finding:
    """What the latest test showed: uplift in buyers, what an extra buyer cost, and whether the margin paid for it.

    campaign_uplift(…), campaign_returns(…)  →  Finding [S91]
    """
    bought = uplift[uplift["measure"] == BOUGHT]
    if bought.empty:
        return _quiet(
            _("Uplift is not estimated: no campaign of the last {days} kept a control group back.").format(days=words.days(_YEAR))
        )
    latest = bought[bought["campaign_id"] == bought["campaign_id"].iloc[0]]
    row = latest.sort_values(["uplift", "arm"], ascending=[False, True]).iloc[0]
    facts = tuple(_uplift_fact(one) for _i, one in uplift[uplift["campaign_id"] == row["campaign_id"]].iterrows())
    if row["test"] != FAIR:
        return Finding(
            _("{campaign} cannot be judged: {reason}.").format(campaign=_title(row), reason=_(row["test"])),
            _("A test of this kind is only fair where chance alone decides who is kept back."),
            facts,
            tone="quiet",
        )
    if not row["is_beyond_chance"]:
        return Finding(
            _("{campaign}: no uplift beyond chance.").format(campaign=_title(row)),
            _("With {n} customers and {m} kept back, an uplift of {detectable} or more would have been found four times in five.").format(
                n=words.count(row["customers"]), m=words.count(row["control_customers"]), detectable=_size(row, row["detectable"])
            ),
            facts,
            tone="quiet",
        )
    more = row["uplift"] > 0
    headline = (
        _("{campaign}: {treated} of those it reached bought, {control} of those kept back.")
        if more
        else _("{campaign} did harm: {treated} of those it reached bought, {control} of those kept back.")
    ).format(campaign=_named(row, latest), treated=_share(row["treated"]), control=_share(row["control"]))
    mine = returns[returns["campaign_id"] == row["campaign_id"]].iloc[0]
    return Finding(headline, _paid(mine) if more else "", (*facts, *_return_facts(mine)))


def _title(row: pd.Series) -> str:
    return campaign_title(row["campaign_name"], row["campaign_id"])


def _share(value: float) -> str:
    """Two digits where one would say too little."""
    return words.share(value, 2 if value < _SMALL else 1)


def _named(row: pd.Series, groups: pd.DataFrame) -> str:
    if len(groups) == 1:
        return _title(row)
    return _("{campaign}, {group}").format(campaign=_title(row), group=_(row["arm"]))


def _paid(returns: pd.Series) -> str:
    """How many more came, at what price, and whether what they brought paid for it."""
    told = [
        _("In all {n} more customers bought than would have anyway ({low} to {high}).").format(
            n=words.count(returns["extra_buyers"]), low=words.count(returns["buyers_low"]), high=words.count(returns["buyers_high"])
        )
    ]
    if pd.notna(returns["cost_per_extra_buyer"]):
        told.append(_("Each of them cost {cost}.").format(cost=words.money(returns["cost_per_extra_buyer"])))
    if pd.notna(returns["net_margin"]):
        net, low, high = (words.money(returns[name], cents=False) for name in ("net_margin", "net_low", "net_high"))
        if returns["net_low"] > 0:
            told.append(_("Their margin has paid for the campaign: {net} is left ({low} to {high}).").format(net=net, low=low, high=high))
        elif returns["net_high"] < 0:
            told.append(
                _("Their margin in those days has not paid for the campaign: {net} ({low} to {high}).").format(net=net, low=low, high=high)
            )
        else:
            told.append(
                _("Whether their margin has paid for the campaign is open: {net} ({low} to {high}).").format(net=net, low=low, high=high)
            )
    return " ".join(told)


def _uplift_fact(row: pd.Series) -> Fact:
    unit: Unit = "points" if row["unit"] == "share" else row["unit"]
    return Fact(
        f"uplift.{row['campaign_id']}.{row['arm']}.{row['measure']}", float(row["uplift"]), unit,
        n=int(row["customers"] + row["control_customers"]), low=float(row["low"]), high=float(row["high"]),
        definition=_("{measure}: {treated} of the {n} reached, {control} of the {m} kept back; 95% interval, chance {p}.").format(
            measure=_(row["measure"]), treated=show(row["treated"], row["unit"]), control=show(row["control"], row["unit"]),
            n=words.count(row["customers"]), m=words.count(row["control_customers"]), p=words.p_value(row["p_value"]),
        ),
    )  # fmt: skip


def _return_facts(returns: pd.Series) -> tuple[Fact, ...]:
    net = _("Margin of the extra orders in the campaign's days, less its cost; 95% interval.")
    facts = (
        Fact(
            f"uplift.{returns['campaign_id']}.extra_buyers", float(returns["extra_buyers"]), "count", n=int(returns["customers"]),
            low=float(returns["buyers_low"]), high=float(returns["buyers_high"]), definition=_("Uplift in buyers × customers reached."),
        ),
        Fact(
            f"uplift.{returns['campaign_id']}.net_margin", float(returns["net_margin"]), "money", n=int(returns["customers"]),
            low=float(returns["net_low"]), high=float(returns["net_high"]), definition=net,
        ),
    )  # fmt: skip
    return tuple(fact for fact in facts if pd.notna(fact.value))


def uplift_measure() -> str:
    """What the chart of uplifts shows, as a line under its title."""
    return _("Share that bought while the campaign ran, less that of those kept back; 95% interval")


def difference_table(differences: pd.DataFrame) -> pd.DataFrame:
    """All campaigns together first, then the latest: the columns people read, with `gap_unit` for the figures of each row."""
    together = differences["campaign_id"] == ""
    told = _titled(_ranged(pd.concat([differences[together], differences[~together]]))).rename(columns={"verdict": "reading"})
    return told[told["compared"] > 0][
        ["campaign_name", "measure", "gap_unit", "compared", "like_customers", "placebo", "difference", "estimate_range", "reading"]
    ]


DIFFERENCE_UNITS = dict.fromkeys(("placebo", "difference"), "gap_unit")


def difference_finding(differences: pd.DataFrame) -> Finding:
    """Whether campaigns without a control group moved those they reached more than like customers, or why that cannot be told.

    difference_in_differences(…)  →  Finding. A number is told only where a placebo found nothing and it was over afterwards. [S89 S90]
    """
    if differences.empty:
        return _quiet(
            _("Before and after is not compared: no campaign without a control group in the last {days}.").format(days=words.days(_YEAR))
        )
    told = differences[differences["verdict"].isin((did.MORE, did.LESS))]
    if len(told):
        row = told.iloc[0]
        return Finding(
            _moves()[row["measure"], row["difference"] > 0].format(campaign=_title(row), size=_size(row, row["difference"])),
            _("A period before it shows nothing of the kind, and it was over with the campaign. A control group would be surer still."),
            tuple(_difference_fact(one) for _i, one in told.iterrows()),
        )
    together = differences[(differences["campaign_id"] == "") & (differences["verdict"] != did.TOO_FEW)]
    rows = together if len(together) else differences
    doubted = rows[rows["verdict"] == did.NOT_COMPARABLE]
    if len(doubted):
        row = doubted.sort_values(["placebo_p", "measure"]).iloc[0]
        return Finding(
            _("Not comparable: those whom the campaigns reached were different before."),
            _("In a period before, when nothing had happened, {measure} was off by {placebo} too. So no effect is told.").format(
                measure=_(row["measure"]), placebo=_amount(row, row["placebo"])
            ),
            tuple(_placebo_fact(one) for _i, one in doubted.iterrows()),
            tone="quiet",
        )
    lasting = rows[rows["verdict"] == did.LASTS]
    if len(lasting):
        return Finding(
            _("Those whom the campaigns reached buy more than like customers, and go on doing so after the campaign."),
            _("That is what other customers do, not what a campaign does: no effect is told."),
            tuple(_placebo_fact(one) for _i, one in lasting.iterrows()),
            tone="quiet",
        )
    nothing = rows[rows["verdict"] == did.NO_DIFFERENCE]
    if nothing.empty:
        first = rows.iloc[0]
        return _quiet(_("Before and after is not compared: {reason}.").format(reason=_(first["verdict"])))
    row = nothing.iloc[0]
    of_one = _("{campaign}, {measure}: {difference} ({low} to {high}). {detectable} or more would have been found four times in five.")
    of_all = _("All together, {measure}: {difference} ({low} to {high}). {detectable} or more would have been found four times in five.")
    return Finding(
        _("Campaigns without a control group: no difference from like customers beyond chance."),
        (of_one if row["campaign_id"] else of_all).format(
            campaign=_title(row), measure=_(row["measure"]), difference=_amount(row, row["difference"]),
            low=_amount(row, row["low"]), high=_amount(row, row["high"]), detectable=_size(row, row["detectable"]),
        ),
        tuple(_difference_fact(one) for _i, one in nothing.iterrows() if one["campaign_id"] == row["campaign_id"]),
        tone="quiet",
    )  # fmt: skip


def _moves() -> dict[tuple[str, bool], str]:
    """How a difference of each measure is said, where it is above 0 and below."""
    return {
        (did.BOUGHT, True): _("{campaign}: {size} more of those it reached bought than of like customers."),
        (did.BOUGHT, False): _("{campaign}: {size} fewer of those it reached bought than of like customers."),
        (did.KEPT, True): _("{campaign}: {size} more of the best customers it reached bought than of like ones."),
        (did.KEPT, False): _("{campaign}: {size} fewer of the best customers it reached bought than of like ones."),
        (did.SPEND, True): _("{campaign}: those it reached spent {size} more than like customers."),
        (did.SPEND, False): _("{campaign}: those it reached spent {size} less than like customers."),
    }


def _amount(row: pd.Series, value: float) -> str:
    return show(value, "points" if row["unit"] == "share" else row["unit"])


def _size(row: pd.Series, value: float) -> str:
    """How large, without a sign."""
    if row["unit"] == "share":
        return _("{difference} points").format(difference=words.number(abs(value) * 100))
    return show(abs(value), row["unit"])


def _difference_fact(row: pd.Series) -> Fact:
    return Fact(
        f"difference.{row['campaign_id'] or 'all'}.{row['measure']}", float(row["difference"]),
        "points" if row["unit"] == "share" else row["unit"], n=int(row["compared"] + row["like_customers"]),
        low=float(row["low"]), high=float(row["high"]),
        definition=_("{measure}: change of those reached, less that of like customers; 95% interval.").format(measure=_(row["measure"])),
    )  # fmt: skip


def _placebo_fact(row: pd.Series) -> Fact:
    return Fact(
        f"placebo.{row['campaign_id'] or 'all'}.{row['measure']}", float(row["placebo"]),
        "points" if row["unit"] == "share" else row["unit"], n=int(row["compared"] + row["like_customers"]),
        low=float(row["placebo_low"]), high=float(row["placebo_high"]),
        definition=_("{measure}: the same difference one campaign's length earlier, when nothing had happened.").format(
            measure=_(row["measure"])
        ),
    )  # fmt: skip


def difference_measure(differences: pd.DataFrame) -> str:
    """What the chart of differences shows, as a line under its title."""
    bought = _("Change in the share that bought, less that of like customers; in grey the placebo, a period before; 95% interval")
    spent = _("Change in spend per customer, less that of like customers; in grey the placebo, a period before; 95% interval")
    return bought if did.telling_measure(differences) == did.BOUGHT else spent


def before_after_table(differences: pd.DataFrame, value: pd.DataFrame) -> pd.DataFrame:
    """Before and after of one campaign, the latest that can be followed: measures down, the reached and like customers across."""
    mine = _ranged(_one_campaign(differences, value)).rename(columns={"verdict": "reading"})
    columns = ["contacted_before", "contacted_after", "like_before", "like_after", "gap_unit", "difference", "estimate_range", "reading"]
    return mine[["measure", "unit", *columns]]


BEFORE_AFTER_UNITS = dict.fromkeys(("contacted_before", "contacted_after", "like_before", "like_after"), "unit") | {
    "difference": "gap_unit"
}


def _one_campaign(differences: pd.DataFrame, value: pd.DataFrame) -> pd.DataFrame:
    known = differences[differences["contacted_before"].notna() & (differences["campaign_id"] != "")]
    chosen = value["campaign_id"] if len(value) else known.loc[known["later"].notna(), "campaign_id"]
    chosen = chosen if len(chosen) else known["campaign_id"]
    return pd.concat([known[known["campaign_id"] == chosen.iloc[0]], value]) if len(chosen) else known


def before_after_finding(summary: pd.DataFrame, differences: pd.DataFrame, value: pd.DataFrame) -> Finding:
    """What that campaign cost, and how its best customers and the value to come moved against like customers.

    campaign_summary(…), difference_in_differences(…), value_difference(…)  →  Finding [S90]
    """
    mine = _one_campaign(differences, value)
    if mine.empty:
        return _quiet(_("Before and after is not shown: no campaign without a control group can be followed."))
    first = mine.iloc[0]
    told = summary[summary["campaign_id"] == first["campaign_id"]]
    cost, customers = told["cost_amount"].iloc[0], int(told["customers"].sum())
    bought = mine[mine["measure"] == did.BOUGHT].iloc[0]
    facts = [_level_fact(row) for _i, row in mine.iterrows()]
    if pd.notna(cost):
        definition = _("What the campaign cost.")
        facts.append(Fact(f"campaign.{first['campaign_id']}.cost", float(cost), "money", n=customers, definition=definition))
    headline = {
        did.MORE: _("{campaign}: more of those it reached bought than of like customers."),
        did.LESS: _("{campaign}: fewer of those it reached bought than of like customers."),
        did.NO_DIFFERENCE: _("{campaign}: those it reached changed no more than like customers, as far as chance lets one see."),
    }.get(bought["verdict"], _("{campaign}: before and after, of those it reached and of like customers. What may be said: {reading}."))
    return Finding(
        headline.format(campaign=_title(first), reading=_(bought["verdict"])),
        " ".join(sentence for sentence in (_changed(bought), _moved(mine), _spent(cost, customers)) if sentence),
        tuple(facts),
        tone="plain" if bought["verdict"] in (did.MORE, did.LESS) else "quiet",
    )


def _changed(bought: pd.Series) -> str:
    return _(
        "{after} of them bought while it ran, {before} in as many days before; of like customers {like_after} and {like_before}."
    ).format(
        after=words.share(bought["contacted_after"]),
        before=words.share(bought["contacted_before"]),
        like_after=words.share(bought["like_after"]),
        like_before=words.share(bought["like_before"]),
    )


def _moved(mine: pd.DataFrame) -> str:
    """What the campaign did to the value to come, where a purchase model says."""
    value = mine[(mine["measure"] == did.VALUE) & mine["difference"].notna()]
    if value.empty:
        return ""
    row = value.iloc[0]
    return _("What is expected of each in the next 12 months moved by {difference} against like customers ({low} to {high}).").format(
        difference=words.money(row["difference"]), low=words.money(row["low"]), high=words.money(row["high"])
    )


def _spent(cost: float, customers: int) -> str:
    if pd.isna(cost):
        return ""
    return _("It cost {cost}, {each} for each of {n} customers reached.").format(
        cost=words.money(cost, cents=False), each=words.money(cost / customers), n=words.count(customers)
    )


def _level_fact(row: pd.Series) -> Fact:
    return Fact(
        f"before_after.{row['campaign_id']}.{row['measure']}", float(row["contacted_after"]), row["unit"], n=int(row["compared"]),
        definition=_("{measure} of those reached; {before} before.").format(
            measure=_(row["measure"]), before=show(row["contacted_before"], row["unit"])
        ),
    )  # fmt: skip


def channel_table(channels: pd.DataFrame, quality: pd.DataFrame) -> pd.DataFrame:
    """Channels with the share of their registrations that buys, what a customer cost and brought, and what came back for the money."""
    bought = quality[["acquisition_channel", "share_90"]]
    columns = [
        "acquisition_channel", "customers", "share_90", "cost_per_customer", "revenue_per_customer", "margin_per_customer",
        "revenue_return", "margin_return", "return_low", "return_high", "payback_month",
    ]  # fmt: skip
    told = channels.merge(bought, on="acquisition_channel", how="left")[columns]
    empty = [name for name in columns[2:] if told[name].isna().all()]
    return told.drop(columns=empty) if _has_channels(channels) else told.iloc[:0]


def _has_channels(channels: pd.DataFrame) -> bool:
    return bool((channels["acquisition_channel"] != UNKNOWN_CHANNEL).any())


def channel_finding(channels: pd.DataFrame, *, horizon: int = 6) -> Finding:
    """Which channel's customers bring back most and least for the money, and what that suggests; or that none differs beyond chance.

    channel_value(…)  →  Finding [S15 S16]
    """
    if not _has_channels(channels):
        return _quiet(_("Channels are not compared: the data do not say how customers came, or nobody could be followed for so long."))
    paid = channels[channels["margin_return"].notna() & (channels["customers"] >= SMALL_SAMPLE)]
    if paid.empty:
        return _quiet(_("What comes back for the money is not estimated: cost and margin are known for no channel with enough customers."))
    facts = tuple(_channel_fact(row, horizon) for _i, row in paid.iterrows())
    ordered = paid.sort_values(["margin_return", "acquisition_channel"], ascending=[False, True])
    best, worst = ordered.iloc[0], ordered.iloc[-1]
    months = _months(horizon)
    if len(paid) < 2 or not (best["is_different"] or worst["is_different"]) or best["return_low"] <= worst["return_high"]:
        return Finding(
            _("No paid channel brings back more or less for its money than the others beyond chance."),
            _("Cost and margin of customers followed for {months}.").format(months=months),
            facts,
            tone="quiet",
        )
    filled = {
        "worst": _(worst["acquisition_channel"]), "best": _(best["acquisition_channel"]), "months": months,
        "one": words.money(1, cents=False), "top_return": words.money(best["margin_return"]),
        "low_return": words.money(worst["margin_return"]),
    }  # fmt: skip
    headline = _(
        "For each {one} spent, customers from {best} had brought back {top_return} of margin within {months}, from {worst} {low_return}."
    )
    loses = _("{worst} does not bring its money back in that time: its cost is worth a second look first.")
    shift = _("Worth a test: move a part of what {worst} gets to {best}, and see whether the next customers cost and buy as much.")
    caveat = _("A channel is where customers came from last; what else they had seen is not counted, and the next customers may be dearer.")
    detail = " ".join(part.format(**filled) for part in ((loses,) if worst["return_high"] < 1 else ()) + (shift, caveat))
    return Finding(headline.format(**filled), detail, facts)


def _months(n: int) -> str:
    return ngettext("{n} month", "{n} months", n).format(n=words.number(n, 0))


def _channel_fact(row: pd.Series, horizon: int) -> Fact:
    return Fact(
        f"channel.{row['acquisition_channel']}.margin_return", float(row["margin_return"]), "number",
        numerator=float(row["margin_per_customer"]), denominator=float(row["cost_per_customer"]), n=int(row["customers"]),
        low=float(row["return_low"]), high=float(row["return_high"]),
        window=_("{months} after the month in which they were won").format(months=_months(horizon)),
        definition=_("Margin of the customers won / marketing spend of the same months; 95% interval."),
    )  # fmt: skip


def channel_measure() -> str:
    """What the payback chart shows, as a line under its title."""
    return _("Margin per customer won less what winning one cost, by whole months since the first order")


def fairness_table(offers: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Segments with contacts offered otherwise and purchases at a higher price than another customer of the segment paid that day."""
    told = prices.merge(offers, on="segment", how="outer")
    told = told.sort_values(["customers", "contacts", "segment"], ascending=[False, False, True], ignore_index=True)
    columns = [
        "segment", "contacts", "other_offers", "customers", "comparable", "paid_more", "paid_more_share", "by_coupon", "price_index",
        "index_low", "index_high",
    ]  # fmt: skip
    nothing = told["comparable"].sum() == 0 and told["contacts"].sum() == 0
    empty = [name for name in columns if name not in ("segment", "customers", "paid_more_share") and told[name].isna().all()]
    return told.iloc[: 0 if nothing else None][columns].drop(columns=empty)


def fairness_finding(offers: pd.DataFrame, prices: pd.DataFrame) -> Finding:
    """How often customers of one segment were treated otherwise, and whether any segment was asked more than the others.

    offer_fairness(…), price_fairness(…)  →  Finding. Counted, not judged. [S92]
    """
    comparable = int(prices["comparable"].sum()) if len(prices) else 0
    offered, offer_facts = _offered(offers)
    if not comparable:
        none = _("Not compared: no two customers of a segment bought the same product on one day, and no offers are named.")
        tone: Literal["plain", "quiet"] = "plain" if offer_facts else "quiet"
        return Finding(offered[0], " ".join(offered[1:]), offer_facts, tone) if offered else _quiet(none)
    dearer, coupons = int(prices["paid_more"].sum()), int(prices["by_coupon"].sum())
    low, high = wilson(dearer, comparable)
    paid_more = Fact(
        "fairness.paid_more", dearer / comparable, "share", numerator=dearer, denominator=comparable, n=comparable, low=low, high=high,
        definition=_("Purchases dearer than the cheapest of the same product, day and segment / purchases that can be compared."),
    )  # fmt: skip
    headline = _("Same product, same day, same segment: {share} of purchases were dearer than somebody else's.").format(
        share=words.share(dearer / comparable)
    )
    counted = _("{dearer} of {n} that can be compared; in {coupons} of them the other used a coupon.") if coupons else ""
    counted = (counted or _("{dearer} of {n} that can be compared.")).format(
        dearer=words.count(dearer), n=words.count(comparable), coupons=words.count(coupons)
    )
    asked, index_facts = _asked(prices)
    caveat = _("Reductions open to all, bundles and shops with prices of their own explain such differences too: a count, no verdict.")
    return Finding(headline, " ".join((counted, *offered, asked, caveat)), (*offer_facts, paid_more, *index_facts))


def _offered(offers: pd.DataFrame) -> tuple[list[str], tuple[Fact, ...]]:
    """Who got another offer than most of the segment, tests apart; nothing where no offers are named."""
    in_tests = int(offers["in_tests"].sum()) if len(offers) else 0
    n = int(offers["contacts"].sum()) - in_tests if len(offers) else 0
    sentences, facts = [], []
    if n:
        other = int(offers["other_offers"].sum())
        told = _("In campaigns {other} of {n} customers were offered something else than most of their segment.")
        sentences.append(told.format(other=words.count(other), n=words.count(n)))
        facts.append(
            Fact(
                "fairness.other_offers", other / n, "share", numerator=other, denominator=n, n=n,
                definition=_("Contacts with another offer than most of the segment in the same campaign; tests left out."),
            )
        )  # fmt: skip
    if in_tests:
        sentences.append(
            ngettext(
                "{n} customer was in a test, where chance decides who is offered what.",
                "{n} customers were in tests, where chance decides who is offered what.",
                in_tests,
            ).format(n=words.count(in_tests))
        )
    return sentences, tuple(facts)


def _asked(prices: pd.DataFrame) -> tuple[str, tuple[Fact, ...]]:
    """The segment that was asked most above the others, or else most below, or that none was."""
    apart = prices[prices["is_apart"]]
    if apart.empty:
        return _("No segment was asked more or less than the others beyond chance."), ()
    ordered = apart.sort_values(["price_index", "segment"], ascending=[False, True])
    row = ordered.iloc[0] if ordered["price_index"].iloc[0] > 1 else ordered.iloc[-1]
    more = _("{segment} was asked {share} more than others for the same products on the same days.")
    less = _("{segment} was asked {share} less than others for the same products on the same days.")
    fact = Fact(
        "fairness.price_index", float(row["price_index"]), "number", n=int(row["customers"]), low=float(row["index_low"]),
        high=float(row["index_high"]), definition=_("Price asked before coupons over what others were asked; 95% interval."),
    )  # fmt: skip
    told = (more if row["price_index"] > 1 else less).format(segment=_(row["segment"]), share=words.share(abs(row["price_index"] - 1)))
    return told, (fact,)


def _last_year() -> str:
    return _("last {days}").format(days=words.days(_YEAR))


def _quiet(sentence: str) -> Finding:
    return Finding(sentence, tone="quiet")
