"""That the ledger adds up to what the book holds: every row read, every amount, linked and unlinked, whatever anybody said."""

from __future__ import annotations

from datetime import datetime

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.conservation import base, laws
from custkit.engine import fetch


def health_laws(
    files: pd.DataFrame, account: pd.DataFrame, unlinked: pd.DataFrame, consents: pd.DataFrame,
    *, lines: ir.Table, orders: ir.Table, customers: ir.Table, as_of: datetime,
) -> pd.DataFrame:  # fmt: skip
    """Hold the ledger up to `as_of` against the tables it tells of. See `conservation.laws`.

    a book's `files` and `line_account`, `unlinked_orders`, `consent_counts`  →  law | unit, sums, parts, whole

    Raises BrokenLaw.
    """
    analysed = account[account["part"] == "analysed"][["rows", "amount"]].sum()  # no row, and 0, for a client without order lines
    kept = files.loc[files["table"] == "order_lines", "accepted"].sum()  # counted file by file as they were read
    excluded, kinds = account[account["part"] == "excluded"], account[account["part"] == "kind"]
    (held,) = fetch(lines.aggregate(n=_.count(), amount=_.amount.sum())).to_pylist()
    (people,) = fetch(customers.aggregate(n=_.count())).to_pylist()
    ever = unlinked.set_index("window").loc["ever"]
    whole = base(orders, as_of=as_of)
    (bought,) = fetch(orders.filter(_.is_purchase, _.ordered_at < as_of).aggregate(n=_.count())).to_pylist()
    return laws(
        line_rows=([*excluded["rows"], analysed["rows"]], kept),
        lines_held=(analysed["rows"], held["n"]),
        line_money=(analysed["amount"], held["amount"] or 0),
        kind_money=(kinds["amount"], analysed["amount"]),
        linked_revenue=([whole.known_revenue, ever["unlinked_revenue"]], whole.revenue),
        linked_orders=([whole.orders, ever["unlinked_orders"]], bought["n"]),
        consent_customers=(consents["customers"], people["n"]),
    )
