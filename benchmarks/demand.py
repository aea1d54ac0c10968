"""Demand forecasts against naive rivals, on past weeks whose outcome is known; also where they lose.

python benchmarks/demand.py [WORKSPACE]     reads $CUSTKIT_TEST_DATA; a workspace with the two clients saves taking them in anew

Complete Journey (one year, no regions), Online Retail (one year, by country), and Dominick's orange juice by store, whose 121 weeks let the
same week of the year before compete. Last, random walks, of which the last value is the best forecast there is: each win there is false.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from custkit import open_book
from custkit.analysis.demand import ALL, SOON, WEEKS, back_test, demand_skill, weekly_demand
from custkit.analysis.rates import wilson

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("CUSTKIT_TEST_DATA", ROOT.parent / "shared" / "data"))
CLIENTS = (
    ("complete_journey", "2017-12", ROOT / "clients" / "complete_journey"),
    ("online_retail", "2011-11", ROOT / "tests" / "clients" / "online_retail"),
)
WALKS = 100


def main(workspace: Path | None = None) -> None:
    print("error: mean distance from what came, over all weeks of all cuts, as a share of mean demand; saved: of the harder rival's\n")
    with tempfile.TemporaryDirectory(prefix="custkit-demand-") as made:
        home = workspace or _workspace(Path(made))
        os.environ["CUSTKIT_HOME"], os.environ["CUSTKIT_TEST_DATA"] = str(home), str(DATA)
        for slug, period, _folder in CLIENTS:
            book = open_book(slug, period)
            report(f"{book.client.name}, to {period}", weekly_demand(book.purchases, as_of=book.as_of))
    report("Dominick's orange juice by store, 121 weeks", orange_juice())
    walks(52)
    walks(104)


def _workspace(home: Path) -> Path:
    (home / "notebooks").mkdir()
    for slug, _period, folder in CLIENTS:
        shutil.copytree(folder, home / "clients" / slug)
    return home


def report(name: str, weekly: pd.DataFrame) -> None:
    tested = back_test(weekly)
    skill = demand_skill(tested)
    print(f"## {name}\n\n| series | cuts | ours | last week | last year | saved | q | wins |\n|---|---|---|---|---|---|---|---|")
    for row in skill.itertuples():
        year = f"{row.last_year_error:.1%}" if row.last_year_error == row.last_year_error else "–"
        told = f"| {row.region} | {row.cuts} | {row.forecast_error:.1%} | {row.naive_error:.1%} | {year} | {row.error_saved:+.1%} |"
        print(f"{told} {row.q_value:.3f} | {'yes' if row.wins else 'no'} |")
    weeks, inside = int(skill["weeks_tested"].sum()), int(skill["weeks_covered"].sum())
    sums, held = _sums_covered(tested)
    lost = skill[skill["error_saved"] < 0]
    print(
        f"\nwins {skill['wins'].sum()} of {len(skill)} series; smaller error in {(skill['error_saved'] > 0).sum()}, larger in {len(lost)}"
        f"{': ' + ', '.join(lost['region']) if len(lost) else ''}; 80% ranges held {inside} of {weeks} weeks ({inside / weeks:.1%})"
        f" and {held} of {sums} sums of {SOON} weeks ({held / sums:.1%})\n"
    )


def _sums_covered(tested: pd.DataFrame) -> tuple[int, int]:
    """Sums of the first weeks after each cut: how many there are, and how many lay within the range that the other cuts' errors give."""
    from scipy.stats import t

    sums = held = 0
    for _region, part in tested.groupby("region"):
        actual, forecast = (
            part.pivot_table(index="cut", columns="lead", values=v).to_numpy()[:, :SOON].sum(1) for v in ("actual", "forecast")
        )
        errors = np.log(actual + 0.5) - np.log(forecast + 0.5)
        k = len(errors)
        spread = np.sqrt(((errors**2).sum() - errors**2) / (k - 1))
        sums, held = sums + k, held + int((np.abs(errors) <= t.ppf(0.9, k - 1) * spread).sum())
    return sums, held


def orange_juice() -> pd.DataFrame:
    """Ounces sold by store and week; stores that sold in each week, the twenty with the lowest numbers."""
    sold = pd.read_csv(DATA / "price" / "orangeJuice_yx.csv.gz")
    weeks = sold.assign(demand=np.exp(sold["logmove"])).pivot_table(index="week", columns="store", values="demand", aggfunc="sum")
    weeks = weeks.reindex(range(int(sold["week"].min()), int(sold["week"].max()) + 1))
    whole = weeks.loc[:, weeks.notna().all()].iloc[:, :20]
    first = pd.date_range("1990-06-14", periods=len(whole), freq="7D").as_unit("us")
    series = {ALL: whole.sum(axis=1), **{f"store {store}": whole[store] for store in whole}}
    return pd.concat(
        [pd.DataFrame({"region": name, "week": first, "demand": values.to_numpy()}) for name, values in series.items()], ignore_index=True
    )


def walks(weeks: int) -> None:
    rng, wins = np.random.default_rng(weeks), 0
    for _walk in range(WALKS):
        y = np.maximum(1000 + np.cumsum(rng.normal(0, 30, weeks)), 1)
        start = pd.date_range("2020-01-05", periods=weeks, freq="7D").as_unit("us")
        wins += bool(demand_skill(back_test(pd.DataFrame({"region": ALL, "week": start, "demand": y})))["wins"].iloc[0])
    low, high = wilson(wins, WALKS)
    print(f"random walks of {weeks} weeks: {wins} of {WALKS} won ({low:.1%} to {high:.1%}; 10% are allowed), horizon {WEEKS} weeks")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
