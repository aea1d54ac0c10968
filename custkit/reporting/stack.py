"""Everything a notebook imports, imported once: kernels are forked from a process that has loaded this module.

Nothing here may start a thread or open a connection, or the forked kernels would inherit half of it; a test counts the threads.
"""

from __future__ import annotations

import contextlib
import gc
import pkgutil
import warnings
from importlib import import_module
from types import ModuleType

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
    "statsmodels.api",
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
    for name in (*HEAVY, "custkit.book", "custkit.reporting.execute"):
        _try(name)
    for room in OURS:
        package = _try(room)
        for found in pkgutil.iter_modules(package.__path__ if package else (), f"{room}."):
            _try(found.name)


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


_load()
_settle()
