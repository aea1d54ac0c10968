"""What reviews and complaints are about, how sure that is, and whether it changes. [S85]"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.answers import UNHAPPY
from custkit.analysis.rates import SMALL_SAMPLE, Z95, false_discovery, share_difference, shares_p_value, wilson
from custkit.engine import frame
from custkit.topic_rules import Topic
from custkit.words import mark

NO_CAUSE = mark("no cause told")
GIVEN, FROM_COMMENT = "given", "comment"
COLUMNS = ("cause", "complaints", "complaint_share", "low", "high", "others", "others_share", "q_value", "is_more")
CHANGE_COLUMNS = ("cause", "complaints", "complaint_share", "before", "before_share", "change", "low", "high", "p_value", "is_change")


def answer_causes(moods: ir.Table, *, topics: Sequence[Topic]) -> ir.Table:
    """Say what each answer is about: the topic as given, else by the words of its comment, else nothing.

    answer_moods(…)  →  … + cause (null: not told), cause_source ("given", "comment" or null)

    A comment that fits several of `topics` counts under the first, so that causes add up to answers. [S85]
    """
    comment = moods.comment.fill_null("").lower()
    fits = [(_found(comment, topic), topic.name) for topic in topics]
    told = ibis.cases(*fits, else_=ibis.null("string")) if fits else ibis.null("string")
    marked = moods.mutate(topic_given=moods.topic.nullif(""), told=told)
    return marked.mutate(
        cause=ibis.coalesce(marked.topic_given, marked.told),
        cause_source=ibis.cases(
            (marked.topic_given.notnull(), GIVEN), (marked.told.notnull(), FROM_COMMENT), else_=ibis.null("string")
        ),
    ).drop("topic_given", "told")  # fmt: skip


def _found(comment: ir.StringValue, topic: Topic) -> ir.BooleanValue:
    return comment.re_search("|".join(f"({pattern})" for pattern in topic.patterns()))


def complaint_causes(causes: ir.Table, *, start: datetime, as_of: datetime, z: float = Z95) -> pd.DataFrame:
    """Count complaints by cause, and set beside each the share of all other answers that are about the same.

    answer_causes(…)  →  cause | complaints, complaint_share, low, high, others, others_share, q_value, is_more
    (the commonest first; last "no cause told", whose share is of all complaints)

    A complaint is an unhappy answer. `complaint_share` is of complaints with a cause; its interval is Wilson's, widened where single
    customers complain again and again of the same. `is_more`: complaints are about this more often than other answers are, at most one
    false discovery in twenty. [S85]
    """
    said = _counted(causes, start, as_of)
    if said.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    told = said[said["cause"] != NO_CAUSE].sort_values(["complaints", "others", "cause"], ascending=[False, False, True])
    n, rest = int(told["complaints"].sum()), int(told["others"].sum())
    weight = _repeated(causes, start, as_of)
    rows = []
    for row in told.itertuples():
        k, other = int(row.complaints), int(row.others)
        low, high = wilson(k / weight, n / weight, z=z)
        p_value = shares_p_value(k, n, other, rest) if min(n, rest) >= SMALL_SAMPLE else 1.0
        rows.append((row.cause, k, k / n if n else float("nan"), low, high, other, other / rest if rest else float("nan"), p_value))
    shown = pd.DataFrame(rows, columns=list(COLUMNS[:-1]))
    shown["q_value"] = false_discovery(shown["q_value"].tolist())
    shown["is_more"] = (shown["q_value"] <= 0.05) & (shown["complaint_share"] > shown["others_share"])
    without = said[said["cause"] == NO_CAUSE]
    k, other = int(without["complaints"].sum()), int(without["others"].sum())
    low, high = wilson(k, n + k, z=z)
    last = (NO_CAUSE, k, _share(k, n + k), low, high, other, _share(other, rest + other), 1.0, False)
    untold = pd.DataFrame([last], columns=list(COLUMNS))
    return pd.concat([shown, untold], ignore_index=True) if len(shown) else untold


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _counted(causes: ir.Table, start: datetime, as_of: datetime) -> pd.DataFrame:
    inside = causes.filter(_.answered_at >= start, _.answered_at < as_of, _.mood.notnull() | _.cause.notnull())
    named = inside.mutate(named=_.cause.fill_null(NO_CAUSE))
    return frame(
        named.group_by(cause=named.named).aggregate(
            complaints=_.count(where=(_.mood == UNHAPPY).fill_null(False)),
            others=_.count(where=(_.mood != UNHAPPY).fill_null(True)),
        )
    )


def _repeated(causes: ir.Table, start: datetime, as_of: datetime) -> float:
    """How many answers one independent voice gives: pairs of one customer's complaints that share their cause, beyond what the causes'
    own shares explain (a design effect, 1 or more)."""
    inside = causes.filter(_.answered_at >= start, _.answered_at < as_of, _.mood == UNHAPPY, _.cause.notnull(), _.customer_id.notnull())
    each = inside.group_by("customer_id", "cause").aggregate(k=_.count())
    people = each.group_by("customer_id").aggregate(n=_.k.sum(), same=(_.k * (_.k - 1)).sum())
    sums = frame(people.aggregate(n=_.n.sum(), pairs=(_.n * (_.n - 1)).sum(), same=_.same.sum())).fillna(0).iloc[0]
    if sums["pairs"] < SMALL_SAMPLE:
        return 1.0
    shares = frame(inside.group_by("cause").aggregate(k=_.count()))["k"]
    alike = float(((shares / shares.sum()) ** 2).sum())
    if alike >= 1:
        return 1.0
    agreement = max(0.0, (sums["same"] / sums["pairs"] - alike) / (1 - alike))
    error = (alike * (1 - alike) / sums["pairs"]) ** 0.5 / (1 - alike)
    return 1.0 + agreement * float(sums["pairs"] / sums["n"]) if agreement > error else 1.0


def cause_changes(
    causes: ir.Table, *, start: datetime, middle: datetime, as_of: datetime, min_complaints: int = SMALL_SAMPLE
) -> pd.DataFrame:
    """Which causes are told more or less often than before, beyond noise.

    answer_causes(…)  →  cause | complaints, complaint_share (from `middle` on), before, before_share (from `start` up to it), change,
    low, high (95 % interval of the change), p_value, is_change

    Shares are of complaints with a cause. At most one false discovery in twenty. Empty where either span has fewer than
    `min_complaints`. [S85]
    """
    now, then = _counted(causes, middle, as_of), _counted(causes, start, middle)
    earlier = then[["cause", "complaints"]].rename(columns={"complaints": "before"})
    both = now[["cause", "complaints"]].merge(earlier, on="cause", how="outer").fillna({"complaints": 0, "before": 0})
    both = both[(both["cause"] != NO_CAUSE) & (both["complaints"] + both["before"] > 0)]
    n, m = int(both["complaints"].sum()), int(both["before"].sum())
    if min(n, m) < min_complaints:
        return pd.DataFrame(columns=list(CHANGE_COLUMNS))
    rows = []
    for row in both.sort_values(["complaints", "cause"], ascending=[False, True]).itertuples():
        k, b = int(row.complaints), int(row.before)
        rows.append((row.cause, k, k / n, b, b / m, k / n - b / m, *share_difference(k, n, b, m), shares_p_value(k, n, b, m)))
    shown = pd.DataFrame(rows, columns=list(CHANGE_COLUMNS[:-1]))
    return shown.assign(is_change=[q <= 0.05 for q in false_discovery(shown["p_value"].tolist())])
