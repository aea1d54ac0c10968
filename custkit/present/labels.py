"""Every column that a reader may see: its label and its unit, once.

A frame's column that is not here cannot be shown: `table` refuses it, so that no page ever says `spend_per_customer`.
"""

from __future__ import annotations

from typing import NamedTuple

from custkit.present.finding import Unit
from custkit.words import mark


class Label(NamedTuple):
    text: str
    unit: Unit


LABELS: dict[str, Label] = {
    "aov": Label(mark("order value"), "money"),
    "customers": Label(mark("customers"), "count"),
    "customer_share": Label(mark("share of customers"), "share"),
    "frequency": Label(mark("orders"), "number"),
    "items": Label(mark("items"), "count"),
    "monetary_value": Label(mark("spend"), "money"),
    "month": Label(mark("month"), "text"),
    "n": Label(mark("n"), "count"),
    "orders": Label(mark("orders"), "count"),
    "recency_days": Label(mark("days since last order"), "days"),
    "revenue": Label(mark("revenue"), "money"),
    "revenue_share": Label(mark("share of revenue"), "share"),
    "segment": Label(mark("segment"), "text"),
    "spend_per_customer": Label(mark("spend per customer"), "money"),
}
