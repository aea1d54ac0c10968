"""An airline's loyalty programme through intake, book and page, against pandas on the raw files: members and points, and no orders."""

from __future__ import annotations

import json
from types import SimpleNamespace
from zipfile import ZipFile

import pandas as pd
import pytest

from custkit import open_book
from custkit.analysis import conservation, lifecycle, points, tier_changes, tier_stop, tiers
from custkit.engine import fetch, frame
from custkit.intake import report
from custkit.present.findings.loyalty_tiers import points_finding, tier_stop_finding
from custkit.present.findings.loyalty_tracking import tier_finding
from custkit.reporting.pack import run_packs

MEMBER = "Loyalty Number"
CARDS = ["Aurora", "Nova", "Star"]
BANDS = {"below zero": -(10**9), "under 50,000": 0, "50,000 to 100,000": 50_000, "100,000 to 150,000": 100_000, "over 150,000": 150_000}


def month(rows: pd.DataFrame, prefix: str = "") -> pd.Series:
    """The month that two columns tell, empty where they tell none."""
    parts = rows[f"{prefix}Year"] + "-" + rows[f"{prefix}Month"]
    return pd.to_datetime(parts.str.replace(".0", "", regex=False), format="%Y-%m")


@pytest.fixture(scope="module")
def airline(client_folder, real_data):
    """The raw sheets as they are; beside each row the days that its years and months mean: months end, memberships begin on the first."""
    with ZipFile(real_data("airline_loyalty/Airline_Loyalty_Program.zip")) as archive:
        flown, members = (
            pd.read_csv(archive.open(f"Customer {name}.csv"), dtype=str, encoding="utf-8-sig")
            for name in ("Flight Activity", "Loyalty History")
        )
    flown["flown"] = month(flown) + pd.offsets.MonthEnd(0)
    members["enrolled"], members["cancelled"] = month(members, "Enrollment "), month(members, "Cancellation ") + pd.offsets.MonthEnd(0)
    salary, edges = pd.to_numeric(members["Salary"]), [*BANDS.values(), 10**9]
    members["Salary band"] = pd.cut(salary, edges, labels=list(BANDS), right=False).astype("str").where(salary.notna())
    folder = client_folder("airline", "loyalty_tracking")
    home = folder.parents[1]
    for name, sheet in (("members", members), ("left", members.dropna(subset="cancelled")), ("flights", flown)):
        sheet.to_csv(folder / "raw" / f"{name}.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(home))
        book = open_book("airline", "2018-12")
        numbers = flown.assign(
            earned=pd.to_numeric(flown["Points Accumulated"]), redeemed=pd.to_numeric(flown["Points Redeemed"]),
            spent=pd.to_numeric(flown["Dollar Cost Points Redeemed"]),
        )  # fmt: skip
        yield SimpleNamespace(home=home, book=book, flown=numbers, members=members.set_index(MEMBER), salary=salary)


@pytest.fixture(scope="module")
def activity(airline):
    book = airline.book
    return tiers.tier_activity(book.loyalty_ledger, start=book.start, as_of=book.as_of, order=book.client.tiers).set_index("tier")


def test_every_row_is_kept_and_copies_count_as_often_as_they_were_sent(airline):
    flown, members = airline.flown, airline.members
    raw = flown[[column for column in flown if column not in ("flown", "earned", "redeemed", "spent")]]
    keys = [MEMBER, "Year", "Month"]
    assert (len(members), len(raw), raw.duplicated().sum(), raw.duplicated(keys).sum()) == (16_737, 405_624, 1_864, 3_936)
    # A copy moves nothing; the other rows of a month met again are of flights of their own.
    assert not flown.loc[raw.duplicated(), ["earned", "redeemed"]].any(axis=None)
    told = report.ledger_frame(airline.book.snapshot).groupby(["table", "file"])["accepted"].sum()
    files = {key[1].rpartition("/")[2] + " " + key[0]: rows for key, rows in told.items()}
    left = members["cancelled"].notna().sum()
    assert files == {
        "members.csv customers": 16_737, "members.csv loyalty_ledger": 16_737, "left.csv loyalty_ledger": left,
        "flights.csv loyalty_ledger": 2 * 405_624,
    }  # fmt: skip
    assert len(report.quarantine_frame(airline.book.snapshot)) == 0
    assert fetch(airline.book.loyalty_ledger).num_rows == 16_737 + left + 2 * 405_624


def test_salaries_below_zero_are_not_known_and_their_members_stay(airline):
    people = frame(airline.book.customers).set_index("customer_id")
    assert (airline.salary < 0).sum() == 20
    assert len(people) == 16_737
    assert people["income_band"].isna().sum() == airline.salary.isna().sum() + 20
    told = people["income_band"].value_counts().to_dict()
    assert told == airline.members["Salary band"].value_counts().drop("below zero").to_dict()


def test_points_by_month_are_those_of_pandas_and_every_month_closes(airline):
    book, flown = airline.book, airline.flown
    flow = points.points_by_month(book.loyalty_ledger, as_of=book.as_of, months=24).set_index("month")
    monthly = flown.groupby(flown["flown"].dt.strftime("%Y-%m"))[["earned", "redeemed"]].sum()
    assert flow.index.tolist() == monthly.index.tolist() and len(flow) == 24
    assert flow["earned_points"].tolist() == pytest.approx(monthly["earned"].tolist(), abs=1e-6)
    assert flow["redeemed_points"].tolist() == pytest.approx(monthly["redeemed"].tolist(), abs=1e-6)
    held = (monthly["earned"] - monthly["redeemed"]).cumsum()
    assert flow["closing_points"].tolist() == pytest.approx(held.tolist(), abs=1e-6)
    assert held.iloc[-1] == 50_172_736.25 - 12_451_388
    came = flow["opening_points"] + flow["earned_points"] - flow["redeemed_points"] - flow["expired_points"] + flow["adjusted_points"]
    assert came.tolist() == pytest.approx(flow["closing_points"].tolist(), abs=1e-6)
    assert not flow[["expired_points", "adjusted_points"]].any(axis=None)


def test_members_by_card_and_those_who_left(airline, activity):
    members, flown = airline.members, airline.flown
    card = members["Loyalty Card"].where(members["cancelled"].isna(), tiers.NO_TIER)
    assert activity.index.tolist() == [tiers.NO_TIER, *CARDS]
    assert activity["members"].to_dict() == card.value_counts().to_dict()
    assert activity.loc[tiers.NO_TIER, "members"] == 2_067
    december = flown[flown["flown"] == "2018-12-31"]
    balance = flown["earned"] - flown["redeemed"]
    for column, values in {"earned_points": december["earned"], "redeemed_points": december["redeemed"], "points_balance": balance}.items():
        by_card = values.groupby(flown[MEMBER].map(card)).sum()
        assert activity[column].to_dict() == pytest.approx(by_card.to_dict(), abs=1e-6)
    moved = flown[(flown["earned"] > 0) | (flown["redeemed"] > 0)].groupby(MEMBER)["flown"].max().reindex(members.index)
    idle = ~(moved >= airline.book.as_of - pd.Timedelta(days=180))
    assert activity["idle_members"].to_dict() == idle.groupby(card).sum().to_dict()
    assert idle[members["cancelled"] < "2018-07-01"].all()


def test_moves_are_enrolments_and_farewells(airline):
    book, members = airline.book, airline.members
    year = book.days_before(365)
    moves = tier_changes.changes_by_month(book.loyalty_ledger, start=year, as_of=book.as_of, order=book.client.tiers).set_index("month")
    for column, days in (("first_moves", members["enrolled"]), ("downgrades", members["cancelled"])):
        counted = days[days >= year].dt.strftime("%Y-%m").value_counts().sort_index()
        assert moves[column].to_dict() == counted.to_dict()
    assert not moves["upgrades"].any()  # a card is for life
    stages = frame(lifecycle.customer_stages(book.customers, book.purchases, book.events, rules=book.client.lifecycle, as_of=book.as_of))
    assert (stages["stage"] == lifecycle.LOST).sum() == members["cancelled"].notna().sum()


def test_what_points_are_worth_is_what_redeemed_ones_cost(airline):
    book, flown = airline.book, airline.flown
    assert round(flown["spent"].sum() / flown["redeemed"].sum(), 4) == book.client.point_value
    ageing = points.points_ageing(book.loyalty_ledger, as_of=book.as_of, point_value=book.client.point_value).set_index("age")
    balance = (flown["earned"] - flown["redeemed"]).groupby(flown[MEMBER]).sum()
    assert ageing.loc[points.OVERDRAWN, ["members", "points"]].tolist() == [(balance < 0).sum(), balance[balance < 0].sum()]
    assert ageing["points"].sum() == pytest.approx(balance.sum(), abs=1e-6)
    assert ageing["liability"].sum() == pytest.approx(balance.sum() * 0.0809, rel=1e-9)
    # First in, first out, by pandas: what is left of the last quarter's points.
    late = flown[flown["flown"] >= book.days_before(90)].groupby(MEMBER)["earned"].sum()
    kept = pd.concat([balance.clip(lower=0), late], axis=1).fillna(0).min(axis=1).sum()
    assert ageing.loc[points.AGES[0][0], "points"] == pytest.approx(kept, abs=1e-6)


def test_what_the_programme_cannot_tell_is_said(airline, activity):
    book = airline.book
    ledger, order = book.loyalty_ledger, book.client.tiers
    flow = points.points_by_month(ledger, as_of=book.as_of)
    lapsed = points.breakage(ledger, as_of=book.as_of)
    assert "Breakage is not estimated" in points_finding(flow, points.points_ageing(ledger, as_of=book.as_of), lapsed).detail
    stops = tier_stop.tier_stops(tier_stop.qualifying_orders(book.purchases, ledger, as_of=book.as_of, order=order), order=order)
    assert tier_stop_finding(stops).headline.startswith("Not estimated")
    asked = book.needs("order_lines.customer_id", "loyalty_ledger.expires_at", "surveys.score", "loyalty_ledger.tier")
    assert asked.missing == ("order_lines.customer_id", "loyalty_ledger.expires_at", "surveys.score")
    told = tier_finding(activity.reset_index())
    assert f"{activity['idle_members'].sum():,} of 16,737 members moved no points" in told.headline
    assert f"{activity.loc[tiers.NO_TIER, 'idle_members']:,} of the idle hold no tier." in told.detail  # they left
    assert "When points lapse the data do not say." in told.detail
    year, ageing = book.days_before(365), points.points_ageing(ledger, as_of=book.as_of)
    moves = tier_changes.tier_matrix(ledger, start=year, order=order)
    assert len(conservation.loyalty_laws(ledger, start=year, flow=flow, ageing=ageing, moves=moves)) == 3


def test_the_page_is_published_with_these_figures(airline, activity, monkeypatch):
    monkeypatch.setenv("CUSTKIT_HOME", str(airline.home))
    (made,) = run_packs(["airline"], period="2018-12", workers=1)
    assert made.exit_code == 0, made.message
    page = (made.index.parent / "loyalty_tracking.html").read_text("utf-8")
    told = json.loads((made.index.parent / "results.json").read_text("utf-8"))
    assert f"{activity['idle_members'].sum():,} of 16,737 members" in page
    for missing in ("order_lines.customer_id", "loyalty_ledger.expires_at", "surveys.score", "order_lines.coupon_amount"):
        assert missing in page
    facts = told["loyalty_tracking"]
    assert facts["points.held"]["value"] == pytest.approx(37_721_348.25, rel=1e-8)
    assert facts["loyalty.idle_share"]["value"] == pytest.approx(activity["idle_members"].sum() / 16_737, abs=1e-6)
