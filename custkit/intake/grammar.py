"""Our own grammars, as SQL: a cell's text → amount, whole number, time, truth, or null where it is none of these.

Nothing here guesses. `10,10` is an amount only where the client file says `decimal: ","`; `1e3`, `0x10`, `1_000`, `NaN` never are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
from babel.core import UnknownLocaleError
from babel.languages import get_official_languages
from babel.numbers import get_currency_symbol

from custkit.client import ColumnMap
from custkit.intake.block import encoded
from custkit.tables import ARMS, CARRIED, EVENT_TYPES, LEDGER_TYPES, LINE_TYPES, SENT

AMOUNT_LIMIT = "1000000000000"
EARLIEST, LATEST = "1971-01-01", "2100-01-01"
_ISO_LENGTHS = {
    len(shape): kind
    for shape, kind in (("2026-10-31", pa.date32()), ("2026-10-31 09:05", pa.timestamp("us")), ("2026-10-31 09:05:30", pa.timestamp("us")))
}
DATE_CELL_TEXT = "[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?)?"  # as text beside texts
TOTAL_WORDS = ("total", "subtotal", "sub-total", "sub total", "grand total", "总计", "合计", "小计", "總計", "合計", "小計", "汇总")
TRUE_WORDS = ("true", "t", "yes", "y", "1", "是", "有")
FALSE_WORDS = ("false", "f", "no", "n", "0", "否", "无")
WORDS = {"event_type": EVENT_TYPES, "entry_type": LEDGER_TYPES, "arm": ARMS, "line_type": LINE_TYPES}
CURRENCY = "currency"
CHECKED = frozenset({*WORDS, CURRENCY})  # fields of text that take some words only
EPOCHS = {"epoch_s": (12, 1_000_000), "epoch_ms": (15, 1_000), "epoch_us": (18, 1)}  # digits at most, microseconds of one
SERIALS = {"excel_serial": "1899-12-30", "excel_serial_1904": "1904-01-01"}
NUMBERS = ("decimal", "int64", "float64")
_SYMBOLS = {
    "CNY": ("¥", "￥", "元", "RMB", "人民币", "CN¥"),
    "JPY": ("¥", "￥", "円", "JP¥"), "USD": ("$", "US$"), "EUR": ("€", "Euro"), "GBP": ("£",),
    "TWD": ("NT$", "元", "圓"), "HKD": ("HK$", "元"), "KRW": ("₩", "원"), "INR": ("₹", "Rs.", "Rs"),
}  # fmt: skip
CODES = (
    "USD", "EUR", "GBP", "CNY", "RMB", "JPY", "KRW", "INR", "HKD", "TWD", "CHF", "CAD", "AUD", "NZD", "SGD", "SEK", "NOK", "DKK", "PLN",
    "CZK", "HUF", "RON", "BGN", "BRL", "MXN", "ZAR", "TRY", "ILS", "THB", "MYR", "IDR", "PHP", "VND", "AED", "SAR", "RUB", "UAH",
)  # fmt: skip
SIGNS = "$€£¥￥₩₹₽₺₴₫฿₱₪元円圓원"
_ANY_CURRENCY = rf"[{SIGNS}]|\b({'|'.join(CODES)})\b"
MINUS_BEHIND = "[)）]|.[-−‐‑–﹣]"  # what an accountant's negative shows, among others
WIDE = "０１２３４５６７８９．，－＋＄￥（）　−‐‑–﹣"
NARROW = "0123456789.,-+$¥() -----"


def lit(text: str) -> str:
    """`text` as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def name(column: str) -> str:
    """`column` as an SQL identifier."""
    return '"' + column.replace('"', '""') + '"'


def field_type(table: str, canonical: str) -> str:
    """`decimal`, `timestamp`, `int64`, `float64`, `boolean` or `string` of a field that a file may feed."""
    if canonical in SENT[table].by_name:
        return SENT[table].by_name[canonical].type.split("(")[0]
    assert canonical in CARRIED[table]
    return "decimal" if canonical in ("unit_price", "list_price", "order_total") else "string"


def is_as_read(kind: str, canonical: str, how: ColumnMap) -> bool:
    """Whether the text of a cell is its value."""
    return kind == "string" and canonical not in CHECKED and not (how.null or how.values or how.width)


def is_iso_time(kind: str, how: ColumnMap) -> bool:
    """Whether the cells are times in ISO shape by the client's own clock, with nothing to be put in their place."""
    return kind == "timestamp" and how.format in (None, "iso") and not (how.time_zone or how.null or how.values or how.fill_down)


def times_or_encoded(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts that all are times of one ISO shape, in years that intake takes → times, or dates; other texts encoded.

    Of these lengths Arrow knows no other shape than the grammar's, but for times with a zone, which it refuses here.
    """
    lengths = pc.min_max(pc.binary_length(texts)).as_py()
    kind = _ISO_LENGTHS.get(lengths["min"]) if lengths["min"] == lengths["max"] and not texts.null_count else None
    if kind is None:
        return encoded(texts)
    try:
        times = pc.cast(texts, kind)
    except pa.ArrowInvalid:
        return encoded(texts)
    met = pc.min_max(times)
    first, end = (pa.scalar(bound).cast(kind) for bound in (EARLIEST, LATEST))
    are_meant = pc.and_(pc.greater_equal(met["min"], first), pc.less(met["max"], end)).as_py()
    return times if are_meant else encoded(texts)


@dataclass(frozen=True)
class Grammar:
    """How the cells of one field become values, in three steps of SQL, each over the one before: text → plain form → raw value → value.

    A cell is refused where its text is there and its value is null; `reason` says why.
    """

    kind: str
    map: ColumnMap
    field: str
    currency: str
    zone: str
    is_money: bool
    largest: str = AMOUNT_LIMIT

    def plain(self, text: str) -> str:
        """SQL of the text brought to a plain form: digits for numbers, an instant for times; null outside the grammar."""
        if self.kind in NUMBERS:
            return self._digits(text)
        if self.kind == "timestamp":
            return self._time(text)
        return text

    def raw(self, plain: str) -> str:
        """SQL of the value before limits are applied."""
        if self.kind in NUMBERS:
            decimals = f"(strpos({plain}, '.') > 0 AND length({plain}) - strpos({plain}, '.') > 4)"
            wide = f"TRY_CAST({plain} AS DECIMAL(38, 12))"
            near = f"abs({wide} - round({wide}, 4)) <= 0.00000001" if self.is_money else "true"
            return (
                f"CASE WHEN {decimals} THEN CASE WHEN {near} THEN TRY_CAST(round({wide}, 4) AS DECIMAL(18, 4)) END "
                f"ELSE TRY_CAST({plain} AS DECIMAL(18, 4)) END"
            )
        if self.kind == "boolean":
            folded = f"lower({plain})"
            return f"CASE WHEN {folded} IN ({_words(TRUE_WORDS)}) THEN true WHEN {folded} IN ({_words(FALSE_WORDS)}) THEN false END"
        if self.field == CURRENCY:
            mine = tuple(dict.fromkeys(symbol.lower() for symbol in own_symbols(self.currency)))
            return f"CASE WHEN lower({plain}) IN ({', '.join(lit(symbol) for symbol in mine)}) THEN {lit(self.currency)} END"
        if self.field in WORDS:
            return f"CASE WHEN lower({plain}) IN ({_words(WORDS[self.field])}) THEN lower({plain}) END"
        return plain

    def value(self, raw: str) -> str:
        """SQL of the typed value."""
        if self.kind == "decimal":
            return f"CASE WHEN abs({raw}) < {self.largest} THEN {raw if self.map.sign == 1 else f'-{raw}'} END"
        if self.kind == "int64":
            return f"CASE WHEN {raw} = floor({raw}) THEN CAST({raw} AS BIGINT) END"
        if self.kind == "float64":
            return f"CAST({raw} AS DOUBLE)"
        if self.kind == "timestamp":
            return f"CASE WHEN {raw} >= TIMESTAMP '{EARLIEST}' AND {raw} < TIMESTAMP '{LATEST}' THEN {raw} END"
        return raw

    def reason(self, text: str) -> str:
        """SQL of the reason code for a text that was refused."""
        plain = self.plain(text)
        if self.kind in NUMBERS:
            kind = "amount_unparsable" if self.kind == "decimal" else "number_unparsable"
            digits = f"length(regexp_replace(split_part({plain}, '.', 1), '[^0-9]', '', 'g'))"
            foreign = f"regexp_matches({text}, '[0-9]') AND regexp_matches({self._bare(text)}, {lit(_ANY_CURRENCY)})"
            too_big = f"{digits} > 12 OR abs({self.raw(plain)}) >= {self.largest}"
            return (
                f"CASE WHEN {plain} IS NULL AND {foreign} THEN 'currency_mismatch' WHEN {plain} IS NULL THEN '{kind}' "
                f"WHEN {too_big} THEN 'amount_out_of_range' ELSE '{'not_a_money_value' if self.is_money else kind}' END"
            )
        if self.kind == "timestamp":
            return f"CASE WHEN {plain} IS NULL THEN 'date_format' ELSE 'date_out_of_range' END"
        if self.field == CURRENCY:
            return "'currency_mismatch'"
        return "'boolean_unparsable'" if self.kind == "boolean" else "'unknown_value'"

    def direct(self, cell: str, cell_kind: str) -> str | None:
        """SQL of the raw value of a cell that the file holds typed; null where refused; None where it must go through text."""
        if self.kind == "timestamp" and self.map.takes_date_cells:
            if cell_kind == "timestamptz":
                return f"({cell} AT TIME ZONE {lit(self.zone)})"
            if cell_kind in ("timestamp", "date"):
                return self._shift(f"CAST({cell} AS TIMESTAMP)", self.map.time_zone)
        if self.kind == "decimal" and cell_kind == "float":
            rounded = f"TRY_CAST(round({cell}, 4) AS DECIMAL(18, 4))"
            tight = f" AND abs({cell} - CAST({rounded} AS DOUBLE)) <= 1e-8" if self.is_money else ""
            return f"CASE WHEN isfinite({cell}) AND abs({cell}) < {self.largest}{tight} THEN {rounded} END"
        if self.kind in ("decimal", "int64") and cell_kind == "int":
            return f"CASE WHEN abs({cell}) < {self.largest} THEN CAST({cell} AS DECIMAL(18, 4)) END"
        if self.kind == "float64" and cell_kind in ("float", "int"):
            return f"CASE WHEN isfinite(CAST({cell} AS DOUBLE)) THEN CAST({cell} AS DOUBLE) END"
        return cell if self.kind == "boolean" and cell_kind == "bool" else None

    def _digits(self, text: str) -> str:
        """Plain digits with an optional sign and `.`. The usual shape is tried first; the rest goes the long way round."""
        if self.map.decimal == ",":
            usual, digits = "'[+-]?[0-9]{1,12}(,[0-9]{1,4})?'", f"replace({text}, ',', '.')"
        else:
            usual, digits = "'[+-]?[0-9]{1,12}([.][0-9]{1,4})?'", text
        return f"CASE WHEN regexp_full_match({text}, {usual}) THEN {digits} ELSE {self._unusual(text)} END"

    def _bare(self, text: str) -> str:
        """SQL of the text in narrow characters, without the client's own currency at either end."""
        narrow = f"translate({text}, {lit(WIDE)}, {lit(NARROW)})"
        mine = "|".join(_escape(symbol) for symbol in own_symbols(self.currency))
        front, behind = rf"^([+-]?[(]?)[\s ]*(?:{mine})[\s ]*([+-]?[(]?)", rf"([)-]?)[\s ]*(?:{mine})[\s ]*([)-]?)$"
        return rf"regexp_replace(regexp_replace({narrow}, {lit(front)}, '\1\2'), {lit(behind)}, '\1\2')"

    @property
    def _unsigned(self) -> str:
        """A pattern of the digits of an amount: thousands set apart in one way, or as in India, and a fraction."""
        mark, other = (",", "[.]") if self.map.decimal == "," else (".", "[,]")
        groups = "|".join(f"(?:{sep}[0-9]{{3}})+" for sep in (other, "[ ]", "[\u00a0]", "[\u2009]", "[\u202f]", "[’']"))
        indian = "" if mark == "," else "|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}"
        return f"(?:(?:[0-9]+|[0-9]{{1,3}}(?:{groups}){indian})(?:[{mark}][0-9]+)?|[{mark}][0-9]+)"

    def negated(self, text: str) -> str:
        """SQL of whether the text is a negative amount as accountants write it, (24.75) or 24.75-; scores and counts are none."""
        accounting = f"[(]{self._unsigned}[)]|{self._unsigned}-"
        return f"regexp_full_match({self._bare(text)}, {lit(accounting)})" if self.kind == "decimal" else "false"

    def _unusual(self, text: str) -> str:
        bare, mark = self._bare(text), self.map.decimal
        digits = f"regexp_replace({bare}, {lit('[^0-9+' + mark + '-]')}, '', 'g')"
        behind = f"'-' || regexp_replace({bare}, {lit('[^0-9' + mark + ']')}, '', 'g')"
        usual = f"regexp_full_match({bare}, {lit('[+-]?' + self._unsigned)})"
        plain = f"CASE WHEN {usual} THEN {digits} WHEN {self.negated(text)} THEN {behind} END"
        return f"replace({plain}, ',', '.')" if mark == "," else plain

    def _time(self, text: str) -> str:
        how = self.map.text_format
        if how in EPOCHS:
            digits, unit = EPOCHS[how]
            instant = f"make_timestamp(CAST({text} AS BIGINT) * {unit})"
            return f"CASE WHEN regexp_full_match({text}, '-?[0-9]{{1,{digits}}}') THEN {self._shift(instant, 'UTC')} END"
        if how in SERIALS:
            seconds = f"CAST(round(CAST({text} AS DECIMAL(20, 12)) * 86400) AS BIGINT)"
            instant = self._shift(f"TIMESTAMP '{SERIALS[how]}' + to_seconds({seconds})", self.map.time_zone)
            return f"CASE WHEN regexp_full_match({text}, '[0-9]{{1,6}}([.][0-9]{{1,12}})?') THEN {instant} END"
        if how in ("iso", "excel"):
            shape = "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?)?"
            near = rf"regexp_replace(regexp_replace({text}, ' ?(UTC|GMT|Z)$', '+00:00'), ' ?([+-][0-9]{{2}}):?([0-9]{{2}})?$', '\1:\2')"
            whole = rf"regexp_replace({near}, '([T ][0-9]{{2}}:[0-9]{{2}})([+-])', '\1:00\2')"
            aware = f"TRY_CAST(rtrim({whole}, ':') AS TIMESTAMPTZ) AT TIME ZONE {lit(self.zone)}"
            return (
                f"CASE WHEN regexp_full_match({text}, '{shape}') THEN {self._shift(self._wall(text), self.map.time_zone)} "
                f"WHEN regexp_full_match({text}, '{shape} ?(UTC|GMT|Z|[+-][0-9]{{2}}:?[0-9]{{2}})') THEN {aware} "
                f"WHEN regexp_full_match({text}, '{shape} ?[+-][0-9]{{2}}') AND length({text}) > 21 THEN {aware} END"
            )
        if _names_zone(how):
            return f"try_strptime({text}, {lit(how)}) AT TIME ZONE {lit(self.zone)}"
        return self._shift(self._wall(text), self.map.time_zone)

    def _wall(self, text: str) -> str:
        """SQL of the wall clock that `text` shows in its own zone."""
        how = self.map.text_format
        if how in ("iso", "excel"):
            return f"TRY_CAST({text} AS TIMESTAMP)"
        halves = f"replace(replace({text}, '上午', 'AM'), '下午', 'PM')" if "%p" in how else text
        written = f"CAST(try_strptime({halves}, {lit(how)}) AS TIMESTAMP)"
        if self.map.takes_date_cells:
            return f"CASE WHEN regexp_full_match({text}, {lit(DATE_CELL_TEXT)}) THEN TRY_CAST({text} AS TIMESTAMP) ELSE {written} END"
        return written

    def turned(self, text: str) -> tuple[str, str] | None:
        """SQL of whether `text` is a time that its zone's clock skips, and one that it shows twice; None in the client's own zone."""
        zone = self.map.time_zone
        how = self.map.text_format
        if self.kind != "timestamp" or zone in (None, self.zone) or _names_zone(how) or not (how in ("iso", "excel") or "%" in how):
            return None
        at, wall = lit(str(zone)), self._wall(text)
        again = [f"((({wall} AT TIME ZONE {at}) {sign} INTERVAL 1 HOUR) AT TIME ZONE {at}) = {wall}" for sign in "+-"]
        return f"(({wall} AT TIME ZONE {at}) AT TIME ZONE {at}) <> {wall}", f"({' OR '.join(again)})"

    def _shift(self, instant: str, zone: str | None) -> str:
        """Wall clock in `zone` → the client's wall clock. An hour that the clock skips is moved on; of one it repeats the later counts."""
        if zone is None or zone == self.zone:
            return instant
        return f"(({instant} AT TIME ZONE {lit(zone)}) AT TIME ZONE {lit(self.zone)})"


def _names_zone(how: str) -> bool:
    """Whether times written so say themselves which zone they are in."""
    return "%z" in how.lower()


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(lit(word) for word in words)


def _escape(symbol: str) -> str:
    return "".join(f"[{c}]" if c in ".$^|()?*+[]{}\\" else c for c in symbol)


@cache
def own_symbols(currency: str) -> tuple[str, ...]:
    """How people write `currency` beside an amount, longest first: `¥`, `元`, `CNY` …; also as the country it is named after does."""
    found = {currency, *_SYMBOLS.get(currency, ())}
    home = currency[:2]
    for locale in ("en", "zh_CN", "de", *(f"{language}_{home}" for language in get_official_languages(home, de_facto=True))):
        try:
            found.add(get_currency_symbol(currency, locale))
        except (UnknownLocaleError, ValueError):  # a country whose language has no rules of its own
            continue
    found |= {symbol.rstrip(".") for symbol in found}
    return tuple(sorted(found | {s.lower() for s in found}, key=lambda s: (-len(s), s)))
