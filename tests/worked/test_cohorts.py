"""Who comes back when, worked by hand."""

from datetime import datetime

import pandas as pd
import pytest

from custkit.analysis.cohorts import churn_spells, cohort_ages, cohorts, day_retention

AS_OF = datetime(2026, 11, 1)


@pytest.fixture
def purchases(load_table):
    def get(*bought):
        orders = [
            {
                "order_id": f"o{n}", "customer_id": customer, "ordered_at": f"{day} 09:00", "order_date": day, "is_purchase": True,
                "revenue": revenue, "cost_amount": cost,
            }
            for n, (customer, day, revenue, cost) in enumerate(bought)
        ]  # fmt: skip
        return load_table("orders", orders)

    return get


# Two new in August (one back in October, twice that day), nobody new in September, one new in October; a guest; an order after the end.
BOUGHT = (
    ("ann", "2026-08-03", 10, 6),
    ("bob", "2026-08-31", 20, 12),
    ("ann", "2026-10-01", 5, 2),
    ("ann", "2026-10-01", 5, 2),
    ("cas", "2026-10-31", 40, None),
    (None, "2026-09-01", 99, 50),
    ("bob", "2026-11-01", 20, 12),
)


def test_months_that_have_not_happened_are_blank_and_quiet_months_are_zero(purchases):
    pd.testing.assert_frame_equal(
        cohorts(purchases(*BOUGHT), as_of=AS_OF),
        pd.DataFrame(
            {
                "cohort": ["2026-08"] * 3 + ["2026-10"] * 3,
                "period": [0, 1, 2] * 2,
                "cohort_customers": [2, 2, 2, 1, 1, 1],
                "customers": pd.array([2, 0, 1, 1, None, None], "Int64"),
                "retention_rate": [1, 0, 0.5, 1, None, None],
                "orders": pd.array([2, 0, 2, 1, None, None], "Int64"),
                "revenue": [30, 0, 10, 40, None, None],
                "margin": [12, 0, 6, None, None, None],
            }
        ).astype({"cohort": "str", "revenue": "float64", "margin": "float64"}),
    )


def test_an_unfinished_month_is_blank_too(purchases):
    got = cohorts(purchases(*BOUGHT), as_of=datetime(2026, 10, 20))
    assert list(got["cohort"].unique()) == ["2026-08"]
    assert got["customers"].tolist() == [2, 0]


def test_nobody_bought_no_cohorts(purchases):
    empty = cohorts(purchases(), as_of=AS_OF)
    assert empty.empty
    assert list(empty.dtypes) == list(cohorts(purchases(*BOUGHT), as_of=AS_OF).dtypes)


def test_only_customers_whose_window_has_ended_are_asked(purchases):
    got = day_retention(purchases(*BOUGHT), as_of=AS_OF, windows=((1, 30), (31, 60), (1, 60), (1, 62)))
    assert list(got[["from_day", "to_day", "n", "customers"]].itertuples(index=False, name=None)) == [
        (1, 30, 2, 0), (31, 60, 2, 1), (1, 60, 2, 1), (1, 62, 1, 1),
    ]  # fmt: skip
    assert got["retention_rate"].tolist() == [0, 0.5, 0.5, 1]


def test_a_second_order_on_the_first_day_is_no_return(purchases):
    same_day = purchases(("ann", "2026-08-03", 10, 6), ("ann", "2026-08-03", 10, 6))
    assert day_retention(same_day, as_of=AS_OF, windows=((1, 30),))["customers"].tolist() == [0]


def test_a_window_that_ends_before_it_begins_is_refused(purchases):
    with pytest.raises(ValueError, match="is none"):
        day_retention(purchases(), as_of=AS_OF, windows=((0, 30),))


def test_churn_is_the_first_long_silence_or_the_farewell(purchases, load_table):
    bought = purchases(
        ("silent", "2026-01-01", 1, 1), ("silent", "2026-02-01", 1, 1),
        ("back", "2026-01-01", 1, 1), ("back", "2026-09-01", 1, 1),
        ("closed", "2026-10-01", 1, 1),
        ("here", "2026-01-01", 1, 1), ("here", "2026-03-01", 1, 1), ("here", "2026-05-15", 1, 1), ("here", "2026-08-01", 1, 1),
    )  # fmt: skip
    customers = load_table(
        "customers",
        [
            {"customer_id": "closed", "registered_at": "2026-09-01", "closed_at": "2026-10-11"},
            {"customer_id": "here", "registered_at": "2026-01-01", "closed_at": "2026-11-01"},
        ],
    )
    spells = churn_spells(customers, bought, as_of=AS_OF, dormant_days=100)
    assert list(spells.itertuples(index=False, name=None)) == [(10, True, 1), (100, True, 1), (131, True, 1), (303, False, 1)]


def test_no_customers_no_spells(purchases, load_table):
    assert churn_spells(load_table("customers", []), purchases(), as_of=AS_OF, dormant_days=100).empty


def test_what_a_customer_has_brought_rests_on_the_cohorts_that_are_so_old(purchases):
    told = cohort_ages(cohorts(purchases(*BOUGHT), as_of=AS_OF), ages=(0, 1, 2, 3))
    pd.testing.assert_frame_equal(
        told,
        pd.DataFrame(
            {
                "age_months": [0, 1, 2],
                "cohort_customers": [3, 2, 2],
                "retention_rate": [1, 0, 0.5],
                "orders_per_customer": [1, 1, 2.0],
                "revenue_per_customer": [70 / 3, 15, 20],
                # The cost of one of October's orders is not known.
                "margin_per_customer": [None, 6, 9],
            }
        ),
        check_dtype=False,
    )
