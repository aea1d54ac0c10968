"""When is a notebook good? papermill cannot tell; these can."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from custkit.client import load_client
from custkit.errors import INTERNAL
from custkit.reporting import warm
from custkit.reporting.execute import Task, Verdict, parameters_of
from custkit.reporting.run import kernel_environment, private_folder, run_tasks, warm_up

Judge = Callable[..., Verdict]


@pytest.fixture
def judge(shop: Any) -> Judge:
    """The verdict on a notebook of these cells."""

    def run(*cells: str, **options: Any) -> Verdict:
        return judge_all(shop, [shop.notebook("trial", *cells, **options)])[0]

    return run


def judge_all(shop: Any, paths: list[Path], workers: int = 2) -> list[Verdict]:
    found: dict[str, Verdict] = {}
    environment = kernel_environment(load_client("corner"), shop.root)
    tasks = [
        Task(str(path), path.stem, "corner", "2026-10", str(shop.root / "work" / path.stem), "", "run-1", environment) for path in paths
    ]
    warm = warm_up(shop.root)
    run_tasks(tasks, workers=workers, warm=warm, listen=lambda *_: None, finish=lambda task, verdict: found.update({task.name: verdict}))
    return [found[path.stem] for path in paths]


def test_a_notebook_that_runs_to_its_end_is_good(judge: Judge) -> None:
    verdict = judge("1 + 1")
    assert verdict.fault is None and verdict.cells == 3 and verdict.seconds > 0


def test_many_kinds_of_trouble_are_each_told_apart(shop: Any) -> None:
    """One pass over all of them, so that the suite stays quick."""
    kill = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    cases: dict[str, tuple[Path, str, int | None]] = {
        "raises": (shop.notebook("raises", "pass", "{}['aov']"), "KeyError", 4),
        "leaves": (shop.notebook("leaves", "import sys\nsys.exit(0)", "1"), "SystemExit", 3),
        "dies": (shop.notebook("dies", "pass", kill, "pass"), "DeadKernelError", 4),
        "dies_last": (shop.notebook("dies_last", kill), "DeadKernelError", 3),
        "warns": (shop.notebook("warns", "import warnings\nwarnings.warn('look here')"), "Warning", 3),
        "hides": (shop.notebook("hides", "1 / 0", tags=["raises-exception"]), "TagError", 3),
        "untold": (shop.notebook("untold", "pass", parameters='client = "corner"'), "ParameterError", 2),
        "numbers": (shop.notebook("numbers", "pass", parameters='client = "corner"\nperiod = 2026'), "ParameterError", 2),
        "computes": (shop.notebook("computes", "pass", parameters='client = "a" + "b"\nperiod = "2026-10"'), "ParameterError", 2),
        "refuses": (shop.notebook("refuses", "from custkit.errors import BadInput\nraise BadInput('sales.csv line 3')"), "BadInput", 3),
    }
    for (name, (_path, error, cell)), verdict in zip(cases.items(), judge_all(shop, [path for path, *_ in cases.values()]), strict=True):
        assert verdict.fault is not None, name
        assert (verdict.fault.error, verdict.fault.cell) == (error, cell), (name, verdict.fault)
        assert verdict.fault.remedy, name


def test_a_kernel_starts_with_the_stack_loaded_and_nothing_secret_around(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_DB_PASSWORD", "canary-5417")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-5417")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert kernel_environment(None, shop.root)["OPENBLAS_CORETYPE"] == "Haswell"  # another would end fits another digit later
    (verdict,) = judge_all(
        shop,
        [
            shop.notebook(
                "looks",
                "import sys\nassert {'pandas', 'ibis', 'duckdb', 'sklearn', 'custkit.book'} <= set(sys.modules)",
                "import os\nassert not [value for value in os.environ.values() if 'canary' in value]",
                "assert os.environ['TZ'] == 'UTC' and os.environ['OMP_NUM_THREADS'] == '1'",
                "assert 'rfc3987_syntax' not in sys.modules\nimport importlib.util\nassert importlib.util.find_spec('rfc3987_syntax')",
                "import gc\nassert gc.get_freeze_count() > 100_000 and gc.get_threshold()[0] == 100_000",
                "assert (client, period) == ('corner', '2026-10')",
            )
        ],
    )
    assert verdict.fault is None, verdict.fault


def test_the_server_that_kernels_are_forked_from_has_one_thread(shop: Any) -> None:
    notebook = shop.notebook("counts", "import os\nassert len(os.listdir(f'/proc/{os.getppid()}/task')) == 1")
    (verdict,) = judge_all(shop, [notebook])
    assert verdict.fault is None, verdict.fault


def test_a_notebook_leaves_no_process_and_no_socket(judge: Judge) -> None:
    judge("import subprocess\nleft = subprocess.Popen(['sleep', '30.5417'])")
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    assert not [command for command in commands if b"30.5417" in command]
    assert not list(private_folder().rglob("k-ipc*"))


@pytest.mark.parametrize("cold", [False, True])
def test_a_cell_that_hangs_is_ended_and_named_and_the_others_come_out(shop: Any, monkeypatch: pytest.MonkeyPatch, cold: bool) -> None:
    """In Python, in a call that holds the kernel, and deaf to being asked to stop; each with a process of its own beside it."""
    told = (
        'import os, pathlib, subprocess\npathlib.Path({path!r}).write_text(f\'{{os.getpid()}} {{subprocess.Popen(["sleep", "600"]).pid}}\')'
    )
    hangs = {
        "spins": "while True:\n    pass",
        "sleeps": "import time\ntime.sleep(600)",
        "deaf": "import signal, time\n[signal.signal(s, signal.SIG_IGN) for s in (signal.SIGINT, signal.SIGTERM)]\ntime.sleep(600)",
    }
    pids = {name: shop.root / f"{name}.pids" for name in hangs}
    for name, cell in hangs.items():
        shop.notebook(name, told.format(path=str(pids[name])), cell, "'never reached'")
    shop.notebook("good", "from custkit.present.finding import Finding\nFinding('All is told.', '', ())")
    if cold:
        monkeypatch.setenv(warm.OFF, "1")
    done = shop.command("run", "corner", "--period", "2026-10", "--time-limit", "3", "--workers", "4")
    assert done.returncode == INTERNAL and "Traceback" not in done.stderr, done.stderr
    for name, cell in hangs.items():
        assert f"notebook {name} cell 4 `{cell.splitlines()[0]}`: TimeoutError" in done.stderr, done.stderr
    assert "--time-limit" in done.stderr and "notebook good" not in done.stderr
    (failed,) = shop.month.glob("failed-*")
    assert "All is told." in (failed / "good.html").read_text("utf-8") and not shop.current.exists()
    for path in pids.values():
        kernel, child = map(int, path.read_text().split())
        assert not alive(kernel), path.stem
        assert not alive(child), path.stem


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_the_ordinary_kernel_serves_where_forking_is_not_possible(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(warm.OFF, "1")
    (verdict,) = judge_all(shop, [shop.notebook("cold", "1 + 1")])
    assert verdict.fault is None, verdict.fault


def test_parameters_are_plain_values() -> None:
    assert parameters_of('client = "demo"  # help\nperiod = "2026-10"\nn = 3') == {"client": "demo", "period": "2026-10", "n": 3}
    with pytest.raises(ValueError, match="line 2"):
        parameters_of('client = "demo"\nimport os')
