"""Our own grammars, as SQL: a cell's text → amount, whole number, time, truth, or null where it is none of these.

Nothing here guesses. `10,10` is an amount only where the client file says `decimal: ","`; `1e3`, `0x10`, `1_000`, `NaN` never are.
"""

from __future__ import annotations

from dataclasses import dataclass

from babel.core import UnknownLocaleError
from babel.numbers import get_currency_symbol

from custkit.client import ColumnMap
from custkit.tables import ARMS, EVENT_TYPES, LEDGER_TYPES

AMOUNT_LIMIT = "1000000000000"
EARLIEST, LATEST = "1971-01-01", "2100-01-01"
TOTAL_WORDS = ("total", "subtotal", "sub-total", "sub total", "grand total", "总计", "合计", "小计", "總計", "合計", "小計", "汇总")
TRUE_WORDS = ("true", "t", "yes", "y", "1", "是", "有")
FALSE_WORDS = ("false", "f", "no", "n", "0", "否", "无")
WORDS = {"event_type": EVENT_TYPES, "entry_type": LEDGER_TYPES, "arm": ARMS}
_SYMBOLS = {
    "CNY": ("¥", "￥", "元", "RMB", "人民币", "CN¥"), "JPY": ("¥", "￥", "円", "JP¥"), "USD": ("$", "US$"), "EUR": ("€", "Euro"), "GBP": ("£",),
    "TWD": ("NT$", "元", "圓"), "HKD": ("HK$", "元"), "KRW": ("₩", "원"), "INR": ("₹", "Rs.", "Rs"),
}  # fmt: skip
_ANY_CURRENCY = r"[$€£¥￥₩₹₽元円圓원]|\b(USD|EUR|GBP|CNY|RMB|JPY|KRW|INR|HKD|TWD|CHF|CAD|AUD)\b"
_WIDE = "０１２３４５６７８９．，－＋＄￥（）　−‐‑–﹣"
_NARROW = "0123456789.,-+$¥() -----"


def lit(text: str) -> str:
    """`text` as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def name(column: str) -> str:
    """`column` as an SQL identifier."""
    return '"' + column.replace('"', '""') + '"'


@dataclass(frozen=True)
class Grammar:
    """How cells become values of one kind: `value` and, for cells it refuses, `reason`; both take the SQL name of the cell's text."""

    kind: str
    map: ColumnMap
    field: str
    currency: str
    zone: str
    is_money: bool

    def value(self, t: str) -> str:
        """SQL of the typed value; null where the text is outside the grammar."""
        if self.kind == "decimal":
            return self._signed(self._money(t) if self.is_money else self._number(t))
        if self.kind == "int64":
            number = self._number(t)
            return f"CASE WHEN {number} = floor({number}) THEN CAST({number} AS BIGINT) END"
        if self.kind == "float64":
            return f"CAST({self._number(t)} AS DOUBLE)"
        if self.kind == "timestamp":
            return self._in_range(self._time(t))
        if self.kind == "boolean":
            folded = f"lower({t})"
            return f"CASE WHEN {folded} IN ({_words(TRUE_WORDS)}) THEN true WHEN {folded} IN ({_words(FALSE_WORDS)}) THEN false END"
        if self.field in WORDS:
            return f"CASE WHEN lower({t}) IN ({_words(WORDS[self.field])}) THEN lower({t}) END"
        return t

    def reason(self, t: str) -> str:
        """SQL of the reason code for a text that `value` refused."""
        if self.kind in ("decimal", "int64", "float64"):
            plain = self._plain(t)
            own = f"(regexp_matches({t}, {lit(_ANY_CURRENCY)}) AND {plain} IS NULL)"
            kind = "amount_unparsable" if self.kind == "decimal" else "number_unparsable"
            too_big = f"(length(regexp_replace(split_part({plain}, '.', 1), '[^0-9]', '', 'g')) > 12)"
            rest = "'not_a_money_value'" if self.is_money else f"'{kind}'"
            return f"CASE WHEN {own} THEN 'currency_mismatch' WHEN {plain} IS NULL THEN '{kind}' WHEN {too_big} THEN 'amount_out_of_range' ELSE {rest} END"
        if self.kind == "timestamp":
            return f"CASE WHEN {self._time(t)} IS NULL THEN 'date_format' ELSE 'date_out_of_range' END"
        if self.kind == "boolean":
            return "'boolean_unparsable'"
        return "'unknown_value'"

    def direct(self, column: str, arrow_kind: str) -> str | None:
        """SQL of the typed value for a cell that the file already holds typed; null where refused; None: go through text."""
        if self.kind == "timestamp" and arrow_kind in ("timestamp", "timestamptz", "date") and not self.map.format:
            return self._in_range(self._zoned(column, arrow_kind))
        if self.kind == "timestamp" and arrow_kind in ("timestamp", "timestamptz", "date") and self.map.format in ("iso", "excel"):
            return self._in_range(self._zoned(column, arrow_kind))
        if self.kind == "decimal" and arrow_kind == "float":
            rounded = f"TRY_CAST(round({column}, 4) AS DECIMAL(18, 4))"
            tight = f" AND abs({column} - CAST({rounded} AS DOUBLE)) <= 1e-8" if self.is_money else ""
            return self._signed(f"CASE WHEN isfinite({column}) AND abs({column}) < {AMOUNT_LIMIT}{tight} THEN {rounded} END")
        if self.kind == "decimal" and arrow_kind == "int":
            return self._signed(f"CASE WHEN abs({column}) < {AMOUNT_LIMIT} THEN CAST({column} AS DECIMAL(18, 4)) END")
        if self.kind == "float64" and arrow_kind in ("float", "int"):
            return f"CASE WHEN isfinite(CAST({column} AS DOUBLE)) THEN CAST({column} AS DOUBLE) END"
        if self.kind == "int64" and arrow_kind == "int":
            return f"CAST({column} AS BIGINT)"
        if self.kind == "boolean" and arrow_kind == "bool":
            return column
        return None

    def _signed(self, value: str) -> str:
        return value if self.map.sign == 1 else f"-({value})"

    def _simple(self, t: str) -> tuple[str, str]:
        if self.map.decimal == ",":
            return "'[+-]?[0-9]{1,12}(,[0-9]{1,4})?'", f"replace({t}, ',', '.')"
        return "'[+-]?[0-9]{1,12}([.][0-9]{1,4})?'", t

    def _plain(self, t: str) -> str:
        """SQL of the text as plain digits with an optional sign and `.`; null where it is no amount."""
        text = f"translate({t}, {lit(_WIDE)}, {lit(_NARROW)})"
        mine = "|".join(_escape(symbol) for symbol in own_symbols(self.currency))
        front, behind = rf"^([+-]?)[\s ]*(?:{mine})[\s ]*([+-]?)", rf"[\s ]*(?:{mine})$"
        text = rf"regexp_replace(regexp_replace({text}, {lit(front)}, '\1\2'), {lit(behind)}, '')"
        mark, others = (",", r"[.]") if self.map.decimal == "," else (".", "[,]")
        groups = "|".join(f"(?:{sep}[0-9]{{3}})+" for sep in (others, "[ ]", "[\u00a0]", "[\u2009]", "[\u202f]", "[’']"))
        fraction = f"(?:[{mark}][0-9]+)?"
        whole = rf"^[+-]?(?:[0-9]+{fraction}|[0-9]{{1,3}}(?:{groups}){fraction}|[{mark}][0-9]+)$"
        digits = f"regexp_replace({text}, {lit('[^0-9+' + mark + '-]')}, '', 'g')"
        if mark == ",":
            digits = f"replace({digits}, ',', '.')"
        return f"CASE WHEN regexp_matches({text}, {lit(whole)}) THEN {digits} END"

    def _number(self, t: str) -> str:
        simple, cast = self._simple(t)
        return (
            f"CASE WHEN regexp_full_match({t}, {simple}) THEN CAST({cast} AS DECIMAL(18, 4)) "
            f"ELSE {_bounded(f'TRY_CAST({self._plain(t)} AS DECIMAL(38, 12))', 'DECIMAL(18, 4)', tight=False)} END"
        )

    def _money(self, t: str) -> str:
        simple, cast = self._simple(t)
        return (
            f"CASE WHEN regexp_full_match({t}, {simple}) THEN CAST({cast} AS DECIMAL(18, 4)) "
            f"ELSE {_bounded(f'TRY_CAST({self._plain(t)} AS DECIMAL(38, 12))', 'DECIMAL(18, 4)', tight=True)} END"
        )

    def _time(self, t: str) -> str:
        how = self.map.format or "iso"
        if how in ("epoch_s", "epoch_ms"):
            digits, unit = ("{1,12}", 1_000_000) if how == "epoch_s" else ("{1,15}", 1_000)
            instant = f"make_timestamp(CAST({t} AS BIGINT) * {unit})"
            return f"CASE WHEN regexp_full_match({t}, '-?[0-9]{digits}') THEN {self._shift(instant, 'UTC')} END"
        if how in ("iso", "excel"):
            local = f"TRY_CAST({t} AS TIMESTAMP)"
            shape = "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?)?"
            aware = rf"TRY_CAST(regexp_replace({t}, '([+-][0-9]{{2}}):?([0-9]{{2}})$', '\1:\2') AS TIMESTAMP)"
            return (
                f"CASE WHEN regexp_full_match({t}, '{shape}') THEN {self._shift(local, self.map.time_zone)} "
                f"WHEN regexp_full_match({t}, '{shape}(Z|[+-][0-9]{{2}}:?[0-9]{{2}})') THEN {self._shift(aware, 'UTC')} END"
            )
        text = t
        if "%p" in how:
            text = f"replace(replace({t}, '上午', 'AM'), '下午', 'PM')"
        return self._shift(f"CAST(try_strptime({text}, {lit(how)}) AS TIMESTAMP)", self.map.time_zone)

    def _zoned(self, column: str, arrow_kind: str) -> str:
        if arrow_kind == "timestamptz":
            return f"({column} AT TIME ZONE {lit(self.zone)})"
        return self._shift(f"CAST({column} AS TIMESTAMP)", self.map.time_zone)

    def _shift(self, instant: str, zone: str | None) -> str:
        """Wall clock in `zone` → the client's wall clock. In the hour that a clock skips or repeats the zone's later offset counts."""
        if zone is None or zone == self.zone:
            return instant
        return f"(({instant} AT TIME ZONE {lit(zone)}) AT TIME ZONE {lit(self.zone)})"

    def _in_range(self, time: str) -> str:
        return f"CASE WHEN {time} >= TIMESTAMP '{EARLIEST}' AND {time} < TIMESTAMP '{LATEST}' THEN {time} END"


def _bounded(wide: str, to: str, *, tight: bool) -> str:
    near = f" AND abs({wide} - round({wide}, 4)) <= 0.00000001" if tight else ""
    return f"CASE WHEN abs({wide}) < {AMOUNT_LIMIT}{near} THEN CAST(round({wide}, 4) AS {to}) END"


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(lit(word) for word in words)


def _escape(symbol: str) -> str:
    return "".join(f"[{c}]" if c in ".$^|()?*+[]{}\\" else c for c in symbol)


def own_symbols(currency: str) -> tuple[str, ...]:
    """How people write `currency` beside an amount, longest first: `¥`, `元`, `CNY` …"""
    found = {currency, *_SYMBOLS.get(currency, ())}
    for locale in ("en", "zh_CN", "de"):
        try:
            found.add(get_currency_symbol(currency, locale))
        except UnknownLocaleError:  # pragma: no cover
            continue
    return tuple(sorted(found | {s.lower() for s in found}, key=lambda s: (-len(s), s)))
