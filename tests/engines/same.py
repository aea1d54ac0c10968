"""Are two answers the same? Rows in any order; all exact but floats, which may differ in the last digits; types too."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from custkit.engine import fetch

RTOL = 1e-9


def settled(answer: Any) -> Any:
    """`answer` with every Ibis expression in it run."""
    return fetch(answer) if isinstance(answer, ir.Table) else answer


def differences(expected: Any, answer: Any, *, rtol: float = RTOL, name: str = "") -> list[str]:
    """What differs, in words; nothing where the two are the same. Tables, frames, arrays, records and plain values."""
    return list(_differences(expected, answer, rtol, name or "answer"))


def _differences(expected: Any, answer: Any, rtol: float, name: str) -> Iterator[str]:
    if type(expected) is not type(answer):
        yield f"{name}: {type(expected).__name__} against {type(answer).__name__}"
    elif isinstance(expected, pa.Table):
        yield from _tables(expected, answer, rtol, name)
    elif isinstance(expected, pd.DataFrame):
        yield from _frames(expected, answer, rtol, name)
    elif isinstance(expected, np.ndarray | list | tuple):
        if len(expected) != len(answer):
            yield f"{name}: {len(expected)} values against {len(answer)}"
        for i, (one, other) in enumerate(zip(expected, answer, strict=False)):
            yield from _differences(one, other, rtol, f"{name}[{i}]")
    elif dataclasses.is_dataclass(expected):
        for field in dataclasses.fields(expected):
            yield from _differences(getattr(expected, field.name), getattr(answer, field.name), rtol, f"{name}.{field.name}")
    elif not _same(expected, answer, rtol):
        yield f"{name}: {expected!r} against {answer!r}"


def _tables(expected: pa.Table, answer: pa.Table, rtol: float, name: str) -> Iterator[str]:
    types = [dict(zip(table.column_names, map(str, table.schema.types), strict=True)) for table in (expected, answer)]
    if types[0] != types[1] or list(types[0]) != list(types[1]):
        yield f"{name}: columns {types[0]} against {types[1]}"
        return
    exact = [field.name for field in expected.schema if not pa.types.is_floating(field.type)]
    yield from _rows(expected.to_pylist(), answer.to_pylist(), exact, rtol, name)


def _frames(expected: pd.DataFrame, answer: pd.DataFrame, rtol: float, name: str) -> Iterator[str]:
    types = [{str(column): str(kind) for column, kind in frame.dtypes.items()} for frame in (expected, answer)]
    if types[0] != types[1] or list(types[0]) != list(types[1]):
        yield f"{name}: columns {types[0]} against {types[1]}"
        return
    if str(expected.index.dtype) != str(answer.index.dtype):
        yield f"{name}: index of {expected.index.dtype} against {answer.index.dtype}"
    exact = [column for column in expected if not pd.api.types.is_float_dtype(expected[column].dtype)]
    # A frame for people says its rows in an order: that is part of the answer.
    yield from _rows(expected.to_dict("records"), answer.to_dict("records"), exact, rtol, name, sort=False)


def _rows(expected: list[dict], answer: list[dict], exact: list[str], rtol: float, name: str, *, sort: bool = True) -> Iterator[str]:
    if len(expected) != len(answer):
        yield f"{name}: {len(expected)} rows against {len(answer)}"
        return

    def key(row: dict) -> list[tuple[bool, Any]]:
        return [(row[column] is None, "" if row[column] is None else row[column]) for column in exact]

    if sort:
        expected, answer = sorted(expected, key=key), sorted(answer, key=key)
    for column in expected[0] if expected else ():
        for i, (one, other) in enumerate(zip(expected, answer, strict=True)):
            if not _same(one[column], other[column], rtol):
                yield f"{name}.{column} row {i}: {one[column]!r} against {other[column]!r}"
                break


def _same(one: Any, other: Any, rtol: float) -> bool:
    if isinstance(one, float | np.floating) and isinstance(other, float | np.floating):
        return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=rtol, abs_tol=1e-12)
    if one is None or other is None or one is pd.NaT or other is pd.NaT or one is pd.NA or other is pd.NA:
        return one is other
    return bool(type(one) is type(other) and one == other)
