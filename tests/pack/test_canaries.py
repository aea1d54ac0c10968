"""Secrets and people whom no mapping asks for reach no file of ours: not in a good run, not in a failed one, not inside tables."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from test_upkeep import holding

SECRET = "tresor-5417-canary"
PEOPLE = {"name": "Zebulon Quartz", "phone": "+49 171 5550199", "mail": "zebulon@quartz.example", "card": "4111-9999-0000-1234"}
FORMS = [SECRET, base64.b64encode(SECRET.encode()).decode(), SECRET.encode().hex(), hashlib.sha256(SECRET.encode()).hexdigest()]
DUMPS = """
import os, sys
from custkit.book import open_book
from custkit.present.finding import Finding
book = open_book(client, period)
told = sorted(value for value in os.environ.values() if "canary" in value)
Finding(f"{len(told)} secrets in the environment: {told}", "")
"""
FAILS = """
import os
raise RuntimeError(f"connection to {dict(os.environ)} failed")
"""


@pytest.fixture
def guarded(shop, monkeypatch):
    """The corner shop's export with columns nobody maps, an order set aside, and a secret in the environment."""
    monkeypatch.setenv("ACME_DB_PASSWORD", SECRET)
    monkeypatch.setenv("ACME_DB", f"postgresql://acme:{SECRET}@127.0.0.1:9/acme")
    head, *rows = (shop.root / "clients" / "corner" / "sales.csv").read_text().splitlines()
    more = ",".join(PEOPLE.values())
    rows.append("8,anna,2026-10-30 19:00:00,tea,1,not-a-number")
    text = "\n".join(
        [f"{head},{','.join(PEOPLE)}", *(f"{row},{more}" for row in rows), f"9,anna,2026-10-30 19:00:00,tea,1,4,{more},too many"]
    )
    shop.sales(text + "\n")
    file = shop.root / "clients" / "corner" / "client.yml"
    file.write_text(file.read_text() + "limits: {quarantine_rows: 1, quarantine_revenue: 1}\n")
    return shop


def test_a_good_run_holds_no_canary(guarded):
    guarded.notebook("dumps", DUMPS)
    done = guarded.command("run", "corner", "--period", "2026-10")
    assert done.returncode == 0, done.stderr
    assert "0 secrets" in json.dumps(guarded.results()) or "0 secrets" in (guarded.current / "dumps.html").read_text()
    assert holding(guarded.root, *FORMS, *PEOPLE.values()) == []
    assert holding(guarded.root, "Corner Shop"), "the search finds what is there"
    assert not any(form in done.stdout + done.stderr for form in [*FORMS, *PEOPLE.values()])


def test_a_failed_run_holds_none_either(guarded):
    guarded.notebook("fails", FAILS)
    done = guarded.command("run", "corner", "--period", "2026-10")
    assert done.returncode == 3 and "RuntimeError" in done.stderr
    assert holding(guarded.root, *FORMS, *PEOPLE.values()) == []
    assert not any(form in done.stdout + done.stderr for form in [*FORMS, *PEOPLE.values()])


def test_a_warehouse_that_cannot_be_reached_is_told_without_its_password(guarded):
    file = guarded.root / "clients" / "corner" / "client.yml"
    file.write_text(file.read_text() + "engine: {kind: postgres, url: env:ACME_DB}\n")
    guarded.notebook("dumps", DUMPS)
    done = guarded.command("run", "corner", "--period", "2026-10")
    assert done.returncode != 0
    assert not any(form in done.stdout + done.stderr for form in FORMS)
    assert holding(guarded.root, *FORMS, *PEOPLE.values()) == []
