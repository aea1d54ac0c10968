"""What customers can and will spend: a score from 0 to 100 in four dimensions, with everything it is made of and what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import add

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.abuse import suspected_abuse
from custkit.analysis.hold_out import next_spend, ranking_power, tenths_next
from custkit.analysis.lifetime import fit_lifetime
from custkit.analysis.lifetime_forecast import customer_lifetimes
from custkit.analysis.payments import customer_payments
from custkit.analysis.price_sensitivity import price_sensitivity
from custkit.analysis.rates import SMALL_SAMPLE
from custkit.book import Book
from custkit.client import Payments, Spending
from custkit.engine import frame, to_float
from custkit.tables import RETURN, SALE
from custkit.words import mark

MEANS, BEHAVIOUR, PREDICTED, ENGAGEMENT = "means", "behaviour", "predicted", "engagement"
DIMENSION_NAMES = {
    MEANS: mark("means"),
    BEHAVIOUR: mark("behaviour"),
    PREDICTED: mark("expected value"),
    ENGAGEMENT: mark("engagement"),
}
# What each dimension is made of; of every part more is better.
PARTS: dict[str, tuple[str, ...]] = {
    MEANS: ("income_place", "occupation_place", "prepaid_amount"),
    BEHAVIOUR: (
        "monetary_value", "frequency", "active_months", "breadth", "full_price_share", "paid_at_once_share", "subscription_share",
    ),
    PREDICTED: ("expected_revenue_12_months",),
    ENGAGEMENT: ("favourites", "shared", "questions", "answers", "mean_rating"),
}  # fmt: skip
# Spend tells more of what comes next than all the rest of behaviour, orders more than each of the others.
PART_WEIGHTS = {"monetary_value": 4.0, "frequency": 2.0}
HIGH, MIDDLE, LOW, NOT_COMPARED = "high", "middle", "low", "not compared"
LEVEL_NAMES = {HIGH: mark("high"), MIDDLE: mark("middle"), LOW: mark("low"), NOT_COMPARED: mark("not compared")}
_FINE = 1e9
# Larger than any client's list of bands; what has more values is no list of bands.
MOST_BANDS = 100

_NUMBER = re.compile(r"(\d+(?:[.,]\d{3})*(?:[.,]\d+)?)\s*([kKmMwW千万萬]?)")
_TIMES = {"": 1.0, "k": 1e3, "千": 1e3, "w": 1e4, "万": 1e4, "萬": 1e4, "m": 1e6}
_UP_TO = re.compile(r"under|below|less|up to|max|unter|bis zu|weniger|<|≤|以下|以内|不足|低于|小于|不到", re.IGNORECASE)
_FROM = re.compile(r"\+|over|above|more|from|at least|über|ab |mehr|>|≥|以上|超过|高于|大于", re.IGNORECASE)


def scores_at(book: Book, *, window_days: int = 365) -> ir.Table:
    """Everything a book can tell of what its customers can and will spend, scored; those suspected of abuse are left out.

    a book  →  customer_id | parts, dimensions and score as of `spending_scores`   (kept on the engine while it is asked)

    Puts together means, behaviour, price sensitivity, payments and engagement of the trailing window and, where a purchase model may be
    believed, the revenue expected of the next twelve months, by the rules of the client file. What the client did not send is
    missing. [S23-S31 S35]
    """
    as_of, rules = book.as_of, book.client.spending
    start = as_of - timedelta(days=window_days)
    lines, purchases = (table.filter(_.ordered_at >= start) for table in (book.order_lines, book.purchases))
    suspected = suspected_abuse(book.order_lines, as_of=as_of, rules=book.client.abuse, window_days=window_days)
    model = book.client.definitions.at("lifetime_value", book.period)
    fitted = fit_lifetime(book.purchases, as_of=as_of, model=model)
    # The plain rule says how many will come back, not which of the best: with it the score foretold less than without.
    lifetimes = customer_lifetimes(book.purchases, lifetime=fitted).filter(fitted.accepted)
    parts = spending_parts(
        behaviour(book.order_lines, book.products, as_of=as_of, window_days=window_days).anti_join(suspected, "customer_id"),
        means(book.customers, bands=band_places(book.customers, order=rules.incomes), occupations=rules.occupations),
        full_price(price_sensitivity(lines, book.products)),
        paying(purchases, rules=book.client.payments),
        lifetimes.select("customer_id", "expected_revenue_12_months"),
        engagement(book.events, book.surveys, as_of=as_of, window_days=window_days),
    )
    return spending_scores(parts.cache(), rules=rules).cache()


def band_places(customers: ir.Table, *, order: Sequence[str] = ()) -> pd.DataFrame:
    """Put income bands in order, lowest first: the client's own order where given, else by the numbers in their names.

    customers  →  income_band | customers, place (1 lowest; null: no place can be told)

    "15-24K", "Under 15K", "250K+", "5000-8000元" and "1万以上" are read; bands of equal bounds share a place. A name without a number
    has no place unless `order` gives one. [S24]
    """
    counted = frame(
        customers.filter(_.income_band.notnull())
        .group_by("income_band")
        .aggregate(customers=_.count())
        .order_by([ibis.desc("customers"), "income_band"])
        .limit(MOST_BANDS + 1)
    )
    names = [str(name) for name in counted["income_band"]] if len(counted) <= MOST_BANDS else []
    bounds = {name: (place,) for place, name in enumerate(order)} if order else {n: b for n in names if (b := _bounds(n)) is not None}
    ranked = {bound: place for place, bound in enumerate(sorted({bounds[name] for name in names if name in bounds}), 1)}
    places = [ranked[bounds[name]] if name in names and name in bounds else None for name in counted["income_band"]]
    found = counted.assign(place=pd.array(places, "Int64"))
    return found.sort_values(["place", "income_band"], ignore_index=True, na_position="last")


def _bounds(band: str) -> tuple[float, float] | None:
    """ "15-24K" → (15000, 24000)"""
    found = _NUMBER.findall(band)
    if not found:
        return None
    last = found[-1][1]
    numbers = [_plain(digits) * _TIMES[(suffix or last).lower()] for digits, suffix in found[:2]]
    if len(numbers) == 2:
        return numbers[0], numbers[1]
    if _UP_TO.search(band):
        return 0.0, numbers[0]
    return numbers[0], float("inf") if _FROM.search(band) else numbers[0]


def _plain(digits: str) -> float:
    whole = re.sub(r"[.,](?=\d{3}(?:[.,]|$))", "", digits)
    return float(whole.replace(",", "."))


def means(customers: ir.Table, *, bands: pd.DataFrame | None = None, occupations: Sequence[str] = ()) -> ir.Table:
    """What is known of customers' means.

    customers  →  customer_id | income_place, occupation_place (1 lowest), prepaid_amount (currency)

    bands: from `band_places`. occupations: the client's own order, lowest first; without one an occupation says nothing. Who has
    paid nothing in ahead has 0. Neither gender nor age is read. [S24]
    """
    income = {} if bands is None else {row.income_band: float(row.place) for row in bands.itertuples() if pd.notna(row.place)}
    return customers.select(
        "customer_id",
        income_place=_placed(customers.income_band, income),
        occupation_place=_placed(customers.occupation, {name: float(place) for place, name in enumerate(occupations, 1)}),
        prepaid_amount=to_float(_.prepaid_amount).fill_null(0.0),
    )


def _placed(column: ir.StringColumn, places: Mapping[str, float]) -> ir.FloatingValue:
    unknown = ibis.null("float64")
    return ibis.cases(*[(column == name, place) for name, place in sorted(places.items())], else_=unknown) if places else unknown


def behaviour(order_lines: ir.Table, products: ir.Table, *, as_of: datetime, window_days: int = 365) -> ir.Table:
    """What customers have done in the trailing window.

    order lines, products  →  customer_id | monetary_value (currency, after returns), frequency (orders), active_months (calendar months
    with an order), breadth (categories bought; a product without a category counts by itself; null: no product is known)

    Spend is what customers kept, whether or not the client takes returns off revenue: goods that go back are no spending power.
    Who only returned goods is left out, and so are guests. [S23 S26]

    Raises ValueError if window_days < 1.
    """
    lines = _inside(order_lines, "ordered_at", as_of, window_days)
    taken_back = (_.kind == RETURN) & _.is_product.fill_null(False)
    named = lines.left_join(products.select("product_id", "category"), "product_id").drop("product_id_right")
    sold = named.kind == SALE
    return (
        named.mutate(kept=taken_back.ifelse(_.amount, _.revenue))
        .group_by("customer_id")
        .aggregate(
            monetary_value=_.kept.sum(),
            frequency=_.order_id.nunique(where=sold),
            active_months=_.ordered_at.strftime("%Y-%m").nunique(where=sold),
            breadth=ibis.coalesce(_.category, _.product_id).nunique(where=sold & _.is_product.fill_null(False)),
        )
        .filter(_.frequency > 0)
        .mutate(breadth=_.breadth.nullif(0))
    )


def full_price(sensitivity: ir.Table) -> ir.Table:
    """customer_id | settled_offer_share  →  customer_id | full_price_share: how much is bought without an offer, evened out. [S27]"""
    return sensitivity.select("customer_id", full_price_share=1 - _.settled_offer_share)


def paying(purchases: ir.Table, *, rules: Payments) -> ir.Table:
    """purchases  →  customer_id | paid_at_once_share, subscription_share: of orders whose payment is known. [S28]

    Paying at once says that the money is there, a subscription that it will come again; instalments say neither.
    """
    return customer_payments(purchases, rules=rules).select("customer_id", "subscription_share", paid_at_once_share=1 - _.instalment_share)


def engagement(events: ir.Table, surveys: ir.Table, *, as_of: datetime, window_days: int = 365) -> ir.Table:
    """What customers say and share in the trailing window, of those who were seen on the site or answered a survey.

    events, surveys  →  customer_id | favourites, shared, questions (times), answers (surveys and reviews), mean_rating (of them)

    Seen and silent is 0; never seen is no row: nothing is known. One scale of scores is assumed. No table tells who brought a
    friend, so referrals are missing. [S31]

    Raises ValueError if window_days < 1.
    """
    seen = _inside(events, "occurred_at", as_of, window_days).group_by("customer_id").aggregate(
        favourites=_.count(where=_.event_type == "favourite"),
        shared=_.count(where=_.event_type == "share"),
        questions=_.count(where=_.event_type == "question"),
    )  # fmt: skip
    said = _inside(surveys, "answered_at", as_of, window_days).group_by("customer_id").aggregate(
        answers=_.count(), mean_rating=_.score.mean()
    )  # fmt: skip
    both = seen.outer_join(said, "customer_id")
    counts = ("favourites", "shared", "questions", "answers")
    return both.select(
        customer_id=ibis.coalesce(_.customer_id, _.customer_id_right),
        **{name: both[name].fill_null(0) for name in counts},
        mean_rating=_.mean_rating,
    )


def _inside(table: ir.Table, time: str, as_of: datetime, window_days: int) -> ir.Table:
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    return table.filter(table.customer_id.notnull(), table[time] >= as_of - timedelta(days=window_days), table[time] < as_of)


def spending_parts(behaviour: ir.Table, *others: ir.Table) -> ir.Table:
    """Everything the score can be made of, side by side: customers of `behaviour`, parts of all tables.

    customer_id | parts, several times  →  customer_id | every part of `PARTS` as a number, null where it is not known

    A table may hold any of the parts beside other columns; a part that none holds is null for all.
    """
    wanted = [part for parts in PARTS.values() for part in parts]
    joined = behaviour
    for other in others:
        new = [part for part in wanted if part in other.columns and part not in joined.columns]
        joined = joined.left_join(other.select("customer_id", *new), "customer_id").drop("customer_id_right")
    return joined.select("customer_id", **{part: _number(joined, part) for part in wanted})


def _number(table: ir.Table, part: str) -> ir.Value:
    if part not in table.columns:
        return ibis.null("float64")
    return _as(table[part], "decimal(38, 4)") if table[part].type().is_decimal() else to_float(table[part])


def spending_scores(parts: ir.Table, *, rules: Spending | None = None) -> ir.Table:
    """Score customers from 0 to 100 in each dimension that is known, and in all.

    `spending_parts`  →  … + means, behaviour, predicted, engagement (0 to 100; null: not known), score (their weighted mean),
    dimensions_present (of 4), weight_covered (share of all weight), coverage ("behaviour+predicted"), standing (0 to 100 among
    customers of the same coverage), level ("high", "middle", "low", "not compared")

    A part's score is the share of customers who have less of it, and half of those who have as much: 50 is the middle, ties share, equal
    customers are equal, and more spend never lowers it. A part in which all are equal tells nobody apart and counts as missing.
    A dimension is the rank of the mean of its parts that are known, some of which count more (`PART_WEIGHTS`). What is missing is
    missing, never 0: so a total stands beside the share of weight it rests on, and customers are compared only with those whose total
    is made of the same dimensions, 30 of them at least. [Bross 1958; S23-S31]
    """
    rules = rules or Spending()
    of_dimension = dict(rules.weights)
    scored = parts.mutate(**{f"{part}_score": _rank(parts[part]) for names in PARTS.values() for part in names})
    scored = scored.mutate(
        **{dimension: _mean(scored, {f"{p}_score": PART_WEIGHTS.get(p, 1.0) for p in PARTS[dimension]}) for dimension in PARTS}
    )
    scored = scored.mutate(**{dimension: _rank(scored[dimension]) for dimension in PARTS})
    counted = {dimension: weight for dimension, weight in of_dimension.items() if weight > 0}
    present = {dimension: scored[dimension].notnull() for dimension in counted}
    scored = scored.mutate(
        score=_mean(scored, counted),
        dimensions_present=_as(reduce(add, [there.ifelse(1, 0) for there in present.values()]), "int64"),
        weight_covered=to_float(reduce(add, [there.ifelse(counted[name], 0.0) for name, there in present.items()])) / sum(counted.values()),
        coverage=_coverage(present),
    )
    alike = ibis.window(group_by="coverage")
    enough = scored.score.count().over(alike) >= SMALL_SAMPLE
    placed = scored.mutate(standing=enough.ifelse(_rank(scored.score, group_by="coverage"), ibis.null("float64")))
    level = ibis.cases(
        (placed.standing.isnull(), NOT_COMPARED),
        (placed.standing >= 100.0 * (1 - rules.high), HIGH),
        (placed.standing < 100.0 * rules.low, LOW),
        else_=MIDDLE,
    )
    return placed.mutate(level=level)


def _rank(column: ir.NumericColumn, *, group_by: str | None = None) -> ir.FloatingValue:
    """Share of those known who are lower, and half of those equal, times 100; null where the value is, and where all are equal."""
    among = {} if group_by is None else {"group_by": group_by}
    everyone = ibis.window(**among)
    lower = ibis.rank().over(ibis.window(order_by=column, **among))
    equal = column.count().over(ibis.window(group_by=[column] if group_by is None else [group_by, column]))
    known = column.count().over(everyone)
    tells = column.notnull() & (column.max().over(everyone) > column.min().over(everyone))
    return tells.ifelse(to_float(2 * lower + equal) * 50.0 / to_float(known).nullif(0.0), ibis.null("float64"))


def _mean(table: ir.Table, weights: Mapping[str, float]) -> ir.FloatingValue:
    """Weighted mean of the columns that are known; null where none is. Means that differ in the last binary digits are equal."""
    total = reduce(add, [table[name].fill_null(0.0) * float(weight) for name, weight in weights.items()])
    known = reduce(add, [table[name].notnull().ifelse(float(weight), 0.0) for name, weight in weights.items()])
    return to_float((to_float(total) / to_float(known).nullif(0.0) * _FINE + 0.5).floor()) / _FINE


def _as(value: ir.Value, kind: str) -> ir.Value:
    """`value` as `kind`, even where Ibis thinks it is that already: kept on the engine, Spark's sums are narrower than it says."""
    return ops.Cast(value, to=kind).to_expr()


def _coverage(present: Mapping[str, ir.BooleanValue]) -> ir.StringValue:
    named = [there.ifelse(f"+{name}", "") for name, there in present.items()]
    return reduce(add, named).substr(1)


def score_parts(scores: ir.Table, *, rules: Spending | None = None) -> pd.DataFrame:
    """What the score is made of, part by part, and of how many customers each is known.

    `spending_scores`  →  dimension, part | weight (in a score that knows all that is known here; null: not known), customers,
    customer_share

    One row a part, known or not. Where all customers are equal in a part it tells nobody apart and is not known. [S23-S31]
    """
    weights = dict((rules or Spending()).weights)
    parts = [(dimension, part) for dimension, names in PARTS.items() for part in names]
    counted = frame(scores.aggregate(customers=_.count(), **{part: scores[f"{part}_score"].count() for _d, part in parts})).iloc[0]
    known = {part: int(counted[part]) for _d, part in parts}
    n, whole = int(counted["customers"]), sum(weights.values())
    within = {d: sum(PART_WEIGHTS.get(p, 1.0) for p in names if known[p]) for d, names in PARTS.items()}
    shares = [weights[d] / whole * PART_WEIGHTS.get(p, 1.0) / within[d] if known[p] else float("nan") for d, p in parts]
    found = pd.DataFrame(parts, columns=["dimension", "part"])
    found = found.assign(weight=shares, customers=[known[part] for part in found["part"]])
    return found.assign(customer_share=found["customers"] / max(n, 1))


def score_coverage(scores: ir.Table) -> pd.DataFrame:
    """How many scores rest on what.

    `spending_scores`  →  coverage | dimensions_present, weight_covered, customers, customer_share, score (mean),
    spend_per_customer (currency), most customers first
    """
    found = frame(
        scores.group_by("coverage", "dimensions_present", "weight_covered").aggregate(
            customers=_.count(), score=_.score.mean(), spend_per_customer=to_float(_.monetary_value).mean()
        )
    ).sort_values(["customers", "coverage"], ascending=[False, True], ignore_index=True)
    found.insert(4, "customer_share", found["customers"] / max(int(found["customers"].sum()), 1))
    return found


def level_summary(scores: ir.Table) -> pd.DataFrame:
    """How many customers stand on each level, and what they spent.

    `spending_scores`  →  level ("high", "middle", "low", "not compared") | customers, customer_share, revenue, revenue_share,
    spend_per_customer (currency)

    All four rows, those without a customer too; no customers: no rows.
    """
    counted = frame(scores.group_by("level").aggregate(customers=_.count(), revenue=_.monetary_value.sum()))
    found = pd.DataFrame({"level": list(LEVEL_NAMES)}).merge(counted, on="level", how="left", validate="one_to_one")
    found = found.assign(customers=found["customers"].fillna(0).astype("int64"), revenue=found["revenue"].astype("float64").fillna(0.0))
    n, revenue = int(found["customers"].sum()), float(found["revenue"].sum())
    found.insert(2, "customer_share", found["customers"] / max(n, 1))
    found = found.assign(
        revenue_share=found["revenue"] / (revenue if revenue > 0 else float("nan")),
        spend_per_customer=found["revenue"] / found["customers"].where(found["customers"] > 0),
    )
    return found if n else found.iloc[:0]


@dataclass(frozen=True)
class HeldOut:
    """How scores of some months ago ordered customers by what they have spent since.

    judged   measure (score, each dimension, monetary_value) | customers, gini …   as of `ranking_power`, against monetary_value
    tenths   tenth | customers, next_spend …   as of `tenths_next`
    """

    months: int
    judged: pd.DataFrame
    tenths: pd.DataFrame


def held_out(book: Book, *, months: int = 6) -> HeldOut:
    """Score customers as they stood `months` months before the book's end, and see how that ordered what they have spent since.

    What the scores had not seen is what they are judged on, beside last year's spend alone. Customers who have come since are in neither.
    [S33]

    Raises ValueError if months < 1.
    """
    if months < 1:
        raise ValueError(f"months is {months}; something must be held out")
    before = book.at(book.period - months)
    scores = scores_at(before)
    spent = next_spend(book.order_lines, start=before.as_of, as_of=book.as_of)
    judged = ranking_power(scores, spent, measures=("score", *PARTS, "monetary_value"), against="monetary_value")
    return HeldOut(months, judged, tenths_next(scores, spent, measure="score", against="monetary_value"))
