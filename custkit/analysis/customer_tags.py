"""One row a customer with every tag that segmentation gives: ready for lists of people."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.concentration import with_decile
from custkit.analysis.effectiveness import effectiveness
from custkit.analysis.high_ticket import high_ticket
from custkit.analysis.rfm import is_quiet, rfm, rfm_scores, rfm_segments
from custkit.analysis.value_angles import positions, value_angles
from custkit.client import Client
from custkit.engine import frame
from custkit.tables import SALE
from custkit.words import mark

# Each tag with what it says, in the order in which a list shows them.
TAGS = {
    "segment": mark("segment of the client's own map"),
    "target_group": mark("the group that campaigns are planned for"),
    "value_level": mark("value today: spend of the last 365 days against the other customers"),
    "position": mark("place on the way: new, active, quiet or asleep by days since the first and the last order"),
    "decile": mark("tenth of customers by spend, 1 the best"),
    "is_high_ticket": mark("among those who spend most"),
    "is_quiet_good": mark("buys like the best, but has not been seen for long"),
    "effectiveness": mark("0 to 100: how often, how much at a time, how soon again"),
    "potential": mark("what larger orders, like those of comparable customers, would add in a year"),
    "main_category": mark("category with most of the customer's spend"),
}
COLUMNS = ("tag", "definition", "customers", "customer_share")


def customer_tags(purchases: ir.Table, order_lines: ir.Table, products: ir.Table, *, as_of: datetime, client: Client) -> ir.Table:
    """Every customer who bought in the last 365 days, with every tag: one row a customer, many tags.

    orders, order lines, products  →  customer_id | what `rfm` and `rfm_scores` give, and the columns of `TAGS`; margin and potential in
    currency, effectiveness with its parts, is_… booleans

    Rules, days, the threshold of high-ticket customers and the margin are the client's. main_category is null where products have no
    category. Equal customers have equal tags, but for what they bought. [S55]
    """
    scores = rfm_scores(rfm(purchases, as_of=as_of))
    segmented = rfm_segments(scores, segments=client.segments)
    grouped = rfm_segments(scores, segments=client.segment_map("target_groups")).select("customer_id", target_group="segment")
    tagged = (
        segmented.join(grouped, "customer_id")
        .pipe(with_decile)
        .pipe(high_ticket, spend=client.high_ticket_spend)
        .pipe(effectiveness)
        .pipe(positions, rules=client.lifecycle)
        .pipe(value_angles, rules=client.lifecycle, gross_margin=client.gross_margin)
        .mutate(is_quiet_good=is_quiet)
    )
    bought = main_categories(order_lines, products, as_of=as_of)
    told = tagged.left_join(bought, "customer_id").drop("customer_id_right")
    # Everything on the page asks it: worked out once and kept while it is asked. Spark keeps sums in a narrower type than it says.
    money = ops.Cast(told.monetary_value, to=told.monetary_value.type()).to_expr()
    return told.mutate(monetary_value=money).cache()


def main_categories(order_lines: ir.Table, products: ir.Table, *, as_of: datetime, window_days: int = 365) -> ir.Table:
    """The category on which each customer spent most in the window.

    order lines, products  →  customer_id | main_category   (of two with equal spend, the first by name)
    """
    start = as_of - timedelta(days=window_days)
    lines = order_lines.filter(_.kind == SALE, _.is_product.fill_null(False), _.ordered_at >= start, _.ordered_at < as_of)
    named = lines.filter(_.customer_id.notnull()).join(products.filter(_.category.notnull()).select("product_id", "category"), "product_id")
    spent = named.group_by("customer_id", "category").aggregate(revenue=_.revenue.sum())
    place = ibis.row_number().over(ibis.window(group_by="customer_id", order_by=[ibis.desc("revenue"), "category"]))
    return spent.mutate(place=place).filter(_.place == 0).select("customer_id", main_category="category")


def tag_counts(tags: ir.Table) -> pd.DataFrame:
    """How many customers carry each tag.

    customer_tags  →  tag, definition | customers (with the tag: true, above 0 or known), customer_share; tags that nobody has are left out
    """
    measures = {"customers": tags.count()}
    for tag in TAGS:
        column = tags[tag]
        carried = column if column.type().is_boolean() else column > 0 if column.type().is_numeric() else column.notnull()
        measures[f"n_{tag}"] = tags.count(where=carried)
    row = frame(tags.aggregate(**measures)).iloc[0]
    people = max(int(row.customers), 1)
    rows = [(tag, said, int(row[f"n_{tag}"]), int(row[f"n_{tag}"]) / people) for tag, said in TAGS.items() if row[f"n_{tag}"] > 0]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"customers": "int64", "customer_share": "float64"})
