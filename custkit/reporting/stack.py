"""Everything a notebook imports, imported once: kernels are forked from a process that has loaded this module.

Nothing here may start a thread or open a connection, or the forked kernels would inherit half of it; a test counts the threads.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

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
    for name in HEAVY:
        import_module(name)
    import_module("custkit.book")
    import_module("custkit.reporting.execute")
    for room in OURS:
        package = import_module(room)
        for found in pkgutil.iter_modules(package.__path__, f"{room}."):
            import_module(found.name)


_load()
