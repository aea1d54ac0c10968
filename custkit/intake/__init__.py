"""Raw exports → canonical tables: readers, mapping, cleaning, the ledger, the snapshot."""

from custkit.intake.snapshot import Snapshot, take_snapshot

__all__ = ["Snapshot", "take_snapshot"]
