"""Every notebook runs on a client that sends three columns, and says what it would need for the rest."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from custkit.errors import GOOD
from custkit.reporting.harvest import harvest
from custkit.reporting.pack import run_packs
from custkit.reporting.plan import notebook_paths

ROOT = Path(__file__).resolve().parents[2]
# What each page of an online shop for CDs lacks: it knows who bought, when, how many and for how much.
LACKS = {
    "overview": {"order_lines.cost_amount", "marketing_spend"},
    "segmentation": {"customers.region", "products.category", "order_lines.cost_amount"},
    "spending_power": {"order_lines.discount_amount", "order_lines.coupon_amount", "products.category", "orders.payment_method"},
    "lifetime_value": {"order_lines.cost_amount"},
    "association_rules": {"order_lines.product_id"},
    "lifecycle_funnel": {"customers.registered_at", "customers.acquisition_channel", "marketing_spend", "events"},
    "loyalty_tracking": {"loyalty_ledger", "order_lines.coupon_amount", "order_lines.discount_amount"},
}


@pytest.fixture(scope="module")
def pack(real_data, tmp_path_factory):
    """The published pack of CDNOW's last month."""
    data = real_data("cdnow/CDNOW_master.txt").parents[1]
    home = tmp_path_factory.mktemp("second")
    shutil.copytree(ROOT / "tests" / "clients" / "cdnow", home / "clients" / "cdnow")
    (home / "notebooks").symlink_to(ROOT / "notebooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(home))
        patch.setenv("CUSTKIT_TEST_DATA", os.fspath(data))
        (outcome,) = run_packs(["cdnow"], period="1998-06")
        assert outcome.exit_code == GOOD, outcome.failures
        yield outcome.index.parent, list(notebook_paths())


def test_every_notebook_ends_and_asks_for_what_it_lacks(pack):
    current, names = pack
    told = {name: harvest(name, json.loads((current / "notebooks" / f"{name}.ipynb").read_text("utf-8"))) for name in names}
    assert set(LACKS) <= set(told)
    for name, page in told.items():
        assert page.findings and not page.warnings, (name, page.warnings)
        asked = {field for need in page.needs for field in need["missing"]}
        assert LACKS.get(name, set()) <= asked, name
        shown = (current / f"{name}.html").read_text("utf-8")
        for need in page.needs:
            assert all(field in shown for field in need["missing"]), name


def test_no_page_shows_a_number_that_is_none(pack):
    current, names = pack
    for name in [*names, "index"]:
        words = re.sub(r"<style>.*?</style>|<[^>]*>", " ", (current / f"{name}.html").read_text("utf-8"), flags=re.DOTALL)
        assert not re.search(r"\b(nan|NaN|None|NaT|inf|null)\b", words), name


def test_what_three_columns_can_tell_is_told(pack, real_data):
    current, _names = pack
    facts = json.loads((current / "results.json").read_text("utf-8"))
    names = ["customer", "date", "pieces", "amount"]
    bought = pd.read_csv(real_data("cdnow/CDNOW_master.txt"), sep=r"\s+", header=0, names=names, dtype={"date": str})
    june = bought[bought["date"].str.startswith("199806")]
    assert facts["overview"]["revenue"]["value"] == pytest.approx(june["amount"].sum(), abs=0.005)
    assert facts["overview"]["customers"]["value"] == june["customer"].nunique()
    assert facts["segmentation"]["top_20_share"]["value"] > 0.4
