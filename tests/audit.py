"""Known vulnerabilities in the packages that the lock names: `make audit`.

Fails where one is known. Where no source of advisories can be reached, or it does not know every package, a notice says how many were
looked up of how many: silence must not pass for safety.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"


def main() -> int:
    locked = len(re.findall(r"(?m)^[A-Za-z0-9._-]+==", LOCK.read_text("utf-8")))
    words = [sys.executable, "-m", "pip_audit", "-r", str(LOCK), "--require-hashes", "--no-deps", "--disable-pip", "-f", "json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        why = (done.stderr.strip().splitlines() or ["no answer"])[-1][:200]
        print(f"NOTICE: 0 of {locked} locked packages were audited: {why}")
        return 0
    audited = [one for one in found if "skip_reason" not in one]
    bad = [(one["name"], one["version"], hole["id"], hole["fix_versions"]) for one in audited for hole in one.get("vulns", ())]
    for name, version, hole, mended in bad:
        print(f"{name} {version}: {hole}; mended in {', '.join(mended) or 'no version yet'}")
    if len(audited) < locked:
        print(f"NOTICE: {len(audited)} of {locked} locked packages were audited; the source of advisories does not know the others")
    else:
        print(f"{len(audited)} of {locked} locked packages audited, {len(bad)} known vulnerabilities")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
