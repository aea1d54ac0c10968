"""What a campaign brought beyond a control group kept back: uplift with interval and power, and whether the test was fair. [S91]"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import ibis.expr.types as ir
import pandas as pd
from ibis import _
from scipy.optimize import brentq
from scipy.stats import chisquare, t

from custkit.analysis.campaigns import CONTROL
from custkit.analysis.rates import SMALL_SAMPLE, Z95, false_discovery, share_difference, shares_p_value
from custkit.engine import frame, to_float
from custkit.words import mark

BOUGHT, ORDERS, SPEND, MARGIN = mark("bought"), mark("orders per 100 customers"), mark("spend per customer"), mark("margin per customer")
_MEASURES = {BOUGHT: ("bought", "share"), ORDERS: ("orders", "number"), SPEND: ("spend", "money"), MARGIN: ("margin", "money")}
_TIMES = {ORDERS: 100}
Z_POWER = 0.8416212335729143  # four times in five
# A broken draw is told at one in a thousand: it overthrows the whole test.
FAIR_LEVEL = 0.001
FAIR, FEW = mark("fair"), mark("too few customers")
SIZES, BEFORE = mark("groups are not of the sizes planned"), mark("groups differed before")
COLUMNS = (
    "campaign_id", "campaign_name", "arm", "measure", "unit", "customers", "control_customers", "treated", "control", "uplift", "low",
    "high", "statistic", "p_value", "adjusted_p", "detectable", "sizes_p", "before_p", "test", "is_beyond_chance",
)  # fmt: skip
RETURN_COLUMNS = (
    "campaign_id", "campaign_name", "customers", "extra_buyers", "buyers_low", "buyers_high", "extra_margin", "margin_low", "margin_high",
    "cost_amount", "net_margin", "net_low", "net_high", "cost_per_extra_buyer",
)  # fmt: skip
_TEXTS, _COUNTS = ("campaign_id", "campaign_name", "arm", "measure", "unit", "test"), ("customers", "control_customers")
# Groups that are equal within a tenth were meant to be equal.
_EQUAL = 0.1


def campaign_uplift(spans: ir.Table, outcomes: ir.Table, *, control_share: float | None = None) -> pd.DataFrame:
    """How much more the customers of each treated group bought than those kept back.

    campaign_spans(…), campaign_outcomes(…)  →  campaign_id, arm, measure | campaign_name, unit, customers, control_customers, treated,
    control (share that bought; orders per 100 customers; spend or margin per customer), uplift (their difference), low, high (95 %),
    statistic (z of shares, t of means, as if the campaign did nothing), p_value, adjusted_p (false discovery over all groups and measures),
    detectable (the smallest uplift found four times in five), sizes_p, before_p (chance of such sizes, and of such a difference before),
    test ("fair", or why it is none), is_beyond_chance (boolean: in a fair test)

    Every customer counts in the group drawn, reached or not, redeemed or not. A few large spenders make the usual interval of means too
    short where the control group is small, since most of them are in the other group: so it is the wider of that one (Welch's) and of one
    where buyers of both groups spend alike. margin is left out where a cost is unknown. `control_share`: of those drawn, as planned; where
    it is not given, groups that look equal are held to equal sizes. Latest campaign first. [Newcombe 1998; Welch 1947; Fabijan 2019; S91]

    Raises ValueError if control_share lies outside 0 to 1.
    """
    if control_share is not None and not 0 < control_share < 1:
        raise ValueError(f"control_share is {control_share}; a share of those drawn lies between 0 and 1")
    told = frame(spans.filter(_.has_control)).sort_values(["starts_at", "campaign_id"], ascending=[False, True])
    groups = frame(_sums(outcomes)).sort_values(["campaign_id", "arm"])
    rows = [
        {"campaign_id": campaign.campaign_id, "campaign_name": campaign.campaign_name, **row}
        for campaign in told.itertuples()
        for row in _uplifts(groups[groups["campaign_id"] == campaign.campaign_id].set_index("arm"), control_share)
    ]
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    found["adjusted_p"] = false_discovery(found["p_value"].tolist())
    beyond = (found["adjusted_p"] <= 0.05) & ((found["low"] > 0) | (found["high"] < 0))
    found["is_beyond_chance"] = beyond & (found["test"] == FAIR)
    kinds = {name: "str" if name in _TEXTS else "int64" if name in _COUNTS else "float64" for name in COLUMNS}
    return found.astype(kinds | {"is_beyond_chance": "bool"})


def _sums(outcomes: ir.Table) -> ir.Table:
    """campaign_id, arm | n, margins (customers whose margin is known), and Σ x and Σ x² of every measure, also of the time before."""
    told = outcomes.mutate(bought=(_.orders > 0).ifelse(1, 0), bought_before=(_.orders_before > 0).ifelse(1, 0))
    sums = {
        f"{name}_{power}": value.sum()
        for name in ("bought", "orders", "spend", "margin", "bought_before", "spend_before")
        for power, value in ((1, to_float(_[name])), (2, to_float(_[name]) * to_float(_[name])))
    }
    return told.group_by("campaign_id", "arm").aggregate(n=_.count(), margins=_.margin.count(), **sums)


def _uplifts(arms: pd.DataFrame, control_share: float | None) -> Iterator[dict[str, Any]]:
    """A row for each treated group and measure of one campaign."""
    if CONTROL not in arms.index or len(arms) < 2:
        return
    control, treated = arms.loc[CONTROL], arms.drop(index=CONTROL)
    fairness = _fairness(treated, control, control_share)
    for arm, row in treated.iterrows():
        for measure, (column, unit) in _MEASURES.items():
            if measure == MARGIN and row["margins"] + control["margins"] < row["n"] + control["n"]:
                continue
            uplift = _share_uplift(row, control) if measure == BOUGHT else mean_uplift(row, control, column, times=_TIMES.get(measure, 1))
            sizes = {"customers": row["n"], "control_customers": control["n"]}
            yield {"arm": arm, "measure": measure, "unit": unit, **sizes, **uplift, **fairness}


def _share_uplift(row: pd.Series, control: pd.Series, *, column: str = "bought") -> dict[str, float]:
    k1, n1, k0, n0 = (int(value) for value in (row[f"{column}_1"], row["n"], control[f"{column}_1"], control["n"]))
    low, high = share_difference(k1, n1, k0, n0)
    pooled = (k1 + k0) / (n1 + n0)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))
    uplift = k1 / n1 - k0 / n0
    return {
        "treated": k1 / n1, "control": k0 / n0, "uplift": uplift, "low": low, "high": high, "statistic": uplift / error if error else 0.0,
        "p_value": shares_p_value(k1, n1, k0, n0), "detectable": detectable_share(k0 / n0, n1, n0),
    }  # fmt: skip


def detectable_share(control: float, n: float, control_n: float) -> float:
    """The smallest uplift of a share that a test of this size finds four times in five, at one false alarm in twenty. [Fleiss 1981]

    nan where even every treated customer buying would not be enough.
    """

    def short(uplift: float) -> float:
        share = control + uplift
        pooled = (share * n + control * control_n) / (n + control_n)
        alike = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / control_n))
        apart = math.sqrt(share * (1 - share) / n + control * (1 - control) / control_n)
        return uplift - Z95 * alike - Z_POWER * apart

    most = 1 - control
    return float(brentq(short, 0.0, most)) if short(0.0) < 0 < short(most) else math.nan


def mean_uplift(row: pd.Series, control: pd.Series, column: str, *, times: float = 1) -> dict[str, float]:
    """Difference of two means from sums: n, bought_1, and Σ x and Σ x² of `column` (`spend_1`, `spend_2`) of either group; per `times`."""
    sides = [(float(side["n"]), float(side[f"{column}_1"]), float(side[f"{column}_2"])) for side in (row, control)]
    (n1, sum1, _square1), (n0, sum0, _square0) = sides
    spread1, spread0 = (max(square - total**2 / n, 0.0) for n, total, square in sides)
    uplift, freedom = sum1 / n1 - sum0 / n0, n1 + n0 - 2
    if freedom < 1 or min(n1, n0) < 2:
        error = alike = math.nan
    else:
        alike = math.sqrt((spread1 + spread0) / freedom * (1 / n1 + 1 / n0))
        error = max(math.sqrt(spread1 / (n1 - 1) / n1 + spread0 / (n0 - 1) / n0), _error_of_buyers(row, control, column))
    statistic = uplift / alike if alike > 0 else math.nan if math.isnan(alike) else 0.0
    return {
        "treated": times * sum1 / n1, "control": times * sum0 / n0, "uplift": times * uplift,
        "low": times * (uplift - Z95 * error), "high": times * (uplift + Z95 * error), "detectable": times * (Z95 + Z_POWER) * alike,
        "statistic": statistic, "p_value": 1.0 if math.isnan(statistic) else float(2 * t.sf(abs(statistic), freedom)),
    }  # fmt: skip


def _error_of_buyers(row: pd.Series, control: pd.Series, column: str) -> float:
    """Standard error of the difference if each buyer of either group draws from the same amounts, and only how many buy differs."""
    buyers = row["bought_1"] + control["bought_1"]
    if not buyers:
        return 0.0
    mean, square = (float(row[f"{column}_{power}"] + control[f"{column}_{power}"]) / buyers for power in (1, 2))
    shares = [((side["bought_1"] + 0.5) / (side["n"] + 1), side["n"]) for side in (row, control)]
    return math.sqrt(sum(max(share * square - (share * mean) ** 2, 0.0) / n for share, n in shares))


def _fairness(treated: pd.DataFrame, control: pd.Series, control_share: float | None) -> dict[str, Any]:
    """Whether the groups have the sizes planned and were alike before; the chances, and what is wrong in words."""
    sizes = _sizes_chance([*treated["n"], control["n"]], control_share)
    before = [
        chance
        for _arm, row in treated.iterrows()
        for chance in (
            _share_uplift(row, control, column="bought_before")["p_value"],
            mean_uplift(row.rename(_as_before), control.rename(_as_before), "spend")["p_value"],
        )
    ]
    alike = min(false_discovery(before))
    few = min(treated["n"].min(), control["n"]) < SMALL_SAMPLE
    test = FEW if few else SIZES if sizes < FAIR_LEVEL else BEFORE if alike < FAIR_LEVEL else FAIR
    return {"sizes_p": sizes, "before_p": alike, "test": test}


def _as_before(name: str) -> str:
    return {"spend_before_1": "spend_1", "spend_before_2": "spend_2", "bought_before_1": "bought_1"}.get(
        name, f"now_{name}" if "_" in name else name
    )


def _sizes_chance(sizes: list[float], control_share: float | None) -> float:
    """Chance of groups so far from the plan; nan where no plan is known. The control group stands last. [Pearson 1900]"""
    total, *_rest = sum(sizes), 0
    if control_share is not None:
        planned = [total * (1 - control_share), total * control_share]
        return float(chisquare([total - sizes[-1], sizes[-1]], planned)[1])
    equal = total / len(sizes)
    if max(abs(size / equal - 1) for size in sizes) > _EQUAL:
        return math.nan
    return float(chisquare(sizes)[1])


def campaign_returns(spans: ir.Table, uplift: pd.DataFrame) -> pd.DataFrame:
    """What a tested campaign brought in all that would not have come without it, against what it cost.

    campaign_spans(…), campaign_uplift(…)  →  campaign_id | campaign_name, customers (treated), extra_buyers, buyers_low, buyers_high,
    extra_margin, margin_low, margin_high, cost_amount, net_margin, net_low, net_high, cost_per_extra_buyer   (in the order of `uplift`)

    Uplift times customers, over the groups of the campaign; intervals add up as if the groups were independent. cost_per_extra_buyer only
    where more than none is sure; net_margin only where cost and margin are known. It counts the campaign's days alone: what they took from
    later days is still in it. [S16 S91]
    """
    told = frame(spans.select("campaign_id", "cost_amount"))
    rows = []
    for (campaign, name), groups in uplift.groupby(["campaign_id", "campaign_name"], sort=False):
        buyers, margin = (_in_all(groups[groups["measure"] == measure]) for measure in (BOUGHT, MARGIN))
        cost = told.set_index("campaign_id")["cost_amount"].get(campaign, math.nan)
        treated = int(groups.loc[groups["measure"] == BOUGHT, "customers"].sum())
        per_buyer = cost / buyers[0] if buyers[1] > 0 else math.nan
        rows.append((campaign, name, treated, *buyers, *margin, cost, *(value - cost for value in margin), per_buyer))
    kinds = {"campaign_id": "str", "campaign_name": "str", "customers": "int64"}
    return pd.DataFrame(rows, columns=list(RETURN_COLUMNS)).astype({name: kinds.get(name, "float64") for name in RETURN_COLUMNS})


def _in_all(groups: pd.DataFrame) -> tuple[float, float, float]:
    """Uplift × customers with its interval; nan without groups."""
    if groups.empty:
        return math.nan, math.nan, math.nan
    total = (groups["uplift"] * groups["customers"]).sum()
    below, above = (math.sqrt((((groups["uplift"] - groups[side]) * groups["customers"]) ** 2).sum()) for side in ("low", "high"))
    return float(total), float(total - below), float(total + above)
