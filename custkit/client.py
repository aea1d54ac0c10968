"""clients/<slug>/client.yml → Client: where the data lie, what their columns mean, and the client's own rules."""

from __future__ import annotations

import difflib
import os
import re
from decimal import Decimal
from functools import cached_property
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from custkit.errors import BadInput
from custkit.tables import TABLES, source_fields
from custkit.words import mark
from custkit.yaml_text import Lines, read_yaml

SLUG = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")
EMBEDDED = {"demo": "client.yml", "demo_zh": "client_zh_CN.yml"}  # clients that come with the kit, in custkit/demo


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnMap(_Strict):
    """How one canonical field is read: from `column`, or the constant `value`.

    format     dates only: a strptime pattern, `iso` (default), `excel` (date cells), `epoch_s`, `epoch_ms`
    time_zone  dates only: the zone the file's times are in, where it is not the client's own
    decimal    amounts only: the decimal mark, `.` (default) or `,`
    null       texts that mean "not known" in this column
    values     a dictionary from the file's words to ours, e.g. {Y: true, N: false}
    sign       -1 turns a column that counts discounts below zero around
    """

    column: str | None = None
    value: str | None = None
    format: str | None = None
    time_zone: str | None = None
    decimal: Literal[".", ","] = "."
    null: tuple[str, ...] = ()
    values: dict[str, str] = Field(default_factory=dict)
    sign: Literal[1, -1] = 1

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given

    @field_validator("sign", mode="before")
    @classmethod
    def _sign(cls, given: Any) -> Any:
        return int(given) if str(given) in ("1", "-1", "+1") else given

    @model_validator(mode="after")
    def _one(self) -> ColumnMap:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either `column` or `value`")
        return self


class Source(_Strict):
    """One or more files of one shape that feed one canonical table.

    files     paths below the client's `data` folder, exact or with * and ?; `package:NAME/path` reads from an installed package
    format    csv, excel or parquet; from the file's ending where not given
    columns   canonical field: column of the file. Only what stands here is read
    delimiter one character, `tab`, or `whitespace` for columns set apart by spaces
    """

    table: str
    files: tuple[str, ...] = Field(min_length=1)
    columns: dict[str, ColumnMap] = Field(min_length=1)
    format: Literal["csv", "excel", "parquet"] | None = None
    sheet: str | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    skip_rows: int = Field(0, ge=0)
    optional: bool = False

    @field_validator("files", mode="before")
    @classmethod
    def _files(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given

    @field_validator("delimiter")
    @classmethod
    def _delimiter(cls, given: str) -> str:
        if given not in ("tab", "whitespace") and len(given) != 1:
            raise ValueError("`delimiter` is one character, `tab` or `whitespace`")
        return given

    @field_validator("table")
    @classmethod
    def _table(cls, given: str) -> str:
        known = [name for name, table in TABLES.items() if not table.derived]
        if given not in known:
            raise ValueError(f"`{given}` is not a table a file can feed{_did_you_mean(given, known)}; there are {', '.join(known)}")
        return given

    @model_validator(mode="after")
    def _fields(self) -> Source:
        allowed = source_fields(self.table)
        for field in self.columns:
            if field not in allowed:
                raise ValueError(f"`{field}` is not a field of {self.table}{_did_you_mean(field, allowed)}; there are {', '.join(allowed)}")
        return self


class Exclusion(_Strict):
    """Rows that are no business: test orders, staff. Counted with their revenue under `reason`."""

    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    field: str
    equals: tuple[str, ...] = ()
    starts_with: tuple[str, ...] = ()


class Rules(_Strict):
    """What counts, decided by the client and counted by intake.

    returns   `subtract` takes returned goods off revenue; `separate` shows them beside it
    free      `sale` lets a line without a price make a purchase; `separate` does not
    """

    returns: Literal["separate", "subtract"] = "separate"
    free: Literal["separate", "sale"] = "separate"
    cancelled_order_prefixes: tuple[str, ...] = ()
    adjustment_order_prefixes: tuple[str, ...] = ()
    non_products: tuple[str, ...] = ()
    non_products_are_revenue: bool = True
    duplicates: Literal["keep", "drop"] = "keep"
    guests: Literal["keep", "drop"] = "keep"
    statuses: tuple[str, ...] = ()
    exclude: tuple[Exclusion, ...] = ()


class Limits(_Strict):
    """How much may be set aside before intake stops, and how few customers may stand in one cell."""

    quarantine_rows: float = Field(0.01, ge=0, le=1)
    quarantine_revenue: float = Field(0.005, ge=0, le=1)
    min_cell: int = Field(10, ge=1)


class Lifecycle(_Strict):
    """When a customer is active, dormant, VIP. Days since the last purchase, or event where the client has events."""

    active_days: int = Field(90, ge=1)
    dormant_days: int = Field(180, ge=1)
    vip_by: Literal["spend", "prepaid", "identity"] = "spend"
    vip_spend: Decimal | None = Field(None, gt=0)
    vip_share: float = Field(0.1, gt=0, lt=1)
    vip_prepaid: Decimal = Field(Decimal(1), gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Lifecycle:
        if self.dormant_days < self.active_days:
            raise ValueError(f"dormant_days ({self.dormant_days}) is below active_days ({self.active_days})")
        return self


class Segment(_Strict):
    """One segment of an RFM map: the ranges its scores fall in, `4-5` or `3`. The first row that fits wins."""

    name: str
    r: str | None = None
    f: str | None = None
    m: str | None = None
    fm: str | None = None
    action: str = ""

    @field_validator("r", "f", "m", "fm")
    @classmethod
    def _range(cls, given: str | None) -> str | None:
        if given is not None and not re.fullmatch(r"\d+(\.5)?(-\d+(\.5)?)?", given):
            raise ValueError(f"`{given}` is not a range of scores; write 4-5 or 3")
        return given

    def bounds(self, score: Literal["r", "f", "m", "fm"]) -> tuple[float, float] | None:
        """Lowest and highest score that fit, both inclusive; None: any."""
        given = getattr(self, score)
        if given is None:
            return None
        low, _, high = given.partition("-")
        return float(low), float(high or low)


# The field's ten segments on recency and the mean of frequency and monetary value; what fits nothing needs attention.
TEN_SEGMENTS = tuple(
    Segment(name=name, r=r, fm=fm)
    for name, r, fm in (
        (mark("Champions"), "5", "4-5"),
        (mark("Cannot lose"), "1", "4.5-5"),
        (mark("At risk"), "1-2", "3-5"),
        (mark("Loyal"), "3-5", "3.5-5"),
        (mark("New"), "5", "1-1.5"),
        (mark("Promising"), "4", "1-1.5"),
        (mark("Potential loyal"), "4-5", "2-3"),
        (mark("Need attention"), "3", "2.5-3"),
        (mark("About to sleep"), "3", "1-2"),
        (mark("Hibernating"), "1-2", "1-2.5"),
    )
)


class Engine(_Strict):
    """Where the tables are computed. `url` names an environment variable, so that no secret stands in the file."""

    kind: Literal["duckdb", "spark", "postgres"] = "duckdb"
    url: str | None = Field(None, pattern=r"^env:[A-Za-z_][A-Za-z0-9_]*$")
    master: str = "local[*]"

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return {"kind": given} if isinstance(given, str) else given


class Client(_Strict):
    """A client file, checked. `slug` names the folder, `name` is what people read."""

    name: str
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    time_zone: str = "UTC"
    language: Literal["en", "zh_CN"] = "en"
    gross_margin: float | None = Field(None, gt=0, le=1)
    data: str = "."
    sources: tuple[Source, ...] = Field(min_length=1)
    rules: Rules = Rules()
    limits: Limits = Limits()
    lifecycle: Lifecycle = Lifecycle()
    segments: tuple[Segment, ...] = TEN_SEGMENTS
    tiers: tuple[str, ...] = ()  # of the loyalty programme, lowest first; from the points they take where not given
    engine: Engine = Engine()

    _folder: Path = PrivateAttr(default=Path())
    _slug: str = PrivateAttr(default="")

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, given: str) -> str:
        if given not in available_timezones():
            raise ValueError(f"`{given}` is not a time zone{_did_you_mean(given, available_timezones())}")
        return given

    @property
    def slug(self) -> str:
        return self._slug

    @property
    def folder(self) -> Path:
        """Where client.yml lies."""
        return self._folder

    @cached_property
    def data_folder(self) -> Path:
        """Absolute folder of the raw files; an environment variable may stand in front (`$DATA/acme`).

        The raw files of a client that comes with the kit lie in the workspace, not in the installed package.
        """
        folder = workspace() / ".custkit" / self._slug if self.is_embedded else self._folder
        return (folder / Path(os.path.expandvars(self.data)).expanduser()).resolve()

    @property
    def is_embedded(self) -> bool:
        """True for the demo shop as it comes with the kit; its exports are written by `custkit.demo.prepare`."""
        return self._slug in EMBEDDED and self._folder == _demo_folder()

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def workspace() -> Path:
    """The folder that holds clients/, notebooks/ and reports/.

    $CUSTKIT_HOME where set; else the nearest folder above the current one with a clients/ in it; else the checkout custkit runs from.
    """
    if home := os.environ.get("CUSTKIT_HOME"):
        return Path(home).expanduser().resolve()
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "clients").is_dir() and (folder / "notebooks").is_dir():
            return folder
    checkout = Path(str(package_files("custkit"))).resolve().parent
    return checkout if (checkout / "clients").is_dir() else here


def _demo_folder() -> Path:
    return Path(str(package_files("custkit") / "demo")).resolve()


def client_names() -> list[str]:
    """Slugs of every client there is: the folders of clients/ with a client.yml, and the demo shops."""
    root = workspace() / "clients"
    found = {folder.parent.name for folder in root.glob("*/client.yml")} if root.is_dir() else set()
    return sorted(found | set(EMBEDDED))


def load_client(slug: str, *, path: Path | None = None) -> Client:
    """Read `clients/<slug>/client.yml`, or `path` where one is given.

    Raises BadInput naming the file, the line, what is wrong and what would do.
    """
    if not SLUG.fullmatch(slug):
        raise BadInput(f"`{slug}` is not a client name: small letters, digits, - and _, at most 63, beginning with a letter or digit")
    if path is None:
        path = workspace() / "clients" / slug / "client.yml"
        if slug in EMBEDDED and not path.exists():
            path = _demo_folder() / EMBEDDED[slug]
    if not path.exists():
        known = client_names()
        raise BadInput(f"no client `{slug}`: {path} does not exist{_did_you_mean(slug, known)}; there are {', '.join(known)}")
    given, lines = read_yaml(path)
    try:
        client = Client.model_validate(given)
    except ValidationError as error:
        faults = error.errors()
        inner = [fault for fault in faults if fault["type"] != "too_short"]  # a list too short for want of its faulty members
        raise BadInput("\n".join(_explain(path, lines, given, fault) for fault in inner or faults)) from None
    client._folder = path.parent.resolve()
    client._slug = slug
    return client


def _explain(path: Path, lines: Lines, given: Any, error: Any) -> str:
    loc = tuple(error["loc"])
    at = loc
    while at not in lines and at:
        at = at[:-1]
    dotted = ".".join(str(part) for part in loc)
    if error["type"] == "extra_forbidden":
        known = _fields_at(loc[:-1])
        problem = f"`{loc[-1]}` is not a setting{_did_you_mean(str(loc[-1]), known)}; there are {', '.join(known)}"
    elif error["type"] == "missing":
        problem = f"`{dotted}` is missing"
    else:
        message = error["msg"].removeprefix("Value error, ")
        told = error["type"] == "value_error" or isinstance(error["input"], dict | list | tuple)
        problem = f"{dotted}: {message}" + ("" if told else f", not `{error['input']}`")
    return f"{path} line {lines.get(at, 1)}: {problem}"


_SECTIONS: dict[str, type[_Strict]] = {
    "sources": Source, "columns": ColumnMap, "rules": Rules, "exclude": Exclusion, "limits": Limits,
    "lifecycle": Lifecycle, "segments": Segment, "engine": Engine,
}  # fmt: skip


def _fields_at(loc: tuple[str | int, ...]) -> list[str]:
    names = [part for part in loc if part in _SECTIONS]
    model = _SECTIONS[str(names[-1])] if names else Client
    return list(model.model_fields)


def _did_you_mean(given: str, known: Any) -> str:
    close = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""
