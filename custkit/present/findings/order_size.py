"""Kinds of buyers, said in sentences: who puts single pieces into the basket, who many, and what they bring."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from custkit import words
from custkit.analysis.order_size import FEWEST_CUSTOMERS, BuyerKinds
from custkit.present.finding import Fact, Finding
from custkit.words import _, ngettext


def kinds_finding(summary: pd.DataFrame, kinds: BuyerKinds, *, as_of: datetime, window_days: int = 365) -> Finding:
    """What the kind that puts most on a line is worth: "13% of customers buy 3.6 pieces a line and bring 26% of revenue." """
    customers = int(summary["customers"].sum())
    if customers < FEWEST_CUSTOMERS:
        return _quiet(
            _("Kinds of buyers are not estimated: {n} customers bought by the piece, and it takes {fewest}.").format(
                n=words.count(customers), fewest=words.number(FEWEST_CUSTOMERS, 0)
            )
        )
    window = _("{first} to {last}").format(first=words.day(as_of - timedelta(days=window_days)), last=words.day(as_of - timedelta(days=1)))
    if kinds.k == 1:
        return _one_kind(summary.iloc[0], kinds, window)
    rows: list[dict[str, Any]] = summary.to_dict("records")
    parts = [
        _("{kind}: {share} of customers ({low} to {high}), {pieces} a line").format(
            kind=_(row["buyer_kind"]), share=words.share(row["customer_share"], 0), low=words.share(row["low"], 0),
            high=words.share(row["high"], 0), pieces=words.number(row["pieces_per_line"]),
        )
        for row in rows
    ]  # fmt: skip
    told = ngettext("{n} kind of buyer stands out by order size.", "{n} kinds of buyers stand out by order size.", kinds.k)
    listed = _("; ").join(parts)
    return Finding(
        _("{share} of customers put {pieces} pieces on a line and bring {revenue} of revenue.").format(
            share=words.share(rows[-1]["customer_share"], 0),
            pieces=words.number(rows[-1]["pieces_per_line"]),
            revenue=words.share(rows[-1]["revenue_share"], 0),
        ),
        " ".join(part for part in (told.format(n=words.number(kinds.k, 0)), _("{list}.").format(list=listed), _bulk(kinds)) if part),
        tuple(fact for row in rows for fact in _facts(row, len(rows), window)),
    )


def _one_kind(row: pd.Series, kinds: BuyerKinds, window: str) -> Finding:
    differ = (
        _("Customers differ, but gradually: nowhere does one kind end and the next begin.")
        if kinds.spread
        else _("What differs from customer to customer is no more than chance.")
    )
    fact = Fact(
        "pieces_per_line", float(row["pieces_per_line"]), "number", n=int(row["customers"]), low=float(row["pieces_low"]),
        high=float(row["pieces_high"]), window=window, definition=_("Pieces of a product on one order line; 90% interval."),
    )  # fmt: skip
    return Finding(
        _("No kinds of buyers stand out by order size: a line holds {pieces} pieces.").format(pieces=words.number(row["pieces_per_line"])),
        f"{differ} {_bulk(kinds)}".strip(),
        (fact,),
        "quiet",
    )


def _facts(row: dict[str, Any], of: int, window: str) -> tuple[Fact, ...]:
    n, kind, key = int(row["customers"]), _(row["buyer_kind"]), f"{row['buyer_kind'].replace(' ', '_')}_of_{of}"
    return (
        Fact(
            f"kind_share_{key}", row["customer_share"], "share", n=n, low=row["low"], high=row["high"], window=window,
            definition=_("{kind}: share of customers; 90% interval.").format(kind=kind),
        ),
        Fact(
            f"kind_pieces_{key}", row["pieces_per_line"], "number", n=n, low=row["pieces_low"], high=row["pieces_high"],
            window=window, definition=_("{kind}: pieces of a product on one order line; 90% interval.").format(kind=kind),
        ),
        Fact(
            f"kind_revenue_share_{key}", row["revenue_share"], "share", n=n, window=window,
            definition=_("{kind}: share of the revenue of all customers placed.").format(kind=kind),
        ),
    )  # fmt: skip


def _bulk(kinds: BuyerKinds) -> str:
    if not kinds.bulk_share > 0:
        return ""
    return _("Left out as bulk purchases: {share} of the lines.").format(share=words.share(kinds.bulk_share))


def _quiet(sentence: str) -> Finding:
    return Finding(sentence, tone="quiet")
