"""The ledger of a snapshot as small frames, for the command line and the page on data health."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from custkit.intake.snapshot import Snapshot

FILE_COLUMNS = ("table", "file", "records", "blank", "structural", "accepted", "quarantined")
MONEY_COLUMNS = ("part", "of", "rows", "amount", "revenue")


def ledger_frame(snapshot: Snapshot) -> pd.DataFrame:
    """One row per file: table, file | records, blank, structural, accepted, quarantined (rows).

    records = blank + structural + accepted + quarantined, for every file.
    """
    rows = [{column: one[column] for column in FILE_COLUMNS} for one in snapshot.manifest["ledger"]["files"]]
    return pd.DataFrame(rows, columns=list(FILE_COLUMNS))


def money_frame(snapshot: Snapshot) -> pd.DataFrame:
    """What became of the accepted order lines: part, of | rows, amount, revenue (client's currency).

    accepted = excluded (one row per reason) + analysed. The analysed lines are split by `kind` and by `customer`;
    non-products and exact duplicates (counted even where kept) are parts of them.
    """
    lines: dict[str, Any] | None = snapshot.manifest["ledger"]["tables"].get("order_lines")
    parts: list[tuple[str, str, dict[str, Any]]] = []
    if lines is not None:
        revenue = Decimal(lines["revenue"]) + sum((Decimal(one["revenue"]) for one in lines["excluded"]), Decimal(0))
        parts.append(("accepted", "", {"rows": lines["accepted"], "amount": lines["accepted_amount"], "revenue": revenue}))
        parts += [("excluded", one["reason"], one) for one in lines["excluded"]]
        parts.append(("analysed", "", lines))
        parts += [("kind", one["kind"], one) for one in lines["kinds"]]
        parts += [("customer", "known", lines["known"]), ("customer", "guest", lines["guests"])]
        parts += [("product", "non_product", lines["non_products"]), ("duplicate", "", lines["duplicates"])]
    found = pd.DataFrame([(part, of, one["rows"], one["amount"], one["revenue"]) for part, of, one in parts], columns=list(MONEY_COLUMNS))
    return found.astype({"part": "str", "of": "str", "rows": "int64", "amount": "float64", "revenue": "float64"})


def quarantine_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Every row set aside: table, file, line, column, value, reason | amount, where that much could be read."""
    return pq.read_table(snapshot.folder / "quarantine.parquet", page_checksum_verification=True).to_pandas()
