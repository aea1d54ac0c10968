"""What custkit says when it cannot go on: one sentence with the place and the remedy, and an exit code."""

from __future__ import annotations

GOOD, BAD_INPUT, INTERNAL, BUSY = 0, 2, 3, 4


def with_extra(extra: str) -> str:
    """How an extra of custkit is installed: from its own folder, since no registry holds it."""
    return f"run in custkit's own folder: .venv/bin/pip install -e '.[{extra}]'"


class CustkitError(Exception):
    """A message for a person. `exit_code` is what the command line ends with."""

    exit_code = INTERNAL


class BadInput(CustkitError):
    """The client's files, client file or parameters need a person: says where and what would do."""

    exit_code = BAD_INPUT


class Busy(CustkitError):
    """Another run of the same client and month holds the lock."""

    exit_code = BUSY
