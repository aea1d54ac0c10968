"""Whose name stands in a column: a product's or a person's, by what shares it and what it is called."""

from __future__ import annotations

from custkit.intake.guess.facts import SEVERAL, Facts
from custkit.intake.guess.headers import header_score, plain, tokens
from custkit.intake.guess.values import Column
from custkit.intake.guess.vocabulary import PRODUCT_WORDS

PERSON, PRODUCT, UNKNOWN = "person", "product", ""
_NAMED = 0.6  # a header that says so much of a field names it


def whose_name(place: int, facts: Facts) -> str:
    """PERSON, PRODUCT, or UNKNOWN where neither the header nor the values tell.

    A person has one name, and names vary with people as ids do; a product's name varies within orders or with a product's id, one customer
    meets several, or many customers share one.
    """
    column = facts.columns[place]
    if says_product(column.name) or _by_product(place, facts):
        return PRODUCT
    if facts.orders not in (None, place) and column.distinct > 1 and place not in facts.of_order | facts.once:
        return PRODUCT
    customers = [c for i, c in enumerate(facts.columns) if i != place and (c.personal or _names(c, "customer_id"))]
    found = {_by_customer(column, customer) for customer in customers} - {UNKNOWN}
    return found.pop() if len(found) == 1 else UNKNOWN


def names_people(place: int, facts: Facts, otherwise: float = 0.0) -> bool:
    """True for a column that is called a name rather than something its header says `otherwise`, and is a person's by its values."""
    score = header_score(facts.columns[place].name, "order_lines", "product_name")
    return score >= max(0.3, otherwise) and whose_name(place, facts) == PERSON


def is_name(header: str, column: Column) -> bool:
    """True for a column of several words a cell that is called a name."""
    return column.spaces > 0.5 and ("name" in tokens(header) or "名" in plain(header))


def is_bare_name(header: str) -> bool:
    """True for `name` and `姓名`, which may be a person's; not for the name of something else."""
    return set(tokens(header)) <= {"name", "full", "first", "last", "person"} or plain(header) in ("姓名", "名字", "名称")


def says_product(header: str) -> bool:
    """True for `item name` and `商品名称`, not for `name` and `名称`."""
    return bool(set(tokens(header)) & set(PRODUCT_WORDS)) or any(w in plain(header) for w in PRODUCT_WORDS if not w.isascii())


def _names(column: Column, field: str) -> bool:
    return bool(column.filled) and header_score(column.name, "order_lines", field) >= _NAMED


def _by_product(place: int, facts: Facts) -> bool:
    return any(j == place and _names(facts.columns[i], "product_id") for i, j in facts.decides)


def _by_customer(column: Column, customers: Column) -> str:
    """Whose name it is, by the customers with several rows."""
    rows: dict[str, list[str]] = {}
    for customer, name in zip(customers.cells, column.cells, strict=True):
        if customer and name:
            rows.setdefault(customer, []).append(name)
    again = [set(names) for names in rows.values() if len(names) > 1]
    if len(again) < SEVERAL:
        return UNKNOWN
    one = sum(len(names) == 1 for names in again) / len(again)
    different = len(set().union(*again))
    if one >= 0.8:
        return PERSON if different >= 0.4 * len(again) else PRODUCT if 1 < different < 0.1 * len(again) else UNKNOWN
    return PRODUCT if one < 0.5 else UNKNOWN
