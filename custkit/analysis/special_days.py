"""Holidays, promotions and campaigns: what the shop sold on such days against the same weekdays around them. [S71]"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from scipy.stats import t as t_distribution

from custkit.analysis.rates import false_discovery
from custkit.client import Client
from custkit.engine import fetch
from custkit.words import mark

HOLIDAY, PROMOTION, CAMPAIGN = mark("holiday"), mark("promotion"), mark("campaign")
ALPHA = 0.05
BESIDE, REACH = 4, 8  # so many days of the same weekday on each side, so many weeks away at most
LEAST_BLOCKS = 10  # ordinary stretches of the same length, from which chance is learnt
RUN_UP = 7  # days before a holiday
_COLUMNS = ("occasion", "kind", "first_day", "last_day")
_MEASURES = ("orders", "revenue")
_EFFECTS = {"occasion": "str", "kind": "str", "times": "int64", "days": "int64"}


def special_days(daily: pd.DataFrame, campaigns: ir.Table, *, client: Client) -> pd.DataFrame:
    """Every holiday, promotion and campaign in the days of `daily`, one row a run of days.

    day | …; campaigns  →  occasion (its name), kind ("holiday", "promotion", "campaign"), first_day, last_day (inclusive)

    Of the client only `holidays` (or the country of time zone and currency), `promotion_days` and `language` are read. A day shifted
    because the holiday falls on a weekend bears the holiday's name. Campaigns without an end are left out. Public holidays only: a day of
    gifts such as Valentine's is the client's to name. [S71]
    """
    if daily.empty:
        return _as_days([])
    first, last = daily["day"].min().date(), daily["day"].max().date()
    rows = [(promotion.name, PROMOTION, *span) for promotion in client.promotion_days for span in promotion.spans(first, last)]
    found = _holidays(client.holiday_places, first, last, client.language)
    rows += [(name, HOLIDAY, *run) for name, days in found.items() for run in _runs(days)]
    known = fetch(campaigns.filter(_.ends_at > _.starts_at).select("campaign_id", "campaign_name", "starts_at", "ends_at"))
    for row in known.to_pylist():
        rows.append((row["campaign_name"] or row["campaign_id"], CAMPAIGN, row["starts_at"].date(), _last_day(row["ends_at"])))
    return _as_days([row for row in rows if row[3] >= first and row[2] <= last])


def holiday_dates(client: Client, *, first: date, last: date) -> set[date]:
    """Every public holiday from `first` to `last` where the client sells: `holidays`, or the country of time zone and currency."""
    found = _holidays(client.holiday_places, first, last, client.language)
    return {day for days in found.values() for day in days if first <= day <= last}


def _last_day(ends_at: pd.Timestamp) -> date:
    return (pd.Timestamp(ends_at) - pd.Timedelta(microseconds=1)).date()


def _holidays(places: Sequence[str], first: date, last: date, language: str) -> dict[str, set[date]]:
    """Name → days. A shifted day, told in brackets, bears the plain name."""
    from holidays import country_holidays

    found: dict[str, set[date]] = {}
    years = range(first.year, last.year + 1)
    for place in places:
        country, _dash, region = place.partition("-")
        spoken = country_holidays(country).supported_languages
        tongue = next((wanted for wanted in (language, "en_US") if wanted in spoken), None)
        for day, names in country_holidays(country, subdiv=region or None, years=years, language=tongue).items():
            for name in names.split("; "):
                found.setdefault(re.sub(r" ?[(（].*", "", name), set()).add(day)
    return found


def _runs(days: set[date]) -> list[tuple[date, date]]:
    """Stretches of days that follow one another."""
    runs: list[tuple[date, date]] = []
    for day in sorted(days):
        if runs and (day - runs[-1][1]).days == 1:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def _as_days(rows: list[tuple[str, str, date, date]]) -> pd.DataFrame:
    made = pd.DataFrame(sorted(set(rows), key=lambda row: (row[2], row[3], row[1], row[0])), columns=list(_COLUMNS))
    days = {name: pd.to_datetime(made[name]).astype("datetime64[us]") for name in _COLUMNS[2:]}
    return made.assign(**days).astype(dict.fromkeys(_COLUMNS[:2], "str"))


def special_day_effects(daily: pd.DataFrame, days: pd.DataFrame) -> pd.DataFrame:
    """What was sold on each holiday, promotion and campaign against comparable days, and in the week before each holiday.

    day | orders, revenue; special_days(…)  →  occasion, kind | times, days (that could be compared), orders, expected_orders, orders_effect
    (share more or less), orders_low, orders_high (95 %), orders_q; the same for revenue; before_effect, before_low, before_high, before_q
    (revenue of the seven days before a holiday); is_significant (one of the three differs, at most 5 % false discoveries over all)

    Comparable are the four days of the same weekday before and the four after, at most eight weeks away and weighed so that a straight
    trend cancels, that are themselves no holiday and no promotion, nor, for campaigns, in any campaign. How far chance moves such a
    comparison is learnt from ordinary stretches of as many days, compared in the same way. What lies too close to an end of the data has
    no figure, nor has what has no ordinary days around it. A campaign's buyers may only have bought earlier or later, and whatever else
    came at that time is counted too: a comparison in time, no proof of cause. Most revenue above the expected first. [S71]
    """
    at = _Calendar(daily, days)
    rows = [_effect(at, str(name), str(kind), group) for (name, kind), group in days.groupby(["occasion", "kind"], sort=True)]
    names = ["occasion", "kind", "times", "days"]
    names += [f"{column}" for m in _MEASURES for column in (m, f"expected_{m}", f"{m}_effect", f"{m}_low", f"{m}_high", f"{m}_p")]
    names += ["before_effect", "before_low", "before_high", "before_p"]
    made = pd.DataFrame(rows, columns=names).astype({name: _EFFECTS.get(name, "float64") for name in names})
    tested = ["orders_p", "revenue_p", "before_p"]
    p = made[tested].to_numpy().ravel()
    q = np.full(len(p), np.nan)
    q[~np.isnan(p)] = false_discovery(p[~np.isnan(p)].tolist())
    made[["orders_q", "revenue_q", "before_q"]] = q.reshape(-1, 3)
    made["is_significant"] = (made[["orders_q", "revenue_q", "before_q"]] <= ALPHA).any(axis=1)
    beyond = made["revenue"] - made["expected_revenue"]
    order = made[["occasion", "kind"]].assign(beyond=-beyond.fillna(-np.inf))
    return made.drop(columns=tested).iloc[order.sort_values(["beyond", "occasion", "kind"]).index].reset_index(drop=True)


class _Calendar:
    """Sales by place in time, and which places are ordinary."""

    def __init__(self, daily: pd.DataFrame, days: pd.DataFrame) -> None:
        self.sales = daily[list(_MEASURES)].to_numpy("float64")
        self.first = daily["day"].min() if len(daily) else pd.Timestamp(0)
        self.n = len(daily)
        # Half an order more on both sides: the logarithm of a day without any is known.
        orders, revenue = self.sales.sum(axis=0) if self.n else (0.0, 0.0)
        self.half = np.array([0.5, 0.5 * revenue / orders if orders else 0.0])
        self.quiet = np.ones(self.n, dtype=bool)  # no holiday, no promotion
        for row in days[days["kind"] != CAMPAIGN].itertuples():
            self.quiet[self.places(row)] = False
        self.calm = self.quiet.copy()  # nor a campaign
        for row in days[days["kind"] == CAMPAIGN].itertuples():
            self.calm[self.places(row)] = False
        self._chance: dict[tuple[int, bool], tuple[np.ndarray, int]] = {}

    def places(self, row: object) -> np.ndarray:
        """Places of a run's days that the data hold."""
        start, stop = ((getattr(row, name) - self.first).days for name in ("first_day", "last_day"))
        return np.arange(max(start, 0), min(stop + 1, self.n))

    def compared(self, block: np.ndarray, ordinary: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """(sales, expected sales) of the block's days, each an array of orders and revenue; None where a day has nothing beside it."""
        sides = [self._beside(int(place), block, ordinary) for place in block]
        if not len(block) or any(expected is None for expected in sides):
            return None
        return self.sales[block].sum(axis=0), np.sum([expected for expected in sides if expected is not None], axis=0)

    def _beside(self, place: int, block: np.ndarray, ordinary: np.ndarray) -> np.ndarray | None:
        means, away = [], []
        for side in (-7, 7):
            reach = place + side * np.arange(1, REACH + 1)
            reach = reach[(reach >= 0) & (reach < self.n)]
            free = reach[ordinary[reach] & ((reach < block[0]) | (reach > block[-1]))][:BESIDE]
            if len(free) < 2:
                return None
            means.append(self.sales[free].mean(axis=0))
            away.append(float(np.abs(free - place).mean()))
        return (means[0] * away[1] + means[1] * away[0]) / (away[0] + away[1])

    def chance(self, length: int, *, calm: bool) -> tuple[np.ndarray, int]:
        """Spread of ln(sales / expected) over ordinary stretches of `length` days, of orders and revenue; and how many there are."""
        if (length, calm) not in self._chance:
            ordinary = self.calm if calm else self.quiet
            logs = []
            for start in range(self.n % length, self.n - length + 1, length):
                block = np.arange(start, start + length)
                kept = block[ordinary[block]]
                found = self.compared(kept, ordinary) if len(kept) >= 0.8 * length else None
                if found is not None and found[1][0] > 0:
                    logs.append(self.log_ratio(*found))
            spread = np.std(logs, axis=0, ddof=1) if len(logs) > 1 else np.full(2, np.nan)
            self._chance[length, calm] = spread, len(logs)
        return self._chance[length, calm]

    def log_ratio(self, sold: np.ndarray, expected: np.ndarray) -> np.ndarray:
        return np.log(np.maximum(sold, 0) + self.half) - np.log(np.maximum(expected, 0) + self.half)


def _effect(at: _Calendar, name: str, kind: str, runs: pd.DataFrame) -> tuple[object, ...]:
    calm = kind == CAMPAIGN
    ordinary = at.calm if calm else at.quiet
    blocks = [block[at.quiet[block]] if calm else block for block in map(at.places, runs.itertuples())]
    on_the_days, times, days = _pooled(at, blocks, ordinary, calm=calm)
    before: list[tuple[float, ...]] = [(math.nan,) * 6] * 2
    if kind == HOLIDAY:
        weeks = [np.arange(max(int(block[0]) - RUN_UP, 0), block[0]) for block in blocks if len(block)]
        before, *_rest = _pooled(at, [week[at.quiet[week]] for week in weeks], ordinary, calm=False)
    return name, kind, times, days, *on_the_days[0], *on_the_days[1], *before[1][2:]


def _pooled(at: _Calendar, blocks: list[np.ndarray], ordinary: np.ndarray, *, calm: bool) -> tuple[list[tuple[float, ...]], int, int]:
    """For orders and revenue (sold, expected, effect, low, high, p-value) over all runs; how many runs and days could be compared."""
    compared = [(len(block), found) for block in blocks if (found := at.compared(block, ordinary)) is not None]
    if not compared:
        return [(math.nan,) * 6] * 2, 0, 0
    days, times = sum(length for length, _found in compared), len(compared)
    sold, expected = (np.sum([found[i] for _length, found in compared], axis=0) for i in (0, 1))
    spread, blocks_seen = at.chance(max(1, round(days / times)), calm=calm)
    log = at.log_ratio(sold, expected)
    told: list[tuple[float, ...]] = []
    for i in (0, 1):
        effect = sold[i] / expected[i] - 1 if expected[i] > 0 else math.nan
        error = spread[i] / math.sqrt(times)
        if blocks_seen < LEAST_BLOCKS or not error > 0 or math.isnan(effect):
            told.append((sold[i], expected[i], effect, math.nan, math.nan, math.nan))
            continue
        half = float(t_distribution.ppf(1 - ALPHA / 2, blocks_seen - 1)) * error
        p_value = 2 * float(t_distribution.sf(abs(log[i]) / error, blocks_seen - 1))
        low, high = math.exp(log[i] - half) - 1, math.exp(log[i] + half) - 1
        told.append((sold[i], expected[i], effect, min(low, effect), max(high, effect), p_value))
    return told, times, days
