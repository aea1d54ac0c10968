"""Published figures of the buy-till-you-die models. Data-free ones first; those on CDNOW read the public file where it is present."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custkit.analysis import bg_nbd, pareto_nbd
from custkit.analysis.buy_till_you_die import (
    BG_NBD,
    MBG_NBD,
    PARETO_NBD,
    Fit,
    expected_purchases,
    expected_since_first,
    fit,
    p_alive,
    probability_of,
)
from custkit.analysis.gamma_gamma import SpendFit, expected_spend, fit_spend
from custkit.analysis.histories import Histories
from custkit.analysis.lifetime_forecast import present_value


def weeks(x: float, recency: float, T: float) -> Histories:
    return Histories(*(np.array([float(part)]) for part in (x, recency, T, 1)))


def given(model: str, *parameters: float) -> Fit:
    return Fit(model, np.array(parameters), np.full((4, 4), np.nan), np.nan, 0, 0)


def days(x: int, recency_weeks: float, T_weeks: float) -> pd.DataFrame:
    return pd.DataFrame({"frequency": [x], "recency": [recency_weeks * 7], "T": [T_weeks * 7]})


@pytest.mark.parametrize(("history", "expected", "tolerance"), [((0, 0, 40), -0.59947382, 1e-5), ((200, 38, 40), 100.7957, 1e-4)])
def test_log_likelihood_of_one_customer_as_in_the_note_on_numerical_error(history, expected, tolerance):
    total, _slopes = bg_nbd.log_likelihood(np.array([0.25, 4.0, 0.8, 2.5]), weeks(*history), forgone=0)
    assert total == pytest.approx(expected, abs=tolerance)


ROUNDED = given(BG_NBD, 0.243, 4.414, 0.793, 2.426)


@pytest.mark.parametrize(
    ("n", "week", "expected", "tolerance"),
    [(10, 2, 1.07869e-07, 1e-12), (0, 39, 0.5737864, 1e-6), (11, 30, 0.0019995214, 1e-8), (20, 30, 0.0002222260, 1e-8)],
)
def test_probability_of_so_many_purchases_of_a_new_customer(n, week, expected, tolerance):
    assert probability_of(ROUNDED, n, days=np.array([week * 7.0]))[0] == pytest.approx(expected, abs=tolerance)


def test_a_customer_of_two_repeat_purchases_makes_1_226_more_in_39_weeks():
    customer = days(2, 30.43, 38.86)
    assert expected_purchases(ROUNDED, customer, days=39 * 7)[0] == pytest.approx(1.226, abs=1e-3)
    assert p_alive(ROUNDED, customer)[0] == pytest.approx(0.72658, abs=1e-4)


def test_expected_purchases_of_a_new_customer_week_by_week():
    fitted = given(BG_NBD, 0.2425945, 4.4136019, 0.7929199, 2.4258881)
    found = expected_since_first(fitted, days=np.array([0.1429, 1, 3, 31.8571, 32, 78]) * 7)
    assert found == pytest.approx([0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576], abs=1e-3)


def test_after_one_purchase_nobody_is_gone_in_the_bg_nbd_and_some_are_in_the_mbg_nbd():
    once = days(0, 0, 38.86)
    assert p_alive(ROUNDED, once)[0] == 1
    assert p_alive(given(MBG_NBD, 0.525, 6.183, 0.891, 1.614), once)[0] < 1


def test_pareto_nbd_of_the_walkthroughs_frequent_customer():
    fitted, customer = given(PARETO_NBD, 0.5534, 10.5802, 0.6061, 11.6562), days(26, 30.86, 31)
    assert p_alive(fitted, customer)[0] == pytest.approx(0.9979, abs=1e-3)
    assert expected_purchases(fitted, customer, days=52 * 7)[0] == pytest.approx(25.46, abs=0.01)


def test_expected_spend_of_five_customers_as_in_the_gamma_gamma_note():
    fitted = SpendFit(6.2488, 3.7446, 15.4477, np.nan, 946, 0.0, np.full((3, 3), np.nan))
    found = expected_spend(fitted, np.array([2, 1, 0, 7, 2]), np.array([22.35, 11.77, 0, 73.74, 25.55]))
    assert found == pytest.approx([24.65, 18.91, 35.17, 71.46, 27.28], abs=0.02)


def test_money_a_year_away_at_a_rate_of_one_is_worth_half_and_two_of_them_three_quarters():
    assert present_value([1.0], years=[1], rate=1.0) == 0.5
    assert present_value([1.0, 1.0], years=[1, 2], rate=1.0) == 0.75


@pytest.fixture(scope="module")
def purchases(real_data) -> pd.DataFrame:
    """customer, day, spend: the 1/10 sample, purchases of one day taken together."""
    names = ["master", "customer", "date", "cds", "spend"]
    path = real_data("cdnow/CDNOW_sample.txt")
    read = pd.read_csv(path, sep=r"\s+", header=None, names=names, dtype={"customer": str, "date": str})
    assert len(read) == 6919
    read["day"] = pd.to_datetime(read["date"])
    together = read.groupby(["customer", "day"], as_index=False)["spend"].sum()
    assert len(together) == 6696
    return together


END = pd.Timestamp("1997-09-30")


@pytest.fixture(scope="module")
def customers(purchases) -> pd.DataFrame:
    """One row a customer at the end of September 1997, folded by pandas."""
    seen = purchases[purchases["day"] <= END].copy()
    seen["first"] = seen.groupby("customer")["day"].transform("min")
    folded = seen.groupby("customer").agg(first=("day", "min"), last=("day", "max"), days=("day", "size"))
    return pd.DataFrame(
        {
            "frequency": folded["days"] - 1,
            "recency": (folded["last"] - folded["first"]).dt.days,
            "T": (END - folded["first"]).dt.days,
            "monetary_value": seen[seen["day"] > seen["first"]].groupby("customer")["spend"].mean(),
        }
    ).reset_index()


@pytest.fixture(scope="module")
def counts(customers) -> pd.DataFrame:
    return customers.groupby(["frequency", "recency", "T"], as_index=False).size().rename(columns={"size": "customers"})


def test_the_published_summary_is_rebuilt_from_the_purchases(customers, real_data):
    published = pd.read_csv(real_data("cdnow/cdnow_customers_summary_with_transactions.csv"))
    assert len(customers) == len(published) == 2357
    assert list(customers["frequency"]) == list(published["x"])
    assert (customers["recency"] / 7 - published["t_x"]).abs().max() < 0.005
    assert (customers["T"] / 7 - published["T"]).abs().max() < 0.005
    assert (customers["monetary_value"].fillna(0) - published["zbar"]).abs().max() <= 0.01


@pytest.mark.parametrize(
    ("model", "expected", "log_likelihood"),
    [
        (BG_NBD, (0.2425945, 4.4136019, 0.7929199, 2.4258881), -9582.429),
        (MBG_NBD, (0.525, 6.183, 0.891, 1.614), None),
        (PARETO_NBD, (0.553, 10.578, 0.606, 11.669), -9594.976),
    ],
)
def test_parameters_and_log_likelihood_on_cdnow(counts, model, expected, log_likelihood):
    fitted = fit(counts, model=model)
    assert fitted.refusal == "" and fitted.customers == 2357 and fitted.repeaters == 946
    assert fitted.parameters == pytest.approx(expected, abs=5e-4)
    if model == BG_NBD:
        assert fitted.parameters == pytest.approx(expected, rel=1e-4)
    if log_likelihood:
        assert fitted.log_likelihood == pytest.approx(log_likelihood, abs=2e-3)


def test_standard_errors_of_the_pareto_nbd_on_cdnow(counts):
    found = fit(counts, model=PARETO_NBD).table()["standard_error"]
    assert list(found) == pytest.approx([0.0476264, 0.8427222, 0.1872594, 6.2105448], rel=1e-3)


def test_gamma_gamma_on_cdnow(customers):
    fitted = fit_spend(customers)
    assert fitted.refusal == "" and fitted.customers == 946
    assert (fitted.p, fitted.q, fitted.v) == pytest.approx((6.25, 3.74, 15.44), abs=0.01)
    assert fitted.log_likelihood == pytest.approx(-4055.9177, abs=1e-3)
    assert fitted.mean == pytest.approx(35.17, abs=0.01)


def test_the_39_weeks_held_out_hold_1882_purchases_of_which_the_bg_nbd_foretells_seven_in_eight(counts, customers, purchases):
    later = purchases[(purchases["day"] > END) & purchases["customer"].isin(customers["customer"])]
    assert len(later) == 1882
    expected = float((expected_purchases(fit(counts), counts, days=39 * 7) * counts["customers"]).sum())
    assert 0.87 < expected / 1882 < 0.89  # the cumulative figure of the paper, 5 % low at week 78, is 4,110 of 4,339


def test_the_quadrature_of_the_pareto_nbd_equals_its_closed_form(counts):
    """The hypergeometric form of the literature at the published parameters, where it does not overflow."""
    from scipy.special import gammaln, hyp2f1

    r, alpha, s, beta = 0.5533, 10.578, 0.6062, 11.669
    seen = Histories.of(counts)
    x, t, T = seen.frequency, seen.recency, seen.T
    m = r + s + x

    def part(y):
        return hyp2f1(m, r + x, m + 1, (beta - alpha) / (beta + y)) / (beta + y) ** m

    alive = (alpha + T) ** -(r + x) * (beta + T) ** -s
    each = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.log(alive + s / m * (part(t) - part(T)))
    ours, _slopes = pareto_nbd.log_likelihood(np.array([r, alpha, s, beta]), seen)
    assert ours == pytest.approx(float(np.dot(each, seen.n)), abs=1e-4)
