"""Registrations by what became of them, not by their number, and what each cost."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import false_discovery, shares_p_value, wilson
from custkit.engine import frame
from custkit.period import Period
from custkit.words import mark

ALL_CHANNELS, UNKNOWN_CHANNEL = mark("all channels"), mark("not known")
HORIZONS = (30, 90)
COLUMNS = (
    "acquisition_channel", "registrations", "n_30", "bought_30", "share_30", "n_90", "bought_90", "share_90", "low", "high",
    "is_different", "spend_amount", "cost_per_new", "cost_per_buyer",
)  # fmt: skip


def registration_quality(
    customers: ir.Table, purchases: ir.Table, marketing_spend: ir.Table, *, as_of: datetime, months: int = 12
) -> pd.DataFrame:
    """What became of those who registered in the last `months` months, by the channel they came from.

    one row a customer, purchase, channel and day  →  acquisition_channel | registrations, n_30, bought_30, share_30, n_90, bought_90,
    share_90, low, high, is_different, spend_amount, cost_per_new, cost_per_buyer   (all channels first, then the largest first)

    `bought_30` of `n_30`: who bought on the day of registering or within 30 days after it, of those registered at least 30 days ago.
    low, high: 95 % Wilson interval of `share_90`; `is_different`: it differs from the other channels' together, false discoveries kept
    to one in twenty. `cost_per_new` is the channel's marketing spend of those months over its registrations, `cost_per_buyer` over those
    who bought within 90 days at the mature customers' rate; null where no spend is known. [S57]
    """
    start = (Period.of(as_of - timedelta(microseconds=1)) - (months - 1)).start
    channels = frame(_fates(customers, purchases, start, as_of)).set_index("acquisition_channel")
    spend = frame(
        marketing_spend.filter(_.spent_at >= start, _.spent_at < as_of).group_by("channel").aggregate(spend_amount=_.spend_amount.sum())
    ).set_index("channel")
    channels = channels.join(spend, how="outer")
    channels[list(_COUNTS)] = channels[list(_COUNTS)].fillna(0).astype("int64")
    channels = channels.rename_axis("acquisition_channel").reset_index()
    channels = channels.sort_values(["registrations", "acquisition_channel"], ascending=[False, True], ignore_index=True)
    total = pd.DataFrame([{"acquisition_channel": ALL_CHANNELS, **channels[list(_COUNTS)].sum(), **_total_spend(channels)}])
    parts = [total, channels] if len(channels) else [channels]
    return _with_rates(pd.concat(parts, ignore_index=True))


_COUNTS = ("registrations", "n_30", "bought_30", "n_90", "bought_90")


def _fates(customers: ir.Table, purchases: ir.Table, start: datetime, as_of: datetime) -> ir.Table:
    new = customers.filter(_.registered_at >= start, _.registered_at < as_of).select(
        "customer_id",
        acquisition_channel=_.acquisition_channel.fill_null(UNKNOWN_CHANNEL),
        registered_date=_.registered_at.date(),
    )
    today = ibis.literal((as_of - timedelta(microseconds=1)).date())
    bought = (
        purchases.filter(_.ordered_at < as_of)
        .join(new, "customer_id")
        .group_by("customer_id")
        .aggregate(bought_date=_.order_date.min(where=_.order_date >= _.registered_date))
    )
    waits = new.left_join(bought, "customer_id").drop("customer_id_right")
    waits = waits.mutate(
        waited=waits.bought_date.delta(waits.registered_date, unit="day"), age=today.delta(waits.registered_date, unit="day")
    )
    mature = {f"n_{days}": (_.age >= days).ifelse(1, 0).sum() for days in HORIZONS}
    buyers = {f"bought_{days}": ((_.age >= days) & (_.waited <= days)).fill_null(False).ifelse(1, 0).sum() for days in HORIZONS}
    return waits.group_by("acquisition_channel").aggregate(registrations=_.count(), **mature, **buyers)


def _total_spend(channels: pd.DataFrame) -> dict[str, float]:
    return {"spend_amount": channels["spend_amount"].sum(min_count=1)}


def _with_rates(channels: pd.DataFrame) -> pd.DataFrame:
    for days in HORIZONS:
        n = channels[f"n_{days}"]
        channels[f"share_{days}"] = channels[f"bought_{days}"] / n.where(n > 0)
    bounds = [wilson(int(k), int(n)) for k, n in zip(channels["bought_90"], channels["n_90"], strict=True)]
    channels["low"], channels["high"] = [low for low, _high in bounds], [high for _low, high in bounds]
    channels["is_different"] = _different(channels)
    channels["cost_per_new"] = channels["spend_amount"] / channels["registrations"].where(channels["registrations"] > 0)
    channels["cost_per_buyer"] = channels["cost_per_new"] / channels["share_90"].where(channels["share_90"] > 0)
    return channels[list(COLUMNS)].astype({"spend_amount": "float64", "is_different": "bool"})


def _different(channels: pd.DataFrame) -> list[bool]:
    """Each channel's 90-day share against all other channels together; the first row is their sum."""
    if len(channels) < 3:
        return [False] * len(channels)
    k_all, n_all = int(channels["bought_90"].iloc[0]), int(channels["n_90"].iloc[0])
    pairs = [(int(k), int(n)) for k, n in zip(channels["bought_90"][1:], channels["n_90"][1:], strict=True)]
    adjusted = false_discovery([shares_p_value(k, n, k_all - k, n_all - n) for k, n in pairs])
    return [False, *(p <= 0.05 for p in adjusted)]
