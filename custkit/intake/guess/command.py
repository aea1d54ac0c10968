"""What `custkit init` does up to the written file: read samples, propose, ask, write."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import uuid4

from custkit.client import EMBEDDED, SLUG, load_client, workspace
from custkit.errors import BadInput
from custkit.intake.database import REFERENCE, SCHEMES, fetch
from custkit.intake.guess.client_file import client_text
from custkit.intake.guess.proposal import AS_SAID, Proposal, Question, propose
from custkit.intake.guess.samples import Sample, read_database, read_samples

Ask = Callable[[Question], str]
Tell = Callable[[str], None]


def begin_client(
    slug: str, given: Sequence[str], answers: Sequence[str], *, ask: Ask | None, tell: Tell, force: bool = False, dry_run: bool = False
) -> Path | None:
    """Write clients/<slug>/client.yml from samples of `given`; its path, or None where it was only shown.

    Raises BadInput where a file is there already, nothing can be read, or no file feeds a table.
    """
    path = _target(slug, force=force or dry_run)
    settled = _answers(answers)
    encodings = {key.removeprefix("encoding:"): value for key, value in settled.items() if key.startswith("encoding:")}
    samples = _samples(slug, given, encodings)
    proposal, left = _settle(slug, samples, given, settled, ask, tell)
    _show(proposal, left, tell)
    if not any(source.is_used for source in proposal.sources):
        raise BadInput(_nothing(proposal))
    text = client_text(
        proposal, slug=slug, name=settled.get("name") or slug.replace("_", " ").replace("-", " ").title(), open_questions=left
    )
    if dry_run:
        tell(text)
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        beside.write_text(text, "utf-8")
        load_client(slug, path=beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    tell(f"\nwrote {path}")
    for reference in sorted({s.sample.database for s in proposal.sources if s.is_used and s.sample.database}):
        tell(f"The address of the database is not in it: set ${reference.removeprefix(REFERENCE)} where `custkit fetch {slug}` runs.")
    fetch(load_client(slug))
    return path


def _target(slug: str, *, force: bool) -> Path:
    if not SLUG.fullmatch(slug):
        raise BadInput(f"`{slug}` is not a client name: small letters, digits, - and _, at most 63, beginning with a letter or digit")
    if slug in EMBEDDED:
        raise BadInput(f"`{slug}` comes with the kit; take another name")
    path = workspace() / "clients" / slug / "client.yml"
    if path.exists() and not force:
        raise BadInput(f"{path} is there already; say --force to write over it, or take another name")
    return path


def _answers(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key.strip():
            raise BadInput(f"--answer {one}: write KEY=VALUE, such as currency=EUR")
        found[key.strip()] = value.strip()
    return found


def _samples(slug: str, given: Sequence[str], encodings: dict[str, str]) -> list[Sample]:
    addresses = [one for one in given if one.startswith((REFERENCE, *SCHEMES))]
    if addresses and len(given) > 1:
        raise BadInput("name files, or one database")
    if addresses:
        return read_database(_reference(slug, addresses[0]))
    return read_samples([Path(one).expanduser() for one in given], encodings)


def _reference(slug: str, given: str) -> str:
    """`env:NAME` as it is; an address goes into the environment of this run, under a name the client file can refer to."""
    if given.startswith(REFERENCE):
        return given
    variable = f"DB_{slug.upper().replace('-', '_')}"
    os.environ[variable] = given
    return REFERENCE + variable


def _settle(
    slug: str, samples: list[Sample], given: Sequence[str], settled: dict[str, str], ask: Ask | None, tell: Tell
) -> tuple[Proposal, list[Question]]:  # fmt: skip
    """The proposal once everything that can be asked is answered, and the questions nobody answered."""
    passed: set[str] = set()
    while True:
        proposal = propose(samples, settled)
        left = [q for q in proposal.questions if q.key not in settled]
        asked = next((q for q in left if q.key not in passed), None)
        if ask is None or asked is None:
            return proposal, left
        answer = ask(asked)
        passed.add(asked.key)
        if not answer:
            continue
        try:
            if asked.key.startswith("encoding:"):
                label = asked.key.removeprefix("encoding:")
                samples = _samples(slug, given, {label: answer})
            propose(samples, {**settled, asked.key: answer})
        except (BadInput, LookupError) as error:
            tell(f"  {error}")
            passed.discard(asked.key)
            continue
        settled[asked.key] = answer


def _show(proposal: Proposal, left: list[Question], tell: Tell) -> None:
    for source in proposal.sources:
        label = source.sample.label
        if not source.is_used:
            again = source.left_out not in ("", AS_SAID)
            hint = f". `--answer 'table:{label}={source.table or 'order_lines'}'` takes it all the same" if again else ""
            tell(f"{label}: not read; {source.why_unused}{hint}")
            continue
        tell(f"{label} → {source.table}" + (f" ({len(source.sample.files)} files)" if len(source.sample.files) > 1 else ""))
        for field, mapped in source.mapped.items():
            how = ", ".join(_option(key, value) for key, value in mapped.options.items() if key != "values")
            doubt = "" if mapped.sure >= 0.8 else f"  {mapped.sure:.0%} sure"
            tell(f"  {field:<20} {mapped.column}" + (f"  ({how})" if how else "") + doubt)
        for remark in source.remarks:
            tell(f"  {remark}")
        if personal := source.personal:
            tell(f"  never read: {', '.join(personal)} (names people)")
    if left:
        tell("\nNot settled; marked in the file:")
        for question in left:
            stop = "" if question.text[-1] in ".?!" else "."
            tell(f"  {question.text}{stop}" + (f" Taken: `{question.proposed}`." if question.proposed else ""))
            tell(f"    --answer '{question.key}=…'")


def _option(key: str, value: object) -> str:
    return key if value is True else f"{key} {' or '.join(value) if isinstance(value, list | tuple) else value}"


def _nothing(proposal: Proposal) -> str:
    said = [f"{source.sample.label} ({source.why_unused}; columns {', '.join(source.columns)})" for source in proposal.sources]
    if not any(source.sample.has_rows for source in proposal.sources):
        return f"nothing can be read yet: {'; '.join(said)}"
    return f"nothing can be read yet: {'; '.join(said)}. Answer `--answer table:FILE=TABLE` and `--answer FILE.FIELD=COLUMN`"
