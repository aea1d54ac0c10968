"""Who is on which list on Monday: one row a customer with all that lists ask, and one entry a list."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.churn_risk import HIGH_FROM, customer_risks, fit_churn_risk
from custkit.analysis.customer_tags import customer_tags
from custkit.analysis.early_features import early_features
from custkit.analysis.kmeans import md5
from custkit.analysis.lifecycle import ACTIVE, DORMANT, FIRST_PAYMENT, LIVE_BUYERS, LOST, REGISTERED, REGULAR, VIP, customer_stages
from custkit.analysis.lifetime import fit_lifetime
from custkit.analysis.lifetime_forecast import customer_lifetimes
from custkit.analysis.look_alikes import fit_look_alikes, look_alikes
from custkit.analysis.margins import kept_share
from custkit.analysis.next_order import customer_gaps, fit_cycle
from custkit.analysis.win_back import dormant_causes, win_back
from custkit.book import Book
from custkit.engine import frame, to_float
from custkit.errors import BadInput
from custkit.period import Period
from custkit.words import mark

BOUGHT, SILENT, BIG = "bought", "silent", "big"
OUTCOME_NAMES = {
    BOUGHT: mark("bought"),
    SILENT: mark("bought nothing"),
    BIG: mark("among the tenth of the month's buyers who spent most"),
}
MONTH_DAYS = 31
DUE_FROM = 0.5
NEW_DAYS = 120
# Two-sided 5 % and 80 % power. [Cohen 1988]
_Z = 1.959963984540054 + 0.8416212335729143


@dataclass(frozen=True)
class ActionList:
    """One list. A further one is a further entry here, and what it asks a further column of `standings`.

    goal, rule   what the list is for, and who is on it, in the reader's words
    who, among   who is on it, of whom: columns of `standings`
    outcome      what members are expected to do within `months`: "bought", "silent" (bought nothing) or "big" (spent most)
    picks        False for a whole stage: nobody is picked, so nothing can be better than the base
    chance       the column that tells the chance of the outcome, where one does
    needs        tables without which the list cannot be made
    """

    name: str
    title: str
    goal: str
    rule: str
    who: Callable[[ir.Table], Any]
    among: Callable[[ir.Table], Any]
    outcome: Literal["bought", "silent", "big"] = "bought"
    months: int = 1
    picks: bool = True
    chance: str | None = None
    needs: tuple[str, ...] = ()


def _live(t: ir.Table) -> Any:
    return t.stage.isin(list(LIVE_BUYERS))


# The first list has the first claim on a customer.
LISTS: tuple[ActionList, ...] = (
    ActionList(
        "at_risk", mark("At risk"), mark("keep them before they are gone"),
        mark("the chance of buying nothing in the next 90 days is two thirds or more"),
        lambda t: t.risk >= HIGH_FROM, lambda t: t.risk.notnull(), outcome="silent", months=3, chance="risk",
    ),
    ActionList(
        "win_back", mark("Win back"), mark("bring back those who have gone quiet"),
        mark("dormant, of those gone quiet the half with most at stake; not who said farewell, is not late yet or waits for the season"),
        lambda t: (t.stage == DORMANT) & (t.stake_rank < 0.5), lambda t: t.stage == DORMANT,
    ),
    ActionList(
        "look_alikes", mark("Look like the best"), mark("make the best of new customers"),
        mark("new customers whose first 30 days look like those of today's best"),
        lambda t: t.is_look_alike, lambda t: t.alike.notnull(),
    ),
    ActionList(
        "high_potential", mark("High potential"), mark("larger orders"),
        mark("the tenth of customers to whom larger orders, like those of comparable customers, would add most"),
        lambda t: t.potential_rank < 0.1, lambda t: t.potential_rank.notnull(), outcome="big",
    ),
    ActionList(
        "due", mark("Due this month"), mark("remind them in time"),
        mark("the chance of an order within 31 days is a half or more"),
        lambda t: t.due_chance >= DUE_FROM, lambda t: t.due_chance.notnull(), chance="due_chance",
    ),
    ActionList(
        "vip_care", mark("VIP"), mark("keep the best close"), mark("stage VIP"),
        lambda t: t.stage == VIP, _live,
    ),
    ActionList(
        "second_purchase", mark("Second purchase"), mark("win the second purchase"), mark("stage first payment: bought on one day"),
        lambda t: t.stage == FIRST_PAYMENT, lambda t: t.stage == FIRST_PAYMENT, picks=False,
    ),
    ActionList(
        "regulars", mark("Regulars"), mark("sell what goes with what they buy"), mark("stage regular: bought on two days or more"),
        lambda t: t.stage == REGULAR, lambda t: t.stage == REGULAR, picks=False,
    ),
    ActionList(
        "first_purchase", mark("First purchase"), mark("win the first purchase"), mark("registered, has not bought yet"),
        lambda t: t.stage.isin([REGISTERED, ACTIVE]), lambda t: t.stage.isin([REGISTERED, ACTIVE]), picks=False,
        needs=("customers.registered_at",),
    ),
)  # fmt: skip
NAMES = {rule.name: rule.title for rule in LISTS}


def chosen(names: Sequence[str]) -> tuple[ActionList, ...]:
    """The lists that a client file names, in its order; all where it names none.

    Raises BadInput for a name that is no list.
    """
    known = {rule.name: rule for rule in LISTS}
    if unknown := [name for name in names if name not in known]:
        raise BadInput(f"actions.lists: `{unknown[0]}` is no list; there are {', '.join(known)}")
    return tuple(known[name] for name in names) or LISTS


def standings_by_month(book: Book, *, months: int = 4) -> dict[Period, ir.Table]:
    """`standings` at the end of the book's month and of the `months` before it, as far as a quarter of data lies before them."""
    first = book.snapshot.span[0]
    begins = Period.of(first) + 2 if first else book.period
    return {
        period: standings(book.at(period))
        for period in (book.period - back for back in range(months + 1))
        if period >= begins or period == book.period
    }


def standings(book: Book) -> ir.Table:
    """Everybody, with all that a list may ask, as it stood at the book's `as_of`.

    a book  →  customer_id | stage, segment, consent (null: not known), last_purchase_at, monetary_value (last 365 days), main_category,
    effectiveness, is_high_ticket, is_quiet_good, potential, potential_rank (0 the most), risk (of no order in 90 days), due_chance (of an
    order in 31 days), value_at_stake, stake_rank (0 the most), alike (chance to become one of the best), is_look_alike

    What cannot be told of a customer is null. Worked out once and kept on the engine as long as the answer is.
    """
    client, as_of, bought = book.client, book.as_of, book.purchases
    days = client.lifecycle.dormant_days
    stages = customer_stages(book.customers, bought, book.events, as_of=as_of, rules=client.lifecycle)
    model = fit_lifetime(bought, as_of=as_of, model=client.definitions.at("lifetime_value", book.period))
    tags = customer_tags(bought, book.order_lines, book.products, as_of=as_of, client=client).select(
        "customer_id", "segment", "target_group", "main_category", "effectiveness", "is_high_ticket", "is_quiet_good",
        potential=to_float(_.potential),
    )  # fmt: skip
    gaps = customer_gaps(bought, as_of=as_of)  # held from here on, so that those who ask for it again find it worked out
    risks = customer_risks(bought, fitted=fit_churn_risk(bought, as_of=as_of, model=model.model, active_days=days))
    due = customer_risks(bought, fitted=fit_churn_risk(bought, as_of=as_of, model=model.model, active_days=days, horizon_days=MONTH_DAYS))
    quiet = dormant_causes(stages, book.orders, book.surveys, gaps, cycle=fit_cycle(gaps), as_of=as_of)
    margin = kept_share(book.orders, as_of=as_of, given=client.gross_margin)
    stake = win_back(quiet, customer_lifetimes(bought, lifetime=model, margin=margin))
    features = early_features(book.orders, book.order_lines, book.products, book.events, book.customers, as_of=as_of)
    alike = look_alikes(features, fitted=fit_look_alikes(features, bought, as_of=as_of), as_of=as_of)
    known = stages.select("customer_id", "stage", "last_purchase_at", monetary_value=to_float(_.monetary_value))
    for part in (
        book.customers.select("customer_id", "consent"),
        tags.mutate(potential_rank=_share_above(tags.potential)),
        risks.select("customer_id", "risk"),
        due.select("customer_id", due_chance=1.0 - _.risk),
        stake.select("customer_id", "value_at_stake", stake_rank=_share_above(stake.value_at_stake)),
        alike.select("customer_id", "is_look_alike", alike=_.probability),
    ):
        known = known.left_join(part, "customer_id").drop("customer_id_right")
    return known.cache()


def _share_above(column: Any) -> Any:
    """Of all, the share that has more; 0 for the one with most, null where there is nothing."""
    above = ibis.rank().over(ibis.window(order_by=ibis.desc(column)))
    return (column > 0).ifelse(to_float(above) / to_float(column.count().over(ibis.window()).nullif(0)), ibis.null("float64"))


def listed(known: ir.Table, *, lists: Sequence[ActionList] = LISTS, max_lists: int = 1, consent: bool = False) -> ir.Table:
    """Put customers on lists, each on `max_lists` at most: the first lists have the first claim.

    standings  →  customer_id, list | list_rank (0 the first), place (0 the customer's first list), and the columns of standings

    With `consent` only those are on a list who have agreed. Who said farewell is on none.

    Raises ValueError if max_lists < 1.
    """
    if max_lists < 1:
        raise ValueError(f"max_lists is {max_lists}; a customer is on one list at least")
    free = known.filter(known.stage != LOST)
    free = free.filter(free.consent.fill_null(False)) if consent else free
    parts = [
        free.filter(rule.who(free).fill_null(False)).mutate(list=ibis.literal(rule.name), list_rank=ibis.literal(i, "int32").cast("int64"))
        for i, rule in enumerate(lists)
    ]
    everyone = parts[0].union(*parts[1:], distinct=False) if len(parts) > 1 else parts[0]
    place = ibis.row_number().over(ibis.window(group_by="customer_id", order_by="list_rank")).cast("int32").cast("int64")
    return everyone.mutate(place=place).filter(_.place < max_lists).cache()


def approachable(rows: ir.Table, customers: ir.Table, *, consent: bool) -> ir.Table:
    """Rows of customers who have not said farewell and, with `consent`, have agreed to be approached. [S102]"""
    kept = rows.anti_join(customers.filter(_.closed_at.notnull()), "customer_id")
    return kept.semi_join(customers.filter(_.consent.fill_null(False)), "customer_id") if consent else kept


def list_sizes(known: ir.Table, on: ir.Table, *, lists: Sequence[ActionList] = LISTS, consent: bool = False) -> pd.DataFrame:
    """How many are on each list, and why others who fit are not.

    standings, listed  →  list | fits (customers who fit the rule), no_consent, unknown_consent (of them; neither is on it where consent
    is asked), on_another (of the rest), customers (on the list)

    The parts sum to those who fit. Where consent is not asked, both counts are 0.
    """
    sizes = frame(on.group_by("list").aggregate(customers=_.count())).set_index("list")["customers"]
    measures: dict[str, Any] = {}
    free = known.filter(known.stage != LOST)
    for rule in lists:
        fits = rule.who(free).fill_null(False)
        measures[f"{rule.name}_fits"] = free.count(where=fits)
        measures[f"{rule.name}_no"] = free.count(where=fits & (free.consent == ibis.literal(False)).fill_null(False))
        measures[f"{rule.name}_unknown"] = free.count(where=fits & free.consent.isnull())
    row = frame(free.aggregate(**measures)).iloc[0]
    rows = []
    for rule in lists:
        fits, no, unknown = (int(row[f"{rule.name}_{part}"]) for part in ("fits", "no", "unknown"))
        no, unknown = (no, unknown) if consent else (0, 0)
        n = int(sizes.get(rule.name, 0))
        rows.append((rule.name, fits, no, unknown, fits - no - unknown - n, n))
    return pd.DataFrame(rows, columns=["list", "fits", "no_consent", "unknown_consent", "on_another", "customers"])


def control_sizes(sizes: pd.DataFrame, scores: pd.DataFrame, *, worth: float = 0.2) -> pd.DataFrame:
    """How many of each list are left alone, so that a contact that makes `worth` more of them buy is seen with 80 % power.

    list_sizes, month_scores  →  list | customers, control (left alone), base_rate (who bought within a month, of last month's list),
    seen_from (smallest difference in shares that this control shows with that power), is_short (it is larger than the one wanted)

    Two-sided test at 5 %. Where a list is too small to show it even in halves, a fifth is left alone, so that months can be read
    together, and `seen_from` says what one month shows, null where not even everybody buying would be seen; a list without a measured rate
    has no control size and no `seen_from` (null, control 0). [Cohen 1988; S94]

    Raises ValueError unless worth is above 0.
    """
    if worth <= 0:
        raise ValueError(f"worth is {worth}; an effect to be seen is above 0")
    rates = scores.set_index("list")
    rows = []
    for name, n in zip(sizes["list"], sizes["customers"], strict=True):
        people, n = int(rates["members"].get(name, 0)), int(n)
        rate = float(rates["bought"].get(name, 0)) / people if people else math.nan
        if not people or n < 2 or not 0 < rate < 1:
            rows.append((name, n, 0, rate, math.nan, False))
            continue
        control = control_size(n, rate, worth=worth)
        better = _better(rate, worth)
        is_short = _noise(n, control, rate, better) > ((better - rate) / _Z) ** 2
        seen_from = _Z * math.sqrt(_noise(n, control, rate, rate))
        rows.append((name, n, control, rate, seen_from if rate + seen_from <= 1 else math.nan, is_short))
    return pd.DataFrame(rows, columns=["list", "customers", "control", "base_rate", "seen_from", "is_short"])


def control_size(n: int, rate: float, *, worth: float = 0.2) -> int:
    """The smallest control of `n` customers that shows `rate` × (1 + worth) with 80 % power; a fifth of them where none does."""
    better = _better(rate, worth)
    wanted = ((better - rate) / _Z) ** 2
    low, high = 1, n // 2
    if _noise(n, high, rate, better) > wanted:
        return max(1, n // 5)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _noise(n, middle, rate, better) <= wanted else (middle + 1, high)
    return low


def _better(rate: float, worth: float) -> float:
    return min(rate * (1 + worth), 0.5 + rate / 2)


def _noise(n: int, control: int, rate: float, better: float) -> float:
    return better * (1 - better) / (n - control) + rate * (1 - rate) / control


def control_salt(book: Book) -> str:
    """What the draw of those left alone is keyed by: client, month, and the id of the client's key of pseudonyms where there is one.

    The id names the key without telling it. Neither is a secret kept from whoever has the snapshot: the salt is there so that a month can
    be drawn again, the same, and another month otherwise.
    """
    return "|".join([book.client.slug, str(book.period), book.snapshot.manifest.get("pseudonyms") or "public"])


def with_control(on: ir.Table, sizes: pd.DataFrame, *, salt: str) -> ir.Table:
    """Draw who is left alone: those whose keyed hash comes first, whoever asks and in whatever order.

    listed, control_sizes  →  … + is_control

    Keyed by `control_salt` and the list, so that whoever is left alone on one list or in one month is not more likely to be on another.
    """
    draw = md5(ibis.literal(salt + "|") + on["list"] + "|" + on.customer_id)
    drawn = on.mutate(draw=draw)
    order = ibis.row_number().over(ibis.window(group_by="list", order_by=["draw", "customer_id"]))
    wanted = [(drawn["list"] == name, int(control)) for name, control in zip(sizes["list"], sizes["control"], strict=True)]
    return drawn.mutate(is_control=order < ibis.cases(*wanted, else_=0)).drop("draw").cache()


def segment_lists(on: ir.Table) -> pd.DataFrame:
    """What is done with whom: customers on each list by segment and stage.

    listed  →  segment (null: bought nothing in the last 365 days), stage, list | customers
    """
    counted = frame(on.group_by("segment", "stage", "list").aggregate(customers=_.count()))
    return counted.sort_values(["customers", "segment", "stage", "list"], ascending=[False, True, True, True], ignore_index=True)
