"""Who the customers are, said in sentences: segments, quiet good customers, concentration, high-ticket customers, value, groups, moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd

from custkit import words
from custkit.analysis.concentration import FIELD_TOP_30
from custkit.analysis.crosses import LOYAL_DAYS, ONCE, UNKNOWN
from custkit.analysis.high_ticket import TENURE
from custkit.analysis.kmeans import CLEAR, STABLE, Grouping
from custkit.analysis.migration import migration_summary, size_changes
from custkit.analysis.rates import SMALL_SAMPLE, false_discovery, shares_p_value
from custkit.analysis.segment_maps import MapSummary
from custkit.analysis.value_angles import ACTIVE, ASLEEP, HIGH, NEW, QUIET
from custkit.book import Book
from custkit.present.finding import Fact, Finding, show
from custkit.present.findings.segment_rules import borders_note, map_rows, untold_note
from custkit.present.labels import LABELS
from custkit.present.table import Shown, table
from custkit.segments import MAP_NAMES
from custkit.words import _, ngettext

_BEST_SELLING, _TOLD_TRAITS, _A_TRAIT = 10, 3, 3
_WORTH_TELLING = 0.01


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


def rules_table(summary: MapSummary) -> Shown:
    """What each segment of a map means, and what to do with its customers."""
    rows = map_rows(summary)[["segment", "rule", "customers", "strategy"]]
    return table(rows, small="customers", note=_map_notes([summary]), limit=None)


def maps_table(maps: Sequence[MapSummary]) -> Shown:
    """Maps of the same customers below one another: each row with its rule, size, worth and what to do."""
    parts = []
    for summary in maps:
        rows = map_rows(summary)[["segment", "rule", "customers", "revenue_share", "strategy"]]
        rows.insert(0, "segment_map", [MAP_NAMES[summary.name], *[""] * (len(rows) - 1)])
        parts.append(rows)
    return table(pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(), note=_map_notes(maps), limit=None)


def _map_notes(maps: Sequence[MapSummary]) -> str:
    borders = pd.concat([summary.borders for summary in maps], ignore_index=True) if maps else pd.DataFrame()
    notes = [_("The first rule that fits counts."), borders_note(borders) if len(borders) else "", *map(untold_note, maps)]
    return " ".join(note for note in notes if note)


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


def score_table(thresholds: pd.DataFrame) -> Shown:
    """What stands behind each score, and which scores ties leave empty."""
    return table(score_ranges(thresholds), note=ties_note(thresholds))


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
                    measure=_(LABELS[measure_name].text), scores=_(", ").join(words.number(score, 0) for score in empty)
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
    by_margin = concentration.iloc[1] if len(concentration) > 1 else None
    if by_margin is not None:
        told = _("By margin, the best {part} bring {share} of it.")
        detail = f"{detail} {told.format(part=words.share(0.2, 0), share=words.share(by_margin.top_20_share, 0))}"
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
            Fact(
                "gini", float(row.gini), "number", n=customers, window=window, low=_known(row.gini_low), high=_known(row.gini_high),
                definition=_("Gini coefficient of spend per customer; 95% interval."),
            ),
            *_margin_facts(by_margin, window),
        ),
        "plain" if customers >= SMALL_SAMPLE else "quiet",
    )  # fmt: skip


def tenths_table(tenths: pd.DataFrame) -> Shown:
    """The tenths by spend, and beside them the tenths by margin where costs are known."""
    names = ["decile", "customers", "revenue", "revenue_share", "cumulative_share", "spend_per_customer"]
    known = tenths.margin_share.notna().any()
    more = ["margin_share", "margin_per_customer"] if known else ["recency_days", "frequency"]
    note = _("The margin's tenths are customers ordered by margin.") if known else ""
    bars = [name for name in ("revenue_share", "margin_share") if name in (*names, *more)]
    return table(tenths[[*names, *more]], bars=bars, small="customers", note=note)


def _margin_facts(row: pd.Series | None, window: str) -> tuple[Fact, ...]:
    if row is None:
        return ()
    n = int(row.customers)
    share = Fact(
        "margin_top_20_share", row.top_20_share, "share", numerator=row.top_20_share * row.revenue, denominator=float(row.revenue), n=n,
        window=window, definition=_("Margin of the customers ordered by margin, the best first; customers whose costs are known."),
    )  # fmt: skip
    gini = Fact(
        "margin_gini", float(row.gini), "number", n=n, window=window, low=_known(row.gini_low), high=_known(row.gini_high),
        definition=_("Gini coefficient of margin per customer, below 0 taken as 0; 95% interval."),
    )  # fmt: skip
    return share, gini


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def high_ticket_rows(traits: pd.DataFrame) -> pd.DataFrame:
    """What sets high-ticket customers apart beyond chance: of each trait the three clearest values, largest difference first.

    trait, trait_value | customers, high_ticket_share, rest_share, difference, low, high
    """
    clear = traits[traits.q_value <= 0.05]
    chosen = clear.assign(size=clear.p_value).sort_values(["size", "trait", "value"]).groupby("trait").head(_A_TRAIT).index
    rows = clear.loc[sorted(chosen)].rename(columns={"value": "trait_value"})
    return rows[["trait", "trait_value", "customers", "high_ticket_share", "rest_share", "difference", "low", "high"]].reset_index(
        drop=True
    )


def high_ticket_table(traits: pd.DataFrame) -> Shown:
    """`high_ticket_rows`, the differences in points of a share."""
    return table(high_ticket_rows(traits), units={"low": "points", "high": "points"}, bars=["high_ticket_share", "rest_share"], limit=None)


def high_ticket_finding(summary: pd.DataFrame, traits: pd.DataFrame, *, as_of: datetime, window_days: int = 365) -> Finding:
    """Who spends much, how much of all that is, and what sets them apart."""
    if len(summary) < 2 or not summary.revenue.sum() > 0:
        return _quiet(_("High-ticket customers are not told apart: customers are too few or spend alike."))
    high, rest = summary.iloc[0], summary.iloc[1]
    window = _window(as_of, window_days)
    how = _("They order {a} times a year at {aov}; the rest {b} times at {rest_aov}.").format(
        a=words.number(high.orders_per_customer), aov=words.money(high.aov),
        b=words.number(rest.orders_per_customer), rest_aov=words.money(rest.aov),
    )  # fmt: skip
    facts = (
        Fact(
            "high_ticket_revenue_share", high.revenue_share, "share", numerator=high.revenue, denominator=float(summary.revenue.sum()),
            n=int(high.customers), window=window, definition=_("Revenue of the high-ticket customers, of all known customers' revenue."),
        ),
        Fact(
            "high_ticket_from", high.lowest_spend, "money", n=int(high.customers), window=window,
            definition=_("Least that a high-ticket customer spent."),
        ),
        Fact(
            "high_ticket_orders", high.orders_per_customer, "number", n=int(high.customers), window=window,
            low=high.orders_low, high=high.orders_high, definition=_("Orders per high-ticket customer; 95% interval."),
        ),
        Fact(
            "high_ticket_order_value", high.aov, "money", n=int(high.customers), window=window, low=high.aov_low, high=high.aov_high,
            definition=_("Revenue of high-ticket customers divided by their orders; 95% interval over customers."),
        ),
    )  # fmt: skip
    return Finding(
        _("{share} of customers spend {least} or more and bring {revenue} of revenue.").format(
            share=words.share(high.customer_share, 0), least=words.money(high.lowest_spend), revenue=words.share(high.revenue_share, 0)
        ),
        f"{how} {_apart(traits)}",
        facts,
        "plain" if high.customers >= SMALL_SAMPLE else "quiet",
    )


def _apart(traits: pd.DataFrame) -> str:
    # Who came lately has had less time to spend: that sets nobody apart.
    clear = traits[(traits.q_value <= 0.05) & (traits.difference >= _WORTH_TELLING) & (traits.trait != TENURE)].sort_values(
        ["difference", "trait", "value"], ascending=[False, True, True]
    )
    if traits.empty:
        return _("What else sets them apart is not told: the data hold nothing to compare, or the customers are too few.")
    if clear.empty:
        return _("Nothing else that the data tell sets them apart beyond chance.")
    told = [
        _("{trait} {value} ({share}, {rest} of the rest)").format(
            trait=_(row.trait), value=_(row.value), share=words.share(row.high_ticket_share, 0), rest=words.share(row.rest_share, 0)
        )
        for row in clear.groupby("trait", sort=False).head(1).head(_TOLD_TRAITS).itertuples()
    ]
    return _("What sets them apart: {traits}.").format(traits=_("; ").join(told))


def position_title(grid: pd.DataFrame) -> str:
    """Where those of high value stand: the title of the grid of value and place."""
    high = grid[grid.row == HIGH].set_index("column").customers
    if not int(high.sum()):
        return _("Value today and place on the way")
    return _("Of {n} customers of high value {active} are active, {quiet} quiet and {asleep} asleep").format(
        n=words.count(high.sum()), active=words.count(high[ACTIVE] + high[NEW]), quiet=words.count(high[QUIET]),
        asleep=words.count(high[ASLEEP]),
    )  # fmt: skip


def position_measure() -> str:
    """What the grid of value and place counts."""
    return _("Share of each row's customers; rows: spend in the year, columns: days since the first and the last order")


def frequency_measure() -> str:
    """What the grid of orders and spend counts."""
    return _("Share of each row's customers; rows: orders in the year, columns: spend in the year")


def frequency_title(cross: pd.DataFrame) -> str:
    """How many ordered once, and what they bring: the title of the grid of orders and spend."""
    customers, revenue = int(cross.customers.sum()), float(cross.revenue.sum())
    once = cross[cross.row == ONCE]
    if not customers or not revenue > 0:
        return _("Orders and spend")
    return _("{share} of customers ordered once and bring {revenue} of revenue").format(
        share=words.share(once.customers.sum() / customers, 0), revenue=words.share(once.revenue.sum() / revenue, 0)
    )


def value_rows(by_segment: pd.DataFrame) -> pd.DataFrame:
    """Three angles and effectiveness by segment for people; without columns that the client's data do not tell."""
    shown = by_segment[
        [
            "segment", "revenue_share", "margin_share", "potential_share", "potential",
            "effectiveness", "frequency_points", "ticket_points", "cycle_points",
        ]
    ]  # fmt: skip
    rounded = shown.assign(**{name: shown[name].round() for name in shown.columns if name.endswith("_points") or name == "effectiveness"})
    return rounded.dropna(axis="columns", how="all")


def value_table(by_segment: pd.DataFrame) -> Shown:
    """`value_rows` with bars behind the shares."""
    rows = value_rows(by_segment)
    return table(rows, bars=[name for name in rows.columns if name.endswith("_share")], limit=None)


def value_finding(by_segment: pd.DataFrame) -> Finding:
    """Which segment holds more potential than it brings today."""
    whole = float(by_segment.potential.sum()) if len(by_segment) else 0.0
    if not whole > 0 or by_segment.revenue_share.isna().all():
        return _quiet(_("Potential is not told: no customer who bought lately orders for less than comparable ones."))
    more = by_segment.assign(gap=by_segment.potential_share - by_segment.revenue_share)
    top = more[more.customers >= SMALL_SAMPLE].sort_values(["gap", "segment"], ascending=[False, True])
    if top.empty or not top.gap.iloc[0] > 0:
        return _quiet(_("Potential lies where revenue does: no segment holds more of it than it brings."))
    row = top.iloc[0]
    definition = _(
        "What customers who bought lately would add if their orders were as large as those of the best quarter of customers "
        "who order about as often; a gap, no forecast."
    )
    return Finding(
        _("{segment} bring {revenue} of revenue and hold {potential} of the potential.").format(
            segment=_(row.segment), revenue=words.share(row.revenue_share, 0), potential=words.share(row.potential_share, 0)
        ),
        _("Larger orders would be worth up to {money} a year there.").format(money=words.money(row.potential)),
        (
            Fact(
                "top_potential_share", row.potential_share, "share", numerator=row.potential, denominator=whole, n=int(row.customers),
                definition=definition,
            ),
        ),
    )  # fmt: skip


def tag_rows(counts: pd.DataFrame) -> pd.DataFrame:
    """tag, definition | customers, customer_share: the tags by the names that lists use."""
    return counts.assign(tag=[LABELS[tag].text for tag in counts.tag])


def groups_finding(grouping: Grouping, *, agreement: float = math.nan) -> Finding:
    """How many groups the data suggest, and whether they hold: across random starts, and when fitted anew."""
    if grouping.k < 2:
        return _quiet(
            _("Groups are not estimated: the customers are too few or too alike (n = {n}).").format(n=words.count(grouping.customers))
        )
    facts = _group_facts(grouping, agreement)
    known = [value for value in (grouping.agreement, grouping.stability) if not math.isnan(value)]
    detail = " ".join(part for part in (_starts(grouping), _anew(grouping), _near(grouping), _with_segments(agreement)) if part)
    if min(known) < STABLE:
        told = _("The {k} groups are not stable: plan with the segments instead.")
        return Finding(told.format(k=words.number(grouping.k, 0)), detail, facts, "quiet")
    if float(grouping.choice.silhouette[grouping.choice.chosen].iloc[0]) <= CLEAR:
        told = _("The customers are one crowd without clear groups, here cut into {k}.")
        return Finding(told.format(k=words.number(grouping.k, 0)), detail, facts, "quiet")
    return Finding(_("{k} groups stand out by themselves, and they hold.").format(k=words.number(grouping.k, 0)), detail, facts)


def _starts(grouping: Grouping) -> str:
    return _("Other random starts agree to {agreement}, where 1 is the same and 0 is chance.").format(
        agreement=words.number(grouping.agreement, 3)
    )


def _anew(grouping: Grouping) -> str:
    if math.isnan(grouping.stability):
        return _("They are fitted on this month; there is no earlier fit to hold them against.")
    return _("They are those of the quarter before; fitted anew on this month's customers they agree to {stability}.").format(
        stability=words.number(grouping.stability, 3)
    )


def _near(grouping: Grouping) -> str:
    near = [words.number(k, 0) for k in grouping.choice.k[grouping.choice.near_tie]]
    return _("Almost as well told apart: {numbers} groups.").format(numbers=_(", ").join(near)) if near else ""


def _with_segments(agreement: float) -> str:
    if math.isnan(agreement):
        return ""
    return _("They agree with the segments to {agreement}.").format(agreement=words.number(agreement, 3))


def _group_facts(grouping: Grouping, agreement: float) -> tuple[Fact, ...]:
    chosen = grouping.choice[grouping.choice.chosen].iloc[0]
    n = grouping.customers
    tried = _(", ").join(f"{words.number(row.k, 0)}: {words.number(row.silhouette, 2)}" for row in grouping.choice.itertuples())
    facts = (
        Fact(
            "groups", grouping.k, "count", n=n,
            definition=_("K-Means on the logs of recency, orders and spend; the number by silhouette ({tried}).").format(tried=tried),
        ),
        Fact(
            "silhouette", float(chosen.silhouette), "number", n=n,
            definition=_("How well the groups are told apart, at most 1; up to 0.5 is one crowd."),
        ),
        Fact("seed_agreement", grouping.agreement, "number", n=n, definition=_("Lowest adjusted Rand index over other random starts.")),
        Fact(
            "month_agreement", grouping.stability, "number", n=n,
            definition=_("Adjusted Rand index of the same customers under these groups and under groups fitted anew this month."),
        ),
        Fact("segment_agreement", agreement, "number", n=n, definition=_("Adjusted Rand index of groups and segments.")),
    )  # fmt: skip
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
        return _quiet(_("Regions are not compared: fewer than two have {n} customers or more.").format(n=words.number(SMALL_SAMPLE, 0)))
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
        return _quiet(_("Big spenders: no region stands out, among {n} regions.").format(n=words.number(len(known), 0)))
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
        return _quiet(_("Categories are not compared: none has {n} customers or more.").format(n=words.number(SMALL_SAMPLE, 0)))
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
