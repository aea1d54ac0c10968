"""A pool of processes that execute notebooks, at most `workers` at a time, forked warm where the platform can."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import multiprocessing
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal

from custkit.client import Client
from custkit.reporting.execute import Fault, Task, Verdict, execute
from custkit.words import mark

State = Literal["waiting", "running", "good", "failed", "kept"]
Listener = Callable[[Task, State, int, int, float], None]

# What a kernel's environment keeps. Everything else, secrets first of all, stays outside.
_KEPT = re.compile(
    r"^(PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_\w+|TMPDIR|VIRTUAL_ENV|CONDA_PREFIX|CONDA_DEFAULT_ENV|PYTHONPATH|PYTHONHOME|"
    r"JAVA_HOME|SPARK_\w+|PYSPARK_\w+|LD_LIBRARY_PATH|DYLD_\w+|XDG_\w+|FONTCONFIG_\w+|SYSTEMROOT|COVERAGE_\w+|CUSTKIT_HOME|CUSTKIT_COLD|"
    r"OPENBLAS_CORETYPE|OPENBLAS_L2_SIZE)$"  # the processor that linear algebra is told to take this one for decides the last digits
)
_SECRET = re.compile(r"SECRET|TOKEN|PASSW|CREDENTIAL|API_?KEY|PRIVATE", re.IGNORECASE)
_FIXED = {
    "PYTHONHASHSEED": "0",
    "PYTHONSAFEPATH": "1",
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def kernel_environment(client: Client | None, workspace: Path) -> dict[str, str]:
    """The environment of kernels: an allow-list, and the variables that the client file names for its data folder and engine."""
    named = set(re.findall(r"\$\{?(\w+)", client.data)) if client else set()
    if client and client.engine.url:
        named.add(client.engine.url.removeprefix("env:"))
    kept = {name: value for name, value in os.environ.items() if name in named or (_KEPT.match(name) and not _SECRET.search(name))}
    return {**kept, **_FIXED, "CUSTKIT_HOME": str(workspace)}


@dataclass
class _Running:
    task: Task
    process: Any
    channel: Connection
    started: float
    at: tuple[int, int] = (0, 0)  # cell, of how many


def warm_up(workspace: Path) -> bool:
    """Begin to load the stack in the background, so that it is there when the first job starts. False where kernels stay ordinary."""
    from custkit.reporting import warm

    if not warm.can_fork():
        return False
    warm.start_server(kernel_environment(None, workspace), private_folder())
    return True


def run_tasks(tasks: Sequence[Task], *, workers: int, warm: bool, listen: Listener, finish: Callable[[Task, Verdict], None]) -> None:
    """Execute every task in a process of its own and hand its verdict to `finish` when it is known.

    A job whose process dies is a failed job. When the caller is interrupted, the processes and their kernels end too.
    """
    waiting = list(tasks)
    running: list[_Running] = []
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                task = waiting.pop(0)
                running.append(_start(task, warm))
                listen(task, "running", 0, 0, 0.0)
            ready = wait([job.channel for job in running], timeout=1.0)
            for job in [job for job in running if job.channel in ready]:
                verdict = _hear(job, listen)
                if verdict is None:
                    continue
                running.remove(job)
                job.process.join()
                took = time.monotonic() - job.started
                shutil.rmtree(job.task.sockets, ignore_errors=True)
                listen(job.task, "failed" if verdict.fault else "good", *job.at, took)
                finish(job.task, replace(verdict, seconds=round(took, 2)))
    finally:
        for job in running:
            job.process.kill()
            job.process.join()
            shutil.rmtree(job.task.sockets, ignore_errors=True)


def _start(task: Task, warm: bool) -> _Running:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    task = replace(task, warm=warm, sockets=tempfile.mkdtemp(dir=private_folder()))
    Path(task.folder).mkdir(parents=True, exist_ok=True)
    if warm:
        from custkit.reporting.warm import fork

        process = fork(_job, task, theirs)
    else:
        process = multiprocessing.get_context("spawn").Process(target=_job, args=(task, theirs))
        process.start()
    theirs.close()
    return _Running(task, process, ours, time.monotonic())


def _hear(job: _Running, listen: Listener) -> Verdict | None:
    """The verdict, or None while the job goes on. A channel that closes without one is a process that died."""
    try:
        said = job.channel.recv()
    except (EOFError, OSError):
        cell = job.at[0] or None
        remedy = mark("Most often the machine ran out of memory: run again with --workers 1.")
        return Verdict(Fault("ProcessDied", mark("the process that ran the notebook ended without a word"), remedy, cell), cells=job.at[1])
    if isinstance(said, Verdict):
        return said
    job.at = said
    listen(job.task, "running", job.at[0], job.at[1], time.monotonic() - job.started)
    return None


def _job(task: Task, channel: Connection) -> None:
    from custkit.reporting import warm

    os.setsid()
    warm.die_with_parent()
    warm.share_server()
    home = Path(task.sockets)
    os.environ.clear()
    os.environ.update(task.environment)
    os.environ.update(
        JUPYTER_RUNTIME_DIR=str(home),
        IPYTHONDIR=str(home / "ipython"),
        **{warm.LOG: str(Path(task.folder) / "kernel.log")},
    )
    if task.warm:
        os.environ["JUPYTER_DEFAULT_PROVISIONER_NAME"] = "custkit-warm"
    time.tzset()
    warm.redirect(str(Path(task.folder) / "job.log"))
    try:
        verdict = execute(task, lambda cell, cells: channel.send((cell, cells)))
    except Exception as error:  # a job must always answer
        import traceback

        traceback.print_exc()
        verdict = Verdict(Fault(type(error).__name__, str(error)[:600], mark("This is a fault of custkit: job.log tells more.")))
    channel.send(verdict)
    channel.close()
    os._exit(0)


@functools.cache
def private_folder() -> Path:
    """A short folder of this process's own, for sockets: 0700, removed at the end; those of killed processes are removed too."""
    from multiprocessing.util import Finalize

    root = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")
    if not os.access(root, os.W_OK) or len(str(root)) > 40:
        root = Path(tempfile.gettempdir())
    _sweep(root)
    folder = Path(tempfile.mkdtemp(prefix="ck-", dir=root))
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # multiprocessing removes its own folder inside this one at -100.
    Finalize(None, shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, exitpriority=-101)
    return folder


def _sweep(root: Path) -> None:
    for folder in root.glob("ck-*"):
        with contextlib.suppress(OSError):
            lock = os.open(folder / "lock", os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
