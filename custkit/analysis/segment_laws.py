"""What must add up on the segmentation page."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis.expr.types as ir
import pandas as pd

from custkit.analysis.conservation import base, laws
from custkit.analysis.migration import ARRIVED, GONE


def segment_laws(
    summary: pd.DataFrame, tenths: pd.DataFrame, moves: pd.DataFrame, *, purchases: ir.Table, as_of: datetime, since: datetime
) -> pd.DataFrame:
    """Hold segments, tenths and moves against the orders, counted straight.

    segment_summary, deciles, month_moves; purchases  →  law | unit, sums, parts, whole   (as `conservation.laws`)

    Segments and tenths hold every known customer who bought in the 365 days before `as_of`, and every cent they spent; the moves hold
    last month's customers in their rows and this month's in their columns, each segment by itself.

    Raises BrokenLaw.
    """
    now, then = (base(purchases, as_of=end, start=end - timedelta(days=365)) for end in (as_of, since))
    here = moves[moves.segment != GONE].groupby("segment").customers.sum()
    return laws(
        segment_customers=(summary.customers, now.buyers),
        segment_revenue=(summary.revenue, now.known_revenue),
        decile_customers=(tenths.customers, now.buyers),
        decile_revenue=(tenths.revenue, now.known_revenue),
        migration_before=(moves[moves.segment_before != ARRIVED].customers, then.buyers),
        migration_now=(here, summary.set_index("segment").customers),
    )
