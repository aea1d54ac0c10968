"""Price elasticities of Dominick's orange juice and of cheese, against what is published and another way of counting."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.discount_response import discount_response
from custkit.engine import connect, load
from custkit.tables import TABLES


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def elasticity(duck, stores, products, weeks, quantity, price):
    """The response to the price paid, a store in the place of a customer: the same estimator."""
    pieces = np.round(np.asarray(quantity, dtype=float), 4)
    columns = {
        "order_id": [f"{i}" for i in range(len(pieces))],
        "customer_id": [str(store) for store in stores],
        "product_id": [str(product) for product in products],
        "ordered_at": [datetime(1990, 1, 1) + timedelta(weeks=int(week)) for week in weeks],
        "quantity": [f"{q:.4f}" for q in pieces],  # money is exact as text
        "gross_amount": [f"{q * p:.4f}" for q, p in zip(pieces, price, strict=True)],
        "kind": ["sale"] * len(pieces),
        "is_product": [True] * len(pieces),
    }
    nothing = [None] * len(pieces)
    lines = pa.table(
        {field.name: pa.array(columns.get(field.name, nothing)).cast(field.type) for field in TABLES["order_lines"].arrow_schema}
    )
    found = discount_response(load(duck, "lines", lines, schema=TABLES["order_lines"].schema))
    return found.set_index("response_of").loc["price"]


@pytest.fixture(scope="module")
def juice(real_data):
    weeks = pd.read_csv(real_data("price/orangeJuice_yx.csv.gz"))
    own = np.select([weeks.brand == brand for brand in range(1, 12)], [weeks[f"price{brand}"] for brand in range(1, 12)])
    return weeks.assign(price=own)


def within(frame, quantity, price, keys):
    """The slope by pandas: logs less their means over `keys`."""
    y, x = np.log(frame[quantity]), np.log(frame[price])
    groups = [frame[key] for key in keys]
    y, x = y - y.groupby(groups).transform("mean"), x - x.groupby(groups).transform("mean")
    return float((x * y).sum() / (x * x).sum())


def test_orange_juice_is_elastic_and_the_published_figures_lie_between_plain_and_advertised_weeks(duck, juice):
    """Pooled, with deals and features held fixed, −2.2 to −2.8 is published; leaving adverts in makes it more, leaving them out less."""
    every = elasticity(duck, juice.store, juice.brand, juice.week, np.exp(juice.logmove), juice.price)
    assert (every["customers"], every["products"], every["lines"]) == (83, 11, 106_139)
    assert every["response"] == pytest.approx(within(juice.assign(q=np.exp(juice.logmove)), "q", "price", ["store", "brand"]), abs=1e-3)
    plain = juice[(juice.deal == 0) & (juice.feat == 0)]
    quiet = elasticity(duck, plain.store, plain.brand, plain.week, np.exp(plain.logmove), plain.price)
    assert every["response"] < -2.8 < -2.2 < quiet["response"]
    # Each interval holds a part of the published range.
    assert every["response_high"] > -2.8 and quiet["response_low"] < -2.2


def test_cheese_is_as_elastic_as_published(duck, real_data):
    weeks = pd.read_csv(real_data("price/cheese.csv"))
    found = elasticity(duck, weeks.RETAILER, ["cheese"] * len(weeks), np.arange(len(weeks)) % 61, weeks.VOLUME, weeks.PRICE)
    assert found["response"] == pytest.approx(within(weeks, "VOLUME", "PRICE", ["RETAILER"]), abs=1e-3)
    assert -2.8 <= found["response"] <= -2.2
    assert found["customers"] == 88 and found["response_high"] < -2
