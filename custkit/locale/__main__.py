"""`python -m custkit.locale`: bring the catalogues up to date and say what is left to translate."""

from __future__ import annotations

import sys

from custkit.locale import LANGUAGES, catalogue_path, update_catalogue

for language in LANGUAGES:
    total, untranslated = update_catalogue(language)
    sys.stdout.write(f"{catalogue_path(language)}: {total} messages, {untranslated} without a translation\n")
