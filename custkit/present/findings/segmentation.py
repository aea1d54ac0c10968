"""Who the customers are, said in sentences: segments, quiet good customers, concentration, groups, moves, regions, categories."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import pandas as pd

from custkit import words
from custkit.analysis.concentration import FIELD_TOP_30
from custkit.analysis.crosses import LOYAL_DAYS, UNKNOWN
from custkit.analysis.kmeans import CLEAR, STABLE, Grouping
from custkit.analysis.migration import migration_summary, size_changes
from custkit.analysis.rates import SMALL_SAMPLE, false_discovery, shares_p_value
from custkit.book import Book
from custkit.present.finding import Fact, Finding, show
from custkit.present.labels import LABELS
from custkit.words import _, mark, ngettext

CHOSEN, NEARLY = mark("chosen"), mark("nearly as good")
_BEST_SELLING = 10


def measure(as_of: datetime, *, window_days: int = 365) -> str:
    """Of whom a chart speaks: the line under its title."""
    return _("Customers with an order in the {days} before {day}").format(days=words.days(window_days), day=words.day(as_of))


def migration_measure(book: Book) -> str:
    """What the figures of the migration chart count."""
    return _("Customers from the rows ({before}) to the columns ({now}); darker is a larger share of the row").format(
        before=words.month(book.previous.period), now=words.month(book.period)
    )


def segments_finding(summary: pd.DataFrame, *, as_of: datetime, window_days: int = 365) -> Finding:
    """The segment that brings most: "24% of customers bring 52% of revenue." """
    if summary.empty or summary.revenue_share.isna().all():
        return _quiet(_("Segments are not estimated: nobody bought in the {days} before.").format(days=words.days(window_days)))
    top = summary.sort_values(["revenue", "segment"], ascending=[False, True]).iloc[0]
    if len(summary) == 1:
        return _quiet(_("All customers are in one segment: {segment}.").format(segment=_(top.segment)))
    customers, revenue = int(summary.customers.sum()), float(summary.revenue.sum())
    window = _window(as_of, window_days)
    return Finding(
        _("{customers} of customers bring {revenue} of revenue.").format(
            customers=words.share(top.customer_share, 0), revenue=words.share(top.revenue_share, 0)
        ),
        _("{segment}: {n} of {customers} customers, {revenue} of {all_revenue}.").format(
            segment=_(top.segment),
            n=words.count(top.customers),
            customers=words.count(customers),
            revenue=words.money(top.revenue),
            all_revenue=words.money(revenue),
        ),
        (
            Fact(
                "top_segment_revenue_share", top.revenue_share, "share", numerator=top.revenue, denominator=revenue,
                n=int(top.customers), window=window, definition=_("Revenue of the segment that brings most, of all revenue."),
            ),
            Fact(
                "top_segment_customer_share", top.customer_share, "share", numerator=int(top.customers), denominator=customers,
                window=window, definition=_("Customers of that segment, of all customers who bought."),
            ),
        ),
    )  # fmt: skip


def quiet_finding(quiet: pd.DataFrame, *, as_of: datetime, window_days: int = 365) -> Finding:
    """Good customers not seen for long: "101 good customers have gone quiet." """
    row = quiet.iloc[0] if len(quiet) else None
    n = int(row.customers) if row is not None else 0
    fact = Fact(
        "quiet_good_customers", n, "count", n=int(row.good_customers) if row is not None else 0, window=_window(as_of, window_days),
        definition=_("Recency score 1 or 2, mean of frequency and spend score 4 or more; n counts all with such a mean."),
    )  # fmt: skip
    if row is None or n == 0:
        return Finding(_("No good customer has gone quiet."), facts=(fact,), tone="quiet")
    return Finding(
        ngettext("{n} good customer has gone quiet.", "{n} good customers have gone quiet.", n).format(n=words.count(n)),
        _("They used to buy like the best, for {revenue} in all, and have not been seen for a median of {days}: call them first.").format(
            revenue=words.money(row.revenue), days=words.days(row.recency_days)
        ),
        (
            fact,
            Fact(
                "quiet_good_revenue", float(row.revenue), "money", n=n, window=fact.window, definition=_("What they spent in the window.")
            ),
        ),
    )


def score_ranges(thresholds: pd.DataFrame) -> pd.DataFrame:
    """The thresholds for people: one row a score, best first; score, recency_range, frequency_range, spend_range as text."""
    scores = sorted(thresholds.score.unique(), reverse=True)
    ranges = pd.DataFrame({"score": pd.Series([int(score) for score in scores], dtype="int64")})
    for measure_name, column in (("recency_days", "recency_range"), ("frequency", "frequency_range"), ("monetary_value", "spend_range")):
        known = thresholds[thresholds.measure == measure_name].set_index("score")
        ranges[column] = pd.Series([_range(known.loc[score], measure_name) for score in scores], dtype="object")
    return ranges


def _range(row: pd.Series, measure_name: str) -> str | None:
    if row.customers == 0:
        return None
    unit = LABELS[measure_name].unit if measure_name == "monetary_value" else "count"
    low, high = show(row.lowest, unit), show(row.highest, unit)
    return low if low == high else _("{low} to {high}").format(low=low, high=high)


def ties_note(thresholds: pd.DataFrame) -> str:
    """Which scores nobody has because too many customers are equal; "" where every score is used."""
    sentences = []
    for measure_name in ("recency_days", "frequency", "monetary_value"):
        known = thresholds[thresholds.measure == measure_name]
        empty = known[known.customers == 0].score.sort_values()
        if len(empty) and known.customers.sum():
            sentences.append(
                _("{measure}: so many customers are equal that nobody has score {scores}.").format(
                    measure=_(LABELS[measure_name].text), scores=_(", ").join(words.count(score) for score in empty)
                )
            )
    return " ".join(sentences)


def concentration_finding(concentration: pd.DataFrame, *, as_of: datetime, window_days: int = 365) -> Finding:
    """How few customers bring how much: "The best 20% of customers bring 55% of revenue." """
    if concentration.empty or not concentration.revenue.iloc[0] > 0:
        return _quiet(_("Concentration is not estimated: there is no revenue."))
    row = concentration.iloc[0]
    customers, window = int(row.customers), _window(as_of, window_days)
    detail = _(
        "It takes {n} of {customers} customers ({share}) to make {goal} of revenue. The best {part} bring {top}; "
        "the field's rule of thumb is {field}. Inequality (Gini) is {gini}, where 0 is equal and 1 is one customer alone."
    ).format(
        n=words.count(row.customers_to_80), customers=words.count(customers), share=words.share(row.share_to_80, 0),
        goal=words.share(0.8, 0), part=words.share(0.3, 0), top=words.share(row.top_30_share, 0),
        field=words.share(FIELD_TOP_30, 0), gini=words.number(row.gini, 2),
    )  # fmt: skip
    best = _("Customers ordered by spend, the best first; the part is rounded to whole customers.")
    facts = tuple(
        Fact(
            f"top_{p}_share", row[f"top_{p}_share"], "share", numerator=row[f"top_{p}_share"] * row.revenue,
            denominator=float(row.revenue), n=max(1, (customers * p + 50) // 100), window=window, definition=best,
        )
        for p in (10, 20, 30)
    )  # fmt: skip
    return Finding(
        _("The best {part} of customers bring {share} of revenue.").format(
            part=words.share(0.2, 0), share=words.share(row.top_20_share, 0)
        ),
        detail,
        (
            *facts,
            Fact(
                "customers_to_80", int(row.customers_to_80), "count", n=customers, window=window,
                definition=_("Fewest customers whose spend reaches 80% of revenue."),
            ),
            Fact("gini", float(row.gini), "number", n=customers, window=window, definition=_("Gini coefficient of spend per customer.")),
        ),
        "plain" if customers >= SMALL_SAMPLE else "quiet",
    )  # fmt: skip


def group_choice(grouping: Grouping) -> pd.DataFrame:
    """Why so many groups: k, silhouette, verdict ("chosen", "nearly as good")."""
    verdict = grouping.choice.chosen.map({True: CHOSEN}).where(grouping.choice.chosen, None)
    return pd.DataFrame(
        {"k": grouping.choice.k, "silhouette": grouping.choice.silhouette, "verdict": verdict.mask(grouping.choice.near_tie, NEARLY)}
    )


def groups_finding(grouping: Grouping, *, stability: float = math.nan, agreement: float = math.nan) -> Finding:
    """How many groups the data suggest, and whether they hold: across random starts, and against last month."""
    if grouping.k < 2:
        return _quiet(
            _("Groups are not estimated: the customers are too few or too alike (n = {n}).").format(n=words.count(grouping.customers))
        )
    facts = _group_facts(grouping, stability, agreement)
    known = [value for value in (grouping.agreement, stability) if not math.isnan(value)]
    against = (
        _("There is no month before to compare with.")
        if math.isnan(stability)
        else _("Last month's groups agree with them to {stability}.").format(stability=words.number(stability, 3))
    )
    starts = _("Other random starts agree to {agreement}, where 1 is the same and 0 is chance.").format(
        agreement=words.number(grouping.agreement, 3)
    )
    if min(known) < STABLE:
        return Finding(
            _("The {k} groups are not stable: plan with the segments instead.").format(k=words.count(grouping.k)),
            f"{starts} {against}",
            facts,
            "quiet",
        )
    if float(grouping.choice.silhouette[grouping.choice.chosen].iloc[0]) <= CLEAR:
        return Finding(
            _("The customers are one crowd without clear groups, here cut into {k}.").format(k=words.count(grouping.k)),
            " ".join(part for part in (starts, against, _with_segments(agreement)) if part),
            facts,
            "quiet",
        )
    return Finding(
        _("{k} groups stand out by themselves, and they hold.").format(k=words.count(grouping.k)),
        " ".join(part for part in (starts, against, _near(grouping), _with_segments(agreement)) if part),
        facts,
    )


def _near(grouping: Grouping) -> str:
    near = [words.count(k) for k in grouping.choice.k[grouping.choice.near_tie]]
    return _("Almost as well told apart: {numbers} groups.").format(numbers=_(", ").join(near)) if near else ""


def _with_segments(agreement: float) -> str:
    if math.isnan(agreement):
        return ""
    return _("They agree with the segments to {agreement}.").format(agreement=words.number(agreement, 3))


def _group_facts(grouping: Grouping, stability: float, agreement: float) -> tuple[Fact, ...]:
    chosen = grouping.choice[grouping.choice.chosen].iloc[0]
    n = grouping.customers
    facts = (
        Fact(
            "groups", grouping.k, "count", n=n, definition=_("K-Means on the logs of recency, orders and spend; the number by silhouette.")
        ),
        Fact(
            "silhouette",
            float(chosen.silhouette),
            "number",
            n=n,
            definition=_("How well the groups are told apart, at most 1; up to 0.5 is one crowd."),
        ),
        Fact("seed_agreement", grouping.agreement, "number", n=n, definition=_("Lowest adjusted Rand index over other random starts.")),
        Fact(
            "month_agreement",
            stability,
            "number",
            n=n,
            definition=_("Adjusted Rand index of the same customers under last month's groups."),
        ),
        Fact("segment_agreement", agreement, "number", n=n, definition=_("Adjusted Rand index of groups and segments.")),
    )
    return tuple(fact for fact in facts if fact.value is not None and not math.isnan(float(fact.value)))


def migration_finding(matrix: pd.DataFrame, *, against: str) -> Finding:
    """Which segment grew or shrank most since `against` ("November 2017"), or that none did beyond chance."""
    summary = migration_summary(matrix)
    before = int(summary.customers_before.sum())
    if not before:
        return _quiet(_("Moves between segments are not estimated: nobody bought in the year before {month}.").format(month=against))
    behaviour, borders = int(summary.moved_by_behaviour.sum()), int(summary.moved_by_borders.sum())
    moved = behaviour + borders
    definition = _("Customers in another segment than at the end of last month, of those who were in one then.")
    facts = (
        Fact("moved_share", moved / before, "share", numerator=moved, denominator=before, definition=definition),
        Fact(
            "moved_by_behaviour", behaviour, "count", n=moved,
            definition=_("Would have moved with last month's thresholds too."),
        ),
        Fact("moved_by_borders", borders, "count", n=moved, definition=_("Moved because the thresholds did.")),
    )  # fmt: skip
    detail = _(
        "{moved} of {before} customers changed segment: {behaviour} by what they did or left undone, {borders} because the borders shifted."
    ).format(moved=words.count(moved), before=words.count(before), behaviour=words.count(behaviour), borders=words.count(borders))
    changes = size_changes(summary)
    changes = changes[changes.significant]
    if changes.empty:
        return Finding(_("Segment sizes: no significant change on {month}.").format(month=against), detail, facts, "quiet")
    first = changes.iloc[0]
    grew = _("{segment} grew from {before} to {after} customers.")
    shrank = _("{segment} shrank from {before} to {after} customers.")
    headline = (grew if first.difference > 0 else shrank).format(
        segment=_(first.segment), before=words.count(first.customers_before), after=words.count(first.customers)
    )
    return Finding(headline, detail, facts)


def region_finding(regions: pd.DataFrame) -> Finding:
    """Where big spenders are more common than elsewhere, or that no region stands out."""
    known = regions[(regions.region != UNKNOWN) & (regions.customers >= SMALL_SAMPLE)].reset_index(drop=True)
    if len(known) < 2:
        return _quiet(_("Regions are not compared: fewer than two have {n} customers or more.").format(n=words.count(SMALL_SAMPLE)))
    all_customers, all_big = int(known.customers.sum()), int(known.big_spenders.sum())
    rest, rest_big = all_customers - known.customers, all_big - known.big_spenders
    chances = false_discovery(
        [
            shares_p_value(int(k1), int(n1), int(k2), int(n2))
            for k1, n1, k2, n2 in zip(known.big_spenders, known.customers, rest_big, rest, strict=True)
        ]
    )
    tested = known.assign(elsewhere=rest_big / rest, chance=chances)
    above = tested[(tested.chance <= 0.05) & (tested.big_spender_share > tested.elsewhere)]
    if above.empty:
        return _quiet(_("Big spenders: no region stands out, among {n} regions.").format(n=words.count(len(known))))
    top = above.sort_values(["big_spender_share", "region"], ascending=[False, True]).iloc[0]
    fact = Fact(
        "top_region_big_spender_share", top.big_spender_share, "share", numerator=int(top.big_spenders), denominator=int(top.customers),
        low=top.low, high=top.high, definition=_("Customers with the best spend score, of the region's customers; 95% interval."),
    )  # fmt: skip
    return Finding(
        _("Big spenders are most common in {region}: {share} of its customers, {elsewhere} elsewhere.").format(
            region=top.region, share=words.share(top.big_spender_share, 0), elsewhere=words.share(top.elsewhere, 0)
        ),
        facts=(fact,),
    )


def category_finding(categories: pd.DataFrame) -> Finding:
    """Which of the ten best-selling categories has loyal buyers beyond luck, and which the least."""
    known = categories[(categories.category != UNKNOWN) & (categories.customers >= SMALL_SAMPLE)].head(_BEST_SELLING)
    known = known[known.again_share.notna()]
    if known.empty:
        return _quiet(_("Categories are not compared: none has {n} customers or more.").format(n=words.count(SMALL_SAMPLE)))
    ordered = known.assign(
        chance=false_discovery(list(known.p_value)), ratio=known.again_share / known.expected_share.clip(lower=1e-9)
    ).sort_values(["ratio", "category"], ascending=[False, True])
    loyal = ordered[ordered.chance <= 0.05]
    if loyal.empty:
        return _quiet(_("Categories: customers come back for none of the best-selling ones more often than luck has it."))
    most, least = loyal.iloc[0], ordered.iloc[-1]
    n = int(most.customers)
    detail = _("Least loyal of the best-selling categories: {category}, {share} where luck gives {luck}.").format(
        category=least.category, share=words.share(least.again_share, 0), luck=words.share(least.expected_share, 0)
    )
    again = _("Share of a buyer's other shopping days that bring the category again.")
    luck = _("The same if everybody took the category with the same chance each shopping day.")
    loyal_share = _("Bought on {n} days or more, of all who bought; 95% interval.").format(n=LOYAL_DAYS)
    return Finding(
        _("{category} has the most loyal buyers: they buy it again on {share} of their other shopping days; luck gives {luck}.").format(
            category=most.category, share=words.share(most.again_share, 0), luck=words.share(most.expected_share, 0)
        ),
        detail if len(known) > 1 else "",
        (
            Fact("most_loyal_category_again", most.again_share, "share", n=n, definition=again),
            Fact("most_loyal_category_by_luck", most.expected_share, "share", n=n, definition=luck),
            Fact(
                "most_loyal_category_share", most.loyal_share, "share", numerator=int(most.loyal), denominator=n,
                low=most.low, high=most.high, definition=loyal_share,
            ),
        ),
    )  # fmt: skip


def _quiet(sentence: str) -> Finding:
    return Finding(sentence, tone="quiet")


def _window(as_of: datetime, window_days: int) -> str:
    return _("{first} to {last}").format(first=words.day(as_of - timedelta(days=window_days)), last=words.day(as_of - timedelta(days=1)))
