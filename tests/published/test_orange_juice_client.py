"""Dominick's orange juice through intake, book and page: a grocer's stores week by week, without customers.

How demand answers to price is in test_price_response_figures.py, a store in the place of a customer. A client that sends no customers
has no such answer, since the kit asks what the same customer does at another price, and the book says which field is missing.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from custkit import open_book
from custkit.analysis.demand import ALL, ELSEWHERE, WEEKS, back_test, demand_skill, weekly_demand
from custkit.analysis.discount_response import discount_response
from custkit.engine import frame
from custkit.reporting.pack import run_packs

FIRST_WEEK = pd.Timestamp("1989-09-14")  # a Thursday; the grocer counts its weeks from it


@pytest.fixture(scope="module")
def grocer(client_folder, real_data):
    raw = pd.read_csv(real_data("price/orangeJuice_yx.csv.gz"))
    price = np.select([raw["brand"] == brand for brand in range(1, 12)], [raw[f"price{brand}"] for brand in range(1, 12)])
    ounces = np.exp(raw["logmove"]).round()
    sheet = pd.DataFrame({
        "receipt": raw["store"].astype(str) + "-" + raw["week"].astype(str), "store": "store " + raw["store"].astype(str),
        "brand": raw["brand"], "ounces": ounces.astype("int64"), "sold": (ounces * price).round(4),
        "begins": FIRST_WEEK + pd.to_timedelta(7 * (raw["week"] - 1), unit="D"),
    })  # fmt: skip
    folder = client_folder("orange_juice", "purchase_behaviour")
    home = folder.parents[1]
    sheet.to_csv(folder / "raw" / "weeks.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(home))
        yield SimpleNamespace(home=home, book=open_book("orange_juice", "1992-09"), sheet=sheet[sheet["begins"] < "1992-10-01"], raw=raw)


@pytest.fixture(scope="module")
def weekly(grocer):
    return weekly_demand(grocer.book.purchases, as_of=grocer.book.as_of)


@pytest.fixture(scope="module")
def tested(weekly):
    return back_test(weekly)


def test_ounces_are_whole_and_every_line_is_in_the_book(grocer):
    raw, sheet = grocer.raw, grocer.sheet
    assert (len(raw), raw["store"].nunique(), raw["brand"].nunique()) == (106_139, 83, 11)
    assert np.abs(np.exp(raw["logmove"]) - np.exp(raw["logmove"]).round()).max() < 1e-3
    lines = frame(grocer.book.order_lines.aggregate(n=grocer.book.order_lines.count(), revenue=grocer.book.order_lines.revenue.sum()))
    assert lines["n"].iloc[0] == len(sheet)
    assert float(lines["revenue"].iloc[0]) == pytest.approx(sheet["sold"].sum(), abs=1e-4)


def test_demand_by_store_and_week_is_that_of_pandas(grocer, weekly):
    """September 1992 ends with the grocer's 159th week, so that weeks counted back from its end are the grocer's own."""
    grid = grocer.sheet.pivot_table(index="begins", columns="store", values="ounces", aggfunc="sum", fill_value=0)
    told = weekly.pivot_table(index="week", columns="region", values="demand")
    whole = grid.loc[told.index]
    assert len(told) == 120 and told.index.max() == FIRST_WEEK + pd.Timedelta(weeks=158)
    assert told[ALL].tolist() == whole.sum(axis=1).tolist()
    often = (whole.tail(26) > 0).mean() >= 0.8
    largest = whole.loc[:, often].sum().sort_values(ascending=False).index[:11]
    assert weekly["region"].unique().tolist() == [ALL, *largest, ELSEWHERE]
    assert (told[largest] == whole[largest]).all(axis=None)
    assert told[ELSEWHERE].tolist() == whole.drop(columns=largest).sum(axis=1).tolist()


def test_the_rivals_are_last_week_and_the_week_a_year_before(weekly, tested):
    by_week = weekly.set_index(["region", "week"])["demand"]
    week = pd.Timedelta(weeks=1)
    for row in tested.itertuples():
        then = row.cut + (row.lead - 1) * week
        assert row.actual == by_week[row.region, then]
        assert row.naive == by_week[row.region, row.cut - week]
        assert row.last_year == by_week[row.region, then - 52 * week]
    assert (tested.groupby("region").size() == 13 * WEEKS).all()


def test_nothing_is_foretold_that_does_not_beat_last_year(tested):
    skill = demand_skill(tested).set_index("region")
    errors = {
        rival: ((tested[rival] - tested["actual"]).abs().groupby(tested["region"]).mean()) for rival in ("forecast", "naive", "last_year")
    }
    mean = tested["actual"].groupby(tested["region"]).mean()
    for rival, error in errors.items():
        assert skill[f"{rival}_error"].to_dict() == pytest.approx((error / mean).to_dict(), rel=1e-9)
    beaten = (errors["forecast"] < errors["naive"]) & (errors["forecast"] < errors["last_year"])
    assert skill.index[skill["wins"]].isin(beaten.index[beaten]).all()
    # Deals come and go week by week, so that a forecast from the weeks before is off by a quarter of all demand and saves little.
    assert not skill.loc[ALL, "wins"] and 0.2 < skill.loc[ALL, "forecast_error"] < 0.3


def test_without_customers_no_answer_to_price_is_given(grocer):
    assert grocer.book.needs("order_lines.customer_id").missing == ("order_lines.customer_id",)
    assert discount_response(grocer.book.order_lines).empty


def test_the_page_is_made_for_a_client_who_knows_no_customers(grocer, monkeypatch):
    monkeypatch.setenv("CUSTKIT_HOME", str(grocer.home))
    (made,) = run_packs(["orange_juice"], period="1992-09", workers=1)
    assert made.exit_code == 0, made.message
    page = (made.index.parent / "purchase_behaviour.html").read_text("utf-8")
    year = grocer.sheet[grocer.sheet["begins"] >= grocer.book.days_before(365)]
    share = year.groupby("brand")["sold"].sum().max() / year["sold"].sum()
    assert "is in most orders: 100% of them." in page and f"most revenue, {share:.1%} of it" in page
    assert "products.category" in page
