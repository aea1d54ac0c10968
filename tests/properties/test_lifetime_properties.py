"""What holds of every purchase model, whatever its parameters, and of every forecast."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custkit.analysis import buy_till_you_die as btyd
from custkit.analysis.gamma_gamma import NO_MEAN, TOGETHER, TOO_FEW, expected_spend, fit_spend
from custkit.analysis.histories import Histories
from custkit.analysis.lifetime import AUTO, PLAIN, fit_lifetime
from custkit.analysis.lifetime_forecast import HORIZONS, customer_lifetimes, forecast, model_card
from custkit.client import Engine
from custkit.engine import connect, frame, load
from custkit.tables import TABLES

MODEL = st.sampled_from(btyd.MODELS)
positive = st.floats(0.2, 20)
PARAMETERS = st.tuples(positive, positive, positive, positive)


def believed(model, parameters) -> btyd.Fit:
    return btyd.Fit(model, np.array(parameters), np.eye(4) * 1e-4, 0.0, 1, 1)


HISTORIES = pd.DataFrame({"frequency": [0, 1, 4, 30, 2, 0], "recency": [0, 20, 200, 350, 10, 0], "T": [100, 200, 250, 364, 364, 0]})


@given(MODEL, PARAMETERS)
def test_the_gradient_is_the_slope_of_the_likelihood(model, parameters):
    formulas, seen, at = btyd._FORMULAS[model], Histories.of(HISTORIES), np.array(parameters)
    _total, slopes = formulas.log_likelihood(at, seen)
    for i in range(4):
        step = np.zeros(4)
        step[i] = at[i] * 1e-5
        numeric = (formulas.log_likelihood(at + step, seen)[0] - formulas.log_likelihood(at - step, seen)[0]) / (2 * step[i])
        assert slopes[i] == pytest.approx(numeric, rel=1e-3, abs=1e-4 * max(1, 1 / at[i]))


@given(MODEL, PARAMETERS, st.sampled_from([7, 91, 364]))
@settings(max_examples=6)
def test_chances_of_each_number_of_purchases_give_the_same_mean_and_variance_as_the_formulas(model, parameters, days):
    fitted = believed(model, parameters)
    mean, variance = btyd.purchase_moments(fitted, HISTORIES, days=days)
    assert (mean >= 0).all() and (variance >= 0).all() and np.isfinite(mean).all()
    chances = np.array([btyd.probability_of_next(fitted, HISTORIES, n, days=days) for n in range(200)])
    told = chances.sum(axis=0) > 1 - 1e-12  # where 200 purchases hold all of the chance
    numbers = np.arange(200)[:, None]
    assert (numbers * chances).sum(axis=0)[told] == pytest.approx(mean[told], rel=1e-4, abs=1e-8)
    assert (numbers**2 * chances).sum(axis=0)[told] - mean[told] ** 2 == pytest.approx(variance[told], rel=1e-3, abs=1e-6)


@given(MODEL, PARAMETERS)
def test_a_customer_is_alive_with_a_probability_and_silence_makes_it_smaller(model, parameters):
    fitted = believed(model, parameters)
    waits = pd.DataFrame({"frequency": 3, "recency": 60, "T": [60, 90, 180, 700, 7000]})
    alive = btyd.p_alive(fitted, waits)
    assert ((alive >= 0) & (alive <= 1)).all()
    assert (np.diff(alive) <= 1e-12).all()


@pytest.mark.parametrize("model", btyd.MODELS)
def test_nothing_is_nan_for_a_hundred_thousand_purchases_or_at_the_edges_of_the_parameters(model):
    extreme = pd.DataFrame({"frequency": [100_000, 0, 1], "recency": [3000, 0, 0], "T": [3000, 5000, 0]})
    for parameters in ((0.3, 4, 1.0, 2.0), (0.3, 4, 1e-4, 2.0), (50, 0.01, 5, 1e4), (1e-4, 1e4, 2.0, 1e-3)):
        fitted = believed(model, parameters)
        mean, variance = btyd.purchase_moments(fitted, extreme, days=364)
        assert np.isfinite(mean).all() and np.isfinite(variance).all() and np.isfinite(btyd.p_alive(fitted, extreme)).all()


def simulated(seed: int, n: int = 3000, *, r=0.5, alpha=6.0, a=0.8, b=2.5, weeks=78) -> pd.DataFrame:
    """customer, day: purchases by the BG/NBD's own story."""
    rng = np.random.default_rng(seed)
    rate, chance = rng.gamma(r, 1 / alpha, n) / 7, rng.beta(a, b, n)
    now, alive, rows = rng.integers(0, weeks * 7 // 2, n).astype(float), np.arange(n), []
    rows.append((alive, np.floor(now)))
    while alive.size:
        now[alive] += rng.exponential(1 / np.maximum(rate[alive], 1e-12))
        alive = alive[now[alive] < weeks * 7]
        rows.append((alive, np.floor(now[alive])))
        alive = alive[rng.random(alive.size) >= chance[alive]]
    bought = pd.DataFrame({"customer": np.concatenate([w for w, _d in rows]), "day": np.concatenate([d for _w, d in rows])})
    return bought.drop_duplicates(ignore_index=True).astype("int64")


def histories(bought: pd.DataFrame, day: int) -> pd.DataFrame:
    seen = bought[bought["day"] < day].groupby("customer")["day"].agg(["min", "max", "size"])
    return pd.DataFrame({"frequency": seen["size"] - 1, "recency": seen["max"] - seen["min"], "T": day - 1 - seen["min"]})


@pytest.mark.parametrize("model", btyd.MODELS)
def test_time_in_other_units_scales_alpha_alone_and_beta_where_it_is_a_time(model):
    seen = histories(simulated(3), 78 * 7)
    weekly, sevenfold = btyd.fit(seen, model=model), btyd.fit(seen * [1, 7, 7], model=model)
    assert weekly.refusal == sevenfold.refusal == ""
    times = [7.0 if in_weeks else 1.0 for in_weeks in btyd._FORMULAS[model].in_weeks]
    assert sevenfold.parameters == pytest.approx(weekly.parameters * times, rel=1e-3)


def test_row_order_and_counting_equal_customers_once_change_nothing():
    seen = histories(simulated(4), 78 * 7)
    counted = seen.groupby(["frequency", "recency", "T"], as_index=False).size().rename(columns={"size": "customers"})
    one, shuffled, folded = btyd.fit(seen), btyd.fit(seen.sample(frac=1, random_state=1)), btyd.fit(counted)
    assert one.parameters == pytest.approx(shuffled.parameters, rel=1e-7)
    assert one.parameters == pytest.approx(folded.parameters, rel=1e-7)
    assert one.customers == folded.customers == len(seen)


def test_planted_parameters_lie_within_their_intervals_nine_times_in_ten():
    planted = np.array([0.5, 6.0, 0.8, 2.5])
    covered = []
    for seed in range(20):
        table = btyd.fit(histories(simulated(seed), 78 * 7)).table(z=1.6448536269514722)
        covered.append(((table["low"] <= planted) & (planted <= table["high"])).to_numpy())
    assert 0.8 <= np.mean(covered) <= 0.98


def test_the_range_of_a_customers_purchases_holds_what_it_says():
    bought = simulated(5, n=8000)
    cut = 52 * 7
    seen = histories(bought, cut)
    fitted = btyd.fit(seen)
    later = bought[(bought["day"] >= cut)].groupby("customer").size().reindex(seen.index, fill_value=0)
    low, high = btyd.purchase_range(fitted, seen, days=26 * 7, level=0.8)
    inside = ((later >= low) & (later <= high)).mean()
    assert inside >= 0.8  # whole numbers hold more than they must, those who never come back hold all


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (pd.DataFrame({"frequency": [0] * 500, "recency": 0, "T": range(500)}), btyd.TOO_FEW),
        (pd.DataFrame({"frequency": [3], "recency": [50], "T": [90]}), btyd.TOO_FEW),
        (pd.DataFrame({"frequency": [2] * 100, "recency": 30, "T": 90}), btyd.TOO_FEW),
        (pd.DataFrame({"frequency": np.arange(50, 350), "recency": np.arange(50, 350), "T": np.arange(50, 350)}), btyd.AT_BORDER),
    ],
    ids=["nobody came back", "one customer", "a hundred customers", "every day"],
)
@pytest.mark.parametrize("model", btyd.MODELS)
def test_a_fit_that_proves_nothing_is_refused_with_its_reason(model, seen, why):
    fitted = btyd.fit(seen, model=model)
    assert fitted.refusal == why or (why == btyd.AT_BORDER and fitted.refusal)
    assert np.isnan(fitted.log_likelihood)


def test_an_unknown_model_or_a_history_that_cannot_be_is_told():
    with pytest.raises(ValueError, match="there are bg_nbd, mbg_nbd, pareto_nbd"):
        btyd.fit(HISTORIES, model="bgnbd")
    with pytest.raises(ValueError, match="recency lies between 0 and T"):
        btyd.fit(pd.DataFrame({"frequency": [1], "recency": [10], "T": [5]}))
    with pytest.raises(ValueError, match="missing columns"):
        btyd.fit(pd.DataFrame({"frequency": [1]}))


def spenders(seed: int, *, q: float = 4.0, together: bool = False, n: int = 2000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = 1 + rng.poisson(3, n)
    scale = rng.gamma(q, 1 / 15.0, n) / (x**0.8 if together else 1.0)
    return pd.DataFrame({"frequency": x, "monetary_value": rng.gamma(6.0 * x, 1 / (scale * x))})


def test_spend_parameters_are_recovered_and_money_in_cents_scales_v_alone():
    euros = spenders(1)
    fitted, cents = fit_spend(euros), fit_spend(euros.assign(monetary_value=euros["monetary_value"] * 100))
    assert fitted.refusal == ""
    for planted, found, at in ((6.0, fitted.p, 0), (4.0, fitted.q, 1), (15.0, fitted.v, 2)):
        assert abs(np.log(found / planted)) < 3 * np.sqrt(fitted.covariance[at, at])
    assert (cents.p, cents.q, cents.v) == pytest.approx((fitted.p, fitted.q, fitted.v * 100), rel=1e-4)


def test_spend_that_grows_with_frequency_has_no_mean_or_too_few_is_refused():
    assert fit_spend(spenders(2, together=True)).refusal == TOGETHER
    assert fit_spend(spenders(3, q=0.6)).refusal == NO_MEAN
    assert fit_spend(spenders(4, n=20)).refusal == TOO_FEW


def test_expected_spend_lies_between_ones_own_mean_and_everybodys_and_nearer_ones_own_the_more_is_seen():
    fitted = fit_spend(spenders(5))
    seen = expected_spend(fitted, np.array([0, 1, 5, 500]), np.array([0.0, 200.0, 200.0, 200.0]))
    assert seen[0] == pytest.approx(fitted.mean)
    assert fitted.mean < seen[1] < seen[2] < seen[3] < 200


END = datetime(2026, 11, 1)


def orders(bought: pd.DataFrame, *, weeks: int = 78, seed: int = 0) -> pa.Table:
    first = END - timedelta(weeks=weeks)
    spend = np.random.default_rng(seed).gamma(2, 20, len(bought)).round(2)
    at = np.datetime64(first, "us") + bought["day"].to_numpy() * np.timedelta64(1, "D") + np.timedelta64(12, "h")
    known = {
        "order_id": [f"o{i}" for i in range(len(bought))],
        "customer_id": [f"c{customer}" for customer in bought["customer"]],
        "ordered_at": at,
        "order_date": at.astype("datetime64[D]"),
        "is_purchase": [True] * len(bought),
        "revenue": [Decimal(f"{money:.2f}") for money in spend],
    }
    schema = TABLES["orders"].arrow_schema
    return pa.table([pa.array(known.get(field.name, [None] * len(bought)), field.type) for field in schema], schema=schema)


@pytest.fixture(scope="module")
def duck():
    return connect(Engine())


def test_what_customers_bring_one_by_one_adds_up_to_the_forecast_and_longer_brings_more(duck):
    purchases = load(duck, "adds_up", orders(simulated(6, n=1500)))
    lifetime = fit_lifetime(purchases, as_of=END)
    assert lifetime.accepted and lifetime.reason == ""
    told = forecast(purchases, lifetime=lifetime, margin=0.4)
    each = frame(customer_lifetimes(purchases, lifetime=lifetime, margin=0.4))
    assert list(told["months"]) == list(HORIZONS) and len(each) == lifetime.customers == told["customers"].iloc[0]
    for months, row in told.set_index("months").iterrows():
        assert each[f"expected_orders_{months}_months"].sum() == pytest.approx(row["expected_orders"])
        assert each[f"expected_revenue_{months}_months"].sum() == pytest.approx(row["expected_revenue"])
        assert row["expected_margin"] == pytest.approx(0.4 * row["expected_revenue"])
        assert row["orders_low"] < row["expected_orders"] < row["orders_high"]
    assert told["expected_orders"].is_monotonic_increasing and told["expected_revenue"].is_monotonic_increasing
    assert (each["lifetime_value"] < each["expected_margin_12_months"]).all()
    assert (each["orders_low_12_months"] <= each["orders_high_12_months"]).all()
    assert each["p_alive"].between(0, 1).all()


def test_the_order_of_rows_changes_no_forecast(duck):
    table = orders(simulated(7, n=1200))
    mixed = table.take(pa.array(np.random.default_rng(1).permutation(len(table))))
    tables = [load(duck, name, one) for name, one in (("as_is", table), ("mixed", mixed))]
    fits = [fit_lifetime(one, as_of=END) for one in tables]
    told = [forecast(one, lifetime=fitted) for one, fitted in zip(tables, fits, strict=True)]
    pd.testing.assert_frame_equal(told[0], told[1], rtol=1e-9)
    pd.testing.assert_frame_equal(fits[0].candidates, fits[1].candidates, rtol=1e-9)


def test_what_comes_after_as_of_is_not_read(duck):
    bought = simulated(8, n=1200)
    earlier = END - timedelta(weeks=13)
    whole = load(duck, "whole", orders(bought))
    cut = load(duck, "cut", orders(bought[bought["day"] < 65 * 7]))
    found = [fit_lifetime(one, as_of=earlier) for one in (whole, cut)]
    assert found[0].model == found[1].model
    assert found[0].candidates["log_likelihood"].equals(found[1].candidates["log_likelihood"])


def test_half_a_year_foretold_holds_what_the_simulated_customers_did(duck):
    """The 90 % interval of all orders of the next 26 weeks, in shops whose future is known."""
    inside = []
    for seed in range(10):
        bought = simulated(100 + seed, n=2000, weeks=104)
        at = 78 * 7
        past, future = bought[bought["day"] < at], bought[bought["day"] >= at]
        purchases = load(duck, f"future_{seed}", orders(past))
        told = forecast(purchases, lifetime=fit_lifetime(purchases, as_of=END)).set_index("months").loc[6]
        came = future[(future["day"] < at + 182) & future["customer"].isin(past["customer"].unique())]
        inside.append(told["orders_low"] <= len(came) <= told["orders_high"])
    assert sum(inside) >= 8


def test_a_young_shop_and_a_client_who_wants_none_get_the_plain_rule_or_nothing(duck):
    bought = simulated(9, n=800)
    purchases = load(duck, "plainly", orders(bought))
    plain = fit_lifetime(purchases, as_of=END, model=PLAIN)
    assert not plain.accepted and plain.reason and plain.candidates["chosen"].sum() == 1
    each = frame(customer_lifetimes(purchases, lifetime=plain))
    assert each["p_alive"].isna().all() and each["expected_orders_3_months"].notna().all()
    young = load(duck, "young", orders(bought[bought["day"] >= 70 * 7]))
    nothing = fit_lifetime(young, as_of=END)
    assert not nothing.accepted and nothing.candidates.empty
    assert forecast(young, lifetime=nothing).empty
    assert frame(customer_lifetimes(young, lifetime=nothing))["expected_orders_3_months"].isna().all()


def test_nobody_bought_and_nothing_is_told(duck):
    nobody = load(duck, "nobody", orders(simulated(1).iloc[:0]))
    lifetime = fit_lifetime(nobody, as_of=END)
    assert not lifetime.accepted and lifetime.customers == 0
    assert forecast(nobody, lifetime=lifetime).empty
    assert len(frame(customer_lifetimes(nobody, lifetime=lifetime))) == 0


def test_the_card_sets_this_months_parameters_beside_last_months(duck):
    purchases = load(duck, "card", orders(simulated(10, n=1500)))
    now, before = fit_lifetime(purchases, as_of=END), fit_lifetime(purchases, as_of=datetime(2026, 10, 1))
    card = model_card(now, before)
    assert list(card["parameter"]) == list(now.fitted.names) and card["before"].notna().all() == (now.model == before.model)
    assert not card["moved"].any()


def test_an_unknown_choice_is_told(duck):
    nobody = load(duck, "nobody_2", orders(simulated(1).iloc[:0]))
    with pytest.raises(ValueError, match=f"there are {AUTO}, bg_nbd"):
        fit_lifetime(nobody, as_of=END, model="bgnbd")
    with pytest.raises(ValueError, match="margin is 40"):
        customer_lifetimes(nobody, lifetime=fit_lifetime(nobody, as_of=END), margin=40)
