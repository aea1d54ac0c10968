"""One customer over all tables: what each table links to a customer, whom it holds, and who agreed to marketing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.engine import frame

LINKED = ("orders", "customers", "events", "campaign_contacts", "loyalty_ledger", "surveys")
COLUMNS = ("table", "rows", "linked_rows", "linked_share", "customers", "customer_share", "also_buyers", "buyers_covered")
CONSENTS = ("yes", "no", "unknown")


def customer_links(tables: Mapping[str, ir.Table], provided: Collection[str], *, as_of: datetime) -> pd.DataFrame:
    """Count, for each table that names customers, its rows with one, the customers it holds, and how many of them bought.

    tables by name, as a book gives them  →  table | rows, linked_rows, linked_share, customers (distinct), customer_share (of all
    customers of any table), also_buyers (those who bought before `as_of`), buyers_covered (share of all buyers that the table holds)

    A row for each table that the client sent; customers seen in orders alone make no list of customers. [S100]
    """
    sent = [name for name in LINKED if name in provided and f"{name}.customer_id" in provided]
    people = {name: tables[name].filter(_.customer_id.notnull()).select("customer_id").distinct() for name in sent}
    bought = tables["orders"].filter(_.is_purchase, _.ordered_at < as_of, _.customer_id.notnull()).select("customer_id").distinct()
    rows = []
    for name, ids in people.items():
        counted = frame(tables[name].aggregate(rows=_.count(), linked_rows=_.customer_id.count())).iloc[0]
        both = frame(ids.semi_join(bought, "customer_id").aggregate(n=_.count()))["n"].iloc[0]
        rows.append((name, counted["rows"], counted["linked_rows"], _count(ids), both))
    buyers, everybody = _count(bought), _everybody(list(people.values()))
    found = pd.DataFrame(rows, columns=["table", "rows", "linked_rows", "customers", "also_buyers"])
    found = found.astype({column: "int64" for column in found.columns if column != "table"})
    return found.assign(
        linked_share=found["linked_rows"] / found["rows"].where(found["rows"] > 0).astype("float64"),
        customer_share=found["customers"] / (everybody or float("nan")),
        buyers_covered=found["also_buyers"] / (buyers or float("nan")),
    )[list(COLUMNS)]


def _count(ids: ir.Table) -> int:
    return int(frame(ids.aggregate(n=_.count()))["n"].iloc[0])


def _everybody(people: list[ir.Table]) -> int:
    if not people:
        return 0
    everybody = people[0]
    for ids in people[1:]:
        everybody = everybody.union(ids)
    return _count(everybody.distinct())


def consent_counts(customers: ir.Table, orders: ir.Table, *, as_of: datetime) -> pd.DataFrame:
    """Count customers by what they said about marketing, all of them and those who bought in the last 365 days.

    one row a customer, one row an order  →  consent (yes, no, unknown) | customers, customer_share, recent_buyers, recent_share (0-1)

    Unknown is told apart from no here, and counts as no wherever a list leaves the house. [S102]
    """
    lately = orders.filter(_.is_purchase, _.ordered_at < as_of, _.ordered_at >= as_of - timedelta(days=365), _.customer_id.notnull())
    recent = lately.select("customer_id").distinct()
    said = customers.mutate(said=_.consent.isnull().ifelse("unknown", _.consent.ifelse("yes", "no"))).select("customer_id", "said")
    counts = {
        name: frame(table.group_by("said").aggregate(n=_.count())).set_index("said")["n"].reindex(list(CONSENTS), fill_value=0)
        for name, table in (("customers", said), ("recent_buyers", said.semi_join(recent, "customer_id")))
    }
    found = pd.DataFrame({"consent": list(CONSENTS), **{name: n.to_numpy() for name, n in counts.items()}})
    found = found.astype({"customers": "int64", "recent_buyers": "int64"})
    shares = {name: found[name] / (float(found[name].sum()) or float("nan")) for name in counts}
    return found.assign(customer_share=shares["customers"], recent_share=shares["recent_buyers"])[
        ["consent", "customers", "customer_share", "recent_buyers", "recent_share"]
    ]
