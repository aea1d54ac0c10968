"""What a customer's first 30 days look like, in numbers, and what came after them: the ground of every forecast about new customers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.kmeans import md5
from custkit.engine import clipped, frame, to_float
from custkit.tables import SALE

EARLY_DAYS = 30
FOLLOWED_DAYS = (90, 180)
SAMPLE = 20_000
# What is counted or paid grows by factors, so its log is taken; shares and days stay as they are.
LOGS = ("early_spend", "early_days", "items_per_order", "products_per_order", "spend_per_item", "categories", "visit_days")
PLAIN = ("last_day", "first_day_share", "offer_share", "return_share")
# Words: one column for each that is common enough.
WORDS = ("came_by", "bought_via")
_COMMON, _MOST_WORDS = 0.05, 6
# First-seen customers of the data's first month, against the next one: many more are old customers seen for the first time.
CROWD = 1.5


def early_features(
    orders: ir.Table, order_lines: ir.Table, products: ir.Table, events: ir.Table, customers: ir.Table, *, as_of: datetime
) -> ir.Table:
    """Fold each customer's first 30 days, once they are over, and the spend of the days after them.

    orders, order lines, products, events, customers  →  customer_id | first_date, early_spend (currency), early_days (with a purchase),
    last_day (of the last early purchase; 0: the first day), first_day_share (of early spend), items_per_order, products_per_order,
    spend_per_item, categories, offer_share (of gross spend), return_share (of gross spend), visit_days (with an event), came_by,
    bought_via (channel of the first order), next_spend_90, next_spend_180 (currency, days after the first 30)

    Days count from the first purchase, which is day 0. Spend that is still to come is null, not 0: next_spend_90 is known 120 days after
    the first purchase. What the client's data lack is null. Worked out once and kept on the engine as long as the answer is. [S32 S33]
    """
    known = orders.filter(_.customer_id.notnull(), _.ordered_at < as_of)
    begun = known.filter(_.is_purchase).group_by("customer_id").aggregate(first_date=_.order_date.min())
    lived = (ibis.literal(as_of.date()).delta(begun.first_date, unit="day")).cast("int64")
    begun = begun.mutate(lived=lived).filter(_.lived >= EARLY_DAYS)
    dated = known.join(begun, "customer_id").mutate(day=_.order_date.delta(_.first_date, unit="day").cast("int64")).filter(_.day >= 0)
    folded = _spent(dated)
    for part in (_categories(order_lines, products, begun, as_of), _visits(events, begun, as_of), _channels(dated), _came_by(customers)):
        folded = folded.left_join(part, "customer_id").drop("customer_id_right")
    # Where the client has events, who left none made no visit.
    has_events = folded.visit_days.max().over(ibis.window()).notnull()
    return folded.mutate(visit_days=has_events.ifelse(folded.visit_days.fill_null(0.0), folded.visit_days)).cache()


def _spent(dated: ir.Table) -> ir.Table:
    early, bought = _.day < EARLY_DAYS, _.is_purchase & (_.day < EARLY_DAYS)
    offers = _.discount_amount.fill_null(0) + _.coupon_amount.fill_null(0)
    sums = {f"next_{days}": _.revenue.sum(where=(_.day >= EARLY_DAYS) & (_.day < EARLY_DAYS + days)).fill_null(0) for days in FOLLOWED_DAYS}
    folded = dated.group_by("customer_id", "first_date", "lived").aggregate(
        spend=_.revenue.sum(where=early),
        day_spend=_.revenue.sum(where=bought & (_.day == 0)),
        days=_.order_date.nunique(where=bought),
        last_day=_.day.max(where=bought),
        orders=_.count(where=bought),
        pieces=_.items.sum(where=bought),
        kinds=_.products.sum(where=bought),
        gross=_.gross_amount.sum(where=bought),
        off=offers.sum(where=bought),
        returned=_.return_amount.sum(where=early),
        **sums,
    )
    spend, gross = clipped(to_float(folded.spend), 0.0), to_float(folded.gross)
    nothing = ibis.null("float64")
    next_spend = {
        f"next_spend_{days}": (folded.lived >= EARLY_DAYS + days).ifelse(clipped(to_float(folded[f"next_{days}"]), 0.0), nothing)
        for days in FOLLOWED_DAYS
    }
    return folded.select(
        "customer_id",
        "first_date",
        early_spend=spend,
        early_days=to_float(folded.days),
        last_day=to_float(folded.last_day),
        first_day_share=clipped(to_float(folded.day_spend) / spend.nullif(0.0), 0.0, 1.0),
        items_per_order=to_float(folded.pieces) / folded.orders,
        products_per_order=to_float(folded.kinds) / folded.orders,
        spend_per_item=spend / to_float(folded.pieces).nullif(0.0),
        offer_share=to_float(folded.off) / gross.nullif(0.0),
        return_share=clipped(-to_float(folded.returned.fill_null(0)) / gross.nullif(0.0), 0.0, 1.0),
        **next_spend,
    )


def _categories(order_lines: ir.Table, products: ir.Table, begun: ir.Table, as_of: datetime) -> ir.Table:
    sold = order_lines.filter(_.customer_id.notnull(), _.kind == SALE, _.ordered_at < as_of).join(begun, "customer_id")
    early = sold.filter(sold.ordered_at.date().delta(sold.first_date, unit="day") < EARLY_DAYS)
    named = early.left_join(products.select("product_id", "category"), "product_id")
    return named.group_by("customer_id").aggregate(categories=to_float(_.category.nunique()))


def _visits(events: ir.Table, begun: ir.Table, as_of: datetime) -> ir.Table:
    seen = events.filter(_.customer_id.notnull(), _.occurred_at < as_of).join(begun, "customer_id")
    day = seen.occurred_at.date().delta(seen.first_date, unit="day")
    visited = seen.filter(day >= 0, day < EARLY_DAYS).mutate(seen_on=_.occurred_at.date())
    return visited.group_by("customer_id").aggregate(visit_days=to_float(_.seen_on.nunique()))


def _channels(dated: ir.Table) -> ir.Table:
    first = ibis.window(group_by="customer_id", order_by=["ordered_at", "order_id"])
    firsts = dated.filter(_.is_purchase).mutate(place=ibis.row_number().over(first)).filter(_.place == 0)
    return firsts.select("customer_id", bought_via=_.channel)


def _came_by(customers: ir.Table) -> ir.Table:
    return customers.select("customer_id", came_by=_.acquisition_channel)


class Column(NamedTuple):
    """One column of a model: a feature, or one word of it."""

    feature: str
    word: str | None = None

    @property
    def name(self) -> str:
        """ "early_days", "came_by=Affiliates": what people are told is made of it."""
        return self.feature if self.word is None else f"{self.feature}={self.word}"

    def of(self, features: ir.Table) -> Any:
        """The column as a number on the engine; null where not known."""
        value = features[self.feature]
        if self.word is not None:
            return (value == self.word).fill_null(False).ifelse(1.0, 0.0).cast("float64")
        if self.feature in LOGS:
            return (clipped(to_float(value), 0.0) + 1.0).ln()
        return to_float(value)


def early_sample(features: ir.Table, *, known: str) -> pd.DataFrame:
    """The features of at most 20,000 customers for whom `known` is known, drawn by a hash of their id, by first purchase.

    The same customers give the same sample, whatever their order.
    """
    drawn = features.filter(features[known].notnull()).mutate(draw=md5(_.customer_id)).order_by("draw", "customer_id").limit(SAMPLE)
    return frame(drawn.drop("draw")).sort_values(["first_date", "customer_id"], ignore_index=True)


def new_customers(features: ir.Table) -> tuple[ir.Table, int]:
    """Leave out the first month of data where many more are first seen in it than in the next; how many were left out.

    Most of them were customers before the data begin, so what is seen first of them is not their beginning.
    """
    begins = features.first_date.min().over(ibis.window())
    dated = features.mutate(month=(features.first_date.delta(begins, unit="day") // EARLY_DAYS).cast("int64"))
    counts = frame(dated.group_by("month").aggregate(customers=_.count())).set_index("month")["customers"]
    first, second = int(counts.get(0, 0)), int(counts.get(1, 0))
    # The second month is whole only where a third one has begun.
    if not second or counts.index.max() < 2 or first <= CROWD * second:
        return features, 0
    return dated.filter(_.month > 0).drop("month"), first


def model_columns(sample: pd.DataFrame, wanted: Sequence[str] = (*LOGS, *PLAIN, *WORDS)) -> list[Column]:
    """The columns that can tell customers apart: known for somebody, and not the same for all; of words the common ones."""
    columns = [Column(name) for name in wanted if name not in WORDS and sample[name].min() < sample[name].max()]
    for name in (name for name in wanted if name in WORDS):
        shares = sample[name].value_counts(normalize=True)
        common = sorted(shares[shares >= _COMMON].index, key=lambda word: (-shares[word], word))[:_MOST_WORDS]
        columns += [Column(name, word) for word in common] if len(shares) > 1 else []
    return columns


def design(sample: pd.DataFrame, columns: Sequence[Column]) -> np.ndarray:
    """The columns as numbers, one row a customer; nan where not known."""
    made = []
    for column in columns:
        value = sample[column.feature]
        if column.word is not None:
            made.append((value == column.word).to_numpy("float64"))
        elif column.feature in LOGS:
            made.append(np.log1p(value.astype("float64").clip(lower=0.0)).to_numpy())
        else:
            made.append(value.astype("float64").to_numpy())
    return np.column_stack(made) if made else np.empty((len(sample), 0))


def linear(features: ir.Table, columns: Sequence[Column], coefficients: Sequence[float], means: Sequence[float]) -> Any:
    """Σ coefficient × (column − mean) on the engine; a column that is not known counts as its mean."""
    parts = [
        (column.of(features) - ibis.literal(float(mean), "float64")).fill_null(0.0) * ibis.literal(float(coefficient), "float64")
        for column, coefficient, mean in zip(columns, coefficients, means, strict=True)
        if coefficient
    ]
    return sum(parts, ibis.literal(0.0, "float64"))


def split_by_time(sample: pd.DataFrame, share: float = 2 / 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The earlier customers and the later ones, parted between two days of first purchase, as near to `share` as days allow."""
    if sample.empty:
        return sample, sample
    border = sample["first_date"].iloc[min(int(len(sample) * share), len(sample) - 1)]
    earlier = sample["first_date"] < border
    return sample[earlier].reset_index(drop=True), sample[~earlier].reset_index(drop=True)
