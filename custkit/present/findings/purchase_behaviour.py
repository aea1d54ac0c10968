"""Sentences and tables of the notebook purchase_behaviour: when, what and where customers buy, and what it suggests about them."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import pandas as pd

from custkit import words
from custkit.analysis.attributes import HOLDS, NO_BETTER
from custkit.analysis.best_sellers import FEW
from custkit.analysis.demand import ALL, LEAST_WEEKS, LEVEL, ORDERS, SOON
from custkit.analysis.favourites import FALLING, RISING, YEAR
from custkit.analysis.rates import SMALL_SAMPLE
from custkit.analysis.season import LEAST_MONTHS
from custkit.analysis.special_days import ALPHA, CAMPAIGN
from custkit.present.finding import Fact, Finding, show
from custkit.present.table import Shown, table
from custkit.words import _, mark, ngettext

BEYOND, WITHIN = mark("beyond chance"), mark("within chance")
_A_FEW = 3
_NOTABLE = 0.05  # of the breadth that luck would give


# When


def weekday_table(days: pd.DataFrame) -> Shown:
    """The weekdays with what one of them brings."""
    shown = days[["weekday", "orders_per_day", "per_day_low", "per_day_high", "revenue", "revenue_share", "aov"]]
    return table(shown, bars=["revenue_share"], limit=None)


def times_measure(as_of: datetime) -> str:
    """What the hours are counted over."""
    return _("Orders by weekday and hour in the 364 days before {day}; darker is more, the fullest three hours are framed").format(
        day=words.day(as_of)
    )


def times_finding(days: pd.DataFrame, busiest: pd.DataFrame) -> Finding:
    """When the week is full: "Most orders come on Tuesdays from 18:00 to 21:00." """
    if days.empty:
        return _quiet(_("Weekdays are not told: the data hold no whole week of orders."))
    weekday = _weekday_sentence(days)
    best = days.loc[days["orders"].idxmax()]
    facts = [
        Fact(
            "behaviour.busiest_weekday_orders", float(best["orders_per_day"]), "number", numerator=int(best["orders"]),
            denominator=int(best["days"]), n=int(best["days"]), low=float(best["per_day_low"]), high=float(best["per_day_high"]),
            definition=_("{weekday}: orders / days; 95% interval over its days.").format(weekday=_(best["weekday"])),
        )
    ]  # fmt: skip
    if busiest.empty:
        dates = _("Hours are not told: the client's data hold dates, no times.")
        return Finding(weekday, dates, tuple(facts), "plain" if days["p_value"].iloc[0] <= ALPHA else "quiet")
    row = busiest.iloc[0]
    facts.append(
        Fact(
            "behaviour.busiest_hours_share", float(row["order_share"]), "share", numerator=int(row["orders"]),
            denominator=round(row["orders"] / row["order_share"]), low=float(row["low"]), high=float(row["high"]),
            definition=_("Orders in the fullest three hours of the week / orders; the interval holds for all such stretches at once."),
        )
    )  # fmt: skip
    return Finding(
        _("Most orders come on {weekday} from {first}:00 to {last}:00.").format(
            weekday=_(row["weekday"]), first=words.number(row["from_hour"], 0), last=words.number(row["to_hour"], 0)
        ),
        _("{share} of all orders fall into these hours, where an even week would have {even}. {weekdays}").format(
            share=words.share(row["order_share"]), even=words.share(row["even_share"]), weekdays=weekday
        ),
        tuple(facts),
        "plain" if row["low"] > row["even_share"] else "quiet",
    )


def _weekday_sentence(days: pd.DataFrame) -> str:
    best, worst = days.loc[days["orders"].idxmax()], days.loc[days["orders"].idxmin()]
    if not days["p_value"].iloc[0] <= ALPHA:
        return _("No weekday stands out beyond chance.")
    if worst["orders"] == 0:
        return _("{best} brings most orders, {n} a day; {worst} brings none.").format(
            best=_(best["weekday"]), n=words.number(best["orders_per_day"]), worst=_(worst["weekday"])
        )
    return _("{best} brings most orders, {n} a day; {worst} fewest, {m}.").format(
        best=_(best["weekday"]), n=words.number(best["orders_per_day"]), worst=_(worst["weekday"]),
        m=words.number(worst["orders_per_day"]),
    )  # fmt: skip


def season_measure() -> str:
    """What a month's point stands for."""
    return _("Orders a day against the trend, an ordinary month is 100%; bars are 95% intervals")


def season_finding(season: pd.DataFrame, daily: pd.DataFrame) -> Finding:
    """Which months stand out of the year: "December brings 18% more orders than the trend alone." """
    if season.empty:
        months = len(set(zip(daily["day"].dt.year, daily["day"].dt.month, strict=True))) if len(daily) else 0
        return _quiet(
            _("The season is not told: it takes {least} whole months and the data reach over {n}; less cannot be told from growth.")
            .format(n=words.number(months, 0), least=words.number(LEAST_MONTHS, 0))
        )  # fmt: skip
    years, p_value = int(season["years"].min()), float(season["p_value"].iloc[0])
    facts = tuple(
        Fact(
            f"behaviour.season_{row.calendar_month:02d}", row.season_index, "number", n=int(row.years), low=row.index_low,
            high=row.index_high,
            definition=_("Orders a day in {month} / those the trend alone would bring; 95% interval.").format(
                month=words.calendar_month(row.calendar_month)
            ),
        )
        for row in season.itertuples()
    )  # fmt: skip
    seen = ngettext("Seen over {n} year.", "Seen over {n} years.", years).format(n=words.number(years, 0))
    if p_value > ALPHA:
        return Finding(_("No season stands out of chance."), seen, facts, "quiet")
    clear = season[(season["index_low"] > 1) | (season["index_high"] < 1)]
    told = clear if len(clear) else season.loc[[season["season_index"].idxmax()]]
    high, low = told[told["season_index"] > 1], told[told["season_index"] < 1]
    parts = [
        _("{month} {more} more").format(month=words.calendar_month(int(row.calendar_month)), more=words.share(row.season_index - 1, 0))
        for row in high.sort_values("season_index", ascending=False).itertuples()
    ] + [
        _("{month} {less} less").format(month=words.calendar_month(int(row.calendar_month)), less=words.share(1 - row.season_index, 0))
        for row in low.sort_values("season_index").itertuples()
    ]
    doubt = _("What came twice by accident looks like a season: ask what happened then.") if years < 3 else ""
    return Finding(
        _("The year has a season: {months}.").format(months=_(", ").join(parts)),
        " ".join(part for part in (_("In orders a day, against the trend."), seen, doubt) if part),
        facts,
    )


def special_table(effects: pd.DataFrame) -> Shown:
    """The days that could be compared, those beyond chance first."""
    told = effects[effects["days"] > 0]
    shown = (
        told.assign(judgement=[BEYOND if clear else WITHIN for clear in told["is_significant"]])
        .sort_values(["is_significant", "revenue_effect"], ascending=[False, False], kind="stable")
        .rename(columns={"orders_effect": "orders_more", "revenue_effect": "revenue_more"})
    )
    columns = ["occasion", "kind", "days", "orders_more", "revenue_more", "revenue_low", "revenue_high", "before_effect", "judgement"]
    rest = effects[effects["days"] == 0]
    note = ""
    if len(rest):
        note = ngettext(
            "{n} could not be compared: it has no ordinary days on both sides.",
            "{n} could not be compared: they have no ordinary days on both sides.",
            len(rest),
        ).format(n=words.number(len(rest), 0))
    return table(shown[columns], note=note, limit=15)


def special_measure(daily: pd.DataFrame) -> str:
    """What a point of the special days stands for."""
    first = daily["day"].min() if len(daily) else None
    since = words.day(first) if first is not None else words.MISSING
    return _("Revenue against the same weekdays around, since {day}; bars are 95% intervals").format(day=since)


def special_finding(effects: pd.DataFrame) -> Finding:
    """What holidays and promotions do to sales: "Thanksgiving Day: 38% less revenue, and 25% more in the week before." """
    if effects.empty:
        return _quiet(_("No special day is known: name holidays and promotion days in the client file."))
    told = effects[effects["days"] > 0]
    if told.empty:
        return _quiet(_("Special days are not told: none has ordinary days on both sides to be compared with."))
    shut = told[told["orders"] == 0]
    open_days = told[told["orders"] > 0]
    clear = open_days[open_days["is_significant"]]
    closed = _closed(shut)
    facts = tuple(fact for row in clear.to_dict("records") for fact in _special_facts(row))
    unknown = _campaigns_untold(effects)
    if clear.empty:
        n = len(open_days)
        told_n = ngettext("{n} special day left no mark beyond chance.", "{n} special days left no mark beyond chance.", n)
        headline = told_n.format(n=words.number(n, 0)) if n else closed
        return Finding(headline, " ".join(part for part in (closed if n else "", unknown) if part), facts, "quiet")
    ordered = clear.assign(size=clear[["revenue_effect", "before_effect"]].abs().max(axis=1)).sort_values(
        ["size", "occasion"], ascending=[False, True]
    )
    sentences = [_special_sentence(row) for row in ordered.to_dict("records")]
    caution = _("A comparison in time with the same weekdays around, no proof of cause.")
    return Finding(sentences[0], " ".join(part for part in (*sentences[1:_A_FEW], closed, unknown, caution) if part), facts)


def _special_sentence(row: dict[str, Any]) -> str:
    on_day, before = row["revenue_q"] <= ALPHA, row["before_q"] <= ALPHA
    if on_day and before:
        told = _("{occasion}: {revenue} revenue, and {before} in the week before.")
    elif before:
        told = _("{occasion}: {before} revenue in the week before.")
    elif on_day:
        told = _("{occasion}: {revenue} revenue.")
    else:
        told = _("{occasion}: {orders} orders.")
    changes = {name: _change(row[f"{name}_effect"]) for name in ("revenue", "before", "orders")}
    return told.format(occasion=_(row["occasion"]), **changes)


def _change(effect: float) -> str:
    if math.isnan(effect):
        return words.MISSING
    told = _("{share} more") if effect >= 0 else _("{share} less")
    return told.format(share=words.share(abs(effect), 0))


def _closed(shut: pd.DataFrame) -> str:
    if shut.empty:
        return ""
    names = _(", ").join(sorted(_(name) for name in shut["occasion"]))
    return _("Nothing was sold on: {names}.").format(names=names)


def _campaigns_untold(effects: pd.DataFrame) -> str:
    untold = effects[(effects["kind"] == CAMPAIGN) & (effects["days"] == 0)]
    if untold.empty:
        return ""
    return ngettext(
        "{n} campaign cannot be told apart from the others that ran around it.",
        "{n} campaigns cannot be told apart from the others that ran around them.",
        len(untold),
    ).format(n=words.number(len(untold), 0))


def _special_facts(row: dict[str, Any]) -> tuple[Fact, ...]:
    key = str(row["occasion"]).lower().replace(" ", "_")
    on_days = Fact(
        f"behaviour.special_{key}", row["revenue_effect"], "share", n=int(row["days"]), low=_known(row["revenue_low"]),
        high=_known(row["revenue_high"]),
        definition=_("{occasion}: revenue {sold} / {expected} of comparable days, less one; 95% interval.").format(
            occasion=_(row["occasion"]), sold=words.money(row["revenue"]), expected=words.money(row["expected_revenue"])
        ),
    )  # fmt: skip
    if math.isnan(row["before_effect"]):
        return (on_days,)
    before = Fact(
        f"behaviour.before_{key}", row["before_effect"], "share", low=_known(row["before_low"]), high=_known(row["before_high"]),
        definition=_("{occasion}: revenue of the seven days before against comparable days; 95% interval.").format(
            occasion=_(row["occasion"])
        ),
    )  # fmt: skip
    return on_days, before


# What


def favourites_table(liked: pd.DataFrame, *, top: int = 10) -> Shown:
    """The favourites with their trend; the most bought first."""
    columns = ["item", "customers", "customer_share", "orders", "revenue", "revenue_share", "order_change", "trend"]
    return table(liked.rename(columns={"change": "order_change"})[columns].head(top), bars=["customer_share"], small="customers")


def favourites_finding(liked: pd.DataFrame, categories: pd.DataFrame, *, compared: int) -> Finding:
    """What most customers buy, or stands in most orders where no customer is known; what brings most, and what rises and falls."""
    if liked.empty:
        return _quiet(_("Favourites are not told: the client's data name no products."))
    (top, of), richest = _favourite(liked), liked.loc[liked["revenue"].idxmax()]
    share, n = top[_SHARES[of]], int(top[of])
    by_customers = _("Customers who bought {item} in 365 days / customers who bought a product.")
    definition = by_customers if of == "customers" else _("Orders that hold {item} in 365 days / orders that hold a product.")
    facts = (
        Fact(
            f"behaviour.favourite_{of}", float(share), "share", numerator=n, denominator=round(n / share) if share else None, n=n,
            definition=definition.format(item=top["item"]),
        ),
        Fact(
            "behaviour.richest_revenue", float(richest["revenue_share"]), "share", numerator=float(richest["revenue"]),
            n=int(richest["customers"]), definition=_("Revenue of {item} / revenue of all products.").format(item=richest["item"]),
        ),
    )  # fmt: skip
    also = richest["item"] == top["item"]
    money = _("It also brings most revenue, {share} of it.") if also else _("{item} brings most revenue, {share} of it.")
    parts = [
        money.format(item=richest["item"], share=words.share(richest["revenue_share"])),
        _category_sentence(categories),
        _moves(liked, compared),
    ]
    bought = _("{item} is bought by most customers: {share} of them.")
    told = bought if of == "customers" else _("{item} is in most orders: {share} of them.")
    return Finding(
        told.format(item=top["item"], share=words.share(share, 0)),
        " ".join(part for part in parts if part),
        facts,
    )


_SHARES = {"customers": "customer_share", "orders": "order_share"}


def _favourite(liked: pd.DataFrame) -> tuple[pd.Series, str]:
    """The row that most customers bought, or that is in most orders where no customer is known; and which of the two it is."""
    if liked["customers"].any():
        return liked.iloc[0], "customers"
    return liked.loc[liked["orders"].idxmax()], "orders"


def _category_sentence(categories: pd.DataFrame) -> str:
    if categories.empty:
        return ""
    top, of = _favourite(categories)
    moved = categories[categories["trend"].isin([RISING, FALLING])]
    reaches = _("Of the categories, {category} reaches most customers ({share}).")
    told = reaches if of == "customers" else _("Of the categories, {category} is in most orders ({share}).")
    told = told.format(category=_(top["item"]), share=words.share(top[_SHARES[of]], 0))
    if moved.empty:
        return told
    names = _named_moves(moved)
    return told + " " + _("Categories on the move: {names}.").format(names=names)


def _moves(liked: pd.DataFrame, compared: int) -> str:
    if not compared:
        return _("What rises and falls is not told yet: it takes half a year of data.")
    against = _("the same weeks a year before") if compared == YEAR else _("the 91 days before, so a season may be in it")
    moved = liked[liked["trend"].isin([RISING, FALLING])]
    if moved.empty:
        return _("No product rose or fell beyond chance in the last 91 days against {against}.").format(against=against)
    rising, falling = int((moved["trend"] == RISING).sum()), int((moved["trend"] == FALLING).sum())
    return _("Products that moved beyond chance in the last 91 days, against {against}: {rising} up, {falling} down: {names}.").format(
        rising=words.number(rising, 0), falling=words.number(falling, 0), against=against, names=_named_moves(moved)
    )


def _named_moves(moved: pd.DataFrame) -> str:
    """The two that rose and the two that fell most, in shares of orders."""
    gap = moved["share_now"] - moved["share_before"]
    ordered = moved.assign(gap=gap).sort_values(["gap", "item"], ascending=[False, True])
    rising, falling = ordered[ordered["gap"] > 0].head(2), ordered[ordered["gap"] < 0].tail(2)[::-1]
    told = [
        _("{item} {before} to {now}").format(item=_(row.item), before=words.share(row.share_before), now=words.share(row.share_now))
        for row in (*rising.itertuples(), *falling.itertuples())
    ]
    return _("{list} of orders").format(list=_(", ").join(told))


def breadth_table(bands: pd.DataFrame) -> Shown:
    """Customers by the number of categories they bought from."""
    shown = bands[bands["customers"] > 0]
    return table(shown.drop(columns=["revenue", "mean_categories"]), bars=["customer_share", "revenue_share"], small="customers")


def breadth_finding(bands: pd.DataFrame, mean: pd.DataFrame) -> Finding:
    """How broadly customers buy, and whether they keep to their own categories."""
    row = mean.iloc[0]
    if bands.empty or math.isnan(row["difference"]):
        return _quiet(_("Breadth is not told: the client's data name no categories."))
    n = int(row["customers"])
    facts = (
        Fact(
            "behaviour.mean_categories", float(row["mean_categories"]), "number", n=n,
            definition=_("Categories bought from in 365 days, mean over customers."),
        ),
        Fact(
            "behaviour.breadth_beyond_luck", float(row["difference"]), "number", n=n, low=float(row["low"]), high=float(row["high"]),
            definition=_("That mean less the categories luck would give for as many lines; 95% interval over customers."),
        ),
    )  # fmt: skip
    broad = bands[bands["breadth"].isin(["6–10", "11+"])]
    detail = _("{share} of them buy from six categories or more and bring {revenue} of revenue; whoever orders more meets more.").format(
        share=words.share(broad["customer_share"].sum(), 0), revenue=words.share(broad["revenue_share"].sum(), 0)
    )
    found, luck = words.number(row["mean_categories"]), words.number(row["expected_categories"])
    apart = abs(row["difference"]) > _NOTABLE * row["expected_categories"]
    if row["high"] < 0 and apart:
        told = _("Customers keep to their own: {n} categories on average, where luck would give {luck} for as many lines.")
    elif row["low"] > 0 and apart:
        told = _("Customers seek variety: {n} categories on average, where luck would give {luck} for as many lines.")
    else:
        told = _("Customers buy from {n} categories on average, as many as luck would give for as many lines.")
    return Finding(told.format(n=found, luck=luck), detail, facts, "plain" if n >= SMALL_SAMPLE else "quiet")


# Who


def groups_table(shares: pd.DataFrame) -> Shown:
    """Groups of each attribute, with what they spend beside the others."""
    columns = ["attribute", "group", "customers", "customer_share", "revenue_share", "spend_per_customer", "rest_spend", "judgement"]
    verdicts = [None if math.isnan(row.spend_q) else BEYOND if row.spend_differs else WITHIN for row in shares.itertuples()]
    tested = shares.assign(judgement=verdicts)
    return table(tested[columns], bars=["customer_share"], small="customers", limit=40)


def differences_table(cells: pd.DataFrame, *, top: int = 12) -> Shown:
    """What groups buy more or less of beyond chance, the widest differences first; nothing where nothing is."""
    clear = _widest(cells).head(top)
    columns = ["attribute", "group", "category", "customers", "line_share", "rest_share", "difference", "low", "high"]
    return table(clear[columns], units={"low": "points", "high": "points"}, limit=None)


def _widest(cells: pd.DataFrame) -> pd.DataFrame:
    clear = cells[cells["is_significant"]]
    return clear.assign(size=clear["difference"].abs()).sort_values(
        ["size", "attribute", "group", "category"], ascending=[False, True, True, True]
    )


def groups_finding(shares: pd.DataFrame, cells: pd.DataFrame) -> Finding:
    """Whether the groups the client knows of buy differently at all."""
    if shares.empty:
        return _quiet(
            _("Who the customers are is not told: the client's data hold no gender, age, household, region, income or occupation.")
        )
    spend = shares[shares["spend_differs"]]
    clear = _widest(cells)
    facts = [
        Fact(
            f"behaviour.spend_{row.attribute}_{row.group}".replace(" ", "_"), row.spend_per_customer, "money", n=int(row.customers),
            definition=_("{attribute} {group}: revenue / customers in 365 days; the others {rest}.").format(
                attribute=_(row.attribute), group=_(row.group), rest=words.money(row.rest_spend)
            ),
        )
        for row in spend.itertuples()
    ]  # fmt: skip
    tested = int(shares["spend_q"].notna().sum())
    if spend.empty and clear.empty:
        looked = _("Looked at: {groups} groups' spend and {cells} shares of categories. Do not plan by these attributes.")
        alone = _("Looked at: {groups} groups' spend. Do not plan by these attributes.")
        return Finding(
            _("No group spends or chooses differently beyond chance.") if len(cells) else _("No group spends differently beyond chance."),
            (looked if len(cells) else alone).format(groups=words.number(tested, 0), cells=words.number(len(cells), 0)),
            tuple(facts),
            "quiet",
        )
    parts = []
    if len(spend):
        widest = spend.assign(
            ratio=(spend["spend_per_customer"] / spend["rest_spend"]).map(lambda r: round(abs(math.log(r)), 9) if r > 0 else 0.0)
        )
        # Of two groups each is the other's rest: the one that spends more is told.
        row = widest.sort_values(["ratio", "spend_per_customer", "attribute", "group"], ascending=[False, False, True, True]).iloc[0]
        parts.append(
            _("{attribute} {group} spend {spend} each, the others {rest}.").format(
                attribute=_(row["attribute"]).capitalize(), group=_(row["group"]), spend=words.money(row["spend_per_customer"]),
                rest=words.money(row["rest_spend"]),
            )
        )  # fmt: skip
    for row in clear.head(2).itertuples():
        told = _("{category} is {share} of what {attribute} {group} buy, {rest} of what the others do.")
        parts.append(
            told.format(
                category=_(row.category), share=words.share(row.line_share, 1), attribute=_(row.attribute), group=_(row.group),
                rest=words.share(row.rest_share, 1),
            )
        )  # fmt: skip
        facts.append(
            Fact(
                f"behaviour.{row.attribute}_{row.group}_{row.category}".replace(" ", "_"), row.difference, "points", n=int(row.customers),
                low=row.low, high=row.high,
                definition=_("{category}: share of the lines of {attribute} {group}, less that of the others; 95% interval.").format(
                    category=_(row.category), attribute=_(row.attribute), group=_(row.group)
                ),
            )
        )  # fmt: skip
    count = _("Beyond chance: the spend of {spend} of {groups} groups and {clear} of {cells} shares of categories.").format(
        spend=words.number(len(spend), 0),
        groups=words.number(tested, 0),
        clear=words.number(len(clear), 0),
        cells=words.number(len(cells), 0),
    )
    return Finding(parts[0], " ".join((*parts[1:], count)), tuple(facts))


def attributes_table(checks: pd.DataFrame) -> Shown:
    """What purchases suggest, of how many, and whether it holds."""
    columns = [
        "attribute",
        "attribute_customers",
        "holders",
        "precision",
        "others_rate",
        "attribute_lift",
        "lift_low",
        "lift_high",
        "verdict",
    ]
    return table(checks.rename(columns={"customers": "attribute_customers"})[columns], small="holders", limit=None)


def attributes_finding(checks: pd.DataFrame, known: pd.DataFrame) -> Finding:
    """How many of the client's own rules foretell anything."""
    if checks.empty:
        return _quiet(
            _("Nothing is read from purchases: the client file has no rule under “attributes”. One is a line: {rule}").format(
                rule="{name: has a cat, buys: [cat litter*], times: 2, within_days: 180}"
            )
        )
    judged, holds = checks[checks["verdict"].isin([HOLDS, NO_BETTER])], checks[checks["verdict"] == HOLDS]
    facts = tuple(
        Fact(
            f"behaviour.attribute_{row.attribute}".replace(" ", "_"), row.precision, "share", numerator=int(row.bought),
            denominator=int(row.holders), n=int(row.holders), low=_known(row.precision_low), high=_known(row.precision_high),
            definition=_("“{attribute}”: of those it fitted and who bought in the month, bought what it predicts; 95% interval.").format(
                attribute=row.attribute
            ),
        )
        for row in checks.itertuples()
        if row.holders
    )  # fmt: skip
    sentences = [
        _("“{attribute}”: {precision} bought what it predicts, {rate} of others with orders as full.").format(
            attribute=row.attribute, precision=words.share(row.precision), rate=words.share(row.others_rate)
        )
        for row in judged.itertuples()
    ]
    sentences += [
        _("“{attribute}”: of {n} whose answer is known it is right for {share}, of all customers for {base}.").format(
            attribute=row.attribute,
            n=words.count(row.known_customers),
            share=words.share(row.known_share),
            base=words.share(row.base_share),
        )
        for row in known.itertuples()
        if row.known_customers
    ]
    if judged.empty:
        few = _("Whether the guesses hold cannot be told yet: too few of those concerned bought in the month.")
        return Finding(few, " ".join(sentences), facts, "quiet")
    if holds.empty:
        headline = ngettext(
            "The one guess that could be checked does no better than chance.",
            "None of the {n} guesses that could be checked does better than chance.",
            len(judged),
        ).format(n=words.number(len(judged), 0))
        return Finding(headline, " ".join((*sentences, _("Send nothing by them."))), facts, "quiet")
    headline = _("{n} of {all} guesses from purchases hold in the month after.").format(
        n=words.number(len(holds), 0), all=words.number(len(judged), 0)
    )
    return Finding(headline, " ".join((*sentences, _("A guess, no fact: it may have been a gift."))), facts)


# Demand


def outlook_table(outlook: pd.DataFrame) -> Shown:
    """What each region will ask for; blank where nothing beats a naive rival."""
    shown = outlook.rename(columns={"change": "demand_change"}).drop(columns=["wins"])
    return table(shown, units={"next_weeks": "count", "demand_low": "count", "demand_high": "count"}, limit=None)


def demand_measure(weekly: pd.DataFrame) -> str:
    """What the weeks of the chart count."""
    unit = _("Orders a week") if _unit(weekly) == ORDERS else _("Pieces a week")
    return _("{unit}, all regions; the next eight weeks with the range of eight times in ten").format(unit=unit)


def _unit(weekly: pd.DataFrame) -> str:
    return str(weekly["unit"].iloc[0]) if len(weekly) else ""


def demand_finding(outlook: pd.DataFrame, skill: pd.DataFrame, weekly: pd.DataFrame) -> Finding:
    """What to have in stock for the next four weeks, where the forecast has beaten its rivals."""
    if outlook.empty:
        return _quiet(
            _("Demand is not foretold: it takes {n} whole weeks of orders that reach to the end of the month.").format(
                n=words.number(LEAST_WEEKS, 0)
            )
        )
    won = outlook[outlook["wins"]]
    facts = tuple(_demand_fact(row) for row in won.to_dict("records"))
    proof = _proof(skill)
    if won.empty:
        told = _("No forecast has beaten the naive ones: plan with what the last weeks brought.")
        return Finding(told, f"{proof} {_rivals(skill)}".strip(), facts, "quiet")
    unit = _("orders") if _unit(weekly) == ORDERS else _("pieces")
    whole = won[won["region"] == ALL]
    if len(whole):
        headline = _("{low} to {high} {unit} will be asked for in the next four weeks, eight times in ten.").format(
            low=words.count(whole["demand_low"].iloc[0]), high=words.count(whole["demand_high"].iloc[0]), unit=unit
        )
    else:
        headline = _("Demand can be foretold for {n} of {all} regions, not for all together.").format(
            n=words.number(len(won), 0), all=words.number(int((outlook["region"] != ALL).sum()), 0)
        )
    stock = _("Stock up to the upper end to run short one time in ten; no season is in it, so add what the year's rhythm says.")
    lost = [_(region) for region in outlook.loc[~outlook["wins"], "region"]]
    without = _("Not foretold, for want of a win: {regions}.").format(regions=_(", ").join(lost)) if lost else ""
    return Finding(headline, " ".join(part for part in (proof, without, stock) if part), facts)


def _proof(skill: pd.DataFrame) -> str:
    cuts, weeks = int(skill["cuts"].max()) if len(skill) else 0, int(skill["weeks_tested"].sum()) if len(skill) else 0
    if not weeks:
        return ""
    covered = int(skill["weeks_covered"].sum()) / weeks
    yearly = bool(skill["last_year_error"].notna().any())
    rival = _("last week's figure and last year's") if yearly else _("last week's figure")
    told = _(
        "Tried on {cuts} past cuts: better than {rival}, beyond chance, in {won} of {n} series; {share} of past weeks lay in the range "
        "meant for {level}."
    )
    return told.format(
        cuts=words.number(cuts, 0), rival=rival, won=words.number(skill["wins"].sum(), 0), n=words.number(len(skill), 0),
        share=words.share(covered, 0), level=words.share(LEVEL, 0),
    )  # fmt: skip


def _rivals(skill: pd.DataFrame) -> str:
    if skill.empty:
        return ""
    row = skill.iloc[0]
    return _("It was {own} off, the last week's figure {naive}.").format(
        own=words.share(row["forecast_error"], 0), naive=words.share(row["naive_error"], 0)
    )


def _demand_fact(row: dict[str, Any]) -> Fact:
    return Fact(
        f"behaviour.demand_{row['region']}".replace(" ", "_"), float(row["next_weeks"]), "count", low=float(row["demand_low"]),
        high=float(row["demand_high"]),
        definition=_("{region}: demand of the next {n} weeks; Theta and the last eight weeks, averaged; 80% interval.").format(
            region=_(row["region"]), n=words.number(SOON, 0)
        ),
    )  # fmt: skip


# Best and slow sellers


def traits_table(traits: pd.DataFrame) -> Shown:
    """Best sellers beside all other products."""
    columns = ["trait", "best_value", "rest_value", "trait_low", "trait_high", "unit", "judgement"]
    shown = traits.rename(columns={"low": "trait_low", "high": "trait_high"}).assign(
        judgement=[BEYOND if clear else WITHIN for clear in traits["is_significant"]]
    )
    by_row = dict.fromkeys(("best_value", "rest_value", "trait_low", "trait_high"), "unit")
    return table(shown[columns], units_by=by_row, limit=None)


def sellers_table(listed: pd.DataFrame) -> Shown:
    """Slow sellers that lag furthest behind, each with its likely reason."""
    columns = ["item", "category", "orders", "customers", "missing_orders", "price_tier", "likely_reason"]
    shown = listed[columns].dropna(axis="columns", how="all")
    return table(shown, units={"missing_orders": "count"})


def sellers_finding(traits: pd.DataFrame, problems: pd.DataFrame) -> Finding:
    """What best sellers have in common, and what is wrong with slow ones more often than with the others."""
    if traits.empty or problems.empty:
        return _quiet(_("Best and slow sellers are not told apart: it takes forty products that sold in the year."))
    clear = traits[traits["is_significant"]]
    wrong = problems[problems["is_significant"]]
    best, slow = int(traits["best_products"].iloc[0]), int(problems["slow_in_all"].iloc[0])
    facts = tuple(
        Fact(
            f"behaviour.best_{row.trait}".replace(" ", "_"), row.difference, "points" if row.unit == "share" else "number",
            n=int(row.best_products), low=row.low, high=row.high,
            definition=_("{trait}: best sellers less all other products; 95% interval over products.").format(trait=_(row.trait)),
        )
        for row in clear.itertuples()
    )  # fmt: skip
    return Finding(_best_sentence(clear, best), _slow_sentence(wrong, slow), facts, "plain" if len(clear) or len(wrong) else "quiet")


def _best_sentence(clear: pd.DataFrame, best: int) -> str:
    if clear.empty:
        return _("The {n} best sellers have nothing in common beyond chance but that they sell.").format(n=words.number(best, 0))
    parts = [
        _("{value} {trait} ({rest} of the rest)").format(
            trait=_(row.trait), value=show(row.best_value, row.unit), rest=show(row.rest_value, row.unit)
        )
        for row in clear.head(_A_FEW).itertuples()
    ]
    return _("What best sellers have in common: {traits}.").format(traits=_("; ").join(parts))


def _slow_sentence(wrong: pd.DataFrame, slow: int) -> str:
    few = _("Most of the {n} slow sellers simply have few buyers: no problem shows more often than in other products.")
    if wrong.empty:
        return few.format(n=words.number(slow, 0))
    parts = [
        _("{share} {problem} ({rest} of the others)").format(
            problem=_(row.problem), share=words.share(row.slow_share, 0), rest=words.share(row.rest_share, 0)
        )
        for row in wrong.itertuples()
    ]
    return _("What is wrong with the {n} slow sellers more often than with others: {problems}; for the rest, {few}.").format(
        n=words.number(slow, 0), problems=_("; ").join(parts), few=_(FEW)
    )


def _known(value: float) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _quiet(sentence: str) -> Finding:
    return Finding(sentence, tone="quiet")
