"""The net promoter score by tier and over time. [S14]"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.rates import Z95
from custkit.analysis.tiers import NO_TIER, tier_moves
from custkit.engine import frame

COLUMNS = ("quarter", "tier", "answers", "respondents", "promoters", "passives", "detractors", "nps", "nps_low", "nps_high")
WHOLE = "all"


def answers_by_tier(surveys: ir.Table, ledger: ir.Table) -> ir.Table:
    """Give each answer from 0 to 10 the tier its author held when answering.

    surveys, loyalty ledger  →  response_id | customer_id, answered_at, score, tier ("no tier" before the first move)

    It is the tier of that day, never today's: who was content and rose since would flatter the higher tier. Anonymous answers
    and answers out of range are left out. [S14]
    """
    scored = surveys.filter(_.customer_id.notnull() & _.score.between(0, 10)).select("response_id", "customer_id", "answered_at", "score")
    held = tier_moves(ledger).select("customer_id", "moved_at", "next_at", "tier")
    then = (
        scored.join(held, "customer_id")
        .filter((_.moved_at <= _.answered_at) & (_.next_at.isnull() | (_.next_at > _.answered_at)))
        .group_by("response_id")
        .aggregate(tier=_.tier.max())
    )
    return scored.left_join(then, "response_id").drop("response_id_right").mutate(tier=_.tier.fill_null(NO_TIER))


def nps_by_tier(answers: ir.Table, *, start: datetime, as_of: datetime, order: Sequence[str] = (), z: float = Z95) -> pd.DataFrame:
    """Score the answers by tier: over the whole window, and quarter by quarter.

    answers_by_tier(…)  →  quarter ("all", then "2026-Q3", …), tier (lowest first) | answers, respondents, promoters (9, 10), passives,
    detractors (0 to 6), nps (-1 to 1), nps_low, nps_high (95 %)

    The interval adds three quarters of an answer to each kind, and is wider where the same people answer alike again and again.
    Quarters without an answer have no row. [Reichheld 2003; Rocks 2016; S14]

    Raises ValueError if start is not before as_of.
    """
    if start >= as_of:
        raise ValueError(f"start {start} is not before as_of {as_of}")
    inside = answers.filter((_.answered_at >= start) & (_.answered_at < as_of))
    votes = inside.mutate(
        year=_.answered_at.year(),
        part=_.answered_at.quarter(),
        promoter=(_.score >= 9).ifelse(1, 0),
        detractor=(_.score <= 6).ifelse(1, 0),
    )
    parts = [_fold(votes, by) for by in (["tier"], ["tier", "year", "part"])]
    parts[0]["quarter"] = WHOLE
    parts[1]["quarter"] = [f"{int(year)}-Q{int(part)}" for year, part in zip(parts[1]["year"], parts[1]["part"], strict=True)]
    counted = pd.concat(parts, ignore_index=True)
    place = {name: i for i, name in enumerate((NO_TIER, *order))}
    rank = counted["tier"].map(lambda tier: place.get(tier, len(place))).astype("int64")
    late = counted["quarter"] != WHOLE
    counted = counted.assign(place=rank, late=late).sort_values(["late", "quarter", "place", "tier"], ignore_index=True)
    scored = counted.assign(passives=counted["answers"] - counted["promoters"] - counted["detractors"], **_scores(counted, z))
    kinds = dict.fromkeys(("answers", "respondents", "promoters", "passives", "detractors"), "int64")
    return scored.astype(kinds | {"quarter": "str", "tier": "str"})[list(COLUMNS)]


def _fold(votes: ir.Table, by: list[str]) -> pd.DataFrame:
    people = votes.group_by(*by, "customer_id").aggregate(n=_.count(), p=_.promoter.sum(), d=_.detractor.sum()).mutate(v=_.p - _.d)
    return frame(
        people.group_by(*by).aggregate(
            answers=_.n.sum(),
            respondents=_.count(),
            promoters=_.p.sum(),
            detractors=_.d.sum(),
            nn=(_.n * _.n).sum(),
            nv=(_.n * _.v).sum(),
            vv=(_.v * _.v).sum(),
        )
    )


def _scores(counted: pd.DataFrame, z: float) -> dict[str, np.ndarray]:
    n, p, d, nn, nv, vv = (counted[name].to_numpy("float64") for name in ("answers", "promoters", "detractors", "nn", "nv", "vv"))
    score = (p - d) / n
    simple = np.maximum((p + d) / n - score**2, 0) / n
    clustered = np.maximum(vv - 2 * score * nv + score**2 * nn, 0) / n**2
    repeated = np.maximum(1.0, np.divide(clustered, simple, out=np.ones(len(n)), where=simple > 1e-12))
    voices = n / repeated  # worth so many independent answers
    centre = score * voices / (voices + 2.25)
    spread = np.sqrt((((p + d) / n * voices + 1.5) / (voices + 2.25) - centre**2) / (voices + 2.25))
    return {"nps": score, "nps_low": np.clip(centre - z * spread, -1, 1), "nps_high": np.clip(centre + z * spread, -1, 1)}
