"""What the score is for: an offer, a service priority and a credit limit for each customer, each with its reason."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.abuse import suspected_abuse
from custkit.analysis.price_sensitivity import NOT_TOLD, PRICE_DRIVEN, price_sensitivity
from custkit.analysis.spending_score import HIGH, MIDDLE
from custkit.book import Book
from custkit.client import Credit
from custkit.engine import frame, to_float
from custkit.words import mark

SUSPECTED = "suspected"
FIRST_LOOK, BUNDLE, SOMETHING_NEW, STEP_UP, STANDARD, NO_OFFER = "first_look", "bundle", "something_new", "step_up", "standard", "no_offer"
OFFER_NAMES = {
    FIRST_LOOK: mark("first look at what is new, at full price"),
    BUNDLE: mark("more for a larger basket, no plain discount"),
    SOMETHING_NEW: mark("something they have not bought yet, at full price"),
    STEP_UP: mark("a coupon above the usual order value"),
    STANDARD: mark("what everybody gets"),
    NO_OFFER: mark("no offer until a person has looked"),
}
FIRST, NORMAL = "first", "normal"
PRIORITY_NAMES = {FIRST: mark("first in the queue"), NORMAL: mark("as usual")}
LIMIT, NO_LIMIT = "limit", "no_limit"
LIMIT_NAMES = {LIMIT: mark("a limit is suggested"), NO_LIMIT: mark("no suggestion")}
# Why: a reason holds for everybody in the same position, so that equal customers get equal things.
ENOUGH_HISTORY, NO_HISTORY, TOO_LITTLE = "enough_history", "no_history", "too_little"
OFFER, PRIORITY, CREDIT = "offer", "service_priority", "credit_limit"
ACTION_NAMES = {OFFER: mark("offer"), PRIORITY: mark("service"), CREDIT: mark("credit limit")}
CHOICE_NAMES = OFFER_NAMES | PRIORITY_NAMES | LIMIT_NAMES
# A limit is a round sum: rounded down to tens.
ROUND = 10
MONTHS = 12


def credit_history(purchases: ir.Table, *, as_of: datetime, rules: Credit | None = None, window_days: int = 365) -> ir.Table:
    """Count each customer's orders on credit in the trailing window: those whose payment method holds one of the client's words.

    purchases  →  customer_id | credit_orders

    Whether instalments and invoices were paid in time, no table tells. Guests are left out. [S28 S38]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    words = (rules or Credit()).methods
    inside = purchases.filter(_.customer_id.notnull(), _.ordered_at >= as_of - timedelta(days=window_days), _.ordered_at < as_of)
    method = inside.payment_method.lower()
    on_credit = reduce(or_, (method.contains(word.lower()) for word in words), ibis.literal(False)).fill_null(False)
    return inside.mutate(on_credit=on_credit).group_by("customer_id").aggregate(credit_orders=_.count(where=_.on_credit))


def spending_actions(
    scores: ir.Table, suspected: ir.Table, sensitivity: ir.Table, history: ir.Table, *, rules: Credit | None = None
) -> ir.Table:
    """What to do for each customer, and why.

    `spending_scores`; `suspected_abuse`; `price_sensitivity`; `credit_history`  →  customer_id | score, dimensions_present,
    weight_covered, level, price_sensitivity, monetary_value (currency), offer, offer_reason (level+price sensitivity),
    service_priority ("first", "normal"), priority_reason (level), credit_limit_suggestion (currency; null: none), credit_reason

    Offers: high level, price-driven: more for a larger basket; else a first look at what is new, at full price. Middle level: a coupon
    above the usual order value, or something not bought yet, in the same way. Low level or not compared: what everybody gets. So
    a discount goes to those who buy on offer, and two customers of one level may be offered different prices: say so where asked.
    Credit: with `min_orders` orders on credit or more, `months` × spend kept a month of the last twelve, rounded down to tens, at most
    `cap`. Those suspected get no offer and no limit, and service as usual, until a person has looked.
    Neither gender nor age is read; income only where the client maps it. [S36 S37 S38]
    """
    rules = rules or Credit()
    own = scores.select("customer_id", "score", "dimensions_present", "weight_covered", "level", "monetary_value")
    flagged = suspected.select(
        "customer_id",
        score=ibis.null("float64"),
        dimensions_present=ibis.literal(0, "int64"),
        weight_covered=ibis.literal(0.0, "float64"),
        level=ibis.literal(SUSPECTED),
        monetary_value=(_.sold_amount - _.returned_amount),
    )
    everyone = own.cast({"monetary_value": "decimal(38, 4)"}).union(flagged.cast({"monetary_value": "decimal(38, 4)"}))
    known = everyone.left_join(sensitivity.select("customer_id", "price_sensitivity"), "customer_id").drop("customer_id_right")
    known = known.left_join(history.select("customer_id", "credit_orders"), "customer_id").drop("customer_id_right")
    known = known.mutate(price_sensitivity=_.price_sensitivity.fill_null(NOT_TOLD), credit_orders=_.credit_orders.fill_null(0))
    limit = _limit(known, rules)
    placed = known.mutate(
        offer=_offer(known),
        service_priority=(known.level == HIGH).ifelse(FIRST, NORMAL),
        credit_limit=limit,
        credit_reason=ibis.cases(
            (known.level == SUSPECTED, SUSPECTED),
            (known.credit_orders < rules.min_orders, NO_HISTORY),
            (limit < ROUND, TOO_LITTLE),
            else_=ENOUGH_HISTORY,
        ),
    )
    return placed.select(
        "customer_id", "score", "dimensions_present", "weight_covered", "level", "price_sensitivity", "monetary_value", "offer",
        offer_reason=(placed.level == SUSPECTED).ifelse(SUSPECTED, placed.level + "+" + placed.price_sensitivity),
        service_priority=_.service_priority,
        priority_reason=_.level,
        credit_limit_suggestion=(placed.credit_reason == ENOUGH_HISTORY).ifelse(placed.credit_limit, ibis.null("int64")),
        credit_reason=_.credit_reason,
    )  # fmt: skip


def _offer(known: ir.Table) -> ir.StringValue:
    on_offer = known.price_sensitivity == PRICE_DRIVEN
    return ibis.cases(
        (known.level == SUSPECTED, NO_OFFER),
        ((known.level == HIGH) & on_offer, BUNDLE),
        (known.level == HIGH, FIRST_LOOK),
        ((known.level == MIDDLE) & on_offer, STEP_UP),
        (known.level == MIDDLE, SOMETHING_NEW),
        else_=STANDARD,
    )


def _limit(known: ir.Table, rules: Credit) -> ir.IntegerValue:
    month = to_float(known.monetary_value).clip(lower=0.0) * (float(rules.months) / MONTHS)
    if rules.cap is not None:
        month = month.clip(upper=float(rules.cap))
    # The small push: 12 × 0.1 is a hair below 1.2 in binary fractions.
    return ((month / ROUND + 1e-9).floor() * ROUND).cast("int64")


def action_summary(actions: ir.Table) -> pd.DataFrame:
    """How many get what.

    `spending_actions`  →  action ("offer", "service_priority", "credit_limit"), choice | customers, customer_share, revenue,
    revenue_share, credit_limit (currency; all suggestions together)

    Each action has every customer once. Choices stand in the order of the lists above, those without a customer too; no customers: no
    rows. Shares of revenue are null where there is none. [S36 S37 S38]
    """
    limited = actions.mutate(credit=_.credit_limit_suggestion.notnull().ifelse(LIMIT, NO_LIMIT))
    rows = []
    for action, column, names in (
        (OFFER, "offer", OFFER_NAMES),
        (PRIORITY, "service_priority", PRIORITY_NAMES),
        (CREDIT, "credit", LIMIT_NAMES),
    ):
        counted = frame(
            limited.group_by(choice=limited[column]).aggregate(
                customers=_.count(), revenue=_.monetary_value.sum(), credit_limit=_.credit_limit_suggestion.sum()
            )
        )
        every = pd.DataFrame({"action": action, "choice": list(names)})
        rows.append(every.merge(counted, on="choice", how="left", validate="one_to_one"))
    found = pd.concat(rows, ignore_index=True)
    found = found.assign(customers=found["customers"].fillna(0).astype("int64"), revenue=found["revenue"].astype("float64").fillna(0.0))
    found["credit_limit"] = found["credit_limit"].astype("float64").where(found["choice"] == LIMIT)
    first = found["action"] == OFFER
    customers, revenue = int(found.loc[first, "customers"].sum()), float(found.loc[first, "revenue"].sum())
    found.insert(3, "customer_share", found["customers"] / max(customers, 1))
    found.insert(5, "revenue_share", found["revenue"] / (revenue if revenue > 0 else float("nan")))
    return found if customers else found.iloc[:0]


def actions_at(book: Book, scores: ir.Table, *, window_days: int = 365) -> ir.Table:
    """What to do for every customer who bought in the window: `spending_actions` by the rules of the client file.

    a book, `scores_at` of it  →  customer_id | offer, service_priority, credit_limit_suggestion, each with its reason
    """
    credit, as_of = book.client.spending.credit, book.as_of
    lines = book.order_lines.filter(_.ordered_at >= book.days_before(window_days))
    return spending_actions(
        scores,
        suspected_abuse(book.order_lines, as_of=as_of, rules=book.client.abuse, window_days=window_days),
        price_sensitivity(lines, book.products),
        credit_history(book.purchases, as_of=as_of, rules=credit, window_days=window_days),
        rules=credit,
    )
