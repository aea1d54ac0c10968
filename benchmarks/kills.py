"""kill -9 at random: of whole runs and of kernels. After each, what readers see must be whole, and the next run must succeed.

python benchmarks/kills.py [times]
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from custkit.reporting import publish

CLIENT = """
name: Corner Shop
currency: EUR
sources:
  - table: order_lines
    files: sales.csv
    columns: {order_id: order, customer_id: customer, ordered_at: date, amount: amount}
"""
SALES = "order,customer,date,amount\n1,anna,2026-09-03,4.00\n2,ben,2026-10-20,8.00\n3,anna,2026-10-31,9.50\n"
PAGES = ("one", "two", "three")


def main(times: int = 20) -> None:
    root = Path(tempfile.mkdtemp(prefix="custkit-kills-"))
    try:
        _shop(root)
        place = publish.shelf(root / "reports", "corner", "2026-10")
        _write(root, 0)
        started = time.monotonic()
        assert _run(root).wait() == 0
        whole = time.monotonic() - started
        chance = random.Random(5417)
        torn = failed = left = 0
        for i in range(1, times + 1):
            while not _killed(root, i, chance.uniform(0.05, 1.1) * whole):
                pass
            torn += _shown(place) not in (i - 1, i)
            _write(root, i)
            failed += _run(root).wait() != 0 or _shown(place) != i
            left += _alive(root)
        print(f"{times} kills, half of runs and half of kernels: {torn} torn packs, {failed} next runs that failed, {left} processes left")
        sys.exit(bool(torn or failed or left))
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _killed(root: Path, turn: int, wait: float) -> bool:
    """Whether turn's run was killed after `wait` seconds, or in even turns a kernel within its first second; either may end before."""
    _write(root, turn)
    run = _run(root)
    if turn % 2:
        time.sleep(wait)
        hit = _kill(run)
    else:
        hit = _kill_a_kernel(root, run, wait % 1)
    run.wait()
    return hit


def _kill(run: subprocess.Popen[bytes]) -> bool:
    if run.poll() is not None:
        return False
    run.kill()
    return True


def _shop(root: Path) -> None:
    (root / "clients" / "corner").mkdir(parents=True)
    (root / "notebooks").mkdir()
    (root / "clients" / "corner" / "client.yml").write_text(CLIENT)
    (root / "clients" / "corner" / "sales.csv").write_text(SALES)


def _write(root: Path, turn: int) -> None:
    """Three notebooks that each tell the turn, so that a mixed pack shows."""
    tells = f"from custkit.present.finding import Fact, Finding\nFinding('Told.', '', (Fact('turn', {turn}, 'count'),))"
    for page in PAGES:
        cells = [(["parameters"], 'client = "corner"\nperiod = "2026-10"'), ([], tells), ([], "import time\ntime.sleep(0.5)")]
        blank = {"cell_type": "code", "outputs": [], "execution_count": None}
        made = [{**blank, "id": f"c{i}", "metadata": {"tags": tags}, "source": source} for i, (tags, source) in enumerate(cells)]
        kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
        text = json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
        (root / "notebooks" / f"{page}.ipynb").write_text(text)


def _run(root: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "custkit.cli", "run", "corner"],
        env={**os.environ, "CUSTKIT_HOME": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _shown(place: publish.Shelf) -> int:
    """The turn that readers see; -1 when the pack is not whole or mixes turns."""
    if place.manifest() is None:
        return -1
    results = json.loads((place.current / "results.json").read_text())
    turns = {results[page]["turn"]["value"] for page in PAGES}
    return turns.pop() if len(turns) == 1 else -1


def _environments(root: Path) -> dict[int, bytes]:
    found = {}
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            text = entry.read_bytes()
        except OSError:
            continue
        if f"CUSTKIT_HOME={root}".encode() in text:
            found[int(entry.parent.name)] = text
    return found


def _kill_a_kernel(root: Path, run: subprocess.Popen[bytes], wait: float) -> bool:
    while run.poll() is None:
        if kernels := [pid for pid in _environments(root) if _is_kernel(pid)]:
            time.sleep(wait)
            with contextlib.suppress(OSError):
                os.kill(kernels[0], signal.SIGKILL)
                return True
        time.sleep(0.02)
    return False


def _is_kernel(pid: int) -> bool:
    try:
        return any(file.readlink().name == "kernel.log" for file in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _alive(root: Path) -> int:
    """Processes of this workspace that outlive their run by more than a moment."""
    for _wait in range(30):
        if not _environments(root):
            return 0
        time.sleep(0.1)
    return len(_environments(root))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))
