"""What must hold of `custkit init` for any export: no order of columns leaves a trace, and what is written can be read."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custkit.client import load_client
from custkit.demo.export import write_shop
from custkit.intake.guess.client_file import client_text
from custkit.intake.guess.proposal import Proposal, propose
from custkit.intake.guess.samples import Sample, read_samples
from custkit.yaml_text import read_yaml


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    folder = tmp_path_factory.mktemp("shop")
    write_shop(folder, customers=150, months=3)
    return read_samples([folder])


def shuffled(sample: Sample, seed: int) -> Sample:
    order = list(range(len(sample.names)))
    random.Random(seed).shuffle(order)
    kinds = tuple(sample.kinds[i] for i in order) if sample.kinds else ()
    return replace(sample, names=tuple(sample.names[i] for i in order), cells=tuple(sample.cells[i] for i in order), kinds=kinds)


def said(proposal: Proposal) -> list[object]:
    return [
        (source.table, round(source.sure, 9), {f: (m.column, round(m.sure, 9), m.options) for f, m in source.mapped.items()})
        for source in proposal.sources
    ]  # fmt: skip


@given(seed=st.integers(0, 10**6))
def test_any_order_of_columns_gives_the_same_mapping(samples: list[Sample], seed: int) -> None:
    few = [s for s in samples if s.label in ("customers.csv", "sales_*.csv", "loyalty.csv")]
    assert said(propose([shuffled(s, seed) for s in few])) == said(propose(few))


@given(names=st.lists(st.text(min_size=1, max_size=12), min_size=4, max_size=4, unique_by=lambda n: n.strip().casefold()))
def test_whatever_columns_are_called_the_file_reads_back(
    samples: list[Sample], tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    one = next(s for s in samples if s.label == "customers.csv")
    renamed = replace(one, names=(*one.names[:2], *names, *one.names[6:]))
    proposal = propose([renamed])
    path: Path = tmp_path_factory.mktemp("client") / "client.yml"
    path.write_text(client_text(proposal, slug="acme", name=names[0], open_questions=proposal.questions), "utf-8", newline="")
    given, _lines = read_yaml(path)
    written = {f: c if isinstance(c, str) else c["column"] for f, c in given["sources"][0]["columns"].items()} if given["sources"] else {}
    assert written == {f: m.column for f, m in proposal.sources[0].mapped.items()}
    assert load_client("acme", path=path).name == names[0]
