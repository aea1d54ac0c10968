"""Demand by region and week: a forecast of the next weeks, tried out on past weeks against naive rivals before anybody is told. [S86]

The forecast is the mean of two simple ones that need nothing but the series: Theta (Assimakopoulos & Nikolopoulos 2000; Hyndman & Billah
2003), which follows a drift, and the mean of the last eight weeks, which does not. It is fixed beforehand: whoever picks the best of many
on the weeks they are judged by is fooled. Combining is what forecasting competitions found to hold. [Makridakis et al. 2020]
"""

from __future__ import annotations

import math
import warnings
from datetime import datetime

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from scipy.stats import t as t_distribution

from custkit.analysis.crosses import UNKNOWN
from custkit.analysis.rates import false_discovery
from custkit.engine import frame
from custkit.words import mark

ALL, ELSEWHERE = mark("all regions"), mark("other regions")
PIECES, ORDERS = mark("pieces"), mark("orders")
WEEKS = 8  # foretold
SOON = 4  # of them that a stock note adds up
LEAST_WEEKS = 26  # of history before anything is foretold
YEAR = 52
MEAN_OF = 8
QUIET_DAYS = 14
MOST_CUTS, LEAST_CUTS = 13, 5
# A claim to be better than naive may be wrong for one series in ten: a forecast no better than naive does no harm.
ALPHA = 0.1
LEVEL = 0.8  # of the intervals: demand lies above their upper end one time in ten
_MOST_REGIONS = 11
_SELDOM = 0.8  # share of the last half year's weeks in which a region must have sold
_TESTED = {
    "region": "str", "cut": "datetime64[us]", "lead": "int64", "actual": "float64", "forecast": "float64", "naive": "float64",
    "last_year": "float64",
}  # fmt: skip
_SKILL = {
    "region": "str", "cuts": "int64", "forecast_error": "float64", "naive_error": "float64", "last_year_error": "float64",
    "error_saved": "float64", "p_value": "float64", "q_value": "float64", "wins": "bool", "coverage": "float64", "weeks_covered": "int64",
    "weeks_tested": "int64",
}  # fmt: skip
_FORECAST = {
    "region": "str", "week": "datetime64[us]", "lead": "int64", "demand": "float64", "forecast": "float64", "low": "float64",
    "high": "float64",
}  # fmt: skip
_OUTLOOK = {
    "region": "str", "last_weeks": "float64", "next_weeks": "float64", "demand_low": "float64", "demand_high": "float64",
    "change": "float64", "forecast_error": "float64", "error_saved": "float64", "wins": "bool",
}  # fmt: skip


def weekly_demand(purchases: ir.Table, *, as_of: datetime) -> pd.DataFrame:
    """Pieces sold by region and week.

    purchases  →  region, week (its first day) | demand (pieces sold; orders where the client does not tell pieces), unit

    Weeks are counted back from `as_of`, so that the last is whole; the first one, which the data cut, is left out. "all regions" comes
    first and holds everything, then the eleven regions with most, largest first; regions that sold in fewer than four of five of the
    last 26 weeks go together with the small ones as "other regions". Where no region is known there is "all regions" alone. Guests
    count. No row where orders stop two weeks or more before `as_of`, and for longer than they ever paused: then the data end, not the
    demand. What was not in stock was not sold: sales are demand only as far as the shelves were full. [S86]
    """
    sold = purchases.filter(_.ordered_at < as_of)
    counts = frame(
        sold.group_by("region", day=_.ordered_at.date()).aggregate(pieces=_["items"].sum(where=_["items"] > 0), orders=_.count())
    )
    if len(counts) and _ends_early(pd.to_datetime(counts["day"]), pd.Timestamp(as_of)):
        counts = counts.iloc[:0]
    told = bool(counts["pieces"].notna().any())
    last = pd.Timestamp(as_of).normalize()
    back = (last - pd.to_datetime(counts["day"])).dt.days.sub(1) // 7 if len(counts) else pd.Series([], dtype="int64")
    weeks = int((last - pd.to_datetime(counts["day"]).min()).days // 7) if len(counts) else 0
    demand = (counts["pieces"] if told else counts["orders"]).fillna(0.0).astype("float64")
    rows = pd.DataFrame(
        {"region": counts["region"].astype("object").where(counts["region"].notna(), UNKNOWN), "back": back, "demand": demand}
    )
    rows = rows[rows["back"] < weeks]
    grid = rows.pivot_table(index="back", columns="region", values="demand", aggfunc="sum", fill_value=0.0)
    grid = grid.reindex(range(weeks - 1, -1, -1), fill_value=0.0).sort_index(axis=1)
    grid.index = pd.DatetimeIndex([last - pd.Timedelta(days=7 * (b + 1)) for b in grid.index]).as_unit("us")
    series = {ALL: grid.sum(axis=1)}
    if [name for name in grid.columns if name != UNKNOWN]:
        series |= _regions(grid)
    long = [pd.DataFrame({"region": name, "week": grid.index, "demand": values.to_numpy("float64")}) for name, values in series.items()]
    kinds = {"region": "str", "week": "datetime64[us]", "demand": "float64", "unit": "str"}
    return pd.concat(long, ignore_index=True).assign(unit=PIECES if told else ORDERS).astype(kinds)


def _ends_early(days: pd.Series, as_of: pd.Timestamp) -> bool:
    """True where orders stop longer before `as_of` than they ever paused, and two weeks at least: data that end, not demand."""
    seen = days.drop_duplicates().sort_values()
    pause = seen.diff().dt.days.max()
    return (as_of.normalize() - seen.iloc[-1]).days > max(QUIET_DAYS, 0 if pd.isna(pause) else int(pause))


def _regions(grid: pd.DataFrame) -> dict[str, pd.Series]:
    often = (grid.tail(LEAST_WEEKS) > 0).mean() >= _SELDOM
    size = grid.sum()
    names = sorted((name for name in grid.columns if often[name] and name != UNKNOWN), key=lambda name: (-size[name], name))
    alone = names[:_MOST_REGIONS]
    rest = [name for name in grid.columns if name not in (*alone, UNKNOWN)]
    found = {name: grid[name] for name in alone}
    if rest:
        found[ELSEWHERE] = grid[rest].sum(axis=1)
    return found


def back_test(weekly: pd.DataFrame) -> pd.DataFrame:
    """Forecasts of past weeks, each from what was known before them, beside what came and what naive rivals said.

    region, week | demand  →  region, cut (the first week foretold), lead (1–8 weeks) | actual, forecast, naive (the last week again),
    last_year (the week a year before; nan where the data do not reach)

    Up to thirteen cuts, at least two weeks apart and over the last year at most; each has 26 weeks of history or more and eight weeks
    after it. [Tashman 2000, rolling origin; S86]
    """
    rows = []
    for region, series in weekly.groupby("region", sort=False):
        y, first = series["demand"].to_numpy("float64"), series["week"].to_numpy()
        for cut in _cuts(len(y)):
            year_before = y[cut - YEAR : cut - YEAR + WEEKS] if cut >= YEAR else np.full(WEEKS, np.nan)
            told = (foretold(y[:cut]), np.full(WEEKS, y[cut - 1]), year_before)
            rows += [
                (region, first[cut], lead + 1, y[cut + lead], *(float(values[lead]) for values in told)) for lead in range(WEEKS)
            ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(_TESTED)).astype(_TESTED)


def _cuts(n: int) -> list[int]:
    last, step = n - WEEKS, 2 if n < YEAR + LEAST_WEEKS else 4
    return sorted(cut for cut in range(last, last - step * MOST_CUTS, -step) if cut >= LEAST_WEEKS)


def foretold(y: np.ndarray) -> np.ndarray:
    """The next eight weeks after `y`, at least 0: the mean of Theta and of the mean of the last eight weeks."""
    level = float(y[-MEAN_OF:].mean())
    return np.maximum((_theta(y) + level) / 2, 0.0)


def _theta(y: np.ndarray) -> np.ndarray:
    from statsmodels.tsa.forecasting.theta import ThetaModel

    if np.ptp(y) < 1e-9 * max(1.0, float(np.abs(y).max())):  # a series that never moves has no smoothing to estimate
        return np.full(WEEKS, y[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ThetaModel(y, period=1, deseasonalize=False).fit().forecast(WEEKS).to_numpy("float64")


def demand_skill(tested: pd.DataFrame) -> pd.DataFrame:
    """Whether the forecast was better than its rivals, and how often demand lay in its range.

    back_test(…)  →  region | cuts, forecast_error, naive_error, last_year_error (mean distance from what came, as a share of mean demand),
    error_saved (of the harder rival's error, at the cuts where that rival can be had), p_value (against the harder one), q_value, wins,
    coverage, weeks_covered, weeks_tested

    It wins where its error is smaller than that of every rival there is, and by more than luck (Diebold & Mariano 1995 over cuts,
    neighbouring cuts sharing weeks; one-sided, at most 10 % false discoveries over all regions). Rivals are judged from five cuts on.
    coverage: the share of past weeks within the 80 % range that the errors at the other cuts give. [S86]
    """
    rows = [_skill(str(region), part) for region, part in tested.groupby("region", sort=False)]
    made = pd.DataFrame(rows, columns=[name for name in _SKILL if name not in ("q_value", "wins")])
    q = np.full(len(made), np.nan)
    known = made["p_value"].notna().to_numpy()
    q[known] = false_discovery(made["p_value"][known].tolist())
    return made.assign(q_value=q, wins=(q <= ALPHA) & (made["error_saved"] > 0))[list(_SKILL)].astype(_SKILL)


def _skill(region: str, part: pd.DataFrame) -> tuple[object, ...]:
    cuts = {name: _by_cut(part, name) for name in ("actual", "forecast", "naive", "last_year")}
    actual = cuts["actual"]
    scale = float(actual.mean()) or math.nan
    losses = {name: np.abs(cuts[name] - actual).mean(axis=1) for name in ("forecast", "naive", "last_year")}
    against = [_against(losses["forecast"], losses[rival], scale) for rival in ("naive", "last_year")]
    known = [found for found in against if not math.isnan(found[1])]
    saved, p_value = min((found[1] for found in known), default=math.nan), max((found[2] for found in known), default=math.nan)
    within = _covered(actual, cuts["forecast"])
    share = float(within.mean()) if len(within) else math.nan
    errors = (float(losses["forecast"].mean()) / scale, against[0][0], against[1][0])
    return region, len(actual), *errors, saved, p_value, share, int(within.sum()), within.size


def _against(own: np.ndarray, rival: np.ndarray, scale: float) -> tuple[float, float, float]:
    """The rival's error, how much of it the forecast saves, and by what luck, over the cuts where the rival had something to say."""
    told = ~np.isnan(rival)
    if told.sum() < LEAST_CUTS or not rival[told].sum() > 0:
        return float(rival[told].mean()) / scale if told.any() else math.nan, math.nan, math.nan
    return float(rival[told].mean()) / scale, 1 - float(own[told].sum() / rival[told].sum()), _better_by_luck((own - rival)[told])


def _by_cut(part: pd.DataFrame, name: str) -> np.ndarray:
    """One row a cut, one column a lead."""
    return part.sort_values(["cut", "lead"])[name].to_numpy("float64").reshape(-1, WEEKS)


def _better_by_luck(gap: np.ndarray) -> float:
    """Chance of so much smaller losses if both were as good, one-sided. Cuts that share weeks are not independent."""
    k = len(gap)
    centred = gap - gap.mean()
    lag = WEEKS // 2 - 1
    variance = float(centred @ centred) / k
    variance += 2 * sum((1 - step / (lag + 1)) * float(centred[step:] @ centred[:-step]) / k for step in range(1, lag + 1))
    if variance <= 0:
        return math.nan
    return float(t_distribution.cdf(gap.mean() / math.sqrt(variance / k), k - 1))


def _log_errors(actual: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """ln(actual / forecast), half a piece on both sides so that weeks without a sale are known."""
    return np.log(actual + 0.5) - np.log(forecast + 0.5)


def _covered(actual: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Of each cut's weeks, which lie in the range that the other cuts' errors give."""
    errors, cuts = _log_errors(actual, forecast), len(actual)
    if cuts < 3:
        return np.zeros((0, WEEKS), dtype=bool)
    squares = (errors**2).mean(axis=1)
    spread = np.sqrt((squares.sum() - squares) / (cuts - 1))
    return np.abs(errors) <= _reach(cuts - 1) * spread[:, None]


def _reach(cuts: int) -> float:
    return float(t_distribution.ppf(0.5 + LEVEL / 2, max(cuts - 1, 1)))


def demand_forecast(weekly: pd.DataFrame, tested: pd.DataFrame) -> pd.DataFrame:
    """The last 26 weeks and, where the forecast wins, the next eight with the range in which demand will lie eight times in ten.

    weekly_demand(…), back_test(…)  →  region, week (its first day), lead (0 and below: past; 1–8: foretold) | demand (past), forecast, low,
    high (foretold; ranges nan below three cuts)

    The range is as wide as the errors at past cuts were, on a logarithmic scale. A region whose forecast does not win has its past alone;
    regions with less than 26 weeks of history have no row. [S86]
    """
    won = set(demand_skill(tested).query("wins")["region"])
    rows: list[tuple[object, ...]] = []
    for region, series in weekly.groupby("region", sort=False):
        y, weeks = series["demand"].to_numpy("float64"), pd.DatetimeIndex(series["week"])
        if len(y) < LEAST_WEEKS:
            continue
        shown = range(max(len(y) - LEAST_WEEKS, 0), len(y))
        rows += [(region, weeks[i], i + 1 - len(y), y[i], math.nan, math.nan, math.nan) for i in shown]
        factor = _factor(tested[tested["region"] == region])
        rows += [
            (region, weeks[-1] + pd.Timedelta(weeks=lead), lead, math.nan, value, _under(value, factor), _over(value, factor))
            for lead, value in enumerate(foretold(y) if region in won else [], 1)
        ]
    return pd.DataFrame(rows, columns=list(_FORECAST)).astype(_FORECAST)


def _factor(part: pd.DataFrame, *, together: int = 1) -> float:
    """e to the reach of the log errors at past cuts, of single weeks or of the first `together` weeks added up."""
    if part["cut"].nunique() < 3:
        return math.nan
    actual, forecast = _by_cut(part, "actual"), _by_cut(part, "forecast")
    if together > 1:
        actual, forecast = (values[:, :together].sum(axis=1, keepdims=True) for values in (actual, forecast))
    errors = _log_errors(actual, forecast)
    return math.exp(_reach(len(errors)) * float(np.sqrt((errors**2).mean())))


def _under(value: float, factor: float) -> float:
    return (value + 0.5) / factor - 0.5 if math.isnan(value) else max((value + 0.5) / factor - 0.5, 0.0)


def _over(value: float, factor: float) -> float:
    return (value + 0.5) * factor - 0.5


def demand_outlook(weekly: pd.DataFrame, tested: pd.DataFrame) -> pd.DataFrame:
    """What each region will ask for in the next four weeks, and whether the forecast has earned to be believed.

    weekly_demand(…), back_test(…)  →  region | last_weeks (demand of the last four weeks), next_weeks (forecast of the next four),
    demand_low, demand_high (80 %), change (next_weeks / last_weeks − 1), forecast_error, error_saved, wins

    Where the forecast does not win, next_weeks and its range are nan: last week's figure, or last year's, is as good a guide. Regions of
    less than 26 weeks are left out. [S86]
    """
    skill = demand_skill(tested).set_index("region")
    rows = []
    for region, series in weekly.groupby("region", sort=False):
        y = series["demand"].to_numpy("float64")
        if len(y) < LEAST_WEEKS:
            continue
        told = skill.loc[str(region)] if region in skill.index else skill.iloc[:0].reindex([0]).iloc[0]
        wins = told["wins"] is True or told["wins"] == 1
        soon, before = float(foretold(y)[:SOON].sum()) if wins else math.nan, float(y[-SOON:].sum())
        factor = _factor(tested[tested["region"] == region], together=SOON)
        change = soon / before - 1 if before else math.nan
        rows.append(
            (region, before, soon, _under(soon, factor), _over(soon, factor), change, told["forecast_error"], told["error_saved"], wins)
        )
    return pd.DataFrame(rows, columns=list(_OUTLOOK)).astype(_OUTLOOK)
