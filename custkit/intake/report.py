"""The ledger of a snapshot as small frames, for the command line and the page on data health.

With `as_of` they tell what had been read of the time before it: rows are cut by their own time. A row without one (a blank line, a
total, a date that nobody can read) belongs to the earliest month that its file holds, so that a file of later sales adds nothing.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from custkit.intake.notes import ALL_TIME
from custkit.intake.snapshot import Snapshot
from custkit.intake.staging import STRUCTURAL

FILE_COLUMNS = ("table", "file", "records", "blank", "structural", "accepted", "quarantined")
MONEY_COLUMNS = ("part", "of", "rows", "amount", "revenue")


def ledger_frame(snapshot: Snapshot, as_of: datetime | None = None) -> pd.DataFrame:
    """One row per file: table, file | records, blank, structural, accepted, quarantined (rows).

    records = blank + structural + accepted + quarantined, for every file. With `as_of`, files that hold nothing of before are left out.
    """
    files = snapshot.manifest["ledger"]["files"]
    if as_of is None:
        return pd.DataFrame([{column: one[column] for column in FILE_COLUMNS} for one in files], columns=list(FILE_COLUMNS))
    end, aside = f"{as_of:%Y-%m}", quarantine_frame(snapshot, as_of)
    rows = []
    for one in files:
        if _home(one) >= end and one["records"]:
            continue
        mine = aside[(aside["table"] == one["table"]) & (aside["file"] == one["file"])]
        structural = int(mine["reason"].isin(STRUCTURAL).sum())
        accepted = sum(n for month, n in one["months"].items() if month < end)
        parts = {"blank": one["blank"], "structural": structural, "accepted": accepted, "quarantined": len(mine) - structural}
        rows.append({"table": one["table"], "file": one["file"], "records": sum(parts.values()), **parts})
    return pd.DataFrame(rows, columns=list(FILE_COLUMNS))


def _home(file: dict[str, Any]) -> str:
    """The earliest month of the file's rows; empty where no row has a time."""
    return min((month for month in file["months"] if month), default="")


def money_frame(snapshot: Snapshot, as_of: datetime | None = None) -> pd.DataFrame:
    """What became of the accepted order lines: part, of | rows, amount, revenue (client's currency).

    accepted = excluded (one row per reason) + analysed. The analysed lines are split by `kind` and by `customer`;
    non-products and exact duplicates (counted even where kept) are parts of them.
    """
    lines: dict[str, Any] | None = snapshot.manifest["ledger"]["tables"].get("order_lines")
    if lines is None:
        return pd.DataFrame([], columns=list(MONEY_COLUMNS)).astype(_TYPES)
    end = ALL_TIME if as_of is None else f"{as_of:%Y-%m}"
    names = ["month", "excluded", "kind", "known", "product", "copy", "rows", "amount", "revenue"]
    told = pd.DataFrame(lines["months"], columns=names)
    told = told[told["month"] < end].assign(amount=lambda t: t["amount"].map(Decimal), revenue=lambda t: t["revenue"].map(Decimal))
    rows, copies = told[~told["copy"].astype(bool)], told[told["copy"].astype(bool)]
    kept = rows[rows["excluded"].isna()]
    parts = [("accepted", "", rows)]
    parts += [("excluded", reason, part) for reason, part in rows[rows["excluded"].notna()].groupby("excluded")]
    parts.append(("analysed", "", kept))
    parts += [("kind", kind, part) for kind, part in kept.groupby("kind")]
    parts += [("customer", "known", kept[kept["known"].astype(bool)]), ("customer", "guest", kept[~kept["known"].astype(bool)])]
    parts += [("product", "non_product", kept[~kept["product"].astype(bool)]), ("duplicate", "", copies)]
    found = [(part, of, int(one["rows"].sum()), sum(one["amount"], Decimal(0)), sum(one["revenue"], Decimal(0))) for part, of, one in parts]
    return pd.DataFrame(found, columns=list(MONEY_COLUMNS)).astype(_TYPES)


_TYPES = {"part": "str", "of": "str", "rows": "int64", "amount": "float64", "revenue": "float64"}


def quarantine_frame(snapshot: Snapshot, as_of: datetime | None = None) -> pd.DataFrame:
    """Every row set aside: table, file, line, column, value, reason | amount, dated_at (its time), where that much could be read."""
    found = pq.read_table(snapshot.folder / "quarantine.parquet", page_checksum_verification=True).to_pandas()
    if as_of is None:
        return found
    homes = {(one["table"], one["file"]): _home(one) for one in snapshot.manifest["ledger"]["files"]}
    home = pd.Series([homes.get(key, "") for key in zip(found["table"], found["file"], strict=True)], found.index, dtype="object")
    month = found["dated_at"].dt.strftime("%Y-%m").where(found["dated_at"].notna(), home)
    return found[month < f"{as_of:%Y-%m}"].reset_index(drop=True)


def unlisted_frame(snapshot: Snapshot, as_of: datetime) -> pd.DataFrame:
    """Order lines whose customer or product the list that the client sent of them lacks: table | lines, revenue (currency)."""
    rows = []
    for table, account in snapshot.manifest["ledger"]["tables"].items():
        if "unlisted" in account:
            before = [one for one in account["unlisted"] if one[0] < f"{as_of:%Y-%m}"]
            rows.append((table, sum(one[1] for one in before), float(sum((Decimal(one[2]) for one in before), Decimal(0)))))
    return pd.DataFrame(rows, columns=["table", "lines", "revenue"]).astype({"table": "str", "lines": "int64", "revenue": "float64"})
