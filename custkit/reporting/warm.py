"""Warm kernels: forked in a moment from a process that has imported the stack, talking over private sockets instead of TCP.

Registered as the kernel provisioner `custkit-warm`, so any Jupyter can use it: `JUPYTER_DEFAULT_PROVISIONER_NAME=custkit-warm`.
Where the platform cannot fork, or another interpreter's kernel is asked for, the ordinary kernel is started.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

STACK = "custkit.reporting.stack"
OFF = "CUSTKIT_COLD"  # set it to start ordinary kernels
LOG = "CUSTKIT_KERNEL_LOG"  # where a kernel's raw output goes


def can_fork() -> bool:
    """True where kernels can be forked warm: Linux and macOS, unless $CUSTKIT_COLD is set."""
    return not os.environ.get(OFF) and "forkserver" in multiprocessing.get_all_start_methods()


def start_server(environment: Mapping[str, str], folder: Path) -> None:
    """Begin loading the stack in the fork server, with this environment and its socket in `folder`. Returns at once."""
    import tempfile
    from multiprocessing import forkserver

    forkserver.set_forkserver_preload([STACK])
    before, os_before = tempfile.tempdir, dict(os.environ)
    tempfile.tempdir = str(folder)
    _replace_environment(environment)
    try:
        with _without_main():
            forkserver.ensure_running()
    finally:
        tempfile.tempdir = before
        _replace_environment(os_before)


def fork(target: Callable[..., None], *args: Any) -> Any:
    """A process forked from the warm server, started. Raises OSError or EOFError where the server is gone."""
    from multiprocessing import forkserver

    forkserver.set_forkserver_preload([STACK])  # for a server that starts only now
    process = multiprocessing.get_context("forkserver").Process(target=target, args=args)
    with _without_main():
        process.start()
    return process


def share_server() -> None:
    """Let a process that was forked from the server ask that server for kernels; multiprocessing would start a second, cold one."""
    from multiprocessing import forkserver

    server: Any = getattr(forkserver, "_forkserver", None)
    if getattr(server, "_forkserver_address", None) and server._forkserver_pid is None:
        server.ensure_running = lambda: None


def die_with_parent() -> None:
    """End this process and its group, at once, when the process that asked for it has gone: nothing is left behind by kill -9."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    own_group = os.getpgid(0) == os.getpid()

    def follow() -> None:
        wait([parent.sentinel])
        if own_group:
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=follow, daemon=True, name="die-with-parent").start()


class WarmProvisioner(LocalProvisioner):
    """Starts the ordinary IPython kernel of this interpreter by forking; everything else as `LocalProvisioner` does.

    exit_codes: how the kernels of this process ended, in order.
    """

    exit_codes: ClassVar[list[int]] = []

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        if not (can_fork() and self._is_our_kernel(cmd)):
            return await super().launch_kernel(cmd, **kwargs)
        environment = dict(kwargs.get("env") or os.environ)
        cwd = str(kwargs.get("cwd") or Path.cwd())
        try:
            process = fork(_kernel, cmd[cmd.index("-f") + 1], cwd, environment)
        except Exception:  # whatever keeps us from forking, a cold kernel is as good
            return await super().launch_kernel(cmd, **kwargs)
        self.process = cast(Any, _Forked(process))
        self.pid = self.pgid = process.pid
        self.cwd = Path(cwd)
        return self.connection_info

    async def wait(self) -> int | None:
        forked = isinstance(self.process, _Forked)
        code = await super().wait()
        if forked and code is not None:
            self.exit_codes.append(code)
            # What the notebook started and left running, a Spark for one, goes with its kernel.
            with contextlib.suppress(OSError):
                os.killpg(cast(int, self.pgid), signal.SIGKILL)
        return code

    @staticmethod
    def _is_our_kernel(cmd: list[str]) -> bool:
        return cmd[:1] == [sys.executable] and "ipykernel_launcher" in cmd and "-f" in cmd


class _Forked:
    """A forked process with the part of `subprocess.Popen` that the provisioner uses."""

    stdin = stdout = stderr = None

    def __init__(self, process: Any) -> None:
        self._process = process
        self.pid: int = process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def _kernel(connection_file: str, cwd: str, environment: dict[str, str]) -> None:
    import time

    os.setsid()
    _replace_environment(environment)
    time.tzset()
    os.chdir(cwd)
    redirect(environment.get(LOG))
    die_with_parent()
    sys.argv = ["ipykernel_launcher", "-f", connection_file]
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.initialize(["-f", connection_file, "--HistoryManager.enabled=False"])
    # Matplotlib was imported before the kernel, so it has not met it yet.
    cast(Any, app.shell).enable_matplotlib("inline")
    app.start()


def redirect(log: str | None) -> None:
    sink = os.open(os.devnull, os.O_RDONLY)
    os.dup2(sink, 0)
    os.close(sink)
    if log:
        sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        os.close(sink)


def _replace_environment(environment: Mapping[str, str]) -> None:
    kept = dict(environment)
    os.environ.clear()
    os.environ.update(kept)


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    # multiprocessing runs the caller's script again in every child; ours need nothing of it.
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
