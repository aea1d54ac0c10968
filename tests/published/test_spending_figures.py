"""The spending score on shops whose truth is known and on real data counted another way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from custkit import open_book
from custkit.analysis.abuse import abuse_evidence, abuse_summary
from custkit.analysis.spending_score import held_out, level_summary, score_coverage, scores_at
from custkit.engine import frame

CLIENTS = Path(__file__).resolve().parents[1] / "clients"


@pytest.fixture(scope="module", params=["planted", "null"])
def case(request, shops):
    """A book on each shop, and the shop as it truly is."""
    found = shops(f"whole-{request.param}", null=request.param == "null")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(found.home))
        yield open_book(f"whole-{request.param}", "2026-10"), found.shop


def test_nobody_in_a_shop_without_abuse_is_suspected_not_even_trade_customers(case):
    book, shop = case
    rules = book.client.abuse
    evidence = abuse_evidence(book.order_lines, as_of=book.as_of, rules=rules)
    summary = abuse_summary(evidence, rules=rules).set_index("rule")
    assert summary.is_looked_for.all()
    assert summary.customers.sum() == 0, summary
    if shop.planted.segments[-1].name == "trade":
        trade = set(shop.customers["id"][shop.customers["segment"] == len(shop.planted.segments) - 1])
        bought = frame(evidence.select("customer_id"))
        assert len(trade & set(bought["customer_id"])) > 200


def test_the_score_orders_what_comes_next_better_than_last_years_spend_where_customers_differ(case):
    book, shop = case
    judged = held_out(book).judged.set_index("measure")
    if shop.planted.price_driven:  # the shop where something is planted
        assert judged.lead_low["score"] > 0.05
        assert judged.gini_low["predicted"] > judged.gini_high["monetary_value"]
    else:  # everybody buys at one rate for ever: the past tells nothing, and nothing is claimed
        assert judged.gini_low["score"] < 0.05 and judged.lead_low["score"] < 0.05


def test_levels_are_the_shares_the_client_asks_for_and_everybody_has_one(case):
    book, _shop = case
    scores = scores_at(book)
    levels = level_summary(scores).set_index("level")
    assert levels.customers.sum() == score_coverage(scores).customers.sum()
    assert levels.customer_share["high"] == pytest.approx(0.2, abs=0.005)
    assert levels.customer_share["low"] == pytest.approx(0.4, abs=0.005)
    spend = levels.spend_per_customer
    assert spend["high"] > spend["middle"] > spend["low"]


def test_last_years_spend_of_cdnow_orders_the_next_half_year_as_pairs_of_customers_say(real_data, tmp_path, monkeypatch):
    """Counted from the file, over pairs of customers: the score does better than that, and says so."""
    path = real_data("cdnow/CDNOW_master.txt")
    bought = pd.read_csv(path, sep=r"\s+", header=0, names=["customer", "date", "pieces", "amount"], dtype={"date": str})
    year = bought[bought["date"].str.startswith("1997")].groupby("customer")["amount"].sum().round(2)  # to the cent, or ties break
    after = bought[bought["date"].between("19980101", "19980630")].groupby("customer")["amount"].sum()
    spend, after = year.to_numpy(), after.reindex(year.index).fillna(0.0).to_numpy()
    own, best = ((after * (pd.Series(by).rank() - (len(by) + 1) / 2)).sum() for by in (spend, after))

    (tmp_path / "clients" / "cdnow").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "clients" / "cdnow" / "client.yml").write_text((CLIENTS / "cdnow" / "client.yml").read_text("utf-8"), "utf-8")
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
    monkeypatch.setenv("CUSTKIT_TEST_DATA", str(path.parents[1]))
    judged = held_out(open_book("cdnow", "1998-06")).judged.set_index("measure")
    assert judged.customers["monetary_value"] == len(year) == 23_570
    assert judged.gini["monetary_value"] == pytest.approx(own / best, abs=1e-9)
    assert judged.gini["monetary_value"] == pytest.approx(0.736, abs=0.001)
    assert judged.gini["score"] == pytest.approx(0.755, abs=0.005) and judged.lead_low["score"] > 0
    assert np.isnan(judged.gini["means"]) and np.isnan(judged.gini["engagement"])
