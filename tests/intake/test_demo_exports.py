"""What intake finds in the demo shop's exports is what was put there."""

from __future__ import annotations

import filecmp
from collections import Counter
from decimal import Decimal
from functools import partial

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from custkit.client import EMBEDDED, load_client
from custkit.demo import prepare
from custkit.demo.export import write_shop
from custkit.intake import take_snapshot

SMALL = {"customers": 1200, "months": 14}


@pytest.fixture(params=["en", "zh_CN"])
def small(request, shops, monkeypatch):
    found = shops(f"small-{request.param.lower()}", language=request.param, **SMALL)
    monkeypatch.setenv("CUSTKIT_HOME", str(found.home))
    return found, take_snapshot(found.client, progress=False)


def euros(cents: int) -> Decimal:
    return Decimal(cents) / 100


def test_the_ledger_of_the_demo_shop_is_the_mess_that_was_planted(small):
    found, snapshot = small
    rows, money = found.counts.rows, found.counts.money
    sales = [file for file in snapshot.manifest["ledger"]["files"] if file["table"] == "order_lines"]
    total = Counter()
    reasons = Counter()
    for file in sales:
        total.update({key: file[key] for key in ("records", "blank", "structural", "accepted", "quarantined")})
        reasons.update(file["reasons"])
    unparsable = rows["amount_unparsable"] + rows["date_unparsable"]
    assert len(sales) == rows["files"] == SMALL["months"]
    assert unparsable == 7
    assert total == {
        "records": rows["records"],
        "blank": rows["blank"],
        "structural": rows["header_repeats"] + rows["totals"],
        "quarantined": unparsable,
        "accepted": rows["records"] - rows["blank"] - rows["header_repeats"] - rows["totals"] - unparsable,
    }
    assert (reasons["repeated_header"], reasons["total_row"]) == (rows["header_repeats"], rows["totals"])
    assert reasons["amount_unparsable"] + reasons["excel_error"] == rows["amount_unparsable"]
    assert reasons["date_format"] == rows["date_unparsable"]
    lines = snapshot.manifest["ledger"]["tables"]["order_lines"]
    excluded = {line["reason"]: (line["rows"], Decimal(line["amount"])) for line in lines["excluded"]}
    assert excluded == {
        "duplicate": (rows["duplicates"], euros(money["duplicates"])),
        "status": (rows["void"], euros(money["void"])),
        "test_orders": (rows["test_orders"], euros(money["test_orders"])),
    }
    kinds = {line["kind"]: (line["rows"], Decimal(line["amount"])) for line in lines["kinds"]}
    assert kinds == {
        "sale": (rows["sales"] + rows["postage"], euros(money["sales"] + money["postage"])),
        "return": (rows["returns"], euros(money["returns"])),
        "free": (rows["free"], 0),
        "adjustment": (rows["adjustments"], euros(money["adjustments"])),
    }
    assert Decimal(lines["revenue"]) == euros(money["sales"] + money["postage"])
    assert lines["guests"]["rows"] == rows["guests"] + rows["adjustments"]
    assert lines["non_products"]["rows"] == rows["postage"] + rows["adjustments"]


def test_orders_customers_and_times_come_through_as_they_happened(small):
    found, snapshot = small
    shop = found.shop
    orders = pq.read_table(snapshot.path("orders")).to_pandas().set_index("order_id").sort_index()
    truth = shop.orders.set_index("id").sort_index()
    goods = orders.loc[orders.index.isin(truth.index)]
    assert list(goods.index) == list(truth.index)
    assert (goods["ordered_at"].to_numpy() == truth["at"].to_numpy()).all()
    ids = shop.customers["id"].to_numpy()
    known = truth["customer"].to_numpy() >= 0
    assert (goods["customer_id"][known].to_numpy() == ids[truth["customer"].to_numpy()[known]]).all()
    assert goods["customer_id"][~known].isna().all()
    assert (goods["is_purchase"].to_numpy() == (truth["kind"] == "sale").to_numpy()).all()
    customers = pq.read_table(snapshot.path("customers"))
    assert customers.num_rows == len(ids) and min(customers["customer_id"].to_pylist()) == "000417"
    assert customers["closed_at"].null_count == shop.customers["closed"].isna().sum()


def test_every_other_table_is_taken_whole(small):
    found, snapshot = small
    shop = found.shop
    read = {
        name: pq.read_table(snapshot.path(name)) for name in ("events", "campaign_contacts", "loyalty_ledger", "surveys", "marketing_spend")
    }
    sizes = {name: table.num_rows for name, table in read.items()}
    assert sizes == {
        "events": len(shop.events),
        "campaign_contacts": len(shop.contacts),
        "loyalty_ledger": len(shop.ledger),
        "surveys": len(shop.surveys),
        "marketing_spend": len(shop.spend),
    }
    assert pc.sum(read["loyalty_ledger"]["points"]).as_py() == int(shop.ledger["points"].sum())
    assert pc.sum(read["marketing_spend"]["spend_amount"]).as_py() == euros(int(shop.spend["spend"].sum()))
    # The export has UTC instants; the snapshot the wall clock of Berlin, summer and winter.
    at = sorted(read["events"]["occurred_at"].to_pylist())
    assert [int(t.timestamp()) for t in at[:50]] == [int(t.timestamp()) for t in sorted(_clock(shop))[:50]]
    assert {t.hour for t in at} <= set(range(5, 24)) | {0}


def _clock(shop):
    import pandas as pd

    return [pd.Timestamp(shop.start) + pd.Timedelta(seconds=round(day * 86400)) for day in shop.events["day"]]


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("one", 7), ("two", 7), ("other", 8)):
        write_shop(tmp_path / name, seed=seed, customers=150, months=6)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(names) == 6 + 8
    same, different, wrong = filecmp.cmpfiles(tmp_path / "one", tmp_path / "two", names, shallow=False)
    assert (len(same), different, wrong) == (len(names), [], [])
    assert filecmp.cmpfiles(tmp_path / "one", tmp_path / "other", names, shallow=False)[1]


def test_the_embedded_shops_are_written_once_into_the_workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
    monkeypatch.setattr("custkit.demo.export.write_shop", partial(write_shop, customers=60, months=3))
    for slug in EMBEDDED:
        client = load_client(slug)
        assert client.data_folder == tmp_path / ".custkit" / slug / "raw"
        assert prepare(client) and not prepare(client)
        (client.data_folder / "written-by").write_text("an older kit")
        assert prepare(client)
        assert [path.name for path in client.data_folder.parent.iterdir()] == ["raw"]


def test_a_client_of_ones_own_called_demo_is_not_written_over(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
    mine = tmp_path / "clients" / "demo"
    mine.mkdir(parents=True)
    (mine / "client.yml").write_text(
        "name: Mine\ncurrency: EUR\nsources:\n  - {table: products, files: p.csv, columns: {product_id: id}}\n"
    )
    client = load_client("demo")
    assert client.data_folder == mine and not prepare(client)
