"""Charles Book Club through intake, book and page: a mailing that kept nobody back, and the file's recency, frequency and value."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from custkit import open_book
from custkit.analysis.campaign_uplift import campaign_uplift
from custkit.analysis.campaigns import CONTACTED, campaign_outcomes, campaign_spans, campaign_summary
from custkit.analysis.rates import wilson
from custkit.analysis.rfm import rfm, rfm_scores, rfm_segments
from custkit.engine import frame
from custkit.present.findings.campaigns import uplift_finding
from custkit.reporting.pack import run_packs

MAILED = pd.Timestamp("2001-01-02")
EVER = 100 * 366  # days: longer than any customer of the file has bought


@pytest.fixture(scope="module")
def sheet(real_data) -> pd.DataFrame:
    return pd.read_csv(real_data("campaign/CharlesBookClub.csv.gz"), dtype={"ID#": str})


def as_orders(sheet: pd.DataFrame) -> pd.DataFrame:
    """F orders a customer: the first FirstPurch months before the mailing, the last R months, together M dollars to the cent."""
    rows = sheet.loc[sheet.index.repeat(sheet["F"]), ["ID#", "F", "M"]]
    last, first = (sheet[months].map(lambda n: MAILED - pd.DateOffset(months=n)).loc[rows.index] for months in ("R", "FirstPurch"))
    place = rows.groupby("ID#").cumcount()
    share = place / (rows["F"] - 1).clip(lower=1)
    cents = (rows["M"] * 100) // rows["F"] + (place < (rows["M"] * 100) % rows["F"])
    day = (last - (last - first) * share).dt.strftime("%Y-%m-%d")
    return pd.DataFrame({"order": rows["ID#"] + "-" + place.astype(str), "ID#": rows["ID#"], "day": day, "amount": cents / 100})


@pytest.fixture(scope="module")
def club(sheet, client_folder):
    folder = client_folder("book_club", "campaigns", "segmentation")
    home = folder.parents[1]
    took = sheet.loc[sheet["Florence"] == 1, ["ID#"]].assign(order=lambda t: t["ID#"] + "-florence", day="2001-01-31", amount=0)
    pd.concat([as_orders(sheet), took]).to_csv(folder / "raw" / "orders.csv", index=False)
    sheet[["ID#", "Gender"]].to_csv(folder / "raw" / "customers.csv", index=False)
    contacts = sheet[["ID#"]].assign(campaign="F", mailed="2001-01-02", taken=np.where(sheet["Florence"] == 1, "2001-01-31", ""))
    contacts.to_csv(folder / "raw" / "contacts.csv", index=False)
    (folder / "raw" / "campaigns.csv").write_text("campaign,name,starts,ends\nF,The Art History of Florence,2001-01-02,2001-01-31\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(home))
        yield SimpleNamespace(home=home, book=open_book("book_club", "2001-01"))


@pytest.fixture(scope="module")
def mailing(club):
    book = club.book
    spans = campaign_spans(book.campaigns, book.campaign_contacts, book.orders, as_of=book.as_of)
    return spans, campaign_outcomes(spans, book.campaign_contacts, book.orders)


@pytest.fixture(scope="module")
def scores(club):
    return frame(rfm_scores(rfm(club.book.purchases, as_of=MAILED.to_pydatetime(), window_days=EVER))).set_index("customer_id")


def test_the_response_to_florence_is_the_published_one(sheet, mailing):
    (row,) = campaign_summary(*mailing).to_dict("records")
    assert (row["arm"], row["customers"], row["redeemed"]) == (CONTACTED, len(sheet), sheet["Florence"].sum())
    assert (row["customers"], row["redeemed"], row["redemption_rate"]) == (4_000, 338, 0.0845)
    assert not row["has_control"] and row["buyers"] == 0 and row["spend"] == 0  # what they paid is not in the file


def test_nobody_was_kept_back_so_that_nothing_is_called_incremental(mailing):
    uplift = campaign_uplift(*mailing)
    assert uplift.empty
    assert uplift_finding(uplift, pd.DataFrame()).tone == "quiet"


def test_recency_frequency_and_value_are_those_of_the_file(sheet, scores):
    raw = sheet.set_index("ID#").loc[scores.index]
    assert (scores["frequency"] == raw["F"]).all()
    assert scores["monetary_value"].astype(float).tolist() == raw["M"].astype(float).tolist()
    assert scores.groupby("recency_days").ngroups == raw["R"].nunique()
    months = scores["recency_days"] / (365.25 / 12)
    assert (months - raw["R"]).abs().max() < 0.1
    # A score is the share of customers who are no better, in fifths rounded up.
    for score, column, sign in (("r_score", "R", -1), ("f_score", "F", 1), ("m_score", "M", 1)):
        no_better = (sign * raw[column]).rank(method="max").astype("int64")
        assert scores[score].tolist() == (-(-no_better * 5 // len(raw))).tolist()


def test_the_recent_and_the_frequent_answer_more(sheet, mailing, scores):
    """As the file's own codes say: 11.6% and 12.2% of the two most recent groups, 7.0% of the least; 10.8% of the most frequent."""
    told = frame(mailing[1]).set_index("customer_id")["redeemed"]
    by_code = sheet.groupby("Rcode")["Florence"].mean().round(3)
    assert by_code.tolist() == [0.116, 0.122, 0.082, 0.070]
    for score, column in (("r_score", "R"), ("f_score", "F")):
        best, worst = (told[scores.index[scores[score] == edge]] for edge in (scores[score].max(), scores[score].min()))
        raw = sheet.set_index("ID#")[["Florence", column]]
        assert best.sum() == raw.loc[best.index, "Florence"].sum() and worst.sum() == raw.loc[worst.index, "Florence"].sum()
        assert wilson(int(best.sum()), len(best))[0] > wilson(int(worst.sum()), len(worst))[1]


def test_the_pages_are_published_and_say_what_a_response_is_not(sheet, club, monkeypatch):
    monkeypatch.setenv("CUSTKIT_HOME", str(club.home))
    (made,) = run_packs(["book_club"], period="2001-01", workers=1)
    assert made.exit_code == 0, made.message
    page = (made.index.parent / "campaigns.html").read_text("utf-8")
    assert "not incremental: nobody kept back; against like customers: too few to compare" in page and "8.5%" in page
    assert "campaign_contacts.arm" in page
    facts = json.loads((made.index.parent / "results.json").read_text("utf-8"))
    assert not [key for key in facts["campaigns"] if key.startswith("uplift")]
    # Who bought in the last 365 days is known: the last purchase has its month.
    book = club.book
    last = sheet["R"].map(lambda n: MAILED - pd.DateOffset(months=n))
    segmented = frame(rfm_segments(rfm_scores(rfm(book.purchases, as_of=book.as_of)), segments=book.client.segments))
    assert len(segmented) == (last >= book.days_before(365)).sum()
