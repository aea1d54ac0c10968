"""What public files hold, as published: read whole, to the cent."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from custkit.client import load_client
from custkit.intake import take_snapshot

CLIENTS = Path(__file__).resolve().parents[1] / "clients"


def snapshot(slug, monkeypatch, tmp_path_factory, data):
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path_factory.getbasetemp() / "published"))
    monkeypatch.setenv("CUSTKIT_TEST_DATA", str(data.parents[1]))
    return take_snapshot(load_client(slug, path=CLIENTS / slug / "client.yml"), progress=False)


def test_online_retail(real_data, monkeypatch, tmp_path_factory):
    found = snapshot("online_retail", monkeypatch, tmp_path_factory, real_data("online_retail/Online Retail.xlsx"))
    (file,) = found.manifest["ledger"]["files"]
    account = found.manifest["ledger"]["tables"]["order_lines"]
    assert (file["records"], file["accepted"], file["quarantined"]) == (541_909, 541_909, 0)
    assert account["guests"]["rows"] == 135_080
    assert account["duplicates"]["rows"] == 5_268
    lines = pq.read_table(found.path("order_lines"))
    sold = lines.filter(pc.and_(pc.equal(lines["kind"], "sale"), pc.is_valid(lines["customer_id"])))
    assert (sold.num_rows, pc.sum(sold["amount"]).as_py()) == (397_884, Decimal("8911407.9040"))
    assert pc.count_distinct(sold["product_id"]).as_py() == 3_665
    assert set(lines.filter(pc.equal(lines["product_id"], "POST"))["is_product"].to_pylist()) == {False}
    orders = pq.read_table(found.path("orders"))
    bought = orders.filter(pc.and_(orders["is_purchase"], pc.is_valid(orders["customer_id"])))
    assert (orders.num_rows, bought.num_rows) == (25_900, 18_532)
    assert pc.count_distinct(bought["customer_id"]).as_py() == 4_338
    assert pc.sum(bought["revenue"]).as_py() == Decimal("8911407.9040")
    assert pq.read_metadata(found.path("customers")).num_rows == 4_372


def test_cdnow(real_data, monkeypatch, tmp_path_factory):
    found = snapshot("cdnow", monkeypatch, tmp_path_factory, real_data("cdnow/CDNOW_master.txt"))
    account = found.manifest["ledger"]["tables"]["order_lines"]
    assert (account["rows"], account["revenue"], account["duplicates"]["rows"]) == (69_659, "2500315.6300", 255)
    assert pq.read_metadata(found.path("customers")).num_rows == 23_570
    lines = pq.read_table(found.path("order_lines"))
    assert pc.sum(lines["quantity"]).as_py() == Decimal(167_881)
    assert lines["amount"].to_pylist().count(Decimal(0)) == 80
