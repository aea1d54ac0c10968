"""The plain rule beside the models: customers will buy as those did who stood where they stand now."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from custkit.analysis.rates import SMALL_SAMPLE

TOP_FREQUENCY = 7
SILENT_DAYS = (30, 90, 180)
CELL_COLUMNS = ("frequency", "silence", "customers", "orders_per_day")


def like_for_like(histories: pd.DataFrame, *, days: int) -> pd.DataFrame:
    """Purchases per day of customers with as many repeat purchases, silent as long.

    frequency, recency, T (days) | customers, actual_orders of the next `days`  →
    frequency (0 … 7, which is 7 and more), silence (0 … 3: up to 30, 90, 180 days, longer) | customers, orders_per_day

    Every cell has a row; one with fewer than 30 customers takes the mean of its frequency, and a frequency with fewer that of everybody.
    """
    placed = histories.assign(
        frequency=histories["frequency"].clip(upper=TOP_FREQUENCY),
        silence=np.searchsorted(SILENT_DAYS, (histories["T"] - histories["recency"]).to_numpy(), side="left"),
    )
    grid = pd.MultiIndex.from_product([range(TOP_FREQUENCY + 1), range(len(SILENT_DAYS) + 1)], names=["frequency", "silence"])
    sums = placed.groupby(["frequency", "silence"])[["customers", "actual_orders"]].sum().reindex(grid, fill_value=0)
    of_frequency = sums.groupby("frequency").transform("sum")
    overall = sums.sum()
    mean = (sums["actual_orders"] / sums["customers"].where(sums["customers"] >= SMALL_SAMPLE)).fillna(
        of_frequency["actual_orders"] / of_frequency["customers"].where(of_frequency["customers"] >= SMALL_SAMPLE)
    )
    mean = mean.fillna(overall["actual_orders"] / max(overall["customers"], 1))
    return pd.DataFrame({"customers": sums["customers"], "orders_per_day": mean / days}).reset_index()[list(CELL_COLUMNS)]


def cell_orders(cells: pd.DataFrame, histories: pd.DataFrame, *, days: float) -> np.ndarray:
    """Expected purchases of each history in the next `days`, by the cell it stands in."""
    place = histories["frequency"].clip(upper=TOP_FREQUENCY).to_numpy("int64") * (len(SILENT_DAYS) + 1)
    place += np.searchsorted(SILENT_DAYS, (histories["T"] - histories["recency"]).to_numpy(), side="left")
    return cells.sort_values(["frequency", "silence"])["orders_per_day"].to_numpy("float64")[place] * days


def with_cell(summary: ir.Table) -> ir.Table:
    """clv_summary  →  … + cell_frequency, cell_silence: the cell of `like_for_like` each customer stands in."""
    silent = summary.T - summary.recency
    silence = ibis.cases(*[(silent <= days, i) for i, days in enumerate(SILENT_DAYS)], else_=len(SILENT_DAYS)).cast("int64")
    frequency = (summary.frequency < TOP_FREQUENCY).ifelse(summary.frequency, TOP_FREQUENCY).cast("int64")
    return summary.mutate(cell_frequency=frequency, cell_silence=silence)
