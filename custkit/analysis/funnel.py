"""From the first page to the order: how many go how far, and where the way breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import SMALL_SAMPLE, false_discovery, holm, shares_p_value, wilson
from custkit.engine import fetch, frame, to_float
from custkit.words import mark

Per = Literal["session", "visitor"]
Split = Literal["channel", "device", "gender", "weekend", "month"]

# The steps of a purchase in order, and what people read.
STEPS = ("visit", "view", "cart", "checkout", "order")
STEP_NAMES = {
    "visit": mark("visit"),
    "view": mark("product view"),
    "cart": mark("cart"),
    "checkout": mark("checkout"),
    "order": mark("order"),
}
ALL_VISITS, NOT_KNOWN = mark("all visits"), mark("not known")
WORKDAY, WEEKEND = mark("Monday to Friday"), mark("weekend")
COLUMNS = ("step", "n", "visits", "conversion_rate", "step_conversion_rate", "low", "high", "lost")
SPLIT_COLUMNS = ("split", "group", *COLUMNS, "rest_rate", "p_value", "is_different", "excess_lost", "missed")


def recorded_steps(events: ir.Table) -> tuple[str, ...]:
    """The steps of `STEPS` that the client's events hold at all, in order: a step nobody records is no step where everybody is lost."""
    found = set(fetch(events.select("event_type").distinct())["event_type"].to_pylist())
    return tuple(step for step in STEPS if step in found)


def funnel(events: ir.Table, *, steps: Sequence[str] | None = None, per: Per = "session") -> pd.DataFrame:
    """Count who took all steps up to each one, in their order.

    one row an event  →  step | n, visits, conversion_rate, step_conversion_rate, low, high, lost   (one row a step)

    A step counts at its first event at or after the step before; what happened out of order does not count. `visits` are
    sessions (or visitors), `n` those of the step before, `lost` the difference; `conversion_rate` is of everyone who took any
    of the steps, `step_conversion_rate` of `n`, with low, high as its 95 % Wilson interval. Steps that the events do not hold are
    left out unless `steps` names them. [S75]

    Raises ValueError for fewer than two steps named or a step named twice.
    """
    taken = _steps(events, steps)
    counts = frame(_paths(events, taken, per).aggregate(**_reached(taken)))
    return _funnel(taken, counts.iloc[0] if len(counts) else {})


def funnel_by(
    events: ir.Table, split: Split, *, steps: Sequence[str] | None = None, per: Per = "session", min_visits: int = SMALL_SAMPLE
) -> pd.DataFrame:
    """The funnel of each channel or device, each step compared with all the others together.

    one row an event  →  split, group, step | n, visits, conversion_rate, step_conversion_rate, low, high, lost, rest_rate, p_value,
    is_different, excess_lost, missed   (largest group first)

    A session belongs to the group of its first event. `rest_rate` is the step's rate elsewhere; `is_different` claims
    anything false, over all groups and steps, one time in twenty (Holm) and asks groups of at least `min_visits`; `excess_lost` is how
    many more would have gone on at the others' rate (negative: fewer), `missed` how many of those would have come to the last step at
    the group's own later rates: a loss late on the way costs more orders than the same loss at its start. [S75]
    """
    taken = _steps(events, steps)
    counts = frame(_paths(events, taken, per, split).group_by("group").aggregate(**_reached(taken)))
    counts = counts.sort_values(["everyone", "group"], ascending=[False, True], ignore_index=True)
    total = counts.drop(columns="group").sum()
    parts = [
        _funnel(taken, row).assign(split=split, group=row["group"]).join(_rest(taken, total - row.drop("group")))
        for _i, row in counts.iterrows()
    ]
    if not parts:
        return pd.DataFrame(columns=list(SPLIT_COLUMNS))
    return _compared(pd.concat(parts, ignore_index=True), min_visits)


def funnel_splits(events: ir.Table, customers: ir.Table | None = None) -> pd.DataFrame:
    """`funnel_by` each device, each channel, weekend and, with `customers`, gender, one below the other. [S75]

    The chance of a false claim is kept down over all of them together: each may set somebody to work. What the client does not
    record, or where all are alike, is left out.
    """
    parts = [funnel_by(events, "device"), funnel_by(events, "channel"), funnel_by(with_weekend(events), "weekend")]
    if customers is not None:
        parts.append(funnel_by(with_gender(events, customers), "gender"))
    compared = [part for part in parts if len(set(part["group"])) > 1] or parts[:1]
    return _marked(pd.concat(compared).reset_index(drop=True))


def with_weekend(events: ir.Table) -> ir.Table:
    """… + weekend: "weekend" on Saturday and Sunday, else "Monday to Friday"."""
    return events.mutate(weekend=(_.occurred_at.day_of_week.index() >= 5).ifelse(WEEKEND, WORKDAY))


def with_gender(events: ir.Table, customers: ir.Table) -> ir.Table:
    """The events of visits that belong to a customer of known gender, + gender.

    Visits of nobody known are left out: whoever orders tells who they are, so that those visits never end in an order.
    """
    acts = _with_visit(events, "session")
    known = customers.filter(_.gender.notnull()).select("customer_id", "gender")
    genders = acts.select("visit_id", "customer_id").join(known, "customer_id").group_by("visit_id").aggregate(gender=_.gender.min())
    return acts.join(genders, "visit_id").drop("visit_id")


MONTH_COLUMNS = ("month", "visits", "orders", "conversion_rate", "low", "high")


def conversion_by_month(events: ir.Table) -> pd.DataFrame:
    """How many of each month's visits come to the last step.

    one row an event  →  month ("2026-10") | visits, orders, conversion_rate, low, high   (one row a month with visits, in order)

    A visit belongs to the month of its first step. low, high: 95 % Wilson interval. [S75]
    """
    steps = funnel_by(events.mutate(month=_.occurred_at.strftime("%Y-%m")), "month")
    if steps.empty:
        return pd.DataFrame(columns=list(MONTH_COLUMNS))
    entered = steps.groupby("group")["n"].first()
    months = steps.groupby("group")["visits"].last().to_frame("orders").join(entered.rename("visits")).rename_axis("month").reset_index()
    bounds = [wilson(int(k), int(n)) for k, n in zip(months["orders"], months["visits"], strict=True)]
    rates = {
        "conversion_rate": months["orders"] / months["visits"],
        "low": [low for low, _high in bounds],
        "high": [high for _low, high in bounds],
    }
    return months.assign(**rates)[list(MONTH_COLUMNS)]


def break_point(steps: pd.DataFrame) -> dict[str, Any] | None:
    """The row of `funnel` where the smallest share goes on, after the first; None where fewer than 30 took any step."""
    asked = steps.iloc[1:]
    asked = asked[asked["n"] >= SMALL_SAMPLE]
    return None if asked.empty else dict(asked.loc[asked["step_conversion_rate"].idxmin()])


def worst_break(split: pd.DataFrame) -> dict[str, Any] | None:
    """The row of `funnel_by` that misses most against the others beyond chance; None where no difference stands out."""
    worse = split[split["is_different"] & (split["excess_lost"] > 0)] if len(split) else split
    return None if worse.empty else dict(worse.sort_values(["missed", "group", "step"], ascending=[False, True, True]).iloc[0])


def _steps(events: ir.Table, steps: Sequence[str] | None) -> tuple[str, ...]:
    if steps is None:
        return recorded_steps(events)
    if len(steps) < 2 or len(set(steps)) < len(steps):
        raise ValueError(f"steps {list(steps)} are no way from one step to the next: name at least two, each once")
    return tuple(steps)


def _with_visit(events: ir.Table, per: Per) -> ir.Table:
    """… + visit_id: the session, a visitor's day where sessions are not known, or the visitor."""
    day = events.visitor_id.concat(" ", events.occurred_at.strftime("%Y-%m-%d"))
    return events.mutate(visit_id=events.visitor_id if per == "visitor" else ibis.coalesce(events.session_id, day))


def _paths(events: ir.Table, steps: Sequence[str], per: Per, split: Split | None = None) -> ir.Table:
    """visit_id, (group) | at_0, at_1, …: when each step was first taken after the one before; null where it was not."""
    acts = _with_visit(events.filter(_.event_type.isin(list(steps))), per)
    if split is None:
        paths = acts.select("visit_id").distinct()
    else:
        first = ibis.window(group_by="visit_id", order_by=["occurred_at", "event_id", split])
        ranked = acts.mutate(nth=ibis.row_number().over(first), group=acts[split].fill_null(NOT_KNOWN))
        paths = ranked.filter(_.nth == 0).select("visit_id", "group")
    for i, step in enumerate(steps):
        taken = acts.filter(_.event_type == step).select("visit_id", "occurred_at")
        if i:
            before = paths.select("visit_id", before_at=paths[f"at_{i - 1}"])
            taken = taken.join(before, "visit_id").filter(_.occurred_at >= _.before_at)
        first_taken = taken.group_by("visit_id").aggregate(**{f"at_{i}": _.occurred_at.min()})
        paths = paths.left_join(first_taken, "visit_id").drop("visit_id_right")
    return paths


def _reached(steps: Sequence[str]) -> dict[str, Any]:
    return {"everyone": _.count(), **{f"at_{i}": _[f"at_{i}"].count() for i in range(len(steps))}}


def _funnel(steps: Sequence[str], counts: Any) -> pd.DataFrame:
    everyone = before = int(counts["everyone"]) if len(steps) else 0
    rows = []
    for i, step in enumerate(steps):
        visits = int(counts[f"at_{i}"])
        rows.append((step, before, visits, _share(visits, everyone), _share(visits, before), *wilson(visits, before), before - visits))
        before = visits
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rest(steps: Sequence[str], counts: Any) -> pd.DataFrame:
    rest = _funnel(steps, counts)
    return rest[["n", "visits", "step_conversion_rate"]].rename(
        columns={"n": "rest_n", "visits": "rest_visits", "step_conversion_rate": "rest_rate"}
    )


def _compared(split: pd.DataFrame, min_visits: int) -> pd.DataFrame:
    enough = (split["n"] >= min_visits) & (split["rest_n"] >= min_visits)
    numbers = split[["visits", "n", "rest_visits", "rest_n"]].itertuples(index=False)
    split["p_value"] = [
        shares_p_value(*(int(number) for number in row)) if asked else None for row, asked in zip(numbers, enough, strict=True)
    ]
    split["p_value"] = split["p_value"].astype("float64")
    split["excess_lost"] = split["rest_rate"] * split["n"] - split["visits"]
    arrived = split.groupby("group")["visits"].transform("last")
    split["missed"] = split["excess_lost"] * (arrived / split["visits"].where(split["visits"] > 0)).fillna(0.0)
    return _marked(split)[list(SPLIT_COLUMNS)]


def _marked(split: pd.DataFrame) -> pd.DataFrame:
    """is_different, over all rows together; rows without a p-value were not compared."""
    asked = split["p_value"].dropna()
    adjusted = pd.Series(holm(list(asked)), index=asked.index, dtype="float64")
    return split.assign(is_different=adjusted.reindex(split.index).le(0.05))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


VISIT_COLUMNS = ("group", "visits", "bounces", "bounce_rate", "low", "high", "dwell_seconds", "pages", "is_different")


def visit_quality(events: ir.Table, *splits: Split) -> pd.DataFrame:
    """Bounce and dwell by channel, device or whatever is split by, all visits first.

    one row an event  →  group | visits, bounces, bounce_rate, low, high, dwell_seconds, pages, is_different

    A session counts that took any step or searched. A bounce is one in which nothing followed the first page or product seen.
    `dwell_seconds` is the median session's time: the sum of the events' own, or from first to last event where they have none.
    `pages` are product views a visit. `is_different`: the bounce rate differs from the split's other groups' together, false
    discoveries kept to one in twenty over all splits. [S19]
    """
    acts = _with_visit(events, "session")
    visits = (
        acts.group_by("visit_id")
        .aggregate(
            events=_.count(),
            steps=_.event_type.isin([*STEPS, "search"]).ifelse(1, 0).max(),
            pages_only=_.event_type.isin(["visit", "view"]).ifelse(1, 0).min(),
            views=(_.event_type == "view").ifelse(1, 0).sum(),
            own_seconds=_.dwell_seconds.sum(),
            began_at=_.occurred_at.min(),
            ended_at=_.occurred_at.max(),
        )
        .filter(_.steps == 1)
    )
    elapsed = to_float(visits.ended_at.delta(visits.began_at, unit="microsecond")) / 1e6
    visits = visits.mutate(seconds=ibis.coalesce(visits.own_seconds, (visits.events > 1).ifelse(elapsed, None)))
    measures = {
        "visits": _.count(),
        "bounces": ((_.events == 1) & (_.pages_only == 1)).ifelse(1, 0).sum(),
        "dwell_seconds": _.seconds.quantile(0.5),
        "views": _.views.sum(),
    }
    everyone = frame(visits.aggregate(**measures)).assign(group=ALL_VISITS, split="")
    if not int(everyone["visits"].iloc[0] or 0):
        return pd.DataFrame(columns=list(VISIT_COLUMNS))
    parts = []
    for split in splits:
        first = ibis.window(group_by="visit_id", order_by=["occurred_at", "event_id", split])
        named = acts.mutate(nth=ibis.row_number().over(first), group=acts[split].fill_null(NOT_KNOWN))
        groups = named.filter(_.nth == 0).select("visit_id", "group")
        by_group = frame(visits.join(groups, "visit_id").group_by("group").aggregate(**measures)).assign(split=split)
        parts.append(by_group.sort_values(["visits", "group"], ascending=[False, True]))
    several = [part for part in parts if len(part) > 1] or parts[:1]
    return _with_bounce_rates(pd.concat([everyone, *several], ignore_index=True))


def _with_bounce_rates(quality: pd.DataFrame) -> pd.DataFrame:
    quality = quality.astype({"visits": "int64", "bounces": "int64", "dwell_seconds": "float64"})
    quality["bounce_rate"] = quality["bounces"] / quality["visits"]
    quality["pages"] = quality["views"] / quality["visits"]
    pairs = [(int(k), int(n)) for k, n in zip(quality["bounces"], quality["visits"], strict=True)]
    quality["low"], quality["high"] = [wilson(k, n)[0] for k, n in pairs], [wilson(k, n)[1] for k, n in pairs]
    k_all, n_all = pairs[0]
    adjusted = false_discovery([shares_p_value(k, n, k_all - k, n_all - n) for k, n in pairs[1:]])
    quality["is_different"] = [False, *(p <= 0.05 for p in adjusted)]
    return quality[list(VISIT_COLUMNS)]


SEARCH_COLUMNS = (
    "visits", "searching_visits", "searches", "searches_per_visit", "clicks", "click_through_rate", "low", "high", "without_result",
)  # fmt: skip


def search_use(events: ir.Table) -> pd.DataFrame:
    """How often visitors search and how often a search is followed by a click.

    one row an event  →  visits, searching_visits, searches, searches_per_visit, clicks, click_through_rate, low, high,
    without_result   (one row)

    A search is clicked when the session's next event is a click, or a product view where the client records no clicks.
    `without_result` are the searches that showed nothing. [S20]
    """
    acts = _with_visit(events, "session")
    journey = ibis.window(group_by="visit_id", order_by=["occurred_at", "event_id", "event_type"])
    followed = acts.mutate(next_type=acts.event_type.lead().over(journey), is_search=acts.event_type == "search")
    counts = frame(
        followed.aggregate(
            visits=_.visit_id.nunique(where=_.event_type.isin([*STEPS, "search"])),
            searching_visits=_.visit_id.nunique(where=_.is_search),
            searches=_.is_search.ifelse(1, 0).sum(),
            recorded_clicks=(_.event_type == "click").ifelse(1, 0).sum(),
            clicked=(_.is_search & (_.next_type == "click")).fill_null(False).ifelse(1, 0).sum(),
            viewed=(_.is_search & (_.next_type == "view")).fill_null(False).ifelse(1, 0).sum(),
            without_result=(_.is_search & (_.results == 0)).fill_null(False).ifelse(1, 0).sum(),
        )
    )
    counts = counts.fillna(0).astype("int64")
    counts["clicks"] = counts["clicked"].where(counts["recorded_clicks"] > 0, counts["viewed"])
    visits, searches, clicks = (int(counts[name].iloc[0]) for name in ("visits", "searches", "clicks"))
    low, high = wilson(clicks, searches)
    return counts.assign(searches_per_visit=_share(searches, visits), click_through_rate=_share(clicks, searches), low=low, high=high)[
        list(SEARCH_COLUMNS)
    ]
