"""Everything a notebook imports, imported once: kernels are forked from a process that has loaded this module.

Nothing here may start a thread or open a connection, or the forked kernels would inherit half of it; a test counts the threads.
"""

from __future__ import annotations

import contextlib
import gc
import pkgutil
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, cast

HEAVY = (
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "pyarrow.compute",
    "duckdb",
    "ibis.backends.duckdb",
    "scipy.stats",
    "scipy.optimize",
    "scipy.special",
    "statsmodels.tsa.forecasting.theta",
    "sklearn.cluster",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.preprocessing",
    "mlxtend.frequent_patterns",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_svg",
    "seaborn",
    "babel.numbers",
    "babel.dates",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "papermill",
    "nbclient",
    "jupyter_client.provisioning",
)
OURS = ("custkit.analysis", "custkit.present", "custkit.present.charts", "custkit.present.findings")


def _load() -> None:
    # jsonschema would read a grammar of web addresses, a quarter of all this, for a check that no notebook needs.
    with _absent("rfc3987_syntax"):
        for name in (*HEAVY, "custkit.book", "custkit.reporting.execute"):
            _try(name)
    for room in OURS:
        package = _try(room)
        for found in pkgutil.iter_modules(package.__path__ if package else (), f"{room}."):
            _try(found.name)


@contextlib.contextmanager
def _absent(name: str) -> Iterator[None]:
    """Whoever asks for this module inside is told that it is not installed."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = cast(Any, None)
    try:
        yield
    finally:
        del sys.modules[name]


def _try(name: str) -> ModuleType | None:
    # A module that does not load is for the notebook that needs it to report; the others still start warm.
    # Some, mlxtend for one, turn every library's warnings on when they load: that is undone.
    with contextlib.suppress(Exception), warnings.catch_warnings():
        return import_module(name)
    return None


def _settle() -> None:
    """End the thread that DuckDB starts on import, and keep the collector from walking through, and so copying, what all kernels share."""
    with contextlib.suppress(Exception):
        import duckdb

        duckdb.default_connection().close()
    gc.collect()
    gc.freeze()
    # A query is built of some ten thousand small objects: at Python's threshold of 700 the collector takes a sixth of a page's time.
    gc.set_threshold(100_000, 20, 20)


_load()
_settle()
