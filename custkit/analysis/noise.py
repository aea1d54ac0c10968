"""How far chance alone moves a month's measures: the spread of what each customer adds to them, and to their change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.kpis import MATURE_DAYS, WINDOW_DAYS
from custkit.engine import frame, to_float
from custkit.period import Period

# The month told, the month before, the same month last year.
BACKS = {"": 0, "_before": 1, "_year": 12}
COLUMNS = (
    "measure", "name", "variance", "skewness", "variance_before", "skewness_before", "variance_year", "skewness_year",
)  # fmt: skip


class _Sum(NamedTuple):
    """A total of customers' own figures, or a total over another: names of `_figures`; columns of `monthly_kpis` with the totals.

    `n` is the column with the number of customers in the base; `guests`: their orders count too, each as a customer of its own.
    """

    measure: str
    name: str
    top: str
    base: str = ""
    totals: tuple[str, str] = ("", "")
    n: str = "customers"
    guests: bool = False


_SUMS = (
    _Sum("revenue", "", "revenue", guests=True),
    _Sum("guest_revenue", "", "", guests=True),
    _Sum("customers", "", "bought"),
    _Sum("orders", "", "orders"),
    _Sum("aov", "known", "revenue", "orders", ("known_revenue", "orders")),
    _Sum("aov", "with_guests", "revenue", "orders", ("revenue", "all_orders"), guests=True),
    _Sum("aov", "cumulative", "revenue_ever", "orders_ever", ("revenue_ever", "orders_ever"), "customers_ever"),
    _Sum("spend_per_customer", "month", "revenue", "bought", ("known_revenue", "customers")),
    _Sum("spend_per_customer", "average_month", "revenue_year", "months_year", ("revenue_year", "customer_months"), ""),
    _Sum("spend_per_customer", "cumulative", "revenue_ever", "bought_ever", ("revenue_ever", "customers_ever"), "customers_ever"),
    _Sum("orders_per_customer", "", "orders", "bought", ("orders", "customers")),
    _Sum("items_per_order", "", "items", "orders", ("items", "orders")),
    _Sum("price_per_item", "", "revenue", "items", ("known_revenue", "items")),
    _Sum("repurchase_rate", "two_days", "two_days", "bought_lately", ("repeat_customers", "repurchase_base"), "repurchase_base"),
    _Sum(
        "repurchase_rate", "two_orders", "two_orders", "bought_lately", ("repeat_customers_by_order", "repurchase_base"),
        "repurchase_base",
    ),
    _Sum(
        "repurchase_rate", "mature", "two_days_mature", "mature", ("repeat_customers_mature", "repurchase_base_mature"),
        "repurchase_base_mature",
    ),
    _Sum("repurchase_rate", "all_time", "two_days_ever", "bought_ever", ("repeat_customers_ever", "customers_ever"), "customers_ever"),
)  # fmt: skip


def month_noise(orders: ir.Table, kpis: pd.DataFrame, *, period: Period) -> pd.DataFrame:
    """Reckon, for each total and ratio of the last month of `monthly_kpis`, how far chance moves it and its change.

    one row an order  →  measure, name (of the definition) | variance, skewness of the measure; …_before of its change on the month
    before; …_year of its change on the same month last year

    Customers are the independent ones. Each adds u to a measure: what they brought to a total; (their top − ratio × their base) / all
    base to a ratio; and to a change what they add now less what they added then, so that a customer who always buys alike adds no
    noise to it. variance = Σ u², skewness = Σ u³ / variance^1.5, with n / (n − 1) for ratios; a guest's order is a customer of its own.
    nan where a month is unknown. `intervals.skewed_interval` makes an interval of it. [Cochran 1977; Hall 1992; S70]
    """
    rows = {back: kpis.iloc[-1 - back] for back in BACKS.values() if len(kpis) > back and pd.notna(kpis.iloc[-1 - back]["revenue"])}
    if 0 not in rows:
        return _as_frame([])
    kept = {back: {named.totals: _ratio(named, rows[back]) for named in _SUMS} for back in rows}
    customers = _figures(orders, period, list(rows))
    known, guests = frame(customers.aggregate(**_moments(customers, kept))), frame(_guest_moments(orders, period, kept))
    return _as_frame([_told(named, known.iloc[0], guests.iloc[0], rows) for named in _SUMS])


def _ratio(named: _Sum, row: pd.Series) -> tuple[float, float] | None:
    """(ratio, total of its base); None where there is none."""
    if not named.base:
        return 0.0, 1.0
    top, base = (row[total] for total in named.totals)
    return None if pd.isna(top) or pd.isna(base) or base <= 0 else (float(top) / float(base), float(base))


def _figures(orders: ir.Table, period: Period, backs: list[int]) -> ir.Table:
    """customer_id | revenue_0, orders_0, …, revenue_1, …: what each customer brought in each month compared and up to its end."""
    known = orders.filter(_.ordered_at < period.end, _.customer_id.notnull())
    days = known.group_by("customer_id", "order_date").aggregate(
        revenue=to_float(_.revenue.sum()),
        orders=_.is_purchase.ifelse(1, 0).sum(),
        bought_items=to_float(_["items"].sum(where=_.is_purchase)).fill_null(0.0),
    )
    in_month = ibis.window(
        group_by=["customer_id", _.order_date.year(), _.order_date.month()], order_by=[ibis.desc(_.orders > 0), "order_date"]
    )
    dated = days.mutate(bought_month=((ibis.row_number().over(in_month) == 0) & (_.orders > 0)).ifelse(1, 0))
    sums = dated.group_by("customer_id").aggregate(**{name: value for back in backs for name, value in _figures_at(period - back, back)})
    flags = {f"{name}_{back}": value for back in backs for name, value in _flags(sums, back, (period - back).end.date())}
    return sums.mutate(**{name: to_float(value) for name, value in flags.items()})


def _figures_at(month: Period, back: int) -> Iterator[tuple[str, Any]]:
    start, end = month.start.date(), month.end.date()
    so_far, inside, year = _.order_date < end, (_.order_date >= start) & (_.order_date < end), (month - 11).start.date()
    lately = so_far & (_.order_date >= end - timedelta(days=WINDOW_DAYS))
    a_year = so_far & (_.order_date >= year)
    for name, column, where in (
        ("revenue", _.revenue, inside), ("orders", _.orders, inside), ("items", _.bought_items, inside),
        ("revenue_year", _.revenue, a_year), ("months_year", _.bought_month, a_year),
        ("revenue_ever", _.revenue, so_far), ("orders_ever", _.orders, so_far),
        ("days_lately", (_.orders > 0).ifelse(1, 0), lately), ("orders_lately", _.orders, lately),
        ("days_ever", (_.orders > 0).ifelse(1, 0), so_far),
    ):  # fmt: skip
        yield f"{name}_{back}", to_float(column.sum(where=where)).fill_null(0.0)
    yield f"first_{back}", _.order_date.min(where=so_far & (_.orders > 0))


def _flags(sums: ir.Table, back: int, end: date) -> Iterator[tuple[str, ir.NumericValue]]:
    lately, ever = sums[f"days_lately_{back}"], sums[f"days_ever_{back}"]
    mature = (lately > 0) & (sums[f"first_{back}"] <= end - timedelta(days=MATURE_DAYS)).fill_null(False)
    for name, holds in (
        ("bought", sums[f"orders_{back}"] > 0), ("bought_ever", ever > 0), ("two_days_ever", ever > 1), ("bought_lately", lately > 0),
        ("two_days", lately > 1), ("two_orders", sums[f"orders_lately_{back}"] > 1), ("mature", mature),
        ("two_days_mature", mature & (lately > 1)),
    ):  # fmt: skip
        yield name, holds.ifelse(1, 0)


def _added(customers: ir.Table, named: _Sum, back: int, kept: dict[int, dict[Any, Any]]) -> Any:
    """What each customer adds to the measure of that month; None where it is unknown."""
    if not named.top or back not in kept or (ratio := kept[back][named.totals]) is None:
        return None
    top = customers[f"{named.top}_{back}"]
    return top if not named.base else (top - customers[f"{named.base}_{back}"] * ratio[0]) / ratio[1]


def _moments(customers: ir.Table, kept: dict[int, dict[Any, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for place, named in enumerate(_SUMS):
        now = _added(customers, named, 0, kept)
        for back in BACKS.values():
            then = _added(customers, named, back, kept) if back else 0
            u = None if now is None or then is None else now - then
            made[f"square_{place}_{back}"] = ibis.null("float64") if u is None else (u * u).sum().fill_null(0.0)
            made[f"cube_{place}_{back}"] = ibis.null("float64") if u is None else (u * u * u).sum().fill_null(0.0)
    for back in kept:
        made[f"months_year_{back}"] = (customers[f"months_year_{back}"] > 0).ifelse(1, 0).sum()
    return made


def _guest_moments(orders: ir.Table, period: Period, kept: dict[int, dict[Any, Any]]) -> ir.Table:
    """Σ u² and Σ u³ of guests' orders in each month compared, for revenue and for the order value that counts them."""
    guests = orders.filter(_.ordered_at < period.end, _.customer_id.isnull())
    money, is_order = to_float(guests.revenue), guests.is_purchase.ifelse(1, 0)
    made: dict[str, Any] = {}
    for place, named in ((place, named) for place, named in enumerate(_SUMS) if named.guests):
        for back in kept:
            inside = (guests.ordered_at >= (period - back).start) & (guests.ordered_at < (period - back).end)
            ratio = kept[back][named.totals]
            u = None if ratio is None else (money - to_float(is_order) * ratio[0]) / ratio[1]
            made[f"square_{place}_{back}"] = ibis.null("float64") if u is None else (u * u).sum(where=inside)
            made[f"cube_{place}_{back}"] = ibis.null("float64") if u is None else (u * u * u).sum(where=inside)
    return guests.aggregate(**made)


def _told(named: _Sum, known: pd.Series, guests: pd.Series, rows: dict[int, pd.Series]) -> tuple[Any, ...]:
    place, told = _SUMS.index(named), []
    for back in BACKS.values():
        square, cube = (_value(known, f"{power}_{place}_{back}") if named.top else 0.0 for power in ("square", "cube"))
        if named.guests:
            for month, sign in ((0, 1), (back, -1)) if back else ((0, 1),):
                square += np.nan_to_num(_value(guests, f"square_{place}_{month}"))
                cube += sign * np.nan_to_num(_value(guests, f"cube_{place}_{month}"))
        known_month = back in rows
        variance = square * _correction(named, known, rows, back) if known_month else np.nan
        told += [variance, cube / square**1.5 if square > 0 else 0.0 if square == 0 and known_month else np.nan]
    return named.measure, named.name, *told


def _correction(named: _Sum, known: pd.Series, rows: dict[int, pd.Series], back: int) -> float:
    """n / (n − 1) for a ratio, by the smaller of the months compared; nan below two customers."""
    if not named.base:
        return 1.0
    n = min(float(rows[month][named.n]) if named.n else _value(known, f"months_year_{month}") for month in {0, back})
    return n / (n - 1) if n > 1 else np.nan


def _value(row: pd.Series, name: str) -> float:
    return np.nan if name not in row.index or pd.isna(row[name]) else float(row[name])


def _as_frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({name: "str" if name in COLUMNS[:2] else "float64" for name in COLUMNS})
