"""Who came on many days at first is among the best now: new customers who do so look alike, and are told why."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from custkit.analysis.look_alikes import TOO_FEW, best_since, fit_look_alikes, look_alikes, reason_counts
from custkit.engine import fetch

AS_OF = datetime(2026, 11, 1)
FLOATS = (
    "early_spend", "early_days", "last_day", "first_day_share", "items_per_order", "products_per_order", "spend_per_item", "offer_share",
    "return_share", "next_spend_90", "next_spend_180", "categories", "visit_days",
)  # fmt: skip
SCHEMA = pa.schema(
    [("customer_id", pa.string()), ("first_date", pa.date32()), *((name, pa.float64()) for name in FLOATS), ("came_by", pa.string()),
     ("bought_via", pa.string())]
)  # fmt: skip


def people(n, *, telling=True, seed=5):
    """Features of n customers, and what each spent on the last day: a tenth are best, and they had six early days instead of two."""
    rng = np.random.default_rng(seed)
    rows, orders = [], []
    for i in range(n):
        age, best = 30 + i % 600, rng.random() < 0.12
        many = best if telling else rng.random() < 0.12
        rows.append(
            dict.fromkeys(FLOATS)
            | {
                "customer_id": f"c{i:05}", "first_date": AS_OF.date() - timedelta(days=age), "early_spend": float(20 + rng.integers(0, 50)),
                "early_days": float((5 if many else 1) + rng.integers(0, 3)), "items_per_order": float(1 + rng.integers(0, 5)),
                "next_spend_180": 1.0 if age >= 210 else None, "came_by": ("Referral", "Ads", "Search")[i % 3],
            }
        )  # fmt: skip
        at = AS_OF - timedelta(days=1, hours=-9)
        spent = float(500 + i % 7 if best else 10 + i % 5)
        if age > 31:
            orders.append({"order_id": f"o{i}", "customer_id": f"c{i:05}", "ordered_at": at, "order_date": at.date(), "revenue": spent})
    return rows, orders


@pytest.fixture
def put(load_table):
    def get(n=2000, **options):
        rows, orders = people(n, **options)
        return load_table("features", rows, schema=SCHEMA), load_table("orders", orders)

    return get


def told(expr):
    return fetch(expr).to_pandas().set_index("customer_id").sort_index()


def test_the_best_are_the_tenth_that_brought_most_after_their_first_30_days(load_table):
    first = AS_OF.date() - timedelta(days=100)
    ids = [f"c{i}" for i in range(20)]
    features = load_table("features", [dict.fromkeys(FLOATS) | {"customer_id": c, "first_date": first} for c in ids], schema=SCHEMA)

    def order(customer, ago, spent):
        at = AS_OF - timedelta(days=ago, hours=-9)
        return {"order_id": f"{customer}-{ago}", "customer_id": customer, "ordered_at": at, "order_date": at.date(), "revenue": spent}

    late, early = [order(c, 50, i + 1) for i, c in enumerate(ids)], [order("c0", 100, 1000), order("c1", 71, 1000)]
    marked = told(best_since(features, load_table("orders", late + early), as_of=AS_OF))
    assert sorted(marked.index[marked.is_best]) == ["c18", "c19"]
    assert marked.later_spend["c0"] == 1.0
    tied = [order(c, 50, 5) for c in ids]
    assert told(best_since(features, load_table("orders", tied), as_of=AS_OF)).is_best.all(), "equal customers are equal"


def test_who_looks_like_the_best_is_told_so_and_why(put):
    features, orders = put()
    fitted = fit_look_alikes(features, orders, as_of=AS_OF)
    assert fitted.refusal == ""
    best = fitted.looks.set_index("feature").loc["early_days"]
    assert fitted.looks.feature.iloc[0] == "early_days" and best.best_mean > best.others_mean + 3
    alike = told(look_alikes(features, fitted=fitted, as_of=AS_OF))
    found = alike[alike.is_look_alike]
    assert 0.05 < len(found) / len(alike) < 0.25
    assert (found.reason_1 == "early_days high").all()
    assert (found.reason_1 != found.reason_2).all()
    assert (alike.low <= alike.probability).all() and (alike.probability <= alike.high).all()
    assert alike.sort_values("score").probability.is_monotonic_increasing
    counts = reason_counts(look_alikes(features, fitted=fitted, as_of=AS_OF))
    assert counts.iloc[0].tolist() == ["early_days high", len(found)]


def test_it_is_judged_on_later_customers_whom_it_had_not_seen(put):
    quality = fit_look_alikes(*put(), as_of=AS_OF).quality.iloc[0]
    assert quality.precision > 0.6 and quality.lift > 5
    assert quality.low < quality.precision < quality.high
    assert quality.looked_at == round(quality.customers * 0.1)


def test_where_nothing_tells_the_best_early_the_lift_is_that_of_chance(put):
    quality = fit_look_alikes(*put(telling=False), as_of=AS_OF).quality.iloc[0]
    assert quality.low < quality.best_share < quality.high


def test_too_few_customers_or_too_few_best_are_told_nothing(put, load_table):
    features, orders = put(300)
    fitted = fit_look_alikes(features, orders, as_of=AS_OF)
    assert fitted.refusal == TOO_FEW
    empty = look_alikes(features, fitted=fitted, as_of=AS_OF)
    assert len(told(empty)) == 0 and len(reason_counts(empty)) == 0
    assert fit_look_alikes(features, load_table("orders", []), as_of=AS_OF).refusal == TOO_FEW


def test_a_window_without_days_is_refused(put):
    features, orders = put(300)
    with pytest.raises(ValueError, match="window_days is 0"):
        look_alikes(features, fitted=fit_look_alikes(features, orders, as_of=AS_OF), as_of=AS_OF, window_days=0)
