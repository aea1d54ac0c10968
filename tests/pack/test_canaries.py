"""Secrets and people whom no mapping asks for reach no file of ours: not in a good run, not in a failed one, not inside tables."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from held import figure, holding

SECRET = "tresor-5417-canary"
VARIABLES = (
    "ACME_DB_PASSWORD", "API_TOKEN", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "MAIL_PASSWORD", "SLACK_WEBHOOK", "HTTPS_AUTH",
    "VAULT_KEY", "SMTP_SECRET", "BI_COOKIE", "SSH_PASSPHRASE",
)  # fmt: skip
SECRETS = {variable: f"{SECRET}-{i:02d}" for i, variable in enumerate(VARIABLES)}
SECRETS["ACME_DB"] = f"postgresql://acme:{SECRET}@127.0.0.1:9/acme"
PEOPLE = {
    "name": "Zebulon Quartz", "phone": "+49 171 5550199", "mail": "zebulon@quartz.example", "card": "4111-9999-0000-1234",
    "street": "Canary Row 5417", "born": "1871-02-30x", "passport": "C01X0T5417", "iban": "XX02 1001 0010 9307 5417",
    "company": "Quartz & Söhne", "notes": "met him at the canary show",
}  # fmt: skip
FORMS = [
    form
    for secret in (SECRET, *SECRETS.values())
    for form in (secret, base64.b64encode(secret.encode()).decode(), secret.encode().hex(), hashlib.sha256(secret.encode()).hexdigest())
]
DUMPS = """
import os, sys
from custkit.book import open_book
from custkit.present.finding import Finding
book = open_book(client, period)
told = sorted(value for value in os.environ.values() if "canary" in value)
Finding(f"{len(told)} secrets in the environment: {told}", "")
"""
LISTS = """
from custkit.present.lists import people_list
people_list(book.customers, name="everybody", title="Everybody", order_by=["customer_id"])
"""
FAILS = """
import os
raise RuntimeError(f"connection to {dict(os.environ)} failed")
"""


@pytest.fixture
def guarded(shop, monkeypatch):
    """The corner shop's export with columns nobody maps, an order set aside, and twelve secrets in the environment."""
    for variable, secret in SECRETS.items():
        monkeypatch.setenv(variable, secret)
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
    guarded.notebook("dumps", DUMPS, LISTS)
    done = guarded.command("run", "corner", "--period", "2026-10")
    assert done.returncode == 0, done.stderr
    assert "0 secrets" in json.dumps(guarded.results()) or "0 secrets" in (guarded.current / "dumps.html").read_text()
    assert holding(guarded.root, *FORMS, *PEOPLE.values()) == []
    figure(guarded.root, "canaries after a good run", *FORMS, *PEOPLE.values())
    assert holding(guarded.root, "Corner Shop"), "the search finds what is there"
    assert list(guarded.current.rglob("everybody.xlsx")), "a list of people is searched too"
    assert not any(form in done.stdout + done.stderr for form in [*FORMS, *PEOPLE.values()])


def test_a_failed_run_holds_none_either(guarded):
    guarded.notebook("fails", FAILS)
    done = guarded.command("run", "corner", "--period", "2026-10")
    assert done.returncode == 3 and "RuntimeError" in done.stderr
    assert holding(guarded.root, *FORMS, *PEOPLE.values()) == []
    figure(guarded.root, "canaries after a failed run", *FORMS, *PEOPLE.values())
    assert not any(form in done.stdout + done.stderr for form in [*FORMS, *PEOPLE.values()])


def test_a_warehouse_that_cannot_be_reached_is_told_without_its_password(guarded):
    file = guarded.root / "clients" / "corner" / "client.yml"
    file.write_text(file.read_text() + "engine: {kind: postgres, url: env:ACME_DB}\n")
    guarded.notebook("dumps", DUMPS)
    done = guarded.command("run", "corner", "--period", "2026-10")
    assert done.returncode != 0
    assert not any(form in done.stdout + done.stderr for form in FORMS)
    assert holding(guarded.root, *FORMS, *PEOPLE.values()) == []
