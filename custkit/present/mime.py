"""MIME types by which a notebook's cells hand facts, the bottom line, tiles and tables to the report."""

FINDING = "application/vnd.custkit.finding+json"
BRIEF = "application/vnd.custkit.brief+json"
TILES = "application/vnd.custkit.tiles+json"
TABLE = "application/vnd.custkit.table+json"
PEOPLE = "application/vnd.custkit.people+json"

# The variable by which the runner names the folder for lists of people. In a notebook opened by hand none is written.
LISTS_FOLDER = "CUSTKIT_LISTS"
