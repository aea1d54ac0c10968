"""What of the data themselves changed this month beyond chance: rows, empty columns, new and vanished values, units, hours, days missing.

A month is held against the months before it, table by table, each figure on a scale on which its noise does not grow with its level.
The change on the month before is told when it would be rare among the changes of the months before; all questions of a month share one
error, so that a month in which nothing happened stays silent. [S99; Holm 1979]
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from scipy.stats import nbinom, poisson
from scipy.stats import t as student

from custkit.analysis.special_days import holiday_dates
from custkit.client import Client
from custkit.engine import frame, to_float
from custkit.period import Period
from custkit.tables import COMPUTED, TABLES
from custkit.words import mark

# Asked at one in a hundred and promised at one in twenty: months are no ideal draws, and the promise has to hold for real shops.
ERROR, FALSE_ALARMS = 0.01, 0.05
HISTORY, LEAST_MONTHS, LEAST_ROWS, MOST_VALUES, WEEKS = 24, 6, 30, 60, 26
COLUMNS = ("kind", "table", "column", "which", "before", "now", "unit", "p_value", "told")

ROWS, FILLED, SIZE, NEW_VALUE, GONE_VALUE, HOUR, GAP = "rows", "filled", "size", "new_value", "gone_value", "hour", "gap"
KIND_NAMES = {
    ROWS: mark("rows in the month"),
    FILLED: mark("share of rows in which it is filled"),
    SIZE: mark("typical size"),
    NEW_VALUE: mark("a value not seen before"),
    GONE_VALUE: mark("a value that is gone"),
    HOUR: mark("middle of the day, hour"),
    GAP: mark("days without an order"),
}
# Filled in after the row was made: younger rows are always emptier.
_LATER = {"customers.closed_at", "campaign_contacts.redeemed_at"}
# Numbers whose unit can slip: the geometric mean of what is above 0.
_SIZES: dict[tuple[str, str], Any] = {
    ("order_lines", "amount"): (_.kind == "sale").ifelse(_.amount, 0),
    ("order_lines", "quantity"): (_.kind == "sale").ifelse(_.quantity, 0),
    ("order_lines", "cost_amount"): (_.kind == "sale").ifelse(_.cost_amount, 0),
    ("loyalty_ledger", "points"): _.points,
    ("events", "dwell_seconds"): _.dwell_seconds,
    ("marketing_spend", "spend_amount"): _.spend_amount,
}
_GROUPS = {
    "orders": ("channel", "device", "store_id", "region", "payment_method"),
    "customers": ("acquisition_channel", "gender", "age_band", "region", "income_band", "occupation", "household_size"),
    "events": ("event_type", "channel", "device"),
    "loyalty_ledger": ("entry_type", "tier"),
    "surveys": ("question", "topic"),
}


class _Told(NamedTuple):
    kind: str
    table: str
    column: str
    which: str
    before: float
    now: float
    unit: str
    p_value: float


def data_changes(
    tables: Mapping[str, ir.Table], provided: Collection[str], *, period: Period, client: Client | None = None
) -> pd.DataFrame:
    """Ask of every table and column whether it changed in the month, and say what did beyond chance.

    tables by name  →  kind, table, column, which | before (the month before; the mean of earlier months for a value or hours), now,
    unit, p_value, told (True for what changed); the rarest first

    The p-values are each question's own; `told` keeps the chance that anything at all is told of a month without a change below
    `FALSE_ALARMS`. Fewer than seven months before say nothing: no row. Days: those without an order where the weekday has some, but
    for the public holidays of the client's country.
    """
    found: list[_Told] = []
    for name, spec in TABLES.items():
        if spec.time is None or f"{name}.{spec.time}" not in provided or (name not in provided and name != "order_lines"):
            continue
        dated = tables[name].filter(_[spec.time] >= (period - HISTORY).start, _[spec.time] < period.end)
        dated = dated.mutate(month=_[spec.time].truncate("M"))
        if not spec.derived:
            found += _levels(name, dated, _columns(name, provided), period)
        for column in _GROUPS.get(name, ()):
            if f"{name}.{column}" in provided:
                found += _values(name, column, dated, period)
    first, last = (period - WEEKS).start.date(), period.end.date()
    found += _gaps(tables["orders"], period, holiday_dates(client, first=first, last=last) if client else ())
    return _judged(found)


def _judged(found: list[_Told]) -> pd.DataFrame:
    """Holm's step-down over all questions of the month; days missing count as one question, as often as there are days."""
    told = pd.DataFrame(found, columns=list(COLUMNS[:-1])).sort_values(["p_value", "table", "column", "kind", "which"], ignore_index=True)
    left, going, kept = len(told), True, []
    for p in told["p_value"]:
        going = going and p * left <= ERROR
        kept.append(going)
        left -= 1
    types = {"p_value": "float64", "before": "float64", "now": "float64"}
    return told.assign(told=np.array(kept, dtype=bool)).astype(types)


def _columns(name: str, provided: Collection[str]) -> list[str]:
    skipped = COMPUTED.get(name, frozenset()) | set(TABLES[name].key) | {TABLES[name].time}
    names = [c.name for c in TABLES[name].columns if f"{name}.{c.name}" in provided]
    return [column for column in names if column not in skipped and f"{name}.{column}" not in _LATER]


def _levels(name: str, dated: ir.Table, columns: list[str], period: Period) -> Iterable[_Told]:
    asked: dict[str, Any] = {"rows": _.count()}
    asked |= {f"n_{column}": dated[column].count() for column in columns}
    sizes = [column for table, column in _SIZES if table == name and column in columns]
    for column in sizes:
        size = to_float(dated.bind(_SIZES[name, column])[0])
        log = (size > 0).ifelse(size, ibis.null("float64")).ln()
        asked |= {f"k_{column}": log.count(), f"m_{column}": log.mean(), f"q_{column}": (log * log).mean()}
    time = dated[TABLES[name].time]
    angle = (to_float(time.hour()) + to_float(time.minute()) / 60) * (math.pi / 12)
    asked |= {"cos": angle.cos().mean(), "sin": angle.sin().mean()}
    months = _by_month(frame(dated.group_by("month").aggregate(**asked)), period)
    if months.empty:
        return
    counts = months["rows"].fillna(0)
    yield from _asked(ROWS, name, "", counts, 2 * np.sqrt(counts + 0.375), pd.Series(1.0, counts.index), "count")
    some = months[counts >= LEAST_ROWS]
    for column in columns:
        n, k = some["rows"], some[f"n_{column}"]
        yield from _asked(FILLED, name, column, k / n, 2 * np.arcsin(np.sqrt((k + 0.375) / (n + 0.75))), 1 / n, "share")
    for column in sizes:
        told = months[months[f"k_{column}"].fillna(0) > 1]
        n, mean = told[f"k_{column}"], told[f"m_{column}"]
        noise = (told[f"q_{column}"] - mean**2).clip(lower=0) / n
        yield from _asked(SIZE, name, column, np.exp(mean), mean, noise + 1e-8, "number")
    yield from _hours(name, some, period)


def _hours(name: str, some: pd.DataFrame, period: Period) -> Iterable[_Told]:
    """The middle of the day on the clock face; a slip of the time zone turns it by whole or half hours."""
    if len(some) <= LEAST_MONTHS:
        return
    where = np.arctan2(some["sin"], some["cos"]) * 12 / math.pi
    length = np.hypot(some["sin"], some["cos"])
    if length.min() < 0.1:  # all round the clock: there is no middle
        return
    centre = math.atan2(some["sin"].iloc[:-1].mean(), some["cos"].iloc[:-1].mean()) * 12 / math.pi
    turned = (where - centre + 12) % 24 - 12
    for told in _asked(HOUR, name, str(TABLES[name].time), centre + turned, turned, 1 / (length**2 * some["rows"]) * 14.6, "number"):
        if abs(told.now - told.before) >= 0.5:
            yield told._replace(before=told.before % 24, now=told.now % 24)
        else:
            yield told._replace(before=told.before % 24, now=told.now % 24, p_value=1.0)


def _by_month(found: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Every month up to `period` from the first whole one on; months without rows are empty."""
    if found.empty:
        return found
    found["month"] = pd.to_datetime(found["month"]).dt.strftime("%Y-%m")
    months = [str(period - back) for back in range(HISTORY, -1, -1)]
    return found.set_index("month").reindex([month for month in months if month > found["month"].min()])


def _asked(kind: str, table: str, column: str, shown: pd.Series, scale: pd.Series, noise: pd.Series, unit: str) -> Iterable[_Told]:
    """The change on the month before, held against the changes of the months before: Student's t for one more change to come.

    noise: the variance of each month that its rows alone would make, below which no history is believed.
    """
    if len(scale) <= LEAST_MONTHS or scale.iloc[-1:].isna().any():
        return
    known = scale.notna()
    shown, scale, noise = shown[known], scale[known], noise[known]
    changes = scale.diff().dropna()
    before = changes.iloc[:-1]
    if len(before) < LEAST_MONTHS - 1:
        return
    spread = max(float(before.var()), float(noise.iloc[-1] + noise.iloc[-2]))
    away = abs(float(changes.iloc[-1]) - float(before.mean())) / math.sqrt(spread * (1 + 1 / len(before)))
    p = 2 * float(student.sf(away, len(before) - 1))
    yield _Told(kind, table, column, "", float(shown.iloc[-2]), float(shown.iloc[-1]), unit, p)


def _values(name: str, column: str, dated: ir.Table, period: Period) -> Iterable[_Told]:
    """Values that came or went: the chance that all rows of one lie on one side, if rows came in any order.

    Rows come in clumps, so they count for fewer: by as much as the months' counts of a value scatter more than chance lets them.
    """
    found = frame(dated.filter(_[column].notnull()).group_by("month", column).aggregate(n=_.count()))
    if found.empty or found[column].nunique() > MOST_VALUES:
        return
    counts = found.assign(month=pd.to_datetime(found["month"]).dt.strftime("%Y-%m")).pivot_table(
        index="month", columns=column, values="n", aggfunc="sum"
    )
    counts = counts.fillna(0).astype("float64")
    if str(period) not in counts.index or len(counts) <= LEAST_MONTHS:
        return
    now, before = counts.loc[str(period)], counts.drop(index=str(period))
    n, past = float(now.sum()), float(before.to_numpy().sum())
    clump = _clumps(before)
    for value in counts.columns:
        here, there = float(now[value]), float(before[value].sum())
        if there == 0:
            yield _Told(NEW_VALUE, name, column, str(value), 0.0, here / n, "share", (n / (n + past)) ** (here / clump))
        elif here == 0:
            yield _Told(GONE_VALUE, name, column, str(value), there / past, 0.0, "share", (past / (n + past)) ** (there / clump))


def _clumps(counts: pd.DataFrame) -> float:
    """How many times more than Poisson the values' monthly shares scatter, the largest of the common ones; at least 1."""
    totals = counts.sum(axis=1)
    expected = np.outer(totals, counts.sum() / totals.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        scatter = np.where(expected >= 1, (counts.to_numpy() - expected) ** 2 / expected, np.nan)
    common = np.isfinite(scatter).sum(axis=0) >= LEAST_MONTHS
    return max(1.0, float(np.nanmean(scatter[:, common], axis=0).max())) if common.any() else 1.0


def _gaps(orders: ir.Table, period: Period, holidays: Collection[date]) -> Iterable[_Told]:
    """Runs of days without an order where the weekday has some, by a negative binomial with each weekday's own mean and spread."""
    start = period.start - timedelta(weeks=WEEKS)
    bought = orders.filter(_.is_purchase, _.ordered_at >= start, _.ordered_at < period.end)
    found = frame(bought.mutate(day=_.ordered_at.date()).group_by("day").aggregate(n=_.count()))
    if found.empty:
        return
    found["day"] = pd.to_datetime(found["day"])
    days = pd.date_range(max(start, found["day"].min().to_pydatetime()), period.end - timedelta(days=1), freq="D")
    counts = found.set_index("day")["n"].reindex(days, fill_value=0).astype("float64")
    counts = counts[~pd.Index(counts.index.date).isin(list(holidays))]
    month, before = counts[counts.index >= period.start], counts[counts.index < period.start]
    if len(before) < 7 * 8:
        return
    usual = (
        before.groupby(before.index.day_of_week).agg(["mean", "var", lambda c: (c == 0).mean()]).set_axis(["mean", "var", "none"], axis=1)
    )
    with_some = month[month > 0]
    owed = usual["mean"].reindex(with_some.index.day_of_week).sum()
    level = min(1.0, float(with_some.sum()) / float(owed)) if len(with_some) and owed else 1.0  # a quieter month expects less
    rarity = {weekday: _chance_of_none(row["mean"] * level, row["mean"], row["var"], row["none"]) for weekday, row in usual.iterrows()}
    for run in _runs(month):
        open_days = [day for day in run if rarity.get(day.weekday(), 1.0) < 0.5]
        p = min(1.0, len(month) * math.prod(rarity[day.weekday()] for day in open_days))
        if open_days:
            yield _Told(GAP, "orders", "ordered_at", f"{run[0]:%Y-%m-%d} – {run[-1]:%Y-%m-%d}", 0.0, float(len(open_days)), "count", p)


def _chance_of_none(mean: float, usual: float, variance: float, share_of_none: float) -> float:
    if mean <= 0:
        return 1.0
    if variance > usual > 0:
        size = usual**2 / (variance - usual)
        chance = float(nbinom.pmf(0, size, size / (size + mean)))
    else:
        chance = float(poisson.pmf(0, mean))
    return max(chance, share_of_none, 1e-12)


def _runs(month: pd.Series) -> list[list[pd.Timestamp]]:
    runs: list[list[pd.Timestamp]] = []
    last = None
    for place, (day, n) in enumerate(month.items()):
        if n == 0:
            if last is not None and place == last + 1:
                runs[-1].append(day)
            else:
                runs.append([day])
            last = place
    return runs


def changes_told(changes: pd.DataFrame) -> pd.DataFrame:
    """Only what changed, with how many times larger or smaller it is: … + factor (now / before; nan where one is 0)."""
    told = changes[changes["told"]].reset_index(drop=True)
    ratio = told["now"] / told["before"].where(told["before"] != 0)
    return told.assign(factor=ratio.where(told["kind"].isin([ROWS, SIZE])))


def slips(changes: pd.DataFrame) -> pd.DataFrame:
    """Sizes that changed by a power of ten, as when cents come for euros, or grams for kilos: table, column | factor, power."""
    told = changes_told(changes)
    told = told[(told["kind"] == SIZE) & (told["factor"] > 0)]
    power = np.log10(told["factor"].astype("float64"))
    near = (power - power.round()).abs() < 0.12
    return told.assign(power=power.round().astype("int64"))[near & (power.round() != 0)][
        ["table", "column", "factor", "power"]
    ].reset_index(drop=True)
