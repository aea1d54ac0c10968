"""The whole pack, warm and rendered, against the same notebooks through plain papermill and nbconvert one after another.

python benchmarks/pack.py [client] [YYYY-MM]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from custkit.client import load_client
from custkit.intake import take_snapshot
from custkit.reporting.plan import last_month, notebook_paths


def main(slug: str = "demo", period: str | None = None) -> None:
    client = load_client(slug)
    month = period or str(last_month(client, take_snapshot(client)))
    folder = Path(tempfile.mkdtemp(prefix="custkit-pack-"))
    try:
        started = time.perf_counter()
        _call("custkit.cli", "run", slug, "--period", month, "--reports", str(folder / "warm"))
        warm = time.perf_counter() - started
        started = time.perf_counter()
        for name, path in notebook_paths().items():
            out = folder / f"{name}.ipynb"
            _call("papermill", str(path), str(out), "-p", "client", slug, "-p", "period", month, "--no-progress-bar")
            _call("nbconvert", "--to", "html", str(out), "--output-dir", str(folder))
        plain = time.perf_counter() - started
        n = len(notebook_paths())
        print(f"{slug} {month}, {n} notebooks: pack {warm:.1f} s, one after another {plain:.1f} s, ratio {plain / warm:.1f}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _call(module: str, *words: str) -> None:
    subprocess.run([sys.executable, "-m", module, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main(*sys.argv[1:3])
