"""The demo shop after somebody had their way with every text of it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


class Renamed:
    """Each text of the client's own is one of `names` from now on, the same text always the same one."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.texts: dict[str, str] = {}
        self.numbers = count()

    def __call__(self, text: str) -> str:
        if text and text not in self.texts:
            number = next(self.numbers)
            self.texts[text] = f"{self.names[number % len(self.names)]} {number}"
        return self.texts.get(text, text)

    def file(self, path: Path, *columns: str) -> None:
        with path.open(encoding="utf-8", newline="") as source:
            rows = list(csv.DictReader(source))
        with path.open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, list(rows[0]))
            writer.writeheader()
            writer.writerows({**row, **{column: self(row[column]) for column in columns}} for row in rows)


def rename_shop(raw: Path, names: Sequence[str]) -> Renamed:
    """Every text that the demo shop's exports in `raw` hold becomes one of `names`."""
    renamed = Renamed(names)
    renamed.file(raw / "products.csv", "Item", "Category", "Department", "Brand")
    renamed.file(raw / "campaigns.csv", "Title", "Kind", "Medium")
    renamed.file(raw / "campaign_contacts.csv", "Offer")
    renamed.file(raw / "surveys.csv", "Question", "Topic", "Remark")
    renamed.file(raw / "customers.csv", "Came via", "Region", "Household")
    renamed.file(raw / "marketing_spend.csv", "Channel")
    for path in raw.glob("sales_*.csv"):
        renamed.file(path, "Sold via", "Shop", "Delivery region", "Paid by")
    events = pq.read_table(raw / "events.parquet")
    for column in ("source", "query"):
        place = events.column_names.index(column)
        events = events.set_column(place, column, pa.array([renamed(text) if text else text for text in events[column].to_pylist()]))
    pq.write_table(events, raw / "events.parquet")
    return renamed
