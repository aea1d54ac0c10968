"""How effectively customers buy: a score from 0 to 100 of how often, how much at a time and how soon again, with its parts."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

# Each part, what it measures, and whether more is better.
PARTS = (("frequency_points", "frequency", True), ("ticket_points", "order_value", True), ("cycle_points", "cycle_days", False))


def effectiveness(values: ir.Table) -> ir.Table:
    """Score each customer from 0 to 100 by orders, order value and repurchase cycle.

    customer_id | frequency, order_value (currency), cycle_days  →  … + frequency_points, ticket_points, cycle_points, effectiveness

    A part is the share of customers who are no better, in whole percent; the score is the mean of the three, rounded down. Who has
    bought on one day only has no cycle yet and no points for it: that part is missing, not middling. Equals have equal points. [S47]
    """
    pointed = values.mutate(**{part: _points(values[measure], more) for part, measure, more in PARTS})
    return pointed.mutate(effectiveness=(_.frequency_points + _.ticket_points + _.cycle_points) // 3)


def _points(measure: ir.NumericColumn, more_is_better: bool) -> ir.IntegerValue:
    # Nulls come last on every engine, so that nobody unknown is better than somebody known.
    n = measure.count().over(ibis.window())
    better = ibis.rank().over(ibis.window(order_by=ibis.desc(measure) if more_is_better else ibis.asc(measure)))
    return measure.isnull().ifelse(0, (n - better) * 100 // n.nullif(0))
