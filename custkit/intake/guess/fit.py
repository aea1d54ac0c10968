"""How well the values of a column fit a field: an addition to the log odds, or None where they cannot be it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from babel.numbers import list_currencies

from custkit.intake.guess import vocabulary as words
from custkit.intake.guess.facts import Facts
from custkit.intake.guess.headers import header_score, speaks_of, tells_of_giving_back
from custkit.intake.guess.named import PRODUCT, UNKNOWN, names_people, whose_name
from custkit.intake.guess.values import Column, formats_of, is_number
from custkit.intake.masked import masked

PLAIN = 0.9  # a header that scores so names the field
MONEY = {
    "amount",
    "gross_amount",
    "discount_amount",
    "coupon_amount",
    "cost_amount",
    "unit_price",
    "list_price",
    "order_total",
    "unit_cost",
    "spend_amount",
    "prepaid_amount",
}
NUMBERS = MONEY | {"quantity", "points"}
TOTALS = {"amount", "gross_amount", "discount_amount", "coupon_amount", "cost_amount"}  # an order has them too, besides its lines
IDS = {
    "order_id", "customer_id", "merged_into", "product_id", "visitor_id", "session_id", "event_id", "campaign_id", "entry_id",
    "response_id",
}  # fmt: skip
KEYS = {
    ("customers", "customer_id"), ("products", "product_id"), ("campaigns", "campaign_id"), ("events", "event_id"),
    ("loyalty_ledger", "entry_id"), ("surveys", "response_id"), ("merged_customers", "customer_id"),
}  # fmt: skip
DICTIONARIES = {"event_type": words.EVENT_WORDS, "entry_type": words.LEDGER_WORDS, "arm": words.ARM_WORDS, "line_type": words.LINE_WORDS}
CODES = frozenset(list_currencies())
_HINTS = {
    "gender": "f m female male woman man w 女 男 other diverse u",
    "device": "phone mobile desktop tablet computer app web pc 手机 电脑 平板 ios android",
    "payment_method": "card cash invoice wallet paypal credit instalment subscription debit bank visa "
    "现金 微信 支付宝 银行卡 分期 电子钱包 账单",
    "order_status": f"{words.GOOD_STATUS} {words.BAD_STATUS}",
    "channel": "web app shop store online offline phone email mail sms 网店 门店 应用 邮件 短信",
}


def fit(table: str, field: str, place: int, facts: Facts) -> float | None:
    """The values of the column at `place` as evidence for `field` of `table`."""
    column = facts.columns[place]
    if not column.filled:
        return None if column.cells and field in IDS else -2.0 if field in MONEY else -1.0
    if column.personal:
        return None
    if table == "order_lines" and (place in facts.counters or names_people(place, facts, header_score(column.name, table, field))):
        return None
    if field.endswith("_at"):
        return _time(field, place, facts)
    if field in MONEY or (field == "cost_amount"):
        return _money(table, field, place, facts)
    if field in IDS:
        return _id(table, field, place, facts)
    if field in DICTIONARIES:
        return _dictionary(field, column)
    if (table, field) == ("order_lines", "product_name"):
        return _product_name(field, column, place, facts)
    return _OTHERS.get(field, _category)(field, column, place, facts)


def _time(field: str, place: int, facts: Facts) -> float | None:
    column = facts.columns[place]
    if not column.is_time:
        return None
    score = -0.6 if column.is_serial else 0.8
    if column.is_serial and column.times[0].format == "excel_serial":
        score -= 0.6
    if not column.is_serial and facts.times == 1:
        score += 1.2
    if field in ("ordered_at", "occurred_at", "answered_at", "spent_at", "starts_at"):
        others = any(c.is_time and c.fill > 0.9 for c in facts.columns)
        score += 0.2 if column.fill > 0.9 or (place in facts.once and not others) else -2.5
    elif field in ("closed_at", "redeemed_at", "expires_at"):
        score += 0.5 if column.fill < 0.9 else -0.5
    return score


def _money(table: str, field: str, place: int, facts: Facts) -> float | None:
    column, roles = facts.columns[place], facts.role(place)
    if not column.is_numeric or (column.is_time and not column.is_serial):
        return None
    if field in ("discount_amount", "coupon_amount") and speaks_of(column.name, f"{words.ON_TOP} {words.PROFIT} {words.RATES}"):
        return None
    if field == "unit_cost" and speaks_of(column.name, words.SELLING) and not speaks_of(column.name, words.BUYING):
        return None
    known = column.known
    score = 0.0 if column.whole else 0.7
    if table == "order_lines" and field in TOTALS:
        if place in facts.once and field not in ("discount_amount", "coupon_amount"):
            return None
        score -= 2.5 if place in facts.of_order or (field != "amount" and tells_of_giving_back(column.name)) else 0.0
    if column.whole and column.unique and len(known) > 20:
        score -= 2.5
    if column.whole and all(len(cell) == len(column.filled[0]) and cell.startswith("0") and cell.isdigit() for cell in column.filled[:50]):
        score -= 2.0
    zeros = float(np.mean(known == 0))
    below = float(np.mean(known < 0))
    if field in ("discount_amount", "coupon_amount"):
        score += 0.4 if zeros > 0.3 else 0.0
        score += 2.2 if "reduction" in roles else -1.0 if zeros < 0.02 else 0.0  # not every line is reduced
        score -= 3.0 if roles & {"net", "gross", "total", "unit_price"} else 0.0
    elif field == "amount":
        score += 0.6 if below > 0 else 0.0
        score += 1.0 if "bare" in roles else -1.0 if "topped" in roles else 0.0
        score += 2.2 if "net" in roles else 1.6 if "total" in roles and "gross" not in roles else 0.0
        score -= 3.0 if roles & {"reduction", "unit_price", "quantity"} and not roles & {"net", "total"} else 0.0
        score -= 1.0 if "gross" in roles and "net" not in roles else 0.0
        score -= 1.5 if zeros > 0.6 else 0.0
    elif field == "gross_amount":
        score += 2.2 if "gross" in roles else -3.0 if "topped" in roles else 0.0  # with tax is no list price
        score -= 2.0 if "gross" not in roles and roles else 0.0
    elif field == "unit_price":
        score += (2.0 if "unit_price" in roles else 0.3) - (2.5 if roles & {"net", "total", "reduction"} else 0.0)
        score -= 0.8 if below > 0.02 else 0.0
    elif field == "cost_amount" and table == "order_lines":
        score -= 2.5 if roles & {"net", "total", "reduction", "unit_price", "topped"} else 0.0
    return score


def unfit_columns(table: str, fields: Iterable[str], columns: Sequence[Column]) -> dict[str, str]:
    """Those of `fields`, amounts and times, that a column is plainly headed as whose values cannot be it: what is wrong with them."""
    found: dict[str, str] = {}
    for f in (f for f in fields if f in words.FIELDS[table] and (f.endswith("_at") or f in MONEY)):
        for column in columns:
            is_it = column.is_time if f.endswith("_at") else column.is_numeric and not (column.is_time and not column.is_serial)
            if column.filled and not is_it and not column.personal and header_score(column.name, table, f) >= PLAIN:
                found.setdefault(f, _unfit(column, f))
    return found


def _unfit(column: Column, field: str) -> str:
    """What is wrong with the values, by one of them, and what would do."""
    front = f"`{column.name}` is headed as {field}"
    if field.endswith("_at"):
        if column.is_turned:
            return f"{front}, but its days up to the 12th are date cells and the others texts: day and month were turned; export it as CSV"
        way = column.times[0].format if column.times else ""
        odd = next((cell for cell in column.filled if way not in formats_of(cell)), column.filled[0])
        others = f"the others are (`{way}`)" if way else "a date"
        return f"{front}, but `{masked(odd)}` is not written as {others}; export it as 2026-03-31"
    if column.is_time:
        return f"{front}, but it holds times, such as `{masked(column.filled[0])}`"
    either = [
        next((cell for cell in column.filled if is_number(cell, mark) and not is_number(cell, other)), "") for mark, other in (".,", ",.")
    ]
    if all(either):
        return f"{front}, but it has both decimal marks, as in `{either[0]}` and `{either[1]}`; have it exported with one"
    odd = next(cell for cell in column.filled if not is_number(cell, column.decimal[0]))
    count = len(column.filled) - len(column.known)
    return f"{front}, but {count:,} of {len(column.filled):,} values are no amount, such as `{masked(odd)}`; export it as plain numbers"


def _id(table: str, field: str, place: int, facts: Facts) -> float | None:
    column = facts.columns[place]
    if (column.is_time and not column.is_serial) or (column.is_numeric and not column.whole):
        return None
    score = 0.0
    if column.spaces > 0.5 and column.length > 10:
        score -= 2.0
    if column.distinct <= 3 and len(column.filled) > 50:
        score -= 2.0
    if column.is_numeric and (column.known < 0).any():
        score -= 3.0
    if table == "merged_customers":
        others = [_shapes(other) for i, other in enumerate(facts.columns) if i != place]
        score -= 0.0 if any(_shapes(column) & other for other in others) else 4.0
    if (table, field) in KEYS:
        if field in ("event_id", "entry_id", "response_id"):
            return score + (1.0 if column.unique else -4.0)
        return score + (1.2 if column.unique else -0.5 if column.distinct_share > 0.9 else -4.0)
    if field == "order_id" and table == "order_lines":
        return score + _order(place, facts)
    if field == "customer_id":
        if table == "order_lines":
            score += 0.4 if column.distinct_share < 0.9 else -0.3
            score += 1.0 if _decided_by_order(place, facts) else 0.0
            score -= 4.0 if _is_orders_own(place, facts) and header_score(column.name, table, field) < 0.8 else 0.0
        return score
    if field == "product_id" and table == "order_lines":
        names = [j for i, j in facts.decides if i == place and facts.columns[j].spaces > 0.3]
        return score + (1.0 if names else 0.0) - (1.0 if _decided_by_order(place, facts) else 0.0)
    return score


def _shapes(column: Column) -> set[str]:
    """How the ids of a column look: `A0012` → A9."""
    return {re.sub(r"\d+", "9", cell) for cell in column.filled[:200]}


def _order(place: int, facts: Facts) -> float:
    """An order has one time and one customer, and may have many lines."""
    column = facts.columns[place]
    times = [j for j, c in enumerate(facts.columns) if c.is_time and not c.is_serial and j != place]
    score = 0.3 if column.fill > 0.99 else -2.5
    if column.distinct_share > 0.999:
        return score + 0.3
    if times:
        score += 3.0 if place == facts.orders or any((place, j) in facts.decides for j in times) else -2.0
    return score - (1.5 if column.distinct_share < 0.01 and len(column.filled) > 500 else 0.0)


def _decided_by_order(place: int, facts: Facts) -> bool:
    times = [j for j, c in enumerate(facts.columns) if c.is_time and not c.is_serial]
    orders = [i for i, j in facts.decides if j in times and facts.columns[i].distinct_share > 0.02]
    return any((i, place) in facts.decides for i in orders if i != place and i not in times)


def _is_orders_own(place: int, facts: Facts) -> bool:
    """True for another number of the order: as many as there are orders."""
    if facts.orders is None or place not in facts.of_order | facts.once:
        return False
    return facts.columns[place].distinct >= 0.98 * facts.columns[facts.orders].distinct


def _dictionary(field: str, column: Column) -> float | None:
    if (column.is_numeric and not column.is_boolean) or (column.is_time and not column.is_serial) or column.distinct > 60:
        return None
    known = translation(field, column)
    share = sum(column.counts[w] for w in known) / len(column.filled)
    if field == "line_type":  # where both kinds stand, the words alone say it
        kinds = set(known.values())
        if "sale" not in kinds or share <= (0.5 if len(kinds) > 1 else 0.95):  # sales and rentals are kinds of goods
            return None
        return 5.0 if len(kinds) > 1 else 0.0
    return 2.2 if share > 0.95 else 1.2 if share > 0.5 else 0.0 if share > 0 else -1.0


def translation(field: str, column: Column) -> dict[str, str]:
    """The column's own words for ours, as far as they are known."""
    ours = {word: mine for mine, others in DICTIONARIES[field].items() for word in others.split()}
    found = {}
    for word in column.counts:
        key = re.sub(r"[\s-]+", "_", words.folded(word).strip())
        if key in ours:
            found[word] = ours[key]
        elif field == "event_type" and (near := re.fullmatch(r"(product|item)[_ ]?\d+", key)):
            found[word] = "view" if near else ""
    return found


def _category(field: str, column: Column, place: int, facts: Facts) -> float | None:
    if (column.is_time and not column.is_serial) or (column.is_numeric and not column.whole):
        return None
    score = -0.8 if column.is_numeric and field != "store_id" else 0.0
    if column.distinct == 1 and len(column.filled) > 20:
        score -= 1.2 if field == "region" else 0.3
    if column.distinct > 20 and column.distinct_share > 0.5:
        score -= 2.5
    if field == "region" and column.distinct > 20:
        score -= 0.6
    if column.is_boolean and field not in ("offer",):
        score -= 1.5
    if hints := _HINTS.get(field):
        known = set(hints.split())
        share = sum(n for word, n in column.counts.items() if words.folded(word) in known) / len(column.filled)
        score += 1.2 if share > 0.5 else 0.0
    return score


def _status(field: str, column: Column, place: int, facts: Facts) -> float | None:
    """Of two columns of statuses the one that tells of orders that came to nothing."""
    score, bad = _category(field, column, place, facts), set(words.BAD_STATUS.split())
    return score if score is None else score + (1.5 if any(words.folded(word) in bad for word in column.counts) else 0.0)


def currency_of(cell: str, yuan: Mapping[str, str]) -> str:
    """The code of the currency that a whole cell names; empty where it names none. `yuan`: what ¥ stands for."""
    return cell.upper() if cell.upper() in CODES else {**words.CURRENCIES, **yuan}.get(words.folded(cell), "")


def _currency(field: str, column: Column, place: int, facts: Facts) -> float | None:
    """Codes of currencies are words too: where no great one is among them, the header has to say what they are."""
    named = {currency_of(word, {"¥": "CNY"}) for word in column.counts}
    return None if "" in named else 4.0 if named & set(words.CURRENCIES.values()) else 0.0


def _product_name(field: str, column: Column, place: int, facts: Facts) -> float | None:
    score = _name(field, column, place, facts)
    whose = whose_name(place, facts)
    ids = [c.distinct for i, c in enumerate(facts.columns) if i != place and header_score(c.name, "order_lines", "product_id") >= 0.6]
    if score is not None and column.distinct < 0.6 * max(ids, default=0):
        return score - 0.5  # a kind of product, not a product
    return None if score is None else score + (0.8 if whose == PRODUCT else -0.5 if whose == UNKNOWN else 0.0)


def _name(field: str, column: Column, place: int, facts: Facts) -> float | None:
    if column.is_numeric or (column.is_time and not column.is_serial):
        return None
    return (0.6 if column.spaces > 0.3 else 0.0) + (0.3 if column.distinct > 20 else 0.0) - (0.8 if column.is_boolean else 0.0)


def _text(field: str, column: Column, place: int, facts: Facts) -> float | None:
    if column.is_numeric or (column.is_time and not column.is_serial):
        return None
    return 0.8 if column.length > 12 or column.spaces > 0.5 else -0.3


def _gender(field: str, column: Column, place: int, facts: Facts) -> float | None:
    words_ = {words.folded(word) for word in column.counts}
    hit = len(words_ & set(_HINTS["gender"].split()))
    return 1.5 if hit and column.distinct <= 6 else None if column.distinct > 8 else -0.8


def _year(field: str, column: Column, place: int, facts: Facts) -> float | None:
    known = column.known
    years = column.whole and known.size and known.min() >= 1900 and known.max() <= 2030
    # Years of birth spread, and most lie a while back; the year of an entry does neither.
    return (1.0 if column.distinct > 15 and np.median(known) < 2012 else -3.0) if years else None


def _truth(field: str, column: Column, place: int, facts: Facts) -> float | None:
    known = {*words.TRUE.split(), *words.FALSE.split()}
    if column.distinct > 4:
        return None
    return 1.0 if all(words.folded(word) in known for word in column.counts) else -0.5


def _household(field: str, column: Column, place: int, facts: Facts) -> float | None:
    small = sum(n for word, n in column.counts.items() if re.match(r"^\d{1,2}\+?$", word))
    return 1.0 if small > 0.8 * len(column.filled) and column.distinct <= 15 else -1.5


def _age(field: str, column: Column, place: int, facts: Facts) -> float | None:
    bands = sum(n for word, n in column.counts.items() if re.match(r"^\D{0,6}\d{1,3}(\s*[-–~至]\s*\d{1,3}|\+)?\D{0,4}$", word))
    return 0.6 if bands > 0.8 * len(column.filled) and (not column.is_numeric or (column.known < 120).all()) else -1.5


def _pieces(field: str, column: Column, place: int, facts: Facts) -> float | None:
    roles = facts.role(place)
    if not column.is_numeric or (column.is_time and not column.is_serial):
        return None
    if column.unique and len(column.filled) > 20:
        return -2.5
    typical = float(np.median(np.abs(column.known))) if column.known.size else 0.0
    score = (0.8 if column.whole and typical <= 24 else 0.0) + (2.0 if "quantity" in roles else 0.0)
    return score - (1.2 if not column.whole else 0.0) - (2.0 if roles & {"net", "total", "gross", "unit_price"} else 0.0)


def _points(field: str, column: Column, place: int, facts: Facts) -> float | None:
    if not column.is_numeric or (column.is_time and not column.is_serial):
        return None
    return (0.5 if column.whole else -0.3) + (0.5 if (column.known < 0).any() else 0.0)


def _score(field: str, column: Column, place: int, facts: Facts) -> float | None:
    if not column.is_numeric:
        return None
    known = column.known
    return 1.0 if known.size and known.min() >= 0 and known.max() <= 10 else 0.0 if known.min() >= 0 and known.max() <= 100 else -2.0


def _count(field: str, column: Column, place: int, facts: Facts) -> float | None:
    if not column.is_numeric or (field == "results" and not column.whole):
        return None
    return 0.3


_OTHERS = {
    "order_status": _status, "currency": _currency,
    "product_name": _name, "campaign_name": _name, "comment": _text, "question": _text, "query": _name, "gender": _gender,
    "birth_year": _year, "is_vip": _truth, "consent": _truth, "household_size": _household, "age_band": _age, "quantity": _pieces,
    "points": _points, "score": _score, "results": _count, "dwell_seconds": _count,
}  # fmt: skip
