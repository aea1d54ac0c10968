"""Searched and not found: what customers ask for that the shop does not show, and what that may cost. [S83]"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import SMALL_SAMPLE, Z95, share_difference, wilson
from custkit.engine import frame, to_float

SHARE_COLUMNS = (
    "searches", "not_found", "not_found_share", "low", "high", "found_visits", "found_ordered", "vain_visits", "vain_ordered",
    "order_value", "lost_orders", "lost_low", "lost_high", "lost_revenue_low", "lost_revenue_high",
)  # fmt: skip
QUERY_COLUMNS = ("query", "searches", "not_found", "not_found_share", "low", "high", "vain_share", "visitors", "spellings")
# Distinct spellings looked at, the commonest first.
MAX_QUERIES = 20_000
_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff"
_BETWEEN_CJK = re.compile(f"(?<=[{_CJK}]) +(?=[{_CJK}])")
_NOT_WORDS = re.compile(r"[^\w%+]+|_+")
# A slip of the finger: five letters or more, and typed a fifth as often as what was meant, at most.
_SLIP_LETTERS, _SLIP_TIMES = 5, 5


def with_visit(events: ir.Table) -> ir.Table:
    """… + visit_id: the session, or a visitor's day where sessions are not known."""
    return events.mutate(visit_id=ibis.coalesce(_.session_id, _.visitor_id.concat(" ", _.occurred_at.strftime("%Y-%m-%d"))))


def unmet_share(events: ir.Table, purchases: ir.Table, *, start: datetime, as_of: datetime, z: float = Z95) -> pd.DataFrame:
    """How many searches showed nothing, and between which bounds the demand lost lies.

    events, purchases  →  searches, not_found, not_found_share, low, high, found_visits, found_ordered, vain_visits, vain_ordered,
    order_value, lost_orders, lost_low, lost_high (orders), lost_revenue_low, lost_revenue_high (currency)   (one row)

    Searches whose number of results is not recorded do not count. The interval is Wilson's, for visitors who search several times in
    proportion wider. Lost orders compare visits with a search in vain with visits whose searches all found something: the difference in
    how many ended with an order, times the visits in vain. Below 0 it is told as 0: nothing was lost that can be shown. It is no
    experiment: who searches for what is not there may be another kind of customer. nan where events hold no orders. [S83]
    """
    inside = with_visit(events.filter(_.occurred_at >= start, _.occurred_at < as_of))
    is_search = (_.event_type == "search") & _.results.notnull()
    by_visitor = (
        inside.filter(is_search).group_by("visitor_id").aggregate(n=_.count(), k=_.count(where=_.results == 0))
        .aggregate(n=_.n.sum(), k=_.k.sum(), nn=(_.n * _.n).sum(), kk=(_.k * _.k).sum(), nk=(_.n * _.k).sum())
    )  # fmt: skip
    visits = (
        inside.group_by("visit_id")
        .aggregate(
            searches=_.count(where=is_search),
            vain=_.count(where=is_search & (_.results == 0)),
            orders=_.count(where=_.event_type == "order"),
        )
        .mutate(is_vain=_.vain > 0, has_found=(_.searches > 0) & (_.vain == 0), ordered=_.orders > 0)
    )
    outcome = visits.aggregate(
        found_visits=_.count(where=_.has_found),
        found_ordered=_.count(where=_.has_found & _.ordered),
        vain_visits=_.count(where=_.is_vain),
        vain_ordered=_.count(where=_.is_vain & _.ordered),
        ordered=_.count(where=_.ordered),
    )
    spent = purchases.filter(_.ordered_at >= start, _.ordered_at < as_of).aggregate(order_value=to_float(_.revenue).mean())
    sums, ended = frame(by_visitor).fillna(0).iloc[0], frame(outcome).fillna(0).iloc[0]
    n, k = int(sums["n"]), int(sums["k"])
    value = float(frame(spent)["order_value"].iloc[0] or math.nan)
    low, high = _clustered(k, n, float(sums["kk"]), float(sums["nk"]), float(sums["nn"]), z)
    found, found_ordered, vain, vain_ordered = (
        int(ended[name]) for name in ("found_visits", "found_ordered", "vain_visits", "vain_ordered")
    )
    lost = lost_low = lost_high = math.nan
    if ended["ordered"] > 0 and min(found, vain) >= SMALL_SAMPLE:
        gap = found_ordered / found - vain_ordered / vain
        least, most = share_difference(found_ordered, found, vain_ordered, vain, z=z)
        lost, lost_low, lost_high = (max(0.0, part) * vain for part in (gap, least, most))
    row = (n, k, k / n if n else math.nan, low, high, found, found_ordered, vain, vain_ordered, value, lost, lost_low, lost_high,
           lost_low * value, lost_high * value)  # fmt: skip
    return pd.DataFrame([row], columns=list(SHARE_COLUMNS))


def _clustered(k: int, n: int, kk: float, nk: float, nn: float, z: float) -> tuple[float, float]:
    """Wilson's interval with as many independent searches as the spread over visitors leaves, never more than there are. [Cochran 1977]"""
    if not n:
        return math.nan, math.nan
    p = k / n
    simple, spread = p * (1 - p) / n, (kk - 2 * p * nk + p * p * nn) / n**2
    effect = max(1.0, spread / simple) if simple > 0 else 1.0
    return wilson(k / effect, n / effect, z=z)


def unmet_queries(events: ir.Table, *, start: datetime, as_of: datetime) -> pd.DataFrame:
    """What was searched for and not found, spellings of one wish together, the most wanted first.

    events  →  query (as most people type it) | searches, not_found, not_found_share, low, high, vain_share (of all searches in vain),
    visitors (at least so many: the most of any one spelling), spellings

    Spellings are one wish when they are equal after NFKC, small letters, without punctuation, spaces between Chinese characters, order of
    words and a plural's s; or when a rare one is a slip of one letter of a common one. Numbers and Chinese characters are never taken for
    slips: 猫砂 is not 猫粮. [S83]
    """
    searched = events.filter(
        _.event_type == "search", _.results.notnull(), _.query.notnull(), _.occurred_at >= start, _.occurred_at < as_of
    )
    counts = searched.group_by("query").aggregate(
        searches=_.count(), not_found=_.count(where=_.results == 0), visitors=_.visitor_id.nunique()
    )
    top = frame(counts.order_by([ibis.desc("searches"), "query"]).limit(MAX_QUERIES))
    top = top.sort_values(["searches", "query"], ascending=[False, True], ignore_index=True)
    top["wish"] = one_wish(top["query"], top["searches"])
    top = top[top["wish"] != ""]
    if top.empty:
        return pd.DataFrame(columns=list(QUERY_COLUMNS))
    wishes = top.groupby("wish", sort=False).agg(
        query=("query", "first"),
        searches=("searches", "sum"),
        not_found=("not_found", "sum"),
        visitors=("visitors", "max"),
        spellings=("query", "count"),
    )
    wishes = wishes[wishes["not_found"] > 0].sort_values(["not_found", "query"], ascending=[False, True], ignore_index=True)
    ends = [wilson(int(k), int(n)) for k, n in zip(wishes["not_found"], wishes["searches"], strict=True)]
    return wishes.assign(
        not_found_share=wishes["not_found"] / wishes["searches"],
        low=[low for low, _high in ends],
        high=[high for _low, high in ends],
        vain_share=wishes["not_found"] / top["not_found"].sum(),
    )[list(QUERY_COLUMNS)]


def normal_query(query: str) -> str:
    """A search as it is compared: NFKC, small letters, no punctuation, one space between words and none between Chinese characters.

    >>> normal_query("　Ｏａｔ—milk!"), normal_query("无 麸质 意面")
    ('oat milk', '无麸质意面')
    """
    plain = _NOT_WORDS.sub(" ", unicodedata.normalize("NFKC", query).casefold()).strip()
    return _BETWEEN_CJK.sub("", plain)


def one_wish(queries: Iterable[str], searches: Iterable[int]) -> list[str]:
    """The key of the wish behind each spelling; spellings of one wish share it. Empty where nothing but punctuation was typed."""
    keys = [_key(normal_query(query)) for query in queries]
    weight: dict[str, int] = defaultdict(int)
    for key, count in zip(keys, searches, strict=True):
        weight[key] += count
    meant = _slips(weight)
    return [meant.get(key, key) for key in keys]


def _key(text: str) -> str:
    return " ".join(sorted(_singular(word) for word in text.split()))


def _singular(word: str) -> str:
    is_plural = len(word) > 3 and word.isascii() and word.endswith("s") and not word.endswith("ss")
    return word[:-1] if is_plural else word


def _slips(weight: dict[str, int]) -> dict[str, str]:
    """Rare key → the common key that it is one slip away from, by shared deletions: linear in the number of keys."""
    fit = [key for key in weight if len(key) >= _SLIP_LETTERS and key.isascii() and not any(letter.isdigit() for letter in key)]
    shared: dict[str, list[str]] = defaultdict(list)
    for key in fit:
        for shorter in _shorter(key):
            shared[shorter].append(key)
    found: dict[str, str] = {}
    for key in sorted(fit, key=lambda one: (weight[one], one)):
        near = {other for shorter in _shorter(key) for other in shared[shorter] if other != key and _one_slip(key, other)}
        common = [other for other in near if weight[other] >= _SLIP_TIMES * weight[key]]
        if common:
            found[key] = max(common, key=lambda one: (weight[one], one))
    return {key: _end(found, key) for key in found}


def _shorter(key: str) -> set[str]:
    return {key, *(key[:i] + key[i + 1 :] for i in range(len(key)))}


def _one_slip(a: str, b: str) -> bool:
    """One letter added, left out or changed, or two neighbours the wrong way round."""
    if len(a) > len(b):
        a, b = b, a
    if len(b) - len(a) > 1:
        return False
    i = next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if len(a) < len(b):
        return a[i:] == b[i + 1 :]
    return a[i + 1 :] == b[i + 1 :] or (a[i : i + 2] == b[i : i + 2][::-1] and a[i + 2 :] == b[i + 2 :])


def _end(found: dict[str, str], key: str) -> str:
    while key in found:  # weights grow at each step, so it ends
        key = found[key]
    return key
