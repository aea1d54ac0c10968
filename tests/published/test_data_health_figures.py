"""What the page on data health counts, against a plain reading of the raw files."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from custkit import open_book
from custkit.analysis.fields import CANNOT, LIMITS, data_reach, page_verdicts
from custkit.analysis.unlinked import unlinked_orders

CLIENTS = Path(__file__).resolve().parents[1] / "clients"


@pytest.fixture
def workspace(tmp_path, monkeypatch, real_data):
    def make(client: str, file: str) -> Path:
        raw = real_data(file)
        (tmp_path / "clients").mkdir()
        (tmp_path / "notebooks").mkdir()
        shutil.copytree(CLIENTS / client, tmp_path / "clients" / client)
        monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
        monkeypatch.setenv("CUSTKIT_TEST_DATA", str(raw.parents[1]))
        return raw

    return make


def test_three_columns_are_counted_and_judged(workspace):
    raw = workspace("cdnow", "cdnow/CDNOW_master.txt")
    plain = [line.split() for line in raw.read_text().splitlines()[1:] if line.strip()]
    book = open_book("cdnow", "1998-06")
    account = book.line_account.set_index(["part", "of"])
    assert book.files["records"].sum() == len(plain) == 69_659
    assert account.loc[("analysed", ""), "amount"] == pytest.approx(sum(float(row[3]) for row in plain), abs=0.005)
    assert account.loc[("duplicate", ""), "rows"] == sum(n - 1 for n in Counter(map(tuple, plain)).values()) == 255
    reach = data_reach(book.orders, unlinked_orders(book.orders, period=book.period), as_of=book.as_of)
    assert reach.buyers == len({row[0] for row in plain}) == 23_570
    told = page_verdicts(book.snapshot.provided, (), pd.DataFrame(columns=["table", "told"]), reach=reach).set_index("page")["verdict"]
    assert told["overview"] == told["lifetime_value"] == LIMITS
    assert told["association_rules"] == told["campaigns"] == CANNOT
    # a month in the middle tells only what lies before its end
    early = book.at(book.period - 12)
    before = [row for row in plain if row[1] < "19970701"]
    assert early.files["records"].sum() == early.line_account.set_index("part").loc["analysed", "rows"] == len(before)


def test_lines_without_a_customer_are_the_published_ones(workspace):
    raw = workspace("online_retail", "online_retail/Online Retail.xlsx")
    book = open_book("online_retail", "2011-12")
    account = book.line_account.set_index(["part", "of"])
    assert raw.exists()
    assert book.files["records"].sum() == 541_909
    assert account.loc[("customer", "guest"), "rows"] == 135_080
    assert account.loc[("kind", "return"), "rows"] == 10_624
    assert account.loc[("duplicate", ""), "rows"] == 5_268
    assert account.loc[("analysed", ""), "amount"] == pytest.approx(9_747_747.934, abs=0.01)


def test_the_demo_ledger_is_what_a_plain_reader_finds(shops):
    shop = shops("ledger", customers=400)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(shop.home))
        book = open_book("ledger", "2026-10")
    for table, names in (("order_lines", sorted(shop.folder.glob("raw/sales_*.csv"))), ("surveys", [shop.folder / "raw/surveys.csv"])):
        records = 0
        for path in names:
            with path.open(encoding="utf-8-sig", newline="") as file:
                records += sum(1 for _row in csv.reader(file)) - 1
        assert book.files.loc[book.files["table"] == table, "records"].sum() == records, table
    assert len(book.set_aside[~book.set_aside["reason"].isin(["repeated_header", "total_row"])]) == book.files["quarantined"].sum()
