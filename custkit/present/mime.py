"""MIME types by which a notebook's cells hand facts, tiles and tables to the report."""

FINDING = "application/vnd.custkit.finding+json"
TILES = "application/vnd.custkit.tiles+json"
TABLE = "application/vnd.custkit.table+json"
