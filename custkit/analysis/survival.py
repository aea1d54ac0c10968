"""How long until it happens, counting those to whom it has not happened yet: Kaplan–Meier on spells counted in the engine."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from custkit.analysis.rates import Z95

COLUMNS = ("duration_days", "at_risk", "events", "survival", "low", "high")
# Products of fractions miss a half by a few binary digits.
_HAIR = 1e-12


def kaplan_meier(spells: pd.DataFrame, *, z: float = Z95) -> pd.DataFrame:
    """Estimate the share to whom it has not happened yet, by days waited.

    duration_days, observed (bool), n  →  duration_days | at_risk, events, survival, low, high   (one row a distinct duration, rising)

    `observed` is false for a wait cut off by `as_of`: it counts as at risk up to its length and never as an event. A wait cut off on the
    day of an event is still at risk that day. The interval is Greenwood's on the log(−log) scale, so it stays inside 0 to 1; once
    everybody is through it keeps the last upper end. [Kaplan & Meier 1958; Kalbfleisch & Prentice 1980; S6]

    Raises ValueError for missing columns or a duration below 0.
    """
    if missing := sorted({"duration_days", "observed", "n"} - set(spells.columns)):
        raise ValueError(f"missing columns {missing}; have {sorted(map(str, spells.columns))}")
    if len(spells) and spells["duration_days"].min() < 0:
        raise ValueError(f"duration_days {spells['duration_days'].min()} is below 0: a wait ends after it begins")
    n = spells["n"].astype("int64")
    happened = spells["observed"].astype("bool")
    counted = (
        pd.DataFrame({"duration_days": spells["duration_days"].astype("int64"), "ended": n, "events": n.where(happened, 0)})
        .groupby("duration_days", as_index=False)
        .sum()
        .sort_values("duration_days", ignore_index=True)
    )
    counted = counted[counted["ended"] > 0].reset_index(drop=True)
    ended, events = counted["ended"].to_numpy("int64"), counted["events"].to_numpy("int64")
    at_risk = ended[::-1].cumsum()[::-1]
    survival = np.cumprod(1 - events / at_risk) if len(at_risk) else np.empty(0)
    survival = np.where(survival < _HAIR, 0.0, survival)
    low, high = _log_log(survival, events, at_risk, z)
    return pd.DataFrame(
        {
            "duration_days": counted["duration_days"].astype("int64"),
            "at_risk": at_risk,
            "events": events,
            "survival": survival,
            "low": low,
            "high": high,
        }
    )


def _log_log(survival: np.ndarray, events: np.ndarray, at_risk: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.ones(len(survival)), np.ones(len(survival))
    greenwood = 0.0
    for i, s in enumerate(survival):
        if s <= 0:
            low[i], high[i] = 0.0, high[i - 1] if i else 1.0
            continue
        greenwood += events[i] / (at_risk[i] * (at_risk[i] - events[i]))
        if s < 1:
            spread = z * math.sqrt(greenwood) / -math.log(s)
            low[i], high[i] = s ** math.exp(spread), s ** math.exp(-spread)
    return low, high


def km_median(curve: pd.DataFrame) -> float:
    """Days until half are through; nan where fewer than half are by the longest wait seen."""
    return _first_at_or_below(curve, "survival")


def km_median_interval(curve: pd.DataFrame) -> tuple[float, float]:
    """95 % interval of the median: where the curve's own interval crosses a half; nan for an end it never reaches."""
    return _first_at_or_below(curve, "low"), _first_at_or_below(curve, "high")


def km_at(curve: pd.DataFrame, days: int) -> float:
    """Share to whom it has not happened within `days`; nan past the longest wait seen."""
    if curve.empty or days > curve["duration_days"].iloc[-1]:
        return math.nan
    seen = curve[curve["duration_days"] <= days]
    return float(seen["survival"].iloc[-1]) if len(seen) else 1.0


def km_at_interval(curve: pd.DataFrame, days: int) -> tuple[float, float]:
    """95 % interval of `km_at`; (nan, nan) past the longest wait seen and where nobody's had come true by then."""
    seen = curve[curve["duration_days"] <= days]
    if seen.empty or days > curve["duration_days"].iloc[-1] or seen["survival"].iloc[-1] >= 1:
        return math.nan, math.nan
    return float(seen["low"].iloc[-1]), float(seen["high"].iloc[-1])


def _first_at_or_below(curve: pd.DataFrame, column: str) -> float:
    through = curve[curve[column] <= 0.5 + _HAIR]
    return float(through["duration_days"].iloc[0]) if len(through) else math.nan
