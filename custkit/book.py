"""The one door for notebooks: a client's canonical tables as they stood at the end of a period."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _
from ibis.backends import BaseBackend

from custkit import words
from custkit.client import Client, load_client
from custkit.engine import connect, keep_to, load
from custkit.errors import BadInput
from custkit.intake import Snapshot, report, take_snapshot
from custkit.intake.masked import columns_of_ids
from custkit.intake.notes import Note
from custkit.period import Period
from custkit.tables import TABLES, Table

NEED = "application/vnd.custkit.need+json"
SHARED = "CUSTKIT_SHARED"  # the variable by which the runner says that a report leaves the house
# Instants that lie after the row's own time: unknown at `as_of` when they come later.
_LATER = {"customers": ("closed_at",), "campaign_contacts": ("redeemed_at",)}


def open_book(client: str, period: str) -> Book:
    """Open `client`'s tables as they stood at the end of `period` (`"2026-10"`).

    Takes the snapshot first where there is none or an input changed, showing progress. Sets the reader's language, and the fewest people
    of whom the reader is told where the report leaves the house.

    Raises BadInput for an unknown client, a period that is none, or one outside the data.
    """
    settings = load_client(client)
    words.use(settings.language, settings.currency, settings.limits.min_cell if os.environ.get(SHARED) else 1)
    snapshot = take_snapshot(settings)
    return Book.of(settings, snapshot, Period.parse(period))


@dataclass(frozen=True)
class Need:
    """What a page lacks and which field to ask the client for. False when nothing is missing."""

    missing: tuple[str, ...]
    feeds: tuple[str, ...]
    sentence: str

    def __bool__(self) -> bool:
        return bool(self.missing)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        if not self.missing:
            return {"text/plain": ""}
        facts = {"missing": list(self.missing), "feeds": list(self.feeds), "sentence": self.sentence}
        return {"text/plain": self.sentence, "text/markdown": self.sentence, NEED: facts}


@dataclass(frozen=True)
class Book:
    """Canonical tables cut at `as_of`, the exclusive end of `period`. Tables the client did not send are empty, with all columns."""

    client: Client
    period: Period
    snapshot: Snapshot
    con: BaseBackend = field(repr=False)
    whole: dict[str, ir.Table] = field(repr=False)

    @classmethod
    def of(cls, client: Client, snapshot: Snapshot, period: Period) -> Book:
        con = connect(client.engine)
        paths = {name: snapshot.path(name) for name in TABLES}
        whole = {name: load(con, name, paths[name] or table.empty(), schema=table.schema) for name, table in TABLES.items()}
        keep_to(con, [path for path in paths.values() if path], snapshot.folder.parent / f".spill-{os.getpid()}-{uuid4().hex}")
        book = cls(client, period, snapshot, con, whole)
        first, last = snapshot.span
        if first is None or last is None:
            raise BadInput(
                f"client {client.slug}: no orders were accepted, nor events or points in their place; see `custkit intake {client.slug}`"
            )
        if period.end <= first or period > Period.of(last):
            raise BadInput(
                f"no orders of client {client.slug} in reach of {period}: its data span {Period.of(first)} to {Period.of(last)}; "
                f"run with --period {Period.of(last)}"
            )
        return book

    @property
    def as_of(self) -> datetime:
        """First instant after the period: windows end here, exclusive."""
        return self.period.end

    @property
    def start(self) -> datetime:
        return self.period.start

    def at(self, period: Period) -> Book:
        """The same snapshot as it stood at the end of another month; no check that there are data."""
        return replace(self, period=period)

    @property
    def previous(self) -> Book:
        """A month earlier."""
        return self.at(self.period - 1)

    @property
    def year_ago(self) -> Book:
        """The same month last year."""
        return self.at(self.period - 12)

    def days_before(self, days: int) -> datetime:
        """Start of the window of `days` days that ends at `as_of`."""
        return self.as_of - timedelta(days=days)

    @property
    def order_lines(self) -> ir.Table:
        return self._cut("order_lines")

    @property
    def orders(self) -> ir.Table:
        """Every document, return slips too; `purchases` is what customers bought."""
        return self._cut("orders")

    @property
    def purchases(self) -> ir.Table:
        return self.orders.filter(_.is_purchase)

    @property
    def customers(self) -> ir.Table:
        return self._cut("customers")

    @property
    def products(self) -> ir.Table:
        """One row a product, under the latest name it was sold under before `as_of`."""
        known = self.whole["products"].filter(_.named_at.isnull() | (_.named_at < self.as_of))
        latest = ibis.window(
            group_by="product_id",
            order_by=[ibis.desc("named_at"), ibis.desc("product_name"), "category", "department", "brand"],
        )
        return known.mutate(age=ibis.row_number().over(latest)).filter(_.age == 0).drop("age")

    @property
    def events(self) -> ir.Table:
        return self._cut("events")

    @property
    def campaigns(self) -> ir.Table:
        return self._cut("campaigns")

    @property
    def campaign_contacts(self) -> ir.Table:
        return self._cut("campaign_contacts")

    @property
    def loyalty_ledger(self) -> ir.Table:
        return self._cut("loyalty_ledger")

    @property
    def surveys(self) -> ir.Table:
        return self._cut("surveys")

    @property
    def marketing_spend(self) -> ir.Table:
        return self._cut("marketing_spend")

    @property
    def tables(self) -> dict[str, ir.Table]:
        """Every canonical table by name, cut at `as_of`."""
        return {name: getattr(self, name) for name in TABLES}

    @property
    def files(self) -> pd.DataFrame:
        """The ledger of what was read of the time before `as_of`: a row a file, see `intake.report.ledger_frame`."""
        return report.ledger_frame(self.snapshot, self.as_of)

    @property
    def line_account(self) -> pd.DataFrame:
        """What became of the accepted order lines from before `as_of`, in rows and money, see `intake.report.money_frame`."""
        return report.money_frame(self.snapshot, self.as_of)

    @property
    def set_aside(self) -> pd.DataFrame:
        """Rows from before `as_of` that could not be read, each with its place, value and reason."""
        return report.quarantine_frame(self.snapshot, self.as_of)

    @property
    def notes(self) -> list[Note]:
        """What intake took as it stands of the time before `as_of`, and what the delivery before told otherwise (none of the demo)."""
        month = f"{self.as_of:%Y-%m}"
        changes = [] if self.client.is_embedded else self.snapshot.changes_before(month)
        return [*self.snapshot.unread_before(month), *self.snapshot.notes_before(month), *changes]

    @property
    def personal_columns(self) -> frozenset[str]:
        """Columns of the client's files whose values tell who somebody is: shown cut short, if at all."""
        return columns_of_ids(self.client)

    @property
    def unlisted(self) -> pd.DataFrame:
        """Order lines from before `as_of` whose customer or product the client's own lists lack."""
        return report.unlisted_frame(self.snapshot, self.as_of)

    def _cut(self, name: str) -> ir.Table:
        table: Table = TABLES[name]
        whole = self.whole[name]
        if table.time is not None:
            whole = whole.filter(whole[table.time] < self.as_of)
        later = {column: (whole[column] < self.as_of).ifelse(whole[column], None) for column in _LATER.get(name, ())}
        return whole.mutate(**later) if later else whole

    def has(self, *names: str) -> bool:
        """True when the client file maps every `table` or `table.column` named."""
        return not self._missing(names)

    def needs(self, *names: str) -> Need:
        """What is missing of the tables and columns named (`"events"`, `"order_lines.coupon_amount"`), as a line for the page."""
        missing = self._missing(names)
        meanings, feeds = [], set()
        for name in missing:
            table, _dot, column = name.partition(".")
            wanted = TABLES[table].by_name[column] if column else None
            meaning = words._(wanted.meaning if wanted else TABLES[table].grain)
            meanings.append(words._("{field} ({meaning})").format(field=f"`{name}`", meaning=meaning))
            feeds |= set(wanted.feeds) if wanted else {promise for c in TABLES[table].columns for promise in c.feeds}
        sentence = (
            words._("Not shown here: the client's data lack {fields}.").format(fields=words._(", ").join(meanings)) if missing else ""
        )
        return Need(missing, tuple(sorted(feeds)), sentence)

    def _missing(self, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            table, _dot, column = name.partition(".")
            if table not in TABLES or (column and column not in TABLES[table].by_name):
                raise ValueError(f"`{name}` is no canonical table or column; see `custkit tables`")
        return tuple(name for name in names if name not in self.snapshot.provided)
