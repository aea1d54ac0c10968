"""Samples of all files → which table each feeds, which column is what, how to read it, and what a person must say."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path, PurePosixPath
from zoneinfo import available_timezones

import numpy as np

from custkit.errors import BadInput
from custkit.intake.guess import vocabulary as words
from custkit.intake.guess.again import overlaps, sales_again
from custkit.intake.guess.answers import NONE, refuse_unused
from custkit.intake.guess.assign import MUST, Fit, assign
from custkit.intake.guess.facts import Facts, facts_of
from custkit.intake.guess.fit import CODES, DICTIONARIES, IDS, MONEY, NUMBERS, TOTALS, currency_of, translation, unfit_columns
from custkit.intake.guess.headers import concept_score, tells_of_giving_back, tokens
from custkit.intake.guess.named import UNKNOWN, is_bare_name, is_name, names_people, whose_name
from custkit.intake.guess.order_totals import sums_of
from custkit.intake.guess.pieces import is_of_one_piece
from custkit.intake.guess.samples import Sample, all_words, pattern_of
from custkit.intake.guess.values import SOME_TIMES, Column, Time, days_read, is_number, lie_closer, personal, shown
from custkit.intake.guess.vocabulary import CONCEPTS, FIELDS
from custkit.intake.inputs import literal
from custkit.intake.masked import PERSONAL, masked
from custkit.tables import CARRIED, SENT, source_fields

ASK, TAKE, SETTLED = 0.4, 0.7, 0.8  # a field that must be there is asked about from 40 %, another is taken from 70 %
FEW, FAR = 5, 3  # an id that stands for nobody: in so many rows at least, so many times those of others
PERSONS_NAME, OF_ORDER = "name of a person", "the order's, not its lines'"
KEYS_OF_PERSONS = ("mail address", "phone number")
HIDDEN, AS_SAID = "a hidden sheet, taken only where it is named", "left out, as you said"
NO_CURRENCY = "XXX"  # ISO 4217: no currency; shown until the consultant writes the right one


@dataclass(frozen=True)
class Mapped:
    """One field of a source: the column, how sure that is, and how its cells are read. `notes` stand beside it in the file."""

    column: str
    sure: float
    options: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """What only a person knows. `key` is what `--answer` takes; `proposed` is used where nobody answers; empty where there is no guess.

    `text` goes into the client file and names nobody; `shows` is what of the file helps to answer, for the eyes of whoever is asked.
    """

    key: str
    text: str
    proposed: str = ""
    choices: tuple[str, ...] = ()
    shows: str = ""


@dataclass
class Source:
    """What one sample is taken for. Where `lacking` names something, it cannot be read yet.

    unfit       what is wrong with the values of a column that is headed as one of the fields lacking
    left_out    why it is not, though it could be
    """

    sample: Sample
    table: str | None
    sure: float
    mapped: dict[str, Mapped]
    lacking: tuple[tuple[str, ...], ...] = ()
    unread: dict[str, str] = field(default_factory=dict)
    identities: tuple[str, ...] = ()
    decimal: str = "."
    columns: dict[str, Column] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    unfit: Mapping[str, str] = field(default_factory=dict)
    left_out: str = ""

    @property
    def is_used(self) -> bool:
        return self.table is not None and not self.lacking and not self.left_out

    @property
    def why_unused(self) -> str:
        """What keeps it from being read, in words."""
        if not self.sample.has_rows:
            return "it has a header and no rows; export it again"
        if self.left_out:
            return self.left_out
        if not (self.table and self.mapped):
            return "no table fits"
        absent = " and ".join(" or ".join(group) for group in self.lacking if not any(f in self.unfit for f in group))
        theirs = [f"`{name}`" for name, why in self.unread.items() if why == OF_ORDER]
        hint = f" ({', '.join(theirs)}: one value an order, not one a line)" if theirs else ""
        return "; ".join([*([f"as {self.table} it lacks {absent}{hint}"] if absent else []), *dict.fromkeys(self.unfit.values())])

    @property
    def personal(self) -> list[str]:
        """Columns that name people and are not read."""
        return [name for name, why in self.unread.items() if self.columns[name].personal or why == PERSONS_NAME]


@dataclass
class Proposal:
    """`settings` and `rules` hold client-wide lines with the reason for each; `questions` what was not settled."""

    sources: list[Source]
    settings: dict[str, tuple[str, str]]
    rules: dict[str, tuple[object, str]]
    questions: list[Question]


def propose(samples: Sequence[Sample], answers: Mapping[str, str] | None = None) -> Proposal:
    """The likeliest client file for `samples`, `answers` taken as given.

    Answers: `table:FILE`; `FILE.FIELD` (a column, or `none`); `date:FILE.COLUMN` (a format); `null:FILE.FIELD` (texts that mean "not
    known", or `none`); `decimal:FILE`; `encoding:FILE` (before the samples are read); `currency`, `time_zone`, `language`, `name`,
    `statuses`, `duplicates`. Raises BadInput for one that fits nothing.
    """
    given = dict(answers or {})
    facts = [_facts(sample) for sample in samples]
    fits = [_choose(sample, found, given, {}) for sample, found in zip(samples, facts, strict=True)]
    links = _links(samples, facts, fits)
    fits = [_choose(sample, found, given, links.get(i, {})) for i, (sample, found) in enumerate(zip(samples, facts, strict=True))]
    questions: list[Question] = []
    sources = [_source(sample, found, fit, given, questions) for sample, found, fit in zip(samples, facts, fits, strict=True)]
    _settle_orders(sources, questions)
    _leave_out_copies(sources, given, questions)
    proposal = Proposal(sources, _settings(sources, given, questions), _rules(sources, given, questions), questions)
    refuse_unused(given, sources)
    return proposal


def _facts(sample: Sample) -> Facts:
    order = sorted(range(len(sample.names)), key=lambda i: (sample.names[i], sample.cells[i]) if sample.header else sample.cells[i])
    kinds = sample.kinds or ("",) * len(sample.names)
    columns = tuple(Column(sample.names[i], sample.cells[i], kinds[i] if kinds[i] != "text" else "") for i in order)
    said = [max((concept_score(name, c) for c in CONCEPTS), default=0.0) for name in sample.names] if sample.header else []
    return facts_of(columns, informative=sum(s >= 0.6 for s in said) >= max(1, 0.15 * len(said)) if said else False)


def _choose(sample: Sample, facts: Facts, given: Mapping[str, str], more: Mapping[tuple[str, int], float]) -> tuple[Fit | None, float]:
    """The likeliest table for a sample, and how likely."""
    asked = given.get(f"table:{sample.label}")
    if asked == NONE or not sample.has_rows or (sample.hidden and not asked):
        return None, 1.0
    if asked and asked not in FIELDS:
        raise BadInput(f"--answer table:{sample.label}={asked}: no such table; there are {', '.join(FIELDS)}, {NONE}")
    fits = {table: assign(table, facts, more, _told(sample, facts, table, given)) for table in ([asked] if asked else FIELDS)}
    stem = re.sub(r"[0-9]+", " ", sample.relation or f"{sample.files[0].stem} {sample.sheet or ''}")
    said = set(tokens(stem)) | set(stem)
    simplified = words.folded(stem)
    weight: dict[str, float] = {}
    called: dict[str, bool] = {}
    for table, found in fits.items():
        hits = said & {t for word in words.FILE_WORDS[table].split() for t in (tokens(word) if word.isascii() else ())}
        chinese = any(not word.isascii() and word in simplified for word in words.FILE_WORDS[table].split())
        weight[table] = found.weight + (0.9 if hits or chinese else 0.0) - (3.0 if len(found.places) < 2 else 0.0)
        called[table] = bool(hits or chinese)
    if not asked and called["customers"] and not called["products"]:  # an id and a name: whose, only the file's own name says
        weight["products"] -= 3.0
    best = max(sorted(weight), key=lambda table: weight[table])
    total = sum(math.exp((w - weight[best]) * 1.5) for w in weight.values())
    if asked:
        return fits[best], 1.0
    return (fits[best] if len(fits[best].places) > 1 and weight[best] > -2 else None), 1 / total


def _told(sample: Sample, facts: Facts, table: str, given: Mapping[str, str]) -> dict[str, int | None]:
    """Field → the place of the column a person named for it, or None where they named none."""
    names = [c.name for c in facts.columns]
    found: dict[str, int | None] = {}
    for f in source_fields(table):
        answer = given.get(f"{sample.label}.{f}")
        if answer not in (None, *names, NONE):
            raise BadInput(f"--answer {sample.label}.{f}={answer}: no such column; there are {', '.join(names)}, {NONE}")
        if answer is not None:
            found[f] = names.index(answer) if answer in names else None
    return found


def _links(
    samples: Sequence[Sample], facts: Sequence[Facts], fits: Sequence[tuple[Fit | None, float]]
) -> dict[int, dict[tuple[str, int], float]]:
    """Columns whose values are the keys of another file: more likely the same thing."""
    keys = {}
    for i, (fit, _sure) in enumerate(fits):
        for table, f in (("customers", "customer_id"), ("products", "product_id"), ("campaigns", "campaign_id")):
            if fit and fit.table == table and not fit.lacking and f in fit.places:
                keys[f] = (i, set(facts[i].columns[fit.places[f]].counts))
    found: dict[int, dict[tuple[str, int], float]] = {}
    for i, one in enumerate(facts):
        for place, column in enumerate(one.columns):
            for f, (home, values) in keys.items():
                if i == home or column.distinct < 5 or len(values) < 5 or (column.is_numeric and not column.whole):
                    continue
                shared = sum(n for value, n in column.counts.items() if value in values) / len(column.filled)
                # Small whole numbers are contained in any row of numbers.
                if shared > 0.6 and not (column.is_numeric and column.distinct < 200 and column.known.max() < 1000):
                    found.setdefault(i, {})[f, place] = 1.5
                    if f == "customer_id":
                        found[i]["merged_into", place] = 1.5
    del samples
    return found


def _source(sample: Sample, facts: Facts, chosen: tuple[Fit | None, float], given: Mapping[str, str], questions: list[Question]) -> Source:
    fit, sure = chosen
    columns = {c.name: c for c in facts.columns}
    if not sample.encoding.certain:
        readings = ((sample.encoding.name, sample.encoding.shows), *sample.encoding.rivals)
        text = f"{sample.label}: which encoding reads right, {' or '.join(name for name, _reads in readings)}?"
        shows = "; ".join(f"{name} reads {reads}" for name, reads in readings)
        questions.append(Question(f"encoding:{sample.label}", text, sample.encoding.name, shows=shows))
    if fit is None:
        asked = given.get(f"table:{sample.label}")
        left_out = AS_SAID if asked == NONE else HIDDEN if sample.hidden and not asked else ""
        return Source(sample, None, sure, {}, columns=columns, unread=dict.fromkeys(columns, ""), left_out=left_out)
    decimal = _decimal(sample, facts, fit, given, questions)
    mapped: dict[str, Mapped] = {}
    identities = facts.identities
    maybe: dict[str, str] = {}
    for f in (f for f in source_fields(fit.table) if f in fit.places):
        place = fit.places[f]
        column = facts.columns[place]
        told = f"{sample.label}.{f}" in given
        rival = facts.columns[fit.rivals[f]].name if f in fit.rivals else ""
        likely = 1.0 if told else fit.sure[f]
        must = f == "order_id" and fit.table == "order_lines"  # without it a customer's lines of one time are one order: rather ask
        must |= f == "order_status"  # without it orders that came to nothing are revenue
        must |= any(f in group and not any(fit.sure.get(g, 0) >= SETTLED for g in group if g != f) for group in MUST[fit.table])
        if likely < (ASK if must else TAKE):
            maybe[column.name] = f"perhaps {f} ({likely:.0%})"
            continue
        if not told and fit.table == "order_lines" and (doubt := _doubt(f, place, facts)):
            maybe[column.name] = f"perhaps {f}"
            if must or f == "product_name":
                questions.append(Question(f"{sample.label}.{f}", f"{sample.label}: {doubt}", "", (column.name, NONE)))
            continue
        notes: list[str] = []
        if likely < SETTLED:
            notes.append(f"not certain ({likely:.0%})")
            if must or f in NUMBERS or f in ("product_id", "product_name"):
                meaning = SENT[fit.table].by_name[f].meaning if f in SENT[fit.table].by_name else CARRIED[fit.table][f]
                holds = _few(column, is_id=f in PERSONAL)
                text = f"{sample.label}: is `{column.name}` the {f} ({meaning})? {holds}" + (f" Or `{rival}`?" if rival else "")
                questions.append(Question(f"{sample.label}.{f}", text, column.name, tuple(columns)))
        options = _options(sample, fit.table, f, column, decimal, given, questions, notes)
        if (
            fit.table == "order_lines"
            and place in facts.once
            and fit.places.get("order_id") == facts.orders
            and f not in {*NUMBERS, "order_id"}
        ):
            options["fill_down"] = True
        mapped[f] = Mapped(column.name, likely, options, tuple(notes))
    if fit.table == "order_lines" and "product_name" in mapped and "product_id" not in mapped:
        mapped["product_id"] = replace(mapped["product_name"], notes=("no code of products: their names stand for them",))
    if sure < SETTLED and not fit.lacking:
        questions.append(
            Question(
                f"table:{sample.label}", f"{sample.label}: what does it hold? Its columns: {', '.join(columns)}", fit.table, (*FIELDS, NONE)
            )
        )
    if fit.table == "order_lines":
        _ask_what_is_on_top(sample, facts, mapped, given, questions)
        identities += _per_piece(sample, facts, mapped, given)
        identities += _add_up(sample, facts, mapped, decimal, given)
        questions += _ask_before_or_after(sample, mapped, given)
        if f"{sample.label}.customer_id" not in given:
            unnamed = f"{sample.label}.product_name" not in {*given, *(q.key for q in questions)}
            questions += _ask_for_key(sample, columns, mapped, names=unnamed)
    lacking = tuple(group for group in MUST[fit.table] if not any(f in mapped for f in group))
    if lacking:
        _withdraw(sample, questions, {f"{sample.label}.{f}" for group in lacking for f in group})
    used = {m.column for m in mapped.values()}
    left = ((i, c.name) for i, c in enumerate(facts.columns) if c.name and c.name not in used)
    unread = {name: _why(i, facts, fit.table) or maybe.get(name, "") for i, name in left}
    remarks = tuple(text for name in unread if fit.table == "order_lines" and (text := _given_back(columns[name])))
    unfit = unfit_columns(fit.table, chain(*lacking), [columns[name] for name in unread]) if facts.informative else {}
    return Source(sample, fit.table, sure, mapped, lacking, unread, identities, decimal, columns, remarks, unfit)


def _given_back(column: Column) -> str:
    """What an unread column says of money given back or orders that came to nothing, where it holds any."""
    if not tells_of_giving_back(column.name):
        return ""
    if column.is_numeric and not column.is_boolean:
        rows, money = int((column.known != 0).sum()), float(column.known.sum())
        return (
            f"{column.name} is not read: {rows:,} rows sampled hold {money:,.2f}; what is given back there is not taken off" if rows else ""
        )
    rows = sum(n for word, n in column.counts.items() if words.folded(word) not in (*words.FALSE.split(), *words.UNKNOWN))
    return f"{column.name} is not read: it is filled in {rows:,} rows sampled; see whether such orders should count" if rows else ""


def _doubt(f: str, place: int, facts: Facts) -> str:
    """What only a person can tell of the column likeliest to be `f`; empty where the values carry it."""
    column = facts.columns[place].name
    if f == "product_name" and whose_name(place, facts) == UNKNOWN:
        return f"does `{column}` name products ({column}), or people ({NONE})? The file does not tell; names of people are never read."
    if f in TOTALS and place in facts.of_order:
        same = f"`{column}` is the same on all lines of an order, as an order's total is; taken for {f} it counts once for every line."
        return f"{same} Is it the line's own ({column})?"
    return ""


def _ask_for_key(sample: Sample, columns: Mapping[str, Column], mapped: Mapping[str, Mapped], *, names: bool) -> list[Question]:
    """Whether a phone number or a mail address is to tell customers apart, or else (with `names`) a name, where nothing or a name does."""
    taken = mapped["customer_id"].column if "customer_id" in mapped else ""
    used = {m.column for m in mapped.values()}
    found = {name: c.personal for name, c in columns.items() if c.personal in KEYS_OF_PERSONS and c.fill > 0.3}
    if names and not found and not taken:
        found = {name: PERSONS_NAME for name, c in columns.items() if name not in used and is_bare_name(name) and c.distinct >= FEW}
    if not found or (taken and not is_name(taken, columns[taken])):
        return []
    which = " or ".join(f"`{name}` ({what})" for name, what in found.items())
    why = f"two people of one name in `{taken}` are one customer" if taken else "no column numbers the customers"
    rest = "" if taken else f" Without it every order is a guest's ({NONE})."
    text = f"{sample.label}: {why}. Is {which} to tell them apart? Only its keyed hash is kept.{rest}"
    return [Question(f"{sample.label}.customer_id", text, taken, tuple(dict.fromkeys((*found, taken or NONE, NONE))))]


def _ask_what_is_on_top(
    sample: Sample, facts: Facts, mapped: Mapping[str, Mapped], given: Mapping[str, str], questions: list[Question]
) -> None:
    """Ask which of two columns is the amount, where tax, shipping or a fee makes the difference."""
    key, both = f"{sample.label}.amount", [c.name for i, c in enumerate(facts.columns) if facts.role(i) & {"bare", "topped"}]
    if "amount" not in mapped or key in given or mapped["amount"].column not in both or len(both) < 2:
        return
    which = " or ".join(f"`{name}`" for name in both)
    text = f"{sample.label}: is {which} the amount? Tax, shipping or a fee makes the difference, and is no revenue in most houses."
    questions[:] = [q for q in questions if q.key != key] + [Question(key, text, mapped["amount"].column, tuple(both))]


def _per_piece(sample: Sample, facts: Facts, mapped: dict[str, Mapped], given: Mapping[str, str]) -> tuple[str, ...]:
    """Take the only money of a line for a price or an amount as it grows with the pieces, whatever its header says."""
    money = [f for f in ("amount", "unit_price") if f in mapped]
    product = mapped.get("product_id") or mapped.get("product_name")
    if len(money) != 1 or "quantity" not in mapped or product is None or f"{sample.label}.{money[0]}" in given:
        return ()
    places = {c.name: i for i, c in enumerate(facts.columns)}
    column, pieces, products = (facts.columns[places[m.column]] for m in (mapped[money[0]], mapped["quantity"], product))
    is_price = None if facts.role(places[column.name]) else is_of_one_piece(column.numbers, pieces.numbers, products.cells)
    if is_price is None or is_price == (money[0] == "unit_price"):
        return ()
    mapped["unit_price" if is_price else "amount"] = mapped.pop(money[0])
    return (f"{column.name} is the price of one piece" if is_price else f"{column.name} grows with {pieces.name}",)


def _add_up(sample: Sample, facts: Facts, mapped: dict[str, Mapped], decimal: str, given: Mapping[str, str]) -> tuple[str, ...]:
    """Map the order's total where its lines add up to it, and call a price a list price where they do so after discounts only."""
    places = {c.name: i for i, c in enumerate(facts.columns)}
    total, is_listed = sums_of(facts, {f: places[m.column] for f, m in mapped.items()})
    if total is None or facts.orders is None:
        return ()
    if is_listed and f"{sample.label}.list_price" not in given:
        mapped["list_price"] = mapped.pop("unit_price")
    column = facts.columns[total]
    if f"{sample.label}.order_total" not in given and column.name not in {m.column for m in mapped.values()}:
        mapped["order_total"] = Mapped(column.name, 1.0, {"decimal": ","} if decimal == "," else {})
    return (f"the lines of an order ({facts.columns[facts.orders].name}) add up to {column.name}",)


def _ask_before_or_after(sample: Sample, mapped: Mapping[str, Mapped], given: Mapping[str, str]) -> list[Question]:
    """Whether discounts are still to come off a price, where no amount of the lines tells."""
    reductions = [mapped[f].column for f in ("discount_amount", "coupon_amount") if f in mapped]
    if not reductions or "unit_price" not in mapped or {"amount", "gross_amount", "list_price"} & set(mapped):
        return []
    key, price = f"{sample.label}.list_price", mapped["unit_price"].column
    if key in given:
        return []
    text = (
        f"{sample.label}: is `{price}` the price before {' and '.join(f'`{r}`' for r in reductions)} came off ({price}), "
        f"or what was paid for a piece ({NONE})?"
    )
    return [Question(key, text, NONE, (price, NONE))]


def _why(place: int, facts: Facts, table: str) -> str:
    """Why a column is not read that names people, or says something of the order only."""
    column = facts.columns[place]
    if column.personal or table != "order_lines":
        return column.personal
    if names_people(place, facts):
        return PERSONS_NAME
    if column.is_numeric and not column.is_time and place in facts.of_order | facts.once and not column.whole:
        return OF_ORDER
    return ""


def _few(column: Column, *, is_id: bool) -> str:
    return f"It holds {', '.join(dict.fromkeys(masked(cell, is_id=is_id) for cell in list(column.counts)[:3]))}."


def _of_many(column: Column, words_: Iterable[str], known: Container[str] = ()) -> tuple[list[str], list[str]]:
    """Words of a column that are no single person's, and the others: known ones and those met twice that are no address or number."""
    told = [w for w in words_ if words.folded(w) in known or (column.counts[w] > 1 and not personal(w))]
    return told, [w for w in words_ if w not in told]


def _and_more(others: Sequence[str]) -> str:
    return f" and {len(others)} more, met once each" if others else ""


def _decimal(sample: Sample, facts: Facts, fit: Fit, given: Mapping[str, str], questions: list[Question]) -> str:
    """One decimal mark for a file: what proven columns say, else what the delimiter suggests, and then it is asked."""
    if answer := given.get(f"decimal:{sample.label}"):
        if answer not in (".", ","):
            raise BadInput(f"--answer decimal:{sample.label}={answer}: write . or ,")
        return answer
    numeric = [facts.columns[place] for f, place in fit.places.items() if f in NUMBERS]
    numeric = [column for column in numeric if column.kind != "number"]
    proven = Counter(mark for mark, certain in (c.decimal for c in numeric if any("," in x or "." in x for x in c.filled)) if certain)
    if proven:
        return proven.most_common(1)[0][0]
    unsure = [c for c in numeric if not c.decimal[1]]
    if not unsure:
        return "."
    guess = "," if sample.delimiter == ";" else "."
    cell = masked(next(x for x in unsure[0].filled if is_number(x) and ("," in x or "." in x)))
    questions.append(
        Question(f"decimal:{sample.label}", f"{sample.label}: `{cell}` in {unsure[0].name}: which is the decimal mark?", guess, (".", ","))
    )
    return guess


def _options(
    sample: Sample, table: str, f: str, column: Column, decimal: str, given: Mapping[str, str], questions: list[Question], notes: list[str]
) -> dict[str, object]:
    options: dict[str, object] = {}
    if f.endswith("_at"):
        return _time_options(sample, f, column, given, questions, notes)
    if f in NUMBERS:
        known = column.numbers if column.kind == "number" else column.read(decimal)
        real = known[np.isfinite(known)]
        if decimal == "," and column.kind != "number":
            options["decimal"] = ","
        if f in ("discount_amount", "coupon_amount") and (real < 0).sum() > (real > 0).sum():
            options["sign"] = -1
            notes.append("counted below zero in the file")
        if unknown := [x for x in column.counts if words.folded(x) in words.UNKNOWN]:
            options["null"] = sorted(unknown)
    elif f in DICTIONARIES:
        sampled, column = column, Column(column.name, tuple(all_words(sample, column.name) or column.cells))
        known_words = translation(f, column)
        ours = {w: mine for w, mine in known_words.items() if w.lower() != mine}
        if any(not w.isascii() for w in ours):  # the words of kinds not met yet: next month may hold them
            met = set(known_words.values())
            ours |= {w: mine for mine, others in DICTIONARIES[f].items() if mine not in met for w in others.split() if not w.isascii()}
        if ours:
            options["values"] = dict(sorted(ours.items()))
        left = sorted(set(column.counts) - set(known_words))
        if left:
            often, others = _of_many(sampled, left[:12])
            said = ", ".join(often) + _and_more(others)
            notes.append(f"no word of ours for {said}: add them to values, rows that hold them are set aside")
            one, other, *_more = mine = list(DICTIONARIES[f])
            text = f"{sample.label}: what do {said} mean in {column.name}? One of {', '.join(mine)}, as A={one};B={other}"
            questions.append(Question(f"values:{sample.label}.{f}", text, shows=", ".join(others)))
        if answer := given.get(f"values:{sample.label}.{f}"):
            extra = dict(part.split("=", 1) for part in answer.split(";") if "=" in part)
            options["values"] = {**ours, **{k.strip(): v.strip() for k, v in extra.items()}}
            questions[:] = [q for q in questions if q.key != f"values:{sample.label}.{f}"]
            notes[:] = [n for n in notes if not n.startswith("no word")]
    elif f == "currency":
        if "currency" in given and column.distinct == 1 and (sign := column.filled[0]).upper() not in CODES:
            options["values"] = {sign: given["currency"].upper()}
        if column.distinct > 1:
            several = ", ".join(f"{word} ({n:,})" for word, n in column.counts.most_common(8))
            notes.append(f"holds {several}: lines in another currency than the client's are set aside")
    elif f == "customer_id" and table in ("order_lines", "events"):
        if nobody := _nobody(sample, f, column, given, questions):
            options["null"] = nobody
            notes.append("these stand for no customer known: guests")
    elif f in ("is_vip", "consent"):
        true, false = set(words.TRUE.split()), set(words.FALSE.split())
        plain = {w: "true" if words.folded(w) in true else "false" for w in sorted(column.counts) if words.folded(w) in true | false}
        if any(w.lower() != mine for w, mine in plain.items()):
            options["values"] = plain
    elif f not in (*IDS, "comment", "product_name", "campaign_name", "question", "query"):
        unknown = sorted(x for x in column.counts if words.folded(x) in words.UNKNOWN)
        options |= {"null": unknown} if unknown else {}
    return options


def _nobody(sample: Sample, f: str, column: Column, given: Mapping[str, str], questions: list[Question]) -> list[str]:
    """Ids that stand for customers not known: settled where a usual word for nothing has far more rows than any customer, else asked."""
    key = f"null:{sample.label}.{f}"
    if key in given:
        return [] if given[key] == NONE else sorted(word.strip() for word in given[key].split(",") if word.strip())
    empty = {x: n for x, n in column.counts.items() if words.folded(x) in words.EMPTY_IDS}
    named = {x: n for x, n in column.counts.items() if words.folded(x) in words.GUESTS}
    digits = {x: n for x, n in column.counts.items() if re.fullmatch(r"0+|9{4,}|-1", x)}
    others = [n for x, n in column.counts.items() if x not in {**empty, **named, **digits}]
    most, mean = max(others, default=0), sum(others) / max(1, len(others))
    settled = sorted(x for x, n in empty.items() if n >= max(FEW, FAR * most))
    asked = {x: n for x, n in {**empty, **named}.items() if x not in settled and n >= max(FEW, FAR * mean)}
    asked |= {x: n for x, n in digits.items() if n >= max(FEW, FAR * most)}
    if asked:
        ids = ", ".join(f"`{x}` ({n:,} rows)" for x, n in sorted(asked.items()))
        text = f"{sample.label}: does {ids} in {column.name} stand for customers not known? Other ids have {most:,} rows at most"
        questions.append(
            Question(key, f"{text}. Separate them with commas; {NONE} where they are customers.", ", ".join(sorted([*settled, *asked])))
        )
    return sorted([*settled, *asked])


def _time_options(
    sample: Sample, f: str, column: Column, given: Mapping[str, str], questions: list[Question], notes: list[str]
) -> dict[str, object]:
    options: dict[str, object] = {}
    key = f"date:{sample.label}.{column.name}"
    if not column.times and column.filled and key not in given:
        raise BadInput(
            f"--answer {sample.label}.{f}={column.name}: its cells are written as no time that is known; add --answer '{key}=FORMAT', "
            "such as %d.%m.%Y"
        )
    time = column.times[0] if column.times else Time("iso", 1.0)
    form = given.get(key, time.format)
    if column.kind == "time":
        form = "excel" if sample.format == "excel" else "iso"
    elif time.rival and key not in given:
        cell = next((c for c in column.counts if shown(time, c) != shown(Time(time.rival, 1), c)), column.filled[0])
        first, second = masked(shown(time, cell)), masked(shown(Time(time.rival, 1), cell))
        text = f"{sample.label}: is {masked(cell)} in {column.name} {first} ({time.format}) or {second} ({time.rival})?"
        questions.append(Question(key, text, time.format, (time.format, time.rival)))
        notes.append(f"day and month may be the other way round: {time.rival}")
    if column.kind == SOME_TIMES:
        options["format"] = ("excel", form) if "%" in form else "excel"
    elif form != "iso":
        options["format"] = form
    if {"utc", "gmt"} & set(re.split(r"[\W_]+", column.name.lower())):
        options["time_zone"] = "UTC"
    if time.share < 1:
        notes.append(f"{1 - time.share:.1%} of its cells are written another way")
    return options


def _settle_orders(sources: list[Source], questions: list[Question]) -> None:
    """What one date column of the client proves holds for its others written the same way, unless their days then lie apart."""
    vague = [(s, f) for s in sources for f, m in s.mapped.items() if any("other way round" in n for n in m.notes)]
    proven = [(s, f) for s in sources for f, m in s.mapped.items() if _day_order(m) and (s, f) not in vague]
    orders = {_day_order(s.mapped[f]) for s, f in proven}
    if len(orders) != 1:
        return
    (order,) = orders
    for source, f in vague:
        m, time = source.mapped[f], source.columns[source.mapped[f].column].times[0]
        form, other = sorted((time.format, time.rival), key=lambda way: way[:2] != order)
        key = f"date:{source.sample.label}.{m.column}"
        cells = source.columns[m.column].counts
        series = [_days(s, f) for s, g in proven if g == f and s.sample.names == source.sample.names]
        days = days_read(form, cells)
        if days and (lie_closer(cells, form, other) or _lie_outside(days, series)):
            apart = f" Other dates are {_SAID[order]} first; so read, these lie between {days[0]:%-d %B %Y} and {days[1]:%-d %B %Y}."
            form, notes = other, m.notes
            questions[:] = [replace(q, text=q.text + apart, proposed=other) if q.key == key else q for q in questions]
        else:
            notes = (f"{_SAID[order]} first, as the client's other dates",)
            questions[:] = [q for q in questions if q.key != key]
        given = ("excel", form) if isinstance(m.options["format"], tuple) else form
        source.mapped[f] = replace(m, options={**m.options, "format": given}, notes=notes)


_SAID = {"%d": "day", "%m": "month"}


def _written(m: Mapped) -> str:
    """How the texts of a date column are written."""
    form = m.options.get("format", "")
    return str(form[1] if isinstance(form, tuple) else form)


def _day_order(m: Mapped) -> str:
    """`%d` or `%m`, whichever its dates begin with; empty where neither."""
    return next((order for order in _SAID if _written(m).startswith(order)), "")


def _days(source: Source, f: str) -> tuple[datetime, datetime] | None:
    return days_read(_written(source.mapped[f]), source.columns[source.mapped[f].column].counts)


def _lie_outside(days: tuple[datetime, datetime], series: list[tuple[datetime, datetime] | None]) -> bool:
    """Whether days lie more than a month before or after all those of the other files of their series."""
    known = [one for one in series if one]
    month = timedelta(days=31)
    return bool(known) and not (
        min(first for first, _last in known) - month <= days[0] <= days[1] <= max(last for _first, last in known) + month
    )


def _withdraw(sample: Sample, questions: list[Question], but: Container[str] = ()) -> None:
    """Nothing is asked of a file that is not read, `but` what would let it be read."""
    about = (f"{sample.label}.", *(f"{kind}:{sample.label}" for kind in ("table", "decimal", "date", "values", "null", "encoding")))
    questions[:] = [q for q in questions if q.key in but or not q.key.startswith(about)]


def _leave_out_copies(sources: list[Source], given: Mapping[str, str], questions: list[Question]) -> None:
    """Sales that another file or sheet holds too are read once: a plain copy is left out, of anything less it is asked."""
    for number, why, certain in sales_again(sources, [key.removeprefix("table:") for key in given if key.startswith("table:")]):
        source = sources[number]
        source.left_out = why
        _withdraw(source.sample, questions)
        if not certain:
            label = source.sample.label
            questions.append(
                Question(
                    f"table:{label}",
                    f"{label}: {why}. The same sales told twice (none), or others (order_lines)?",
                    NONE,
                    ("order_lines", NONE),
                )
            )


def _settings(sources: list[Source], given: Mapping[str, str], questions: list[Question]) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    headers = [name for source in sources for name in source.sample.names]
    han = sum(bool(re.search(r"[㐀-鿿]", name)) for name in headers)
    chinese = 2 * han > len(headers) and not re.search(r"[ぁ-ヿ가-힣]", "".join(headers))
    found["language"] = (given.get("language", "zh_CN" if chinese else "en"), "")
    currency, country, why = _currency(sources)
    several = _currencies(sources)
    if "currency" in given:
        currency, why = given["currency"].upper(), ""
        if not re.fullmatch(r"[A-Z]{3}", currency):
            raise BadInput(f"--answer currency={given['currency']}: write three letters, such as EUR")
    elif len(several) > 1:
        said = ", ".join(f"{code} ({rows:,} rows)" for code, rows in several.most_common())
        text = f"The orders are in {said}: in which of them does the client count? Lines in another are set aside"
        questions.append(Question("currency", text, currency, tuple(several)))
        why = f"NOT SETTLED: the files hold {said}"
    elif not why.startswith(("sign", "column")):
        questions.append(Question("currency", "Which currency are the amounts in? Three letters, such as EUR", currency or NO_CURRENCY))
        why = "NOT KNOWN: write the currency's three letters" if not currency else f"guessed from {why}: correct it if wrong"
    found["currency"] = (currency or NO_CURRENCY, why)
    zone = country[1] if country else words.ZONES.get(currency, "")
    if "time_zone" in given:
        zone, why = given["time_zone"], ""
        if zone not in available_timezones():
            raise BadInput(f"--answer time_zone={zone}: no such time zone; write one such as Europe/Berlin or Asia/Shanghai")
    else:
        questions.append(Question("time_zone", "In which time zone does the shop keep its days? Such as Europe/Berlin", zone or "UTC"))
        why = "guessed from country or currency: correct it if wrong" if zone else "NOT KNOWN: write the shop's own, such as Europe/Berlin"
    found["time_zone"] = (zone or "UTC", why)
    return found


def _currency(sources: list[Source]) -> tuple[str, tuple[str, str] | None, str]:
    """Currency by the signs beside amounts or in headers, else by the country of most orders."""
    signs: Counter[str] = Counter()
    country, yuan = None, _yuan(sources)
    for source in sources:
        for f, m in source.mapped.items():
            column = source.columns[m.column]
            if f in MONEY:
                signs += _signs(m.column, column, yuan)
            if f == "region" and column.counts:
                most, n = column.counts.most_common(1)[0]
                if words.folded(most) in words.COUNTRIES and n > 0.5 * len(column.filled):
                    country = words.COUNTRIES[words.folded(most)]
    if named := _currencies(sources):
        code = named.most_common(1)[0][0]
        return code, country if country and country[0] == code else None, "column of currencies"
    if signs:
        code = signs.most_common(1)[0][0]
        return code, country if country and country[0] == code else None, "signs beside the amounts"
    return (country[0], country, "the country of most orders") if country else ("", None, "")


def _currencies(sources: list[Source]) -> Counter[str]:
    """Codes in the columns of currencies, with their rows."""
    found: Counter[str] = Counter()
    for source in sources:
        if "currency" in source.mapped:
            for cell, rows in source.columns[source.mapped["currency"].column].counts.items():
                found[currency_of(cell, _yuan(sources))] += rows
    del found[""]
    return found


def _yuan(sources: list[Source]) -> dict[str, str]:
    """What ¥ stands for: the yen where headers have kana, the yuan where they have other Chinese characters; else it has to be asked."""
    headers = "".join(name for source in sources for name in source.columns)
    if re.search("[ぁ-ヿ]", headers):
        return {"¥": "JPY"}
    return {"¥": "CNY"} if re.search("[㐀-鿿]", headers) else {}


def _signs(header: str, column: Column, yuan: dict[str, str]) -> Counter[str]:
    """Currencies named in a header (50 each) and beside the amounts below it (1 each)."""
    found: Counter[str] = Counter()
    marked = [cell.lower().replace("￥", "¥") for cell in column.filled if not re.fullmatch(r"[\d.,\s+-]*", cell)][:500]
    name = header.lower().replace("_", " ")
    for sign, code in (words.CURRENCIES | yuan).items():
        behind = "(?![a-z])" if sign.isascii() and sign.isalpha() else ""
        shape = re.compile(rf"(?<![a-z]){re.escape(sign)}{behind}" if sign.isascii() else re.escape(sign))
        found[code] += sum(bool(shape.search(cell)) for cell in marked) + 50 * bool(shape.search(name))
    return +found


def _rules(sources: list[Source], given: Mapping[str, str], questions: list[Question]) -> dict[str, tuple[object, str]]:
    found: dict[str, tuple[object, str]] = {}
    twice = overlaps(sources)
    for source in (s for s in sources if s.table == "order_lines" and s.is_used):
        column = {f: source.columns[m.column] for f, m in source.mapped.items()}
        if "order_id" in column:
            found |= _cancelled(column)
        if "product_id" in column and column["product_id"] is not column.get("product_name"):
            ids = column["product_id"]
            titles = column["product_name"].cells if "product_name" in column else ids.cells
            some = sorted({x for x, title in zip(ids.cells, titles, strict=True) if x and _is_no_product(x, title)})
            if some:
                found["non_products"] = (some, "in no basket, but revenue; correct it: only the usual words are recognised")
        if "order_status" in column:
            found |= _statuses(source, column["order_status"], given, questions)
        tests = sorted(x for x in column["customer_id"].counts if re.match(r"(?i)test", x)) if "customer_id" in column else []
        if tests:
            rule = {"reason": "test_orders", "field": "customer_id", "starts_with": sorted({x[:4] for x in tests})}
            found["exclude"] = ([rule], "customers who are none")
        found |= {} if twice else _duplicates(source, column, questions)
    if twice:
        text = f"{'; '.join(twice)}: sent twice (drop_across_files), or sold twice (keep)?"
        questions.append(Question("duplicates", text, "keep", ("keep", "drop_across_files", "drop")))
        found["duplicates"] = ("keep", f"NOT SETTLED: {'; '.join(twice)}; `drop_across_files` counts them once")
    if answer := given.get("duplicates"):
        if answer not in ("keep", "drop_across_files", "drop"):
            raise BadInput(f"--answer duplicates={answer}: write keep, drop_across_files or drop")
        why = found.get("duplicates", ("", ""))[1].removeprefix("NOT SETTLED: ")
        found["duplicates"] = (answer, "" if answer == "keep" else why)
    return found


def _is_no_product(product_id: str, title: str) -> bool:
    """Postage, fees and the like, by id or by name; one or two letters are a code and no name."""
    name = words.folded(title).strip()
    return words.folded(product_id) in words.NON_PRODUCTS or (name in words.NON_PRODUCTS and (len(name) > 2 or not name.isascii()))


def _cancelled(column: Mapping[str, Column]) -> dict[str, tuple[object, str]]:
    counts = next((column[f] for f in ("quantity", "amount", "gross_amount") if f in column), None)
    if counts is None:
        return {}
    by: dict[str, list[bool]] = {}
    for order, number in zip(column["order_id"].cells, counts.numbers, strict=True):
        if np.isfinite(number) and (letters := re.match(r"^([A-Za-z]*)\d", order)):
            by.setdefault(letters[1], []).append(number < 0)
    plain = max(by, key=lambda prefix: len(by[prefix]), default="")
    found = sorted(p for p, below in by.items() if p and p != plain and len(below) >= 3 and np.mean(below) >= 0.9)
    if not found or np.mean(by[plain]) > 0.2:
        return {}
    return {"cancelled_order_prefixes": (found, "orders so named take goods back: their quantities are below zero")}


def _statuses(source: Source, column: Column, given: Mapping[str, str], questions: list[Question]) -> dict[str, tuple[object, str]]:
    if "statuses" in given:
        return {"statuses": ([w.strip() for w in given["statuses"].split(",") if w.strip()], "only orders of these count")}
    good, bad = set(words.GOOD_STATUS.split()), set(words.BAD_STATUS.split())
    fine = sorted(w for w in column.counts if words.folded(w) in good)
    open_ = sorted(w for w in column.counts if words.folded(w) not in good | bad)
    often, others = _of_many(column, [w for w, _n in column.counts.most_common(8)], good | bad)
    counts = ", ".join(f"{w} ({column.counts[w]:,})" for w in often) + _and_more(others)
    if fine and not open_:
        return {"statuses": (fine, f"only orders of these count; met: {counts}")}
    text = f"{source.sample.label}: which words of {column.name} mean that an order counts? {counts}. Separate them with commas."
    questions.append(Question("statuses", text, ", ".join(fine), shows=", ".join(others)))
    return {"statuses": (fine, f"only orders of these count; NOT SETTLED; met: {counts}")} if fine else {}


def _duplicates(source: Source, column: Mapping[str, Column], questions: list[Question]) -> dict[str, tuple[object, str]]:
    """Exact copies are more likely sent twice where an order, or a product in it, stands twice in no other way.

    Rows that differ only in what is not read are no copies: a column that numbers them is mapped, and nothing is asked.
    """
    keys = [column[f] for f in ("order_id", "ordered_at") if f in column]  # merged cells are filled later
    whole = [i for i, cells in enumerate(zip(*(c.cells for c in keys), strict=True)) if all(cells)]

    def rows(columns: Iterable[Column]) -> Counter[tuple[str, ...]]:
        picked = [c.cells for c in columns]
        return Counter(tuple(cells[i] for cells in picked) for i in whole)

    read, all_ = rows(source.columns[name] for name in sorted({m.column for m in source.mapped.values()})), rows(source.columns.values())
    alike, copies = read.total() - len(read), all_.total() - len(all_)
    if alike > copies and "order_id" in column:
        numbers = [name for name in source.unread if source.columns[name].whole or source.columns[name].unique]
        numbering = [n for n in numbers if len(rows((column["order_id"], source.columns[n]))) == len(all_)]
        if numbering:
            source.mapped["line_id"] = Mapped(numbering[0], 1.0, {}, ("tells lines apart that are alike in all else that is read",))
            del source.unread[numbering[0]]
            alike = copies
    if not alike:
        return {}
    said = f"{alike:,} of {read.total():,} rows sampled equal another in every field that is read"
    if alike > copies:
        return {"duplicates": ("keep", f"{said}; {alike - copies:,} of them differ in what is not read and are no copies")}
    both = [column[f] for f in ("order_id", "product_id") if f in column]
    if "order_id" not in column or len(rows(both)) != len(read):
        again = "products stand twice in an order anyway" if len(both) == 2 else "no column says which order and product a line is of"
        return {"duplicates": ("keep", f"{said}, and {again}; `drop` leaves copies out")}
    what = "no product stands twice in an order otherwise" if "product_id" in column else "no order stands twice otherwise"
    text = f"{source.sample.label}: {said}; {what}. Sent twice (drop), or sold twice (keep)?"
    questions.append(Question("duplicates", text, "keep", ("keep", "drop")))
    return {"duplicates": ("keep", f"{said}; `drop` leaves copies out")}


def files_below(folder: Path, sample: Sample) -> list[str]:
    """The files of a sample as the client file names them: paths below `folder`, a pattern for each ending where these fit them alone."""
    names = [path.relative_to(folder).as_posix() for path in sample.files]
    if len(names) == 1:
        return names
    front = pattern_of([name.removesuffix(PurePosixPath(name).suffix) for name in names])
    shapes = [front + ending for ending in dict.fromkeys(PurePosixPath(name).suffix for name in names)]
    fits = sorted(path.relative_to(folder).as_posix() for shape in shapes for path in folder.glob(literal(shape)))
    return shapes if fits == sorted(names) else names
