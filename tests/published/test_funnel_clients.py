"""Two public funnels through intake and book: clients that send what visitors did and no orders at all."""

from __future__ import annotations

import pandas as pd
import pytest

from custkit import open_book
from custkit.analysis.funnel import conversion_by_month, funnel, funnel_by, funnel_splits, with_gender, with_weekend

PAGES = ("home_page", "search_page", "payment_page", "payment_confirmation")
STEPS = {"home_page": "visit", "search_page": "view", "payment_page": "checkout", "payment_confirmation_page": "order"}
MONTHS = {"Feb": 2, "Mar": 3, "May": 5, "June": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("funnels")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(home))
        yield home


@pytest.fixture(scope="module")
def pages(home, client_folder, real_data):
    users = pd.read_csv(real_data("funnel/user_table.csv"), dtype=str)
    parts = []
    for minute, page in enumerate(PAGES):
        part = pd.read_csv(real_data(f"funnel/{page}_table.csv"), dtype=str)[["user_id", "page"]].merge(users, on="user_id")
        parts.append(part.assign(date=part["date"] + f" 10:0{minute}"))
    whole = pd.concat(parts, ignore_index=True)
    raw = client_folder("funnel_pages", home=home) / "raw"
    whole[["user_id", "page", "date", "device"]].to_csv(raw / "pages.csv", index=False)
    users.to_csv(raw / "user_table.csv", index=False)
    return open_book("funnel_pages", "2015-04"), whole.assign(step=whole["page"].map(STEPS))


def test_a_client_without_orders_has_its_funnel(pages):
    book, _whole = pages
    assert not book.has("orders") and book.needs("order_lines")
    steps = funnel(book.events)
    assert steps["visits"].tolist() == [90_400, 45_200, 6_030, 452]
    assert steps["conversion_rate"].iloc[-1] == 0.005


@pytest.mark.parametrize(("split", "column"), [("device", "device"), ("gender", "sex")])
def test_by_device_and_sex_the_pages_are_what_pandas_counts(pages, split, column):
    book, whole = pages
    counted = whole.groupby([column, "step"])["user_id"].nunique()
    told = funnel_by(with_gender(book.events, book.customers), split)
    assert set(told["group"]) == set(whole[column])
    assert len(told) == 4 * whole[column].nunique()
    for row in told.itertuples():
        assert row.visits == counted.get((row.group, row.step), 0)


def test_the_desktop_loses_those_who_searched(pages):
    book, whole = pages
    split = funnel_splits(book.events, book.customers)
    assert set(split["split"]) == {"device", "gender", "weekend"}
    row = split[(split["group"] == "Desktop") & (split["step"] == "checkout")].iloc[0]
    devices = whole.groupby(["device", "step"])["user_id"].nunique()
    assert (row["n"], row["visits"]) == (devices["Desktop", "view"], devices["Desktop", "checkout"])
    assert row["is_different"] and row["step_conversion_rate"] < row["rest_rate"]


def test_every_month_of_the_pages(pages):
    book, whole = pages
    buyers = whole[whole["step"] == "order"]["date"].str[3:5].value_counts().sort_index()
    told = conversion_by_month(book.events)
    assert told["month"].tolist() == ["2015-01", "2015-02", "2015-03", "2015-04"]
    assert told["visits"].tolist() == [22_600] * 4
    assert told["orders"].tolist() == buyers.tolist()


@pytest.fixture(scope="module")
def shoppers(home, client_folder, real_data):
    raw = pd.read_csv(real_data("funnel/online_shoppers_intention.csv"), dtype={"VisitorType": str})
    first = pd.to_datetime({"year": 2017, "month": raw["Month"].map(MONTHS), "day": 1})
    to_saturday = (5 - first.dt.day_of_week) % 7
    day = first + pd.to_timedelta(to_saturday + 2 * ~raw["Weekend"].astype(bool), unit="D")
    visits = pd.DataFrame({"visit": raw.index, "VisitorType": raw["VisitorType"], "day": day})
    came = visits.assign(event="visit", at=visits["day"].dt.strftime("%Y-%m-%d 10:00"))
    bought = visits[raw["Revenue"]].assign(event="order", at=visits["day"].dt.strftime("%Y-%m-%d 10:01"))
    folder = client_folder("shoppers", home=home)
    pd.concat([came, bought]).drop(columns="day").to_csv(folder / "raw" / "visits.csv", index=False)
    return open_book("shoppers", "2017-12"), raw


def test_one_visit_of_the_shoppers_in_six_ends_in_an_order(shoppers):
    book, _raw = shoppers
    steps = funnel(book.events)
    assert steps["visits"].tolist() == [12_330, 1_908]
    assert round(steps["conversion_rate"].iloc[-1], 4) == 0.1547


def test_the_shoppers_by_kind_weekend_and_month(shoppers):
    book, raw = shoppers
    kinds = funnel_by(book.events, "channel").query("step == 'order'").set_index("group")
    by_kind = raw.groupby("VisitorType")["Revenue"].agg(["sum", "count"])
    assert kinds["visits"].to_dict() == by_kind["sum"].to_dict() and kinds["n"].to_dict() == by_kind["count"].to_dict()
    assert kinds.loc["New_Visitor", "is_different"] and kinds.loc["New_Visitor", "step_conversion_rate"] > 0.24
    weekend = funnel_by(with_weekend(book.events), "weekend").query("step == 'order'").set_index("group")["visits"]
    assert weekend["weekend"] == raw.loc[raw["Weekend"], "Revenue"].sum()
    by_month = raw.groupby(raw["Month"].map(MONTHS))["Revenue"].agg(["sum", "count"])
    told = conversion_by_month(book.events)
    assert told["visits"].tolist() == by_month["count"].tolist() and told["orders"].tolist() == by_month["sum"].tolist()
