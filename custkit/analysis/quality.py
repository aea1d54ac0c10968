"""How good the data are, measured: completeness, validity, consistency and timeliness, a figure for each table and column."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.client import Client
from custkit.engine import frame
from custkit.period import Period
from custkit.tables import COMPUTED, TABLES
from custkit.words import mark

COLUMNS = ("table", "column", "rows", "filled", "completeness", "complete_before", "checked", "invalid", "validity")
DIMENSIONS = ("completeness", "validity", "consistency", "timeliness")
CENT = 0.01


class Check(NamedTuple):
    """A question to two tables, or to two columns of one: what fails it, and what it needs."""

    tables: tuple[str, ...]
    meaning: str
    needs: tuple[str, ...]


# What each row has to fit, beyond being readable: [table, column, SQL of what is out of range].
_DOMAINS: dict[tuple[str, str], Any] = {
    ("order_lines", "quantity"): (_.quantity == 0) | ((_.kind == "sale") & (_.quantity < 0)),
    ("order_lines", "discount_amount"): _.discount_amount < 0,
    ("order_lines", "coupon_amount"): _.coupon_amount < 0,
    ("order_lines", "cost_amount"): (_.kind == "sale") & (_.cost_amount < 0),
    ("customers", "prepaid_amount"): _.prepaid_amount < 0,
    ("events", "dwell_seconds"): (_.dwell_seconds < 0) | (_.dwell_seconds > 86_400),
    ("events", "results"): _.results < 0,
    ("products", "unit_cost"): _.unit_cost < 0,
    ("campaigns", "cost_amount"): _.cost_amount < 0,
    ("surveys", "score"): (_.score < 0) | (_.score > 10),
    ("marketing_spend", "spend_amount"): _.spend_amount < 0,
}

CHECKS: dict[str, Check] = {
    "amounts": Check(
        ("order_lines",), mark("the amount is not the list price less discount and coupon"),
        ("order_lines.gross_amount", "order_lines.discount_amount"),
    ),
    "order_customers": Check(("order_lines",), mark("lines of one order name different customers"), ("order_lines.customer_id",)),
    "unknown_customers": Check(("order_lines", "customers"), mark("the customer stands in no list of customers"), ("customers",)),
    "unknown_products": Check(("order_lines", "products"), mark("the product stands in no list of products"), ("products",)),
    "before_registration": Check(
        ("orders", "customers"), mark("the order is older than its customer's registration"), ("customers", "customers.registered_at")
    ),
    "after_closing": Check(("orders", "customers"), mark("the order is later than its customer's farewell"), ("customers.closed_at",)),
    "events_customers": Check(
        ("events", "customers"), mark("the customer of the event is nobody known"), ("events.customer_id", "customers.customer_id")
    ),
    "events_products": Check(
        ("events", "products"), mark("the product looked at is no known product"), ("events.product_id", "products.product_id")
    ),
    "contacts_campaigns": Check(
        ("campaign_contacts", "campaigns"), mark("the contact belongs to no known campaign"), ("campaign_contacts", "campaigns")
    ),
    "contacts_customers": Check(
        ("campaign_contacts", "customers"), mark("the customer reached is nobody known"), ("campaign_contacts", "customers.customer_id")
    ),
    "redeemed_early": Check(
        ("campaign_contacts",), mark("the offer was used before it was sent"),
        ("campaign_contacts.redeemed_at", "campaign_contacts.contacted_at"),
    ),
    "campaign_ends": Check(("campaigns",), mark("the campaign ends before it begins"), ("campaigns.ends_at",)),
    "ledger_orders": Check(
        ("loyalty_ledger", "orders"), mark("the order that earned points is no known order"), ("loyalty_ledger.order_id",)
    ),
    "ledger_customers": Check(
        ("loyalty_ledger", "customers"), mark("the member is no known customer"), ("loyalty_ledger", "customers.customer_id")
    ),
    "surveys_customers": Check(("surveys", "customers"), mark("the one who answered is no known customer"), ("surveys.customer_id",)),
}  # fmt: skip


def column_quality(
    tables: Mapping[str, ir.Table], provided: Collection[str], set_aside: pd.DataFrame, *, client: Client, period: Period
) -> pd.DataFrame:
    """Count, for each column that the client sends, how often it is filled and how often what it holds can be right.

    tables by name, rows set aside at intake  →  table, column | rows, filled, completeness (of the rows so far), complete_before (of
    the rows up to a month earlier), checked, invalid, validity (0-1)

    Invalid is what intake could not read, under the column that stopped it, and what lies out of the column's range. Orders are
    folded from their lines: only what lines carry to them is told of them. [S98 S99]
    """
    rows = []
    for name, spec in TABLES.items():
        columns = [c.name for c in spec.columns if f"{name}.{c.name}" in provided and c.name not in COMPUTED.get(name, ())]
        if spec.derived:
            columns = [c for c in columns if spec.by_name[c].feeds]
        if not columns or (name not in provided and name != "order_lines"):
            continue
        rows += _table_rows(name, tables[name], columns, set_aside, client, period)
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    return found.astype(
        dict.fromkeys(("rows", "filled", "checked", "invalid"), "int64") | {c: "float64" for c in COLUMNS if "complete" in c}
    )


def _table_rows(
    name: str, table: ir.Table, columns: list[str], set_aside: pd.DataFrame, client: Client, period: Period
) -> list[tuple[Any, ...]]:
    time = TABLES[name].time
    before = table[time] < period.start if time else None  # a list without times is what it is
    asked: dict[str, Any] = {"rows": _.count(), "before": _.count() if before is None else _.count(where=before)}
    for column in columns:
        asked[f"n_{column}"] = table[column].count()
        asked[f"b_{column}"] = table[column].count() if before is None else table[column].count(where=before)
        if (name, column) in _DOMAINS:
            asked[f"x_{column}"] = _DOMAINS[name, column].ifelse(1, 0).sum()
    (counted,) = frame(table.aggregate(**asked)).fillna(0).to_dict("records")
    total, earlier, told = int(counted["rows"]), int(counted["before"]), []
    for column in columns:
        filled, unread = int(counted[f"n_{column}"]), _unreadable(name, column, set_aside, client)
        wrong = unread + int(counted.get(f"x_{column}", 0))
        checked = filled + unread
        told.append(
            (
                name, column, total, filled, filled / total if total else float("nan"),
                counted[f"b_{column}"] / earlier if earlier else float("nan"),
                checked, wrong, 1 - wrong / checked if checked else float("nan"),
            )
        )  # fmt: skip
    return told


def _unreadable(table: str, column: str, set_aside: pd.DataFrame, client: Client) -> int:
    """Rows set aside for this column, by the name it has in the client's files."""
    source = "order_lines" if table == "orders" else table
    names = {m.column or column for s in client.sources if s.table == source for c, m in s.columns.items() if c == column}
    mine = set_aside[(set_aside["table"] == source) & set_aside["column"].isin(names) & ~set_aside["reason"].isin(_STRUCTURE)]
    return len(mine)


_STRUCTURE = ("repeated_header", "total_row")


def consistency(tables: Mapping[str, ir.Table], provided: Collection[str], unlisted: pd.DataFrame) -> pd.DataFrame:
    """Ask every pair of tables and columns that can contradict each other whether they do.

    tables by name, order lines that the client's lists do not know  →  check, tables | checked, failed, failed_share (0-1)

    Only what can be asked of the tables sent; a check of nothing is left out. [S99 S100]
    """
    given = [name for name, check in CHECKS.items() if all(field in provided for field in check.needs)]
    lines, known = tables["order_lines"], unlisted.set_index("table")["lines"].to_dict()
    rows = []
    for name in given:
        if name in ("unknown_customers", "unknown_products"):
            listed = name.removeprefix("unknown_")
            if listed not in known:
                continue
            key = f"{listed.removesuffix('s')}_id"
            asked = lines if listed == "customers" else lines.filter(_.is_product)
            checked, failed = int(frame(asked.aggregate(n=_[key].count()))["n"].iloc[0]), int(known[listed])
        else:
            (counted,) = frame(_ASKED[name](tables)).fillna(0).to_dict("records")
            checked, failed = int(counted["checked"]), int(counted["failed"])
        if checked:
            rows.append((name, checked, failed, failed / checked))
    found = pd.DataFrame(rows, columns=["check", "checked", "failed", "failed_share"])
    return found.astype({"check": "str", "checked": "int64", "failed": "int64", "failed_share": "float64"})


def _counted(rows: ir.Table, wrong: Any) -> ir.Table:
    return rows.aggregate(checked=_.count(), failed=wrong.ifelse(1, 0).sum())


def _amounts(tables: Mapping[str, ir.Table]) -> ir.Table:
    lines = tables["order_lines"].filter(_.gross_amount.notnull(), _.kind.isin(["sale", "return"]))
    taken = _.discount_amount.fill_null(0) + _.coupon_amount.fill_null(0)
    # A return slip gives back what was paid: its reductions have the sign of the amount, or none.
    off = (_.gross_amount - taken - _.amount).abs()
    other = (_.gross_amount + taken - _.amount).abs()
    return _counted(lines, (off > CENT) & ((_.kind == "sale") | (other > CENT)))


def _order_customers(tables: Mapping[str, ir.Table]) -> ir.Table:
    named = tables["order_lines"].filter(_.customer_id.notnull()).group_by("order_id")
    return _counted(named.aggregate(least=_.customer_id.min(), most=_.customer_id.max()), _.least != _.most)


def _against_customers(column: str, wrong: Any) -> Any:
    def asked(tables: Mapping[str, ir.Table]) -> ir.Table:
        dated = tables["customers"].filter(_[column].notnull()).select("customer_id", known_at=_[column])
        orders = tables["orders"].filter(_.is_purchase, _.customer_id.notnull()).select("customer_id", "ordered_at")
        return _counted(orders.inner_join(dated, "customer_id"), wrong)

    return asked


def _missing(table: str, key: str, among: str) -> Any:
    def asked(tables: Mapping[str, ir.Table]) -> ir.Table:
        named = tables[table].filter(_[key].notnull()).select(key)
        known = tables[among].select(known_id=_[key]).distinct()
        return _counted(named.left_join(known, named[key] == known.known_id), _.known_id.isnull())

    return asked


_ASKED: dict[str, Any] = {
    "amounts": _amounts,
    "order_customers": _order_customers,
    # A till knows the minute, a list of customers often only the day.
    "before_registration": _against_customers("registered_at", _.ordered_at.date() < _.known_at.date()),
    "after_closing": _against_customers("closed_at", _.ordered_at.date() > _.known_at.date()),
    "events_customers": _missing("events", "customer_id", "customers"),
    "events_products": _missing("events", "product_id", "products"),
    "contacts_campaigns": _missing("campaign_contacts", "campaign_id", "campaigns"),
    "contacts_customers": _missing("campaign_contacts", "customer_id", "customers"),
    "redeemed_early": lambda tables: _counted(
        tables["campaign_contacts"].filter(_.redeemed_at.notnull(), _.contacted_at.notnull()), _.redeemed_at.date() < _.contacted_at.date()
    ),
    "campaign_ends": lambda tables: _counted(tables["campaigns"].filter(_.ends_at.notnull()), _.ends_at < _.starts_at),
    "ledger_orders": _missing("loyalty_ledger", "order_id", "orders"),
    "ledger_customers": _missing("loyalty_ledger", "customer_id", "customers"),
    "surveys_customers": _missing("surveys", "customer_id", "customers"),
}


def timeliness(tables: Mapping[str, ir.Table], provided: Collection[str], *, as_of: datetime) -> pd.DataFrame:
    """Say how far each table reaches: its first and last record, the days up to `as_of`, and the longest gap met before.

    tables by name  →  table | rows, first_day, last_day ("2026-10-31"), lag_days (whole days without a record up to `as_of`),
    longest_gap (whole days without a record between two records), late: True where the lag is longer than any gap before

    Tables without a time of their own are left out. [S98 S99]
    """
    rows = []
    for name, spec in TABLES.items():
        if spec.time is None or spec.derived or (name != "order_lines" and name not in provided):
            continue
        if f"{name}.{spec.time}" not in provided:
            continue
        dated = tables[name].filter(_[spec.time].notnull()).mutate(day=_[spec.time].date())
        days = frame(dated.group_by("day").aggregate(rows=_.count()).order_by("day"))
        if days.empty:
            continue
        when = pd.to_datetime(days["day"])
        gaps = when.diff().dt.days.dropna() - 1
        lag = (pd.Timestamp(as_of) - when.iloc[-1]).days - 1
        longest = int(gaps.max()) if len(gaps) else 0
        rows.append((name, int(days["rows"].sum()), f"{when.iloc[0]:%Y-%m-%d}", f"{when.iloc[-1]:%Y-%m-%d}", lag, longest, lag > longest))
    return pd.DataFrame(rows, columns=["table", "rows", "first_day", "last_day", "lag_days", "longest_gap", "late"])


def month_rows(tables: Mapping[str, ir.Table], provided: Collection[str], *, period: Period, months: int = 13) -> pd.DataFrame:
    """Rows of each table month by month, the last `months` up to `period`: table, month | rows. Months without rows count 0."""
    wanted = [str(period - back) for back in range(months - 1, -1, -1)]
    parts = []
    for name, spec in TABLES.items():
        if spec.time is None or spec.derived or f"{name}.{spec.time}" not in provided or (name != "order_lines" and name not in provided):
            continue
        dated = tables[name].filter(_[spec.time] >= (period - (months - 1)).start, _[spec.time] < period.end)
        found = frame(dated.mutate(month=_[spec.time].truncate("M")).group_by("month").aggregate(rows=_.count()))
        counts = found.assign(month=pd.to_datetime(found["month"]).dt.strftime("%Y-%m")).set_index("month")["rows"]
        parts.append(pd.DataFrame({"table": name, "month": wanted, "rows": counts.reindex(wanted, fill_value=0).to_numpy()}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["table", "month", "rows"])


def quality_summary(columns: pd.DataFrame, checks: pd.DataFrame, times: pd.DataFrame) -> pd.DataFrame:
    """The four dimensions for each table: table | rows, completeness, validity, consistency (0-1), lag_days.

    Completeness is of all cells that the client's file maps; validity of all cells filled; consistency of all rows asked about, by the
    first table of each check; nan where nothing was asked. [S99]
    """
    rows = []
    for name, part in columns[columns["table"] != "orders"].groupby("table", sort=False):
        mine = checks[[CHECKS[c].tables[0] in ((name, "orders") if name == "order_lines" else (name,)) for c in checks["check"]]]
        filled, cells = part["filled"].sum(), part["rows"].sum()
        lag = times.loc[times["table"] == name, "lag_days"]
        rows.append(
            (
                name, int(part["rows"].max()), filled / cells if cells else float("nan"),
                1 - part["invalid"].sum() / part["checked"].sum() if part["checked"].sum() else float("nan"),
                1 - mine["failed"].sum() / mine["checked"].sum() if len(mine) else float("nan"),
                float(lag.iloc[0]) if len(lag) else float("nan"),
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["table", "rows", "completeness", "validity", "consistency", "lag_days"])
