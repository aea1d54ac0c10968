"""Satisfaction by product: what is known of each, how much of it is luck, and which truly differ. [S84, S85]"""

from __future__ import annotations

import math
from datetime import datetime

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.rates import Z95, false_discovery
from custkit.engine import frame

COLUMNS = ("product", "answers", "mean_score", "shrunk_score", "low", "high", "others_score", "q_value", "is_different")
MIN_ANSWERS = 10


def product_satisfaction(
    moods: ir.Table, products: ir.Table, *, start: datetime, as_of: datetime, min_answers: int = MIN_ANSWERS
) -> pd.DataFrame:
    """Mean score by product, drawn towards the mean of all by as much as chance alone makes products differ.

    answer_moods(…), products  →  product | answers, mean_score, shrunk_score, low, high (95 %), others_score, q_value, is_different
    (the lowest shrunk score first)

    One question: the one with the most answers about products. A customer's answers about one product are one, their mean. Spread
    between products beyond chance is DerSimonian & Laird's; where there is none, every product is drawn to the mean of all and no order
    is left. `is_different` compares with all other products, at most one false discovery in twenty; products with fewer than
    `min_answers` are drawn in and never claimed. [Morris 1983; S84]
    """
    about = moods.filter(_.product_id.notnull(), _.score.notnull(), _.answered_at >= start, _.answered_at < as_of)
    about = about.mutate(question=_.question.fill_null(""), who=_.customer_id.fill_null(_.response_id))
    each = about.group_by("question", "product_id", "who").aggregate(score=_.score.mean())
    sums = frame(each.group_by("question", "product_id").aggregate(answers=_.count(), total=_.score.sum(), squares=(_.score**2).sum()))
    if sums.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    most = sums.groupby("question")["answers"].sum().sort_index().idxmax()
    sums = sums[sums["question"] == most].reset_index(drop=True)
    n, total, squares = (sums[name].to_numpy(float) for name in ("answers", "total", "squares"))
    mean = total / n
    spare = n.sum() - len(n)
    within = float((squares - total * mean).sum() / spare) if spare > 0 else math.nan
    whole = float(total.sum() / n.sum())
    between = _between(n, mean, within, whole)
    error = np.sqrt(within / n) if within > 0 else np.full(len(n), math.nan)
    kept = between / (between + within / n) if within > 0 else np.zeros(len(n))
    shrunk, spread = whole + kept * (mean - whole), np.sqrt(kept) * error
    others = (total.sum() - total) / np.where(n.sum() > n, n.sum() - n, math.nan)
    gap_error = np.sqrt(within * (1 / n + 1 / np.maximum(n.sum() - n, 1))) if within > 0 else np.full(len(n), math.nan)
    asked = (n >= min_answers) & (gap_error > 0)
    p = [math.erfc(abs(a - b) / e / math.sqrt(2)) for a, b, e in zip(mean[asked], others[asked], gap_error[asked], strict=True)]
    q = np.full(len(n), math.nan)
    q[asked] = false_discovery(p)
    names = frame(products.select("product_id", "product_name")).set_index("product_id")["product_name"]
    shown = pd.DataFrame(
        {
            "product": [names.get(one) or one for one in sums["product_id"]],
            "answers": sums["answers"],
            "mean_score": mean,
            "shrunk_score": shrunk,
            "low": shrunk - Z95 * spread,
            "high": shrunk + Z95 * spread,
            "others_score": others,
            "q_value": q,
            "is_different": q <= 0.05,
        }
    )
    return shown.sort_values(["shrunk_score", "answers", "product"], ascending=[True, False, True], ignore_index=True)


def _between(n: np.ndarray, mean: np.ndarray, within: float, whole: float) -> float:
    """Variance between products beyond chance, 0 or more. [DerSimonian & Laird 1986]"""
    if not within > 0 or len(n) < 2:
        return 0.0
    weight = n / within
    excess = float((weight * (mean - whole) ** 2).sum()) - (len(n) - 1)
    return max(0.0, excess / float(weight.sum() - (weight**2).sum() / weight.sum()))
