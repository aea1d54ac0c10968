"""What each segment mentions, searches and looks at more than others do. [S85]"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import SMALL_SAMPLE, false_discovery, share_difference, shares_p_value
from custkit.engine import frame
from custkit.words import mark

TOPIC, SEARCH, CATEGORY = mark("speak of"), mark("search for"), mark("look at")
COLUMNS = (
    "segment", "kind", "item", "customers", "segment_customers", "share", "others_share", "difference", "low", "high", "q_value",
    "is_more",
)  # fmt: skip

_BLANK_ENDS = "^[\\s\u3000\u00a0]+|[\\s\u3000\u00a0]+$"  # strip() takes an f for a form feed on Spark


def mentions(causes: ir.Table, events: ir.Table, products: ir.Table) -> ir.Table:
    """Each known customer's latest word of every kind: what they spoke of, searched for, looked at.

    answer_causes(…), events, products  →  customer_id, kind | item

    The latest of each kind alone: customers are then independent, and who says much does not count for more. [S85]
    """
    spoke = causes.filter(_.customer_id.notnull(), _.cause.notnull()).select(
        "customer_id", kind=ibis.literal(TOPIC, "string"), item=_.cause, at=_.answered_at, entry=_.response_id.fill_null("")
    )
    acts = events.filter(_.customer_id.notnull())
    asked = acts.filter(_.event_type == "search", _.query.notnull()).select(
        "customer_id",
        kind=ibis.literal(SEARCH, "string"),
        item=_.query.lower().re_replace(_BLANK_ENDS, ""),
        at=_.occurred_at,
        entry=_.event_id.fill_null(""),
    )
    named = products.filter(_.category.notnull()).select("product_id", "category")
    looked = acts.filter(_.event_type == "view").join(named, "product_id").select(
        "customer_id", kind=ibis.literal(CATEGORY, "string"), item=_.category, at=_.occurred_at, entry=_.event_id.fill_null("")
    )  # fmt: skip
    said = spoke.union(asked).union(looked)
    latest = ibis.window(group_by=["customer_id", "kind"], order_by=[ibis.desc("at"), ibis.desc("entry"), "item"])
    return said.mutate(nth=ibis.row_number().over(latest)).filter(_.nth == 0).select("customer_id", "kind", "item")


def segment_needs(mentions: ir.Table, segmented: ir.Table) -> pd.DataFrame:
    """Compare each segment with all the others, item by item.

    mentions(…), customer_id | segment  →  segment, kind, item | customers, segment_customers (with a word of that kind), share,
    others_share, difference, low, high (95 %), q_value, is_more   (clearest first)

    Segments and others with fewer than 30 customers are not compared, nor are items of fewer than 30. At most one false discovery in
    twenty over all that is compared. [S85]
    """
    placed = mentions.join(segmented.select("customer_id", "segment"), "customer_id")
    counts = frame(placed.group_by("segment", "kind", "item").aggregate(customers=_.count()))
    if counts.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    rows = []
    for kind, told in counts.groupby("kind", sort=True):
        cells = told.pivot_table(index="item", columns="segment", values="customers", fill_value=0, aggfunc="sum")
        of_item, of_segment, whole = cells.sum(axis=1), cells.sum(axis=0), int(cells.to_numpy().sum())
        for segment in cells.columns[(of_segment >= SMALL_SAMPLE) & (whole - of_segment >= SMALL_SAMPLE)]:
            n = int(of_segment[segment])
            for item in cells.index[of_item >= SMALL_SAMPLE]:
                k, k2, n2 = int(cells.loc[item, segment]), int(of_item[item]) - int(cells.loc[item, segment]), whole - n
                low, high = share_difference(k, n, k2, n2)
                rows.append((segment, kind, item, k, n, k / n, k2 / n2, k / n - k2 / n2, low, high, shares_p_value(k, n, k2, n2)))
    shown = pd.DataFrame(rows, columns=list(COLUMNS[:-1]))
    shown["q_value"] = false_discovery(shown["q_value"].tolist())
    shown["is_more"] = (shown["q_value"] <= 0.05) & (shown["difference"] > 0)
    return shown.sort_values(["q_value", "difference", "segment", "item"], ascending=[True, False, True, True], ignore_index=True)
