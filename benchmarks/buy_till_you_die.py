"""Time to fit the BG/NBD beside lifetimes 0.11.3 and pymc-marketing's MAP, as ratios in one run, and whether the parameters agree.

python benchmarks/buy_till_you_die.py [FOLDER]

On the public CDNOW sample, where $CUSTKIT_TEST_DATA or ../shared/data holds it, and on a million simulated customers. The rivals live in
environments of their own below FOLDER (default .custkit/benchmarks), made once; each starts with the table of customers in memory, as
custkit does, whose counting of equal customers is in its time. A rival that cannot be installed is told and left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from custkit.analysis.buy_till_you_die import fit
from custkit.analysis.clv_summary import purchase_counts
from custkit.engine import connect, load

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("CUSTKIT_TEST_DATA", ROOT.parent / "shared" / "data"))
LIFETIMES = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from lifetimes import BetaGeoFitter
d = pd.read_csv(sys.argv[1])
BetaGeoFitter().fit(d.frequency[:2000], d.recency[:2000] / 7, d["T"][:2000] / 7)  # imports and first-call work are not timed
times = []
for _ in range(int(sys.argv[2])):
    t = time.perf_counter()
    f = BetaGeoFitter().fit(d.frequency, d.recency / 7, d["T"] / 7)
    times.append(time.perf_counter() - t)
print(json.dumps({"seconds": min(times), "parameters": [float(f.params_[n]) for n in ("r", "alpha", "a", "b")]}))
"""
PYMC = """
import json, sys, time, warnings, logging
warnings.filterwarnings("ignore"); logging.disable(logging.CRITICAL)
import pandas as pd
d = pd.read_csv(sys.argv[1]); d = d.assign(customer_id=range(len(d)), recency=d.recency / 7, T=d["T"] / 7)
from pymc_marketing.clv import BetaGeoModel
from pymc_extras.prior import Prior
flat = {n: Prior("HalfFlat") for n in ("r", "alpha", "a", "b")}
def fitted():
    t = time.perf_counter()
    m = BetaGeoModel(data=d, model_config={"r": flat["r"], "alpha": flat["alpha"], "a": flat["a"], "b": flat["b"]})
    m.fit(method="map", progressbar=False)
    return time.perf_counter() - t, m
seconds, m = fitted()
found = m.idata.posterior
print(json.dumps({"seconds": seconds, "parameters": [float(found[n].mean()) for n in ("r", "alpha", "a", "b")]}))
"""
RIVALS = {"lifetimes": (["lifetimes==0.11.3", "pandas<3"], LIFETIMES), "pymc-marketing": (["pymc-marketing"], PYMC)}


def cdnow() -> pd.DataFrame | None:
    path = DATA / "cdnow" / "CDNOW_sample.txt"
    if not path.exists():
        return None
    read = pd.read_csv(path, sep=r"\s+", header=None, usecols=[1, 2], names=["master", "customer", "date", "cds", "spend"])
    read["date"] = pd.to_datetime(read["date"].astype(str))
    end = pd.Timestamp("1997-09-30")
    seen = read[read["date"] <= end].drop_duplicates().groupby("customer")["date"].agg(["min", "max", "size"])
    return pd.DataFrame(
        {"frequency": seen["size"] - 1, "recency": (seen["max"] - seen["min"]).dt.days, "T": (end - seen["min"]).dt.days}
    ).reset_index(drop=True)


def simulated(n: int, *, weeks: int = 78) -> pd.DataFrame:
    """Customers by the BG/NBD's own story, with the parameters of CDNOW."""
    rng = np.random.default_rng(1)
    age = rng.integers(weeks, weeks * 7, n).astype(float)
    rate, chance = rng.gamma(0.243, 1 / 4.414, n) / 7, rng.beta(0.793, 2.426, n)
    now, frequency, recency, alive = np.zeros(n), np.zeros(n, dtype=int), np.zeros(n), np.arange(n)
    while alive.size:
        now[alive] += rng.exponential(1 / np.maximum(rate[alive], 1e-12))
        alive = alive[now[alive] < age[alive]]
        day = np.floor(now[alive])
        frequency[alive] += day > recency[alive]
        recency[alive] = day
        alive = alive[rng.random(alive.size) >= chance[alive]]
    return pd.DataFrame({"frequency": frequency, "recency": recency.astype(int), "T": age.astype(int)})


def ours(customers: pd.DataFrame, times: int) -> tuple[float, list[float]]:
    table = load(connect(), "customers", pa.Table.from_pandas(customers, preserve_index=False))
    fit(purchase_counts(table))
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        fitted = fit(purchase_counts(table))
        seconds.append(time.perf_counter() - start)
    return min(seconds), [float(value) for value in fitted.parameters]


def theirs(folder: Path, name: str, customers: pd.DataFrame, times: int) -> dict | None:
    wanted, program = RIVALS[name]
    python = folder / name / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / name], check=True)
        made = subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], capture_output=True, text=True, check=False)
        if made.returncode:
            print(f"{name} cannot be installed here: {made.stderr.strip().splitlines()[-1:]}")
            return None
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        customers.to_csv(file.name, index=False)
        done = subprocess.run([python, "-c", program, file.name, str(times)], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name} failed: {done.stderr.strip().splitlines()[-1:]}")
        return None
    return json.loads(done.stdout.splitlines()[-1])


def main(folder: str = str(ROOT / ".custkit" / "benchmarks")) -> None:
    worlds = {"a million simulated customers": (simulated(1_000_000), 2, ("lifetimes",))}
    sample = cdnow()
    if sample is None:
        print("the CDNOW sample is not here: set CUSTKIT_TEST_DATA")
    else:
        worlds = {"CDNOW sample": (sample, 20, tuple(RIVALS))} | worlds
    print("| customers | fitted by | seconds | ratio | r, alpha, a, b | largest difference |\n|---|---|---|---|---|---|")
    for world, (customers, times, rivals) in worlds.items():
        seconds, parameters = ours(customers, times)
        print(f"| {world} ({len(customers):,}) | custkit | {seconds:.4f} | 1 | {_told(parameters)} | |", flush=True)
        for name in rivals:
            if found := theirs(Path(folder), name, customers, times):
                off = max(abs(b / a - 1) for a, b in zip(parameters, found["parameters"], strict=True))
                ratio = found["seconds"] / seconds
                print(f"| | {name} | {found['seconds']:.3f} | {ratio:.1f} | {_told(found['parameters'])} | {off:.1e} |", flush=True)


def _told(parameters: list[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in parameters)


if __name__ == "__main__":
    main(*sys.argv[1:])
