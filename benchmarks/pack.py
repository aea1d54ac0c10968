"""The whole pack, warm and rendered, against the same notebooks through plain papermill and nbconvert one after another: time and memory.

Memory is the peak of what all processes hold together, pages they share counted once (proportional set size, looked at ten times a second).

python benchmarks/pack.py [client] [YYYY-MM]
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from custkit.client import load_client
from custkit.intake import take_snapshot
from custkit.reporting.plan import last_month, notebook_paths


def main(slug: str = "demo", period: str | None = None) -> None:
    client = load_client(slug)
    month = period or str(last_month(client, take_snapshot(client)))
    folder = Path(tempfile.mkdtemp(prefix="custkit-pack-"))
    try:
        with _Watched() as warm:
            _call("custkit.cli", "run", slug, "--period", month, "--reports", str(folder / "warm"))
        with _Watched() as plain:
            for name, path in notebook_paths().items():
                out = folder / f"{name}.ipynb"
                _call("papermill", str(path), str(out), "-p", "client", slug, "-p", "period", month, "--no-progress-bar")
                _call("nbconvert", "--to", "html", str(out), "--output-dir", str(folder))
        n = len(notebook_paths())
        print(f"{slug} {month}, {n} notebooks: pack {warm}, one after another {plain}, ratio {plain.seconds / warm.seconds:.1f}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Watched:
    """Seconds, and the peak memory of the processes below this one."""

    def __enter__(self) -> _Watched:
        self.seconds, self.peak, self._started, self._done = 0.0, 0, time.perf_counter(), threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self.seconds = time.perf_counter() - self._started
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            held = 0
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    held += process.memory_full_info().pss
            self.peak = max(self.peak, held)

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s and {self.peak / 2**20:,.0f} MiB"


def _call(module: str, *words: str) -> None:
    subprocess.run([sys.executable, "-m", module, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main(*sys.argv[1:3])
