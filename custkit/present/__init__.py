"""For people: findings, tiles, tables, charts, labels."""
