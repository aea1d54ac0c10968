"""Net promoter score: who would recommend the shop, how sure that is, by month and by tier. [S14]"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.answers import HAPPY, UNHAPPY
from custkit.analysis.rates import SMALL_SAMPLE, Z95, false_discovery
from custkit.analysis.tiers import NO_TIER, tier_moves
from custkit.engine import frame

COLUMNS = ("group", "answers", "respondents", "promoters", "passives", "detractors", "nps", "low", "high")
QUARTER_COLUMNS = ("quarter", "tier", *COLUMNS[1:7], "nps_low", "nps_high")
CHANGE_COLUMNS = ("nps", "low", "high", "answers", "before", "before_answers", "change", "change_low", "change_high", "is_change")
EVERYBODY = "all"


def nps(moods: ir.Table, *, start: datetime, as_of: datetime, z: float = Z95) -> pd.DataFrame:
    """Promoters less detractors, as a share of answers, of the window.

    answer_moods(…)  →  group ("all") | answers, respondents, promoters, passives, detractors, nps, low, high   (one row)

    The interval is an adjusted Wald's (three quarters of an answer added to each kind), wider where the same people answer again and
    again alike; anonymous answers are people of their own. Only answers to "would you recommend us?" from 0 to 10 count. [Reichheld
    2003; Rocks 2016; S14]
    """
    inside = moods.filter(_.is_recommend, _.answered_at >= start, _.answered_at < as_of)
    return _scored(inside.mutate(group=ibis.literal(EVERYBODY, "string")), z=z)


def nps_months(moods: ir.Table, *, start: datetime, as_of: datetime) -> pd.DataFrame:
    """The score month by month. Months without an answer are not there. [S14]

    answer_moods(…)  →  as `nps`, group "2026-10", oldest first
    """
    inside = moods.filter(_.is_recommend, _.answered_at >= start, _.answered_at < as_of)
    return _scored(inside.mutate(group=_.answered_at.strftime("%Y-%m"))).sort_values("group", ignore_index=True)


def nps_tiers(
    moods: ir.Table, ledger: ir.Table, *, start: datetime, as_of: datetime, order: Sequence[str] = (), z: float = Z95
) -> pd.DataFrame:
    """The score by the tier that the customer held when answering; "no tier" for everybody else who is known.

    answer_moods(…), loyalty ledger  →  as `nps`, group a tier, in the client's order; anonymous answers are left out

    It is the tier of that day, never today's: who was happy and then rose would make every tier look better than it is. [S14, S67]
    """
    found = _scored(_with_tier(moods, ledger, start=start, as_of=as_of).mutate(group=_.tier), z=z)
    return _by_tier(found, found["group"], order)[list(COLUMNS)]


def nps_tier_quarters(moods: ir.Table, ledger: ir.Table, *, start: datetime, as_of: datetime, order: Sequence[str] = ()) -> pd.DataFrame:
    """The score by tier over the whole window, and quarter by quarter.

    answer_moods(…), loyalty ledger  →  quarter ("all", then "2026-Q3", …), tier (as `nps_tiers`) | answers, respondents, promoters,
    passives, detractors, nps (-1 to 1), nps_low, nps_high (95 %). Quarters without an answer have no row. [S14]
    """
    held = _with_tier(moods, ledger, start=start, as_of=as_of)
    quarter = _.answered_at.year().cast("string") + "-Q" + _.answered_at.quarter().cast("string")
    whole, parts = nps_tiers(moods, ledger, start=start, as_of=as_of, order=order), _scored(held.mutate(group=quarter + "|" + _.tier))
    named = parts["group"].str.split("|", n=1, expand=True).reindex(columns=[0, 1])
    parts = _by_tier(parts.assign(quarter=named[0], tier=named[1]), named[1], order, "quarter")
    told = pd.concat([whole.rename(columns={"group": "tier"}).assign(quarter=EVERYBODY), parts], ignore_index=True)
    return told.rename(columns={"low": "nps_low", "high": "nps_high"})[list(QUARTER_COLUMNS)].astype({"quarter": "str", "tier": "str"})


def _with_tier(moods: ir.Table, ledger: ir.Table, *, start: datetime, as_of: datetime) -> ir.Table:
    """Answers of known customers to "would you recommend us?" with the tier held that day."""
    inside = moods.filter(_.is_recommend, _.customer_id.notnull(), _.answered_at >= start, _.answered_at < as_of)
    held = tier_moves(ledger).select("customer_id", "moved_at", "next_at", "tier")
    at = inside.join(held, "customer_id").filter(_.moved_at <= _.answered_at, _.next_at.isnull() | (_.next_at > _.answered_at))
    tier = at.group_by("response_id").aggregate(tier=_.tier.max())
    return inside.left_join(tier, "response_id").drop("response_id_right").mutate(tier=_.tier.fill_null(NO_TIER))


def _by_tier(scored: pd.DataFrame, tiers: pd.Series, order: Sequence[str], *first: str) -> pd.DataFrame:
    """Rows in the client's order of tiers, within `first`."""
    place = {name: i for i, name in enumerate((NO_TIER, *order))}
    placed = scored.assign(place=[place.get(name, len(place)) for name in tiers])
    return placed.sort_values([*first, "place", "group"], ignore_index=True)


def nps_change(moods: ir.Table, *, start: datetime, middle: datetime, as_of: datetime) -> pd.DataFrame:
    """Whether the score of the days from `middle` on differs from that of the days before, beyond noise.

    answer_moods(…)  →  nps, low, high, answers, before, before_answers, change, change_low, change_high (95 %), is_change   (one row,
    none where a span has no answer) [S14]
    """
    now, then = nps(moods, start=middle, as_of=as_of), nps(moods, start=start, as_of=middle)
    if now.empty or then.empty:
        return pd.DataFrame(columns=list(CHANGE_COLUMNS))
    a, b = now.iloc[0], then.iloc[0]
    change = a["nps"] - b["nps"]
    # Each side's own distance to its interval's end, as Newcombe does for shares.
    low = change - math.hypot(a["nps"] - a["low"], b["high"] - b["nps"])
    high = change + math.hypot(a["high"] - a["nps"], b["nps"] - b["low"])
    row = (a["nps"], a["low"], a["high"], a["answers"], b["nps"], b["answers"], change, low, high, bool(low > 0 or high < 0))
    return pd.DataFrame([row], columns=list(CHANGE_COLUMNS))


def _scored(answers: ir.Table, *, z: float = Z95) -> pd.DataFrame:
    """One row a group, by sums over people."""
    votes = answers.mutate(
        who=_.customer_id.fill_null(_.response_id),
        promoter=(_.mood == HAPPY).ifelse(1, 0),
        detractor=(_.mood == UNHAPPY).ifelse(1, 0),
    )
    people = votes.group_by("group", "who").aggregate(n=_.count(), p=_.promoter.sum(), d=_.detractor.sum()).mutate(v=_.p - _.d)
    sums = frame(
        people.group_by("group").aggregate(
            answers=_.n.sum(), respondents=_.count(), promoters=_.p.sum(), detractors=_.d.sum(), nn=(_.n * _.n).sum(),
            nv=(_.n * _.v).sum(), vv=(_.v * _.v).sum(),
        )
    )  # fmt: skip
    if sums.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    n, p, d = (sums[name].to_numpy(float) for name in ("answers", "promoters", "detractors"))
    score = (p - d) / n
    clustered = (sums["vv"] - 2 * score * sums["nv"] + score**2 * sums["nn"]).to_numpy(float) / n**2
    simple = ((p + d) / n - score**2) / n
    repeated = np.maximum(1.0, np.divide(clustered, simple, out=np.ones(len(n)), where=simple > 0))
    voices = n / repeated  # so many independent answers
    wide = voices + 2.25  # [Rocks 2016]
    centre = score * voices / wide
    spread = np.sqrt((((p + d) / n * voices + 1.5) / wide - centre**2) / wide)
    return sums.assign(
        passives=sums["answers"] - sums["promoters"] - sums["detractors"],
        nps=score,
        low=np.clip(centre - z * spread, -1, 1),
        high=np.clip(centre + z * spread, -1, 1),
    )[list(COLUMNS)]


def differences(scores: pd.DataFrame) -> pd.DataFrame:
    """Compare each group's score with that of all the others together, at most one false discovery in twenty.

    `nps` of several groups  →  group | nps, others, difference, difference_low, difference_high (95 %), q_value, is_different

    Groups, and others, with fewer than 30 answers are not compared. [S14]
    """
    told = scores[scores["answers"] >= SMALL_SAMPLE]
    rows = []
    for row in told.itertuples():
        rest = told[told["group"] != row.group]
        n = float(rest["answers"].sum())
        if n < SMALL_SAMPLE:
            continue
        other = float((rest["promoters"] - rest["detractors"]).sum() / n)
        variance = float((rest["answers"] ** 2 * ((rest["high"] - rest["low"]) / (2 * Z95)) ** 2).sum()) / n**2
        error = math.sqrt(((row.high - row.low) / (2 * Z95)) ** 2 + variance)
        gap = row.nps - other
        p_value = math.erfc(abs(gap) / error / math.sqrt(2)) if error > 0 else 1.0
        rows.append((row.group, row.nps, other, gap, gap - Z95 * error, gap + Z95 * error, p_value))
    found = pd.DataFrame(rows, columns=["group", "nps", "others", "difference", "difference_low", "difference_high", "q_value"])
    adjusted = false_discovery(found["q_value"].tolist())
    return found.assign(q_value=adjusted, is_different=[q <= 0.05 for q in adjusted])
