"""A file of the caches swapped for a pickle that acts when it is loaded: it is refused or made anew, and never loaded."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from click.testing import CliRunner

from custkit.cli import main
from custkit.client import load_client
from custkit.errors import GOOD
from custkit.intake import take_snapshot
from custkit.reporting.pack import run_packs


class Bomb:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.write_text, (self.mark, "it ran"))


def test_the_bomb_goes_off_where_somebody_loads_it(tmp_path):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "mark")))
    assert (tmp_path / "mark").exists()


@pytest.fixture
def made(shop):
    """A pack, and every file that the next run may read again."""
    shop.notebook("one", "from custkit.present.finding import Finding\nFinding('All is told.', '', ())")
    (outcome,) = run_packs(["corner"], period="2026-10")
    assert outcome.exit_code == GOOD
    folder = take_snapshot(load_client("corner"), progress=False).folder
    home = shop.root / ".custkit" / "corner"
    kept = [*folder.iterdir(), *shop.month.glob(".jobs/*"), *home.glob("*.json"), *home.glob("profiles/*"), shop.current / "run.json"]
    assert len(kept) >= 9 and {path.suffix for path in kept} == {".parquet", ".json", ".ipynb"}
    return shop, [path.relative_to(shop.root) for path in kept]


def test_a_cache_swapped_for_a_hostile_pickle_is_never_run(made):
    """Each file of the caches in turn, and all at once: the next run makes it anew or says what is wrong with it."""
    shop, kept = made
    bomb, mark = pickle.dumps(Bomb(shop.root / "mark")), shop.root / "mark"
    whole = {path: (shop.root / path).read_bytes() for path in kept}
    for swapped in [*([path] for path in kept), kept]:
        for path, content in whole.items():
            (shop.root / path).parent.mkdir(parents=True, exist_ok=True)
            (shop.root / path).unlink(missing_ok=True)
            (shop.root / path).write_bytes(bomb if path in swapped else content)
        done = CliRunner().invoke(main, ["intake", "corner"])
        assert done.exception is None or isinstance(done.exception, SystemExit), swapped
        assert not mark.exists(), swapped
    for path in kept:
        (shop.root / path).write_bytes(bomb)
    (outcome,) = run_packs(["corner"], period="2026-10", force=True)
    assert not mark.exists() and outcome.exit_code == GOOD
