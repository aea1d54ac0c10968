"""What became of those who registered, worked by hand."""

from datetime import datetime

import pytest

from custkit.analysis.registrations import registration_quality

AS_OF = datetime(2026, 11, 1)
REGISTERED = [
    ("a", "2026-01-10", "search"), ("b", "2026-02-10", "search"), ("c", "2026-10-20", "search"),
    ("d", "2026-03-10", "partner"), ("e", "2026-09-20", None), ("f", "2025-10-31", "search"),
]  # fmt: skip
BOUGHT = [("a", "2026-01-10"), ("b", "2026-04-01"), ("c", "2026-10-21"), ("d", "2026-09-01"), ("d", "2026-03-01"), (None, "2026-03-01")]
SPENT = [("search", "2026-01-01", 60), ("search", "2025-10-01", 500), ("television", "2026-05-01", 100)]


@pytest.fixture
def quality(load_table):
    def get(registered=REGISTERED, bought=BOUGHT, spent=SPENT):
        return registration_quality(
            load_table("customers", [{"customer_id": i, "registered_at": at, "acquisition_channel": via} for i, at, via in registered]),
            load_table(
                "orders",
                [
                    {"order_id": f"o{n}", "customer_id": i, "ordered_at": day, "order_date": day, "is_purchase": True, "revenue": 10}
                    for n, (i, day) in enumerate(bought)
                ],
            ),
            load_table("marketing_spend", [{"channel": via, "spent_at": at, "spend_amount": money} for via, at, money in spent]),
            as_of=AS_OF,
        )

    return get


def test_quality_is_asked_of_those_old_enough(quality):
    got = quality()[["acquisition_channel", "registrations", "n_30", "bought_30", "n_90", "bought_90"]]
    assert list(got.itertuples(index=False, name=None)) == [
        ("all channels", 5, 4, 1, 3, 2),
        ("search", 3, 2, 1, 2, 2),
        ("not known", 1, 1, 0, 0, 0),
        ("partner", 1, 1, 0, 1, 0),
        ("television", 0, 0, 0, 0, 0),
    ]


def test_cost_per_new_is_of_the_same_months(quality):
    got = quality().set_index("acquisition_channel")
    assert got.loc["search", ["spend_amount", "cost_per_new", "cost_per_buyer"]].tolist() == [60, 20, 20]
    assert got.loc["all channels", ["spend_amount", "cost_per_new"]].tolist() == [160, 32]
    assert got.loc[["partner", "television"], "cost_per_new"].isna().all()


def test_a_channel_that_differs_beyond_chance_is_marked(quality):
    good = [(f"g{n}", "2026-02-01", "search") for n in range(60)]
    bad = [(f"b{n}", "2026-02-01", "partner") for n in range(60)]
    bought = [(f"g{n}", "2026-02-02") for n in range(45)] + [(f"b{n}", "2026-02-02") for n in range(15)]
    got = quality(good + bad, bought, []).set_index("acquisition_channel")
    assert got["is_different"].to_dict() == {"all channels": False, "search": True, "partner": True}
    assert got["spend_amount"].isna().all()


def test_nobody_registered(quality):
    assert quality([], [], []).empty
