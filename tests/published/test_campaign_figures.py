"""Campaign uplift against the published MineThatData e-mail test, and against other libraries on the same rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, power_proportions_2indep, proportions_ztest

from custkit import open_book
from custkit.analysis.campaign_uplift import campaign_uplift
from custkit.analysis.campaigns import CONTROL, campaign_outcomes, campaign_spans, campaign_summary

MENS, WOMENS = "Mens E-Mail", "Womens E-Mail"


@pytest.fixture(scope="module")
def sheet(real_data) -> pd.DataFrame:
    """The sheet as it is, its rows numbered."""
    return pd.read_csv(real_data("hillstrom/hillstrom.csv")).rename_axis("row").reset_index()


@pytest.fixture(scope="module")
def book(sheet, client_folder):
    """The sheet through intake: who was written to in one file, who bought within the fortnight in another."""
    folder = client_folder("hillstrom")
    home = folder.parents[1]
    bought = sheet[sheet["conversion"] == 1].assign(date="2008-03-10")[["row", "date", "spend"]]
    bought.to_csv(folder / "raw" / "orders.csv", index=False)
    sheet.assign(campaign="E", sent="2008-03-10")[["campaign", "row", "sent", "segment"]].to_csv(
        folder / "raw" / "contacts.csv", index=False
    )
    (folder / "raw" / "campaigns.csv").write_text("campaign,name,starts,ends\nE,E-mail,2008-03-10,2008-03-23\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(home))
        yield open_book("hillstrom", "2008-03")


@pytest.fixture(scope="module")
def campaign(book):
    spans = campaign_spans(book.campaigns, book.campaign_contacts, book.orders, as_of=book.as_of)
    return spans, campaign_outcomes(spans, book.campaign_contacts, book.orders)


def test_rows_that_are_alike_are_customers_of_their_own(sheet, campaign):
    plain = sheet.drop(columns="row")
    assert len(plain) == 64_000 and plain.duplicated().sum() == 6_562
    summary = campaign_summary(*campaign).set_index("arm")
    assert summary["customers"].to_dict() == {MENS: 21_307, WOMENS: 21_387, CONTROL: 21_306}


def test_conversion_and_spend_by_group_are_the_published_ones(campaign):
    summary = campaign_summary(*campaign).set_index("arm")
    assert summary["buyers"].to_dict() == {MENS: 267, WOMENS: 189, CONTROL: 122}
    assert (summary["conversion_rate"] * 100).round(4).to_dict() == {MENS: 1.2531, WOMENS: 0.8837, CONTROL: 0.5726}
    assert summary["spend"].round(2).to_dict() == {MENS: 30_311.69, WOMENS: 23_038.11, CONTROL: 13_908.33}
    assert summary["spend_per_customer"].round(6).to_dict() == {MENS: 1.422617, WOMENS: 1.077202, CONTROL: 0.652789}


def test_uplifts_are_the_published_ones(campaign):
    uplift = campaign_uplift(*campaign).set_index(["measure", "arm"])
    bought, spend = uplift.loc["bought"], uplift.loc["spend per customer"]
    assert spend["uplift"].round(6).to_dict() == {MENS: 0.769827, WOMENS: 0.424412}
    assert bought["statistic"].round(3).to_dict() == {MENS: 7.385, WOMENS: 3.780}
    assert spend.loc[MENS, "statistic"] == pytest.approx(5.300090294, abs=5e-10)
    # The published interval is the plain one, uplift ± 1.96 standard errors; Newcombe's leans towards the larger shares by a hair.
    shares = [(row["treated"], row["customers"], row["control"], row["control_customers"]) for _i, row in bought.iterrows()]
    half = np.array([1.959964 * np.sqrt(p * (1 - p) / n + q * (1 - q) / m) for p, n, q, m in shares])
    plain = np.column_stack([bought["uplift"] - half, bought["uplift"] + half])
    assert plain.round(5).tolist() == [[0.00500, 0.00861], [0.00150, 0.00472]]
    assert bought[["low", "high"]].to_numpy() == pytest.approx(plain, abs=4e-5)
    assert uplift["is_beyond_chance"].all() and set(uplift["test"]) == {"fair"}


def test_other_libraries_say_the_same(sheet, campaign):
    uplift = campaign_uplift(*campaign).set_index(["measure", "arm"])
    arms = dict(iter(sheet.groupby("segment")))
    control = arms["No E-Mail"]
    for arm in (MENS, WOMENS):
        row, k, n = uplift.loc[("bought", arm)], arms[arm]["conversion"].sum(), len(arms[arm])
        z, p = proportions_ztest([k, control["conversion"].sum()], [n, len(control)])
        assert (row["statistic"], row["p_value"]) == (pytest.approx(z), pytest.approx(p))
        newcombe = confint_proportions_2indep(k, n, control["conversion"].sum(), len(control), method="newcomb")
        assert (row["low"], row["high"]) == pytest.approx(newcombe)
        power = power_proportions_2indep(row["detectable"], row["control"], n, ratio=len(control) / n, alpha=0.05, value=0).power
        assert power == pytest.approx(0.8, abs=1e-3)
        spend = uplift.loc[("spend per customer", arm)]
        same = stats.ttest_ind(arms[arm]["spend"], control["spend"])
        assert (spend["statistic"], spend["p_value"]) == (pytest.approx(same.statistic), pytest.approx(same.pvalue))
    sizes = [len(part) for part in arms.values()]
    assert uplift["sizes_p"].to_numpy() == pytest.approx(np.full(len(uplift), stats.chisquare(sizes).pvalue))
