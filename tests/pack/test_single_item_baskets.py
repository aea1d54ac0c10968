"""A shop that sells one item at a time: nothing goes together, and the page says that instead of showing nothing."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import ibis
import pandas as pd
import pytest

from custkit.analysis.itemsets import basket_sizes, baskets
from custkit.analysis.rules import directional_pairs, significant
from custkit.present.findings import association_rules as findings
from custkit.reporting.pack import run_packs

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
GOODS = ("tea", "mug", "jam", "pot")
LINES = 240


def lines(order: int) -> tuple[str, str, datetime, str]:
    """Sixty customers, an order a month each, one kind of goods in it; a month's orders differ in kind."""
    customer, month = order % 60, order // 60
    at = datetime(2026, 7, 1, 9) + timedelta(days=31 * month + customer % 28)
    return f"o{order}", f"c{customer:02d}", at, GOODS[(customer + month) % 4]


@pytest.mark.parametrize("n", [1, LINES])
def test_baskets_of_one_item_make_no_pair_and_no_rule(n):
    sold = pd.DataFrame([lines(i) for i in range(n)], columns=["order_id", "customer_id", "ordered_at", "product_id"])
    sold = sold.assign(kind="sale", is_product=True, quantity=1.0, revenue=5.0, cost_amount=float("nan"))
    twice = ibis.memtable(pd.concat([sold, sold]))  # two lines of one item are one item
    products = pd.DataFrame({"product_id": GOODS, "product_name": GOODS, "category": None, "unit_cost": float("nan")})
    held = baskets(
        twice,
        ibis.memtable(products, schema={"product_id": "string", "product_name": "string", "category": "string", "unit_cost": "float64"}),
    )
    pairs = directional_pairs(held)
    assert pairs.empty and significant(pairs).empty
    told = findings.baskets_finding(basket_sizes(held))
    assert told.headline == f"No order of {n} holds two different items, so nothing can be said about what goes together."
    assert {fact.key: fact.value for fact in told.facts} == {
        "baskets.several_items_share": 0.0, "baskets.mean_items": 1.0, "baskets.left_out": 0,
    }  # fmt: skip


def test_the_page_says_that_nothing_goes_together_and_shows_no_table_of_it(shop):
    shop.sales("order,customer,date,product,pieces,amount\n" + "".join("{},{},{},{},1,5\n".format(*lines(i)) for i in range(LINES)))
    (shop.root / "notebooks" / "association_rules.ipynb").symlink_to(NOTEBOOKS / "association_rules.ipynb")
    (outcome,) = run_packs(["corner"], period="2026-10")
    assert not outcome.failures
    page = (shop.current / "association_rules.html").read_text("utf-8")
    assert f"No order of {LINES} holds two different items, so nothing can be said about what goes together." in page
    headings = re.findall(r"<h2[^>]*>([^<]+)", page)
    assert "Who is due?" in headings and "What goes together in an order?" not in headings, (
        "a section of tables and charts alone is left out"
    )
    cells = json.loads((shop.current / "notebooks" / "association_rules.ipynb").read_text("utf-8"))["cells"]
    pairs = [
        json.dumps(cell["outputs"]) for cell in cells if re.search(r"pairs_table|measures_table|pair_directions", "".join(cell["source"]))
    ]
    assert len(pairs) == 3 and not [told for told in pairs if "svg" in told or "table" in told]
    assert not [name for name in shop.results()["association_rules"] if name.startswith("pairs.top")]
