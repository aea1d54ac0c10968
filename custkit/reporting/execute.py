"""One notebook, executed by papermill in a private folder, and the verdict on it. Runs in a process of its own.

papermill cannot tell success from death: after a killed kernel every cell says completed, and `sys.exit(0)` counts as success.
So a notebook is good only by the evidence gathered here.
"""

from __future__ import annotations

import ast
import json
import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from custkit.words import mark

CELL_SECONDS = 1800
START_SECONDS = 120
SENTINEL_CELL = "custkit-sentinel"
IN, OUT, SENTINEL, KERNEL_LOG = "in.ipynb", "out.ipynb", "sentinel", "kernel.log"
_MESSAGE_LENGTH = 600

# What a notebook may write to stderr and still be good.
HARMLESS = tuple(
    re.compile(pattern)
    for pattern in (
        r"^\s*$",
        r"Matplotlib is building the font cache",
        r"WARN .*NativeCodeLoader|WARN Utils: |Setting default log level|To adjust logging level|Using Spark's default log4j|incubator",
        r"WARN SparkSession|WARN SparkStringUtils|WARN WindowExec|WARN HiveConf|WARN ObjectStore|WARN GarbageCollectionMetrics",
        r"IPKernelApp\] WARNING",
        r"frozen modules|PYDEVD_DISABLE_FILE_VALIDATION",
    )
)
_DEPRECATION = re.compile(r"^.*(?:Pending)?DeprecationWarning: .*\n(?:  .*\n?)?", re.MULTILINE)


@dataclass(frozen=True)
class Fault:
    """Why a notebook is not good: the cell (1-based, as in the notebook's source), its first line, the error, what would do."""

    error: str
    message: str
    remedy: str = ""
    cell: int | None = None
    line: str = ""


@dataclass(frozen=True)
class Failure:
    """A notebook that is not good, and why."""

    notebook: str
    fault: Fault


@dataclass(frozen=True)
class Task:
    """What the process needs to execute one notebook. `folder` is private to it, `sockets` is short for the sake of the system's limit."""

    source: str
    name: str
    client: str
    period: str
    folder: str
    sockets: str
    run_id: str
    environment: Mapping[str, str]
    warm: bool = True
    cell_seconds: int = CELL_SECONDS


@dataclass(frozen=True)
class Verdict:
    """`fault` is None when the notebook is good."""

    fault: Fault | None
    cells: int = 0
    seconds: float = 0.0


def execute(task: Task, report: Callable[[int, int], None]) -> Verdict:
    """Run the notebook; `report(cell, cells)` is called before each cell. The good notebook lies in `<folder>/out.ipynb`."""
    notebook = json.loads(Path(task.source).read_text(encoding="utf-8"))
    number = {cell["id"]: i + 1 for i, cell in enumerate(notebook["cells"])}
    if fault := _forbidden(notebook, task):
        return Verdict(fault)
    os.chdir(task.folder)
    Path(IN).write_text(json.dumps(_with_sentinel(notebook, task)), encoding="utf-8")
    at: list[str] = []

    def started(cell: Any, cell_index: int) -> None:
        if cell["id"] in number:
            at.append(cell["id"])
            report(number[cell["id"]], len(number))

    fault = _papermill(task, started)
    if fault:
        cell = number.get(at[-1]) if at else None
        source = "".join(notebook["cells"][cell - 1]["source"]) if cell else ""
        return Verdict(_placed(fault, task, cell, source), cells=len(number))
    return _judge(json.loads(Path(OUT).read_text(encoding="utf-8")), notebook, task)


def parameters_of(source: str) -> dict[str, Any]:
    """Names and plain values of a parameters cell. Raises ValueError for anything that is no `name = literal`."""
    found: dict[str, Any] = {}
    for node in ast.parse(source).body:
        if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)):
            raise ValueError(f"line {node.lineno} is no `name = value`")
        found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def _forbidden(notebook: dict[str, Any], task: Task) -> Fault | None:
    tagged = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", ())]
    cell: int | None = notebook["cells"].index(tagged[0]) + 1 if tagged else None
    wanted = mark("Give the notebook one cell tagged `parameters` with plain text values for `client` and `period`.")
    try:
        given = parameters_of("".join(tagged[0]["source"])) if len(tagged) == 1 else {}
    except (SyntaxError, ValueError) as error:
        return Fault("ParameterError", _clean(str(error)), wanted, cell)
    from papermill import inspect_notebook

    try:
        declared = inspect_notebook(task.source)
    except ValueError as error:
        return Fault("ParameterError", _clean(str(error)), mark("Save the notebook with the kernel `python3`."))
    for name, value in {"client": task.client, "period": task.period}.items():
        if name not in declared or not isinstance(given.get(name), str):
            return Fault("ParameterError", f"`{name}` is no text parameter of this notebook", wanted, cell)
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
            return Fault("ParameterError", f"`{name}` holds characters that are no text", wanted, cell)
    for i, other in enumerate(notebook["cells"], 1):
        if "raises-exception" in other["metadata"].get("tags", ()):
            return Fault(
                "TagError", mark("a cell tagged raises-exception hides its failure"), mark("Remove the tag `raises-exception`."), i
            )
    return None


def _with_sentinel(notebook: dict[str, Any], task: Task) -> dict[str, Any]:
    text = json.dumps([task.run_id, task.name])
    path = str(Path(task.folder) / SENTINEL)
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": SENTINEL_CELL,
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": f"__import__('pathlib').Path({path!r}).write_text({text!r}, encoding='utf-8') and None",
    }
    kept = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    return {**notebook, "metadata": kept, "cells": [*notebook["cells"], cell]}


def _papermill(task: Task, started: Callable[..., None]) -> Fault | None:
    import logging

    import papermill
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    manager: dict[str, Any] = {"connection_file": str(Path(task.sockets) / "k.json")}
    if task.warm:
        manager["transport"] = "ipc"
    try:
        papermill.execute_notebook(
            IN,
            OUT,
            parameters={"client": task.client, "period": task.period},
            kernel_name="python3",
            progress_bar=False,
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            start_timeout=START_SECONDS,
            execution_timeout=task.cell_seconds,
            config=Config({"KernelManager": manager}),
            on_cell_start=started,
        )
    except PapermillExecutionError as error:
        remedy = mark("Mend the client's files or its client file, as the message says.") if error.ename == "BadInput" else ""
        return Fault(str(error.ename), _clean(str(error.evalue)), remedy)
    except DeadKernelError:
        return Fault(
            "DeadKernelError",
            mark("the kernel died while the cell ran"),
            mark("Most often the machine ran out of memory: run again with --workers 1; the kernel's last words are in kernel.log."),
        )
    except (CellTimeoutError, TimeoutError) as error:
        return Fault(
            "TimeoutError",
            _clean(str(error)),
            mark("The cell ran longer than allowed: look for a join that multiplies rows, or allow more with --time-limit."),
        )
    except (NoSuchKernel, RuntimeError, OSError, ValueError) as error:
        return Fault(type(error).__name__, _clean(str(error)))
    return None


def _placed(fault: Fault, task: Task, cell: int | None, source: str) -> Fault:
    first = next((line.strip() for line in source.splitlines() if line.strip()), "")
    remedy = fault.remedy or mark("Open the notebook with this client and month and run it up to this cell.")
    return Fault(fault.error, fault.message, remedy, cell, _clean(first)[:120])


def _judge(done: dict[str, Any], source: dict[str, Any], task: Task) -> Verdict:
    number = {cell["id"]: i + 1 for i, cell in enumerate(source["cells"])}
    last = 0
    for cell in done["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] != "code" or not text.strip():
            continue
        fault = _cell_fault(cell, last)
        if fault:
            return Verdict(_placed(fault, task, number.get(cell["id"]), text), len(number))
        last = cell["execution_count"]
    sentinel = Path(task.folder) / SENTINEL
    if not sentinel.exists() or json.loads(sentinel.read_text(encoding="utf-8")) != [task.run_id, task.name]:
        return Verdict(Fault("NotFinished", mark("the notebook did not reach its end")), len(number))
    if bad := [code for code in _exit_codes() if code]:
        return Verdict(Fault("KernelError", f"the kernel ended with code {bad[0]}"), len(number))
    return Verdict(None, len(number))


def _cell_fault(cell: dict[str, Any], last: int) -> Fault | None:
    errors = [output for output in cell["outputs"] if output["output_type"] == "error"]
    if errors:
        return Fault(errors[0]["ename"], mark("the cell ended the notebook"))
    count, status = cell["execution_count"], cell["metadata"].get("papermill", {}).get("status")
    if not isinstance(count, int) or count <= last or status != "completed":
        return Fault("NotRun", mark("the cell was not run, or not in order"))
    told = [output for output in cell["outputs"] if output["output_type"] == "stream" and output["name"] == "stderr"]
    text = _DEPRECATION.sub("", "".join("".join(output["text"]) for output in told))
    if bad := [line for line in text.splitlines() if not any(known.search(line) for known in HARMLESS)]:
        return Fault("Warning", _clean(" ".join(bad)), mark("The cell wrote a warning: mend its cause, a warning hides the next."))
    return None


def _exit_codes() -> list[int]:
    from custkit.reporting.warm import WarmProvisioner

    return WarmProvisioner.exit_codes


def _clean(text: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    plain = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in plain)
    plain = " ".join(plain.split())
    return plain if len(plain) <= _MESSAGE_LENGTH else plain[: _MESSAGE_LENGTH - 1] + "…"
