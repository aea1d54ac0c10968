"""A proposal → the text of clients/NAME/client.yml, with what was guessed, checked and left open as comments."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from custkit.intake.guess.proposal import AS_SAID, Mapped, Proposal, Question, Source, files_below
from custkit.intake.guess.samples import Sample

_PLAIN = re.compile(r"^[A-Za-z0-9_㐀-鿿/~$.][\w㐀-鿿 .()/+*-]*$")
WIDE = 100


def client_text(proposal: Proposal, *, slug: str, name: str, open_questions: Sequence[Question] = ()) -> str:
    """The client file for `proposal`. `open_questions` are those nobody answered: they stand on top as comments."""
    fetched = any(s.sample.relation for s in proposal.sources)
    folder = Path(f"../../.custkit/{slug}/database") if fetched else data_folder(proposal)
    lines = [f"# Proposed by `custkit init {slug}` from the files themselves. Read it, correct it; `custkit check {slug}` tries it out."]
    if open_questions:
        lines.append("# NOT SETTLED, a person should say:")
        for q in open_questions:
            lines += _comment(f"{q.text}  [{'taken: ' + q.proposed if q.proposed else 'left out'}]", "#   - ")
    lines += [f"name: {_scalar(name)}"]
    for key in ("currency", "time_zone", "language"):
        value, why = proposal.settings[key]
        lines.append(f"{key}: {_scalar(value)}" + (f"  # {_flat(why)}" if why else ""))
    if not any("cost_amount" in s.mapped or "unit_cost" in s.mapped for s in proposal.sources if s.is_used):
        lines.append("# gross_margin: 0.35  # the files hold no cost: what share of revenue is left after the goods are paid?")
    if fetched:
        lines.append(f"# Copies of the database's tables, the columns mapped only; `custkit fetch {slug}` takes them anew")
    lines.append(f"data: {_scalar(folder.as_posix())}")
    if left_out := [name for source in proposal.sources if source.left_out == AS_SAID for name in _names(source.sample, folder)]:
        lines.append(f"ignore: {_value(left_out)}  # lies there and is left out on purpose")
    lines += ["", "sources:"]
    for source in proposal.sources:
        if source.is_used:
            lines += [*_source(source, folder), ""]
    for source in proposal.sources:
        if not source.is_used:
            lines += [*_unused(source), ""]
    if proposal.rules:
        lines.append("rules:")
        for rule, (says, why) in proposal.rules.items():
            lines.append(f"  {rule}: {_value(says)}" + (f"  # {_flat(why)}" if why else ""))
    return "\n".join(lines).rstrip("\n") + "\n"


def data_folder(proposal: Proposal) -> Path:
    """The folder that holds every file read."""
    parents = [str(path.parent) for s in proposal.sources if s.is_used for path in s.sample.files]
    return Path(os.path.commonpath(parents)) if parents else Path()


def _source(source: Source, folder: Path) -> list[str]:
    sample = source.sample
    lines = _comment(f"{sample.label}" + (f", {len(sample.files)} files" if len(sample.files) > 1 else ""), "  # ")
    if source.identities:
        lines += _comment(f"holds in the rows sampled: {'; '.join(source.identities)}", "  # ")
    if not sample.encoding.certain:
        rivals = " or ".join(rival for rival, _shows in sample.encoding.rivals)
        lines += _comment("encoding not certain" + (f"; it may be {rivals}" if rivals else ""), "  # ")
    files = [str(sample.files[0])] if sample.relation else files_below(folder, sample)
    lines += [f"  - table: {source.table}", f"    files: {_value(files[0] if len(files) == 1 else files)}"]
    settings: dict[str, object] = {
        "database": sample.database or None,
        "format": sample.format if sample.files[0].suffix.lower() not in _ENDINGS[sample.format] else None,
        "sheet": sample.sheet,
        "encoding": sample.encoding.name if sample.format == "csv" and sample.encoding.name != "utf-8" else None,
        "delimiter": sample.delimiter if sample.format == "csv" and sample.delimiter != "," else None,
        "skip_rows": str(sample.skip_rows) if sample.skip_rows else None,
        "header": None if sample.header else list(sample.names),
    }
    lines += [f"    {key}: {_value(value)}" for key, value in settings.items() if value is not None]
    lines.append("    columns:")
    for field, mapped in source.mapped.items():
        lines.append(f"      {field}: {_mapped(mapped)}" + (f"  # {_flat('; '.join(mapped.notes))}" if mapped.notes else ""))
    unread = [f"{name} ({why})" if why else name for name, why in source.unread.items()]
    lines += [part for remark in source.remarks for part in _comment(remark, "    # ")]
    return lines + (_comment(f"not read: {', '.join(unread)}", "    # ") if unread else [])


_ENDINGS = {"csv": (".csv", ".txt", ".tsv"), "excel": (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"), "parquet": (".parquet", ".pq")}


def _names(sample: Sample, folder: Path) -> list[str]:
    """How `ignore` names a sample, where it lies below the data folder."""
    if sample.relation or not all(path.is_relative_to(folder) for path in sample.files):
        return []
    return [f"{name}[{sample.sheet}]" if sample.sheet else name for name in files_below(folder, sample)]


def _unused(source: Source) -> list[str]:
    lines = _comment(f"NOT READ: {source.sample.label}: {source.why_unused}", "  # ")
    if source.left_out:
        return lines
    if source.mapped:
        lines += _comment(f"recognised: {', '.join(f'{f} = {m.column}' for f, m in source.mapped.items())}", "  # ")
    if source.unread:
        lines += _comment(f"columns without a place: {', '.join(source.unread)}", "  # ")
    return lines


def _mapped(mapped: Mapped) -> str:
    if not mapped.options:
        return _scalar(mapped.column)
    options = ", ".join(f"{_key(key)}: {_value(value)}" for key, value in mapped.options.items())
    return f"{{column: {_scalar(mapped.column)}, {options}}}"


def _key(key: str) -> str:
    return '"null"' if key == "null" else _scalar(key)


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(str(k))}: {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    return str(value).lower() if isinstance(value, bool) else _scalar(str(value))


def _scalar(text: str) -> str:
    """Plain where YAML cannot take it for anything else, else in double quotes."""
    if _PLAIN.match(text) and text == text.strip() and text.lower() not in ("null", "~", "true", "false") and not text.startswith("~ "):
        return text
    return "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in json.dumps(text, ensure_ascii=False))


def _flat(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _comment(text: str, front: str) -> list[str]:
    """One comment over as many lines as it takes."""
    blank = front[: front.index("#") + 1] + " " * (len(front) - front.index("#") - 1)
    lines: list[str] = []
    line = ""
    for word in _flat(text).split(" "):
        if line and len(line) + len(word) > WIDE:
            lines, line = [*lines, line], word
        else:
            line = f"{line} {word}" if line else word
    return [(front if i == 0 else blank) + part for i, part in enumerate([*lines, line])]
