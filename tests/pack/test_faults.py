"""Every step that can fail fails once, and processes are killed at any moment: readers see the old or the new, and a rerun mends all."""

from __future__ import annotations

import builtins
import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from custkit.client import load_client
from custkit.errors import BAD_INPUT, BadInput
from custkit.intake import copies, database, take_snapshot
from custkit.reporting import publish
from custkit.reporting.publish import Shelf
from custkit.upkeep import clear

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
TROUBLE = (errno.ENOSPC, errno.EIO, errno.EACCES)
KILL = -1


class Trouble:
    """Counts every write, sync, rename and link of this process below a folder; number `at` fails with `code`, or is its last."""

    def __init__(self, at: int | None = None, code: int = errno.ENOSPC) -> None:
        self.at, self.code, self.count = at, code, 0

    def step(self) -> None:
        self.count += 1
        if self.count == self.at and self.code == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.count == self.at:
            raise OSError(self.code, os.strerror(self.code))

    def wrapped(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.step()
            return real(*args, **options)

        return call


class _Writes:
    """A file each of whose writes is a step."""

    def __init__(self, file: Any, trouble: Trouble) -> None:
        self.file, self.trouble = file, trouble

    def write(self, *args: Any) -> Any:
        self.trouble.step()
        return self.file.write(*args)

    def __enter__(self) -> _Writes:
        return self

    def __exit__(self, *trouble: Any) -> None:
        self.file.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@contextmanager
def troubled(at: int | None = None, code: int = errno.ENOSPC) -> Iterator[Trouble]:
    trouble = Trouble(at, code)
    real_open = builtins.open

    def opened(*args: Any, **options: Any) -> Any:
        mode = str(args[1] if len(args) > 1 else options.get("mode", "r"))
        if not set(mode) & set("wax+"):
            return real_open(*args, **options)
        trouble.step()
        return _Writes(real_open(*args, **options), trouble)

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((os, "fsync"), (Path, "rename"), (Path, "replace"), (Path, "symlink_to"), (Path, "mkdir"), (os, "link")):
            patch.setattr(owner, name, trouble.wrapped(getattr(owner, name)))
        patch.setattr("io.open", opened)
        yield trouble


def put(place: Shelf, number: int) -> None:
    """Build and publish a pack all of whose files say `number`."""
    work = place.folder / f".work-{number}"
    (work / "notebooks").mkdir(parents=True)
    for name in ("index.html", "overview.html", "notebooks/overview.ipynb"):
        publish.write_whole(work / name, str(number))
    publish.publish(place, work, f"{number:06d}-{os.getpid()}", {"key": number, "jobs": {}})


def shown(place: Shelf) -> int:
    """What a reader sees, which must be whole."""
    manifest = place.manifest()
    assert manifest is not None
    assert {(place.current / name).read_text() for name in manifest["outputs"]} == {str(manifest["key"])}
    return int(manifest["key"])


def test_whatever_step_of_a_publication_fails_a_whole_pack_is_shown(tmp_path):
    def shelf(name: str) -> Shelf:
        place = Shelf(tmp_path / name)
        place.folder.mkdir()
        put(place, 1)
        return place

    place = shelf("count")
    with troubled() as counted:
        put(place, 2)
    steps = counted.count
    assert steps > 25
    for code in TROUBLE:
        for at in range(1, steps + 1):
            place = shelf(f"{code}-{at}")
            with troubled(at, code) as trouble, pytest.raises(OSError):
                put(place, 2)
            assert trouble.count >= at and shown(place) in (1, 2)
            with publish.locked(place):  # clears what the failed one left
                put(place, 3)
            assert shown(place) == 3 and not list(place.folder.glob(".work-*"))
    print(f"\npublication: {steps} places × {len(TROUBLE)} errors, 0 torn packs, every rerun good")  # noqa: T201


@pytest.fixture
def corner(shop, monkeypatch):
    """A client whose snapshot is not taken yet, and what an undisturbed snapshot of it holds."""
    client = load_client("corner")
    kept = read(take_snapshot(client, progress=False).folder)
    monkeypatch.setenv("CUSTKIT_HOME", str(shop.root))
    return client, kept


def read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def forget(client: Any) -> Path:
    """No snapshot, nothing half made."""
    folder = Path(os.environ["CUSTKIT_HOME"]) / ".custkit" / client.slug / "snapshots"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def test_whatever_step_of_intake_fails_there_is_no_half_snapshot(corner):
    client, kept = corner
    forget(client)
    with troubled() as counted:
        take_snapshot(client, progress=False)
    assert counted.count > 10
    for code in TROUBLE:
        for at in range(1, counted.count + 1):
            folder = forget(client)
            with troubled(at, code):
                try:
                    take_snapshot(client, progress=False)
                except (BadInput, OSError) as error:
                    assert os.strerror(code) in str(error)
            left = [path for path in folder.glob("*") if not path.name.startswith(".")]
            assert all((path / "manifest.json").exists() for path in left), at
            assert read(take_snapshot(client, progress=False).folder) == kept
    print(f"\nintake: {counted.count} places × {len(TROUBLE)} errors, 0 half snapshots, every rerun the same bytes")  # noqa: T201


TAKE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.argv = ["custkit", "intake", "corner"]
from custkit.cli import main
main()
"""


@pytest.mark.parametrize("room", [0, 300, 2000, 5000])
def test_a_disk_without_room_is_told_in_a_sentence(corner, shop, room):
    """A real limit on the size of files, under the libraries that write tables too."""
    client, kept = corner
    folder = forget(client)
    words = [sys.executable, "-c", TAKE, str(room)]
    done = subprocess.run(words, env=shop.environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == BAD_INPUT and "Traceback" not in done.stderr and "cannot be written" in done.stderr, done.stderr
    assert not [path for path in folder.glob("*") if not path.name.startswith(".")]
    assert read(take_snapshot(client, progress=False).folder) == kept


TABLES = {"people": "customers", "answers": "surveys", "sales": "order_lines"}
TIMES = {"customers": "registered_at", "surveys": "answered_at", "order_lines": "amount: n, ordered_at"}
FETCHED = "name: Test\ncurrency: EUR\ntime_zone: UTC\ndata: raw\nsources:\n" + "".join(
    f"- {{table: {kind}, database: env:SHOP_DB, files: public.{table}.csv, columns: {{customer_id: who, {TIMES[kind]}: at}}}}\n"
    for table, kind in TABLES.items()
)
FETCH = """
import sys
sys.path.insert(0, sys.argv[1])
from test_faults import KILL, bring, troubled
from custkit.client import load_client
with troubled(int(sys.argv[3]), KILL):
    bring(load_client("test"), sys.argv[2])
"""


def bring(client: Any, instant: str) -> None:
    """`custkit fetch` from a database whose every table says at which instant it was copied."""

    def copy_tables(_reference: str, tables: Any, folder: Path) -> dict[str, int]:
        for table in tables:
            (folder / f"{table.relation}.csv").write_text(f"who,at,n\n{instant},2026-10-05,1\n", "utf-8")
        return {table.relation: 1 for table in tables}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "copy_tables", copy_tables)
        database.fetch(client)


@pytest.fixture
def fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
    folder = tmp_path / "clients" / "test"
    folder.mkdir(parents=True)
    (folder / "client.yml").write_text(FETCHED, "utf-8")
    client = load_client("test")
    bring(client, "first")
    return client


def instants(client: Any) -> set[str]:
    """The instants of the copies that a reader finds; each is known to be a copy of ours, and nothing else is left."""
    found = copies.copies(client)
    assert [path.name for path in found] == [f"public.{table}.csv" for table in sorted(TABLES)]
    assert {path for path, mark in copies._recorded("test").items() if copies._mark(path) == mark} == set(found)
    return {path.read_text("utf-8").split("\n")[1].split(",")[0] for path in found}


def test_whatever_step_of_a_fetch_fails_the_copies_are_of_one_instant(fetched):
    with troubled() as counted:
        bring(fetched, "counted")
    assert counted.count > 10
    kept = ["counted"]
    for code in TROUBLE:
        for at in range(1, counted.count + 1):
            wanted = f"{code} {at}"
            with troubled(at, code), pytest.raises((BadInput, OSError), match=os.strerror(code)):
                bring(fetched, wanted)
            assert instants(fetched) in ({kept[-1]}, {wanted}), at
            kept += instants(fetched)
    assert len(set(kept)) > 1, "some failed after the switch was made"
    bring(fetched, "last")
    assert instants(fetched) == {"last"} and not list(fetched.data_folder.glob(".fetch*"))
    print(f"\nfetch: {counted.count} places × {len(TROUBLE)} errors, 0 copies of two instants")  # noqa: T201


def test_a_fetch_killed_between_two_renames_leaves_no_copies_of_two_instants(fetched):
    """Until now the tables that were already renamed were of the new instant, the others of the one before, and nobody knew."""
    with troubled() as counted:
        bring(fetched, "counted")
    seen, before = [], "counted"
    for at in range(counted.count - 6, counted.count + 1):
        words = [sys.executable, "-c", FETCH, str(Path(__file__).parent), f"killed {at}", str(at)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        lie = {(fetched.data_folder / f"public.{table}.csv").read_text("utf-8") for table in TABLES}
        take_snapshot(fetched, progress=False)
        (instant,) = instants(fetched)
        assert instant in (before, f"killed {at}")
        seen.append((len(lie), instant != before))
        before = instant
    assert (2, True) in seen, "one was killed between two renames"
    assert {changed for _lie, changed in seen} == {False, True}, seen


PUBLISH = """
import sys
from itertools import count
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_faults import put
from custkit.reporting import publish
place = publish.Shelf(Path(sys.argv[1]))
for number in count(int(sys.argv[3])):
    with publish.locked(place):
        put(place, number)
    print(number, flush=True)
"""


def test_a_publisher_killed_at_any_moment_leaves_a_whole_pack(tmp_path):
    kills = 300 if DEEP else 12
    place = Shelf(tmp_path / "corner" / "2026-10")
    place.folder.mkdir(parents=True)
    put(place, 0)
    last, chance = 0, random.Random(20)
    for _ in range(kills):
        words = [sys.executable, "-c", PUBLISH, str(place.folder), str(Path(__file__).parent), str(last + 1)]
        child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        child.stdout.readline()  # it is under way
        time.sleep(chance.uniform(0, 0.03))
        os.kill(child.pid, signal.SIGKILL)
        said = [int(line) for line in child.stdout.read().split()]
        child.wait()
        now = shown(place)
        assert now >= max(said, default=last + 1), "what was said to be published is shown"
        last = now
    print(f"\npublisher: {kills} SIGKILLs, 0 torn packs, {last} published")  # noqa: T201
    clear("corner", reports=tmp_path)
    assert not [path for path in place.folder.glob(".*") if path.name not in (".lock", ".jobs")]
