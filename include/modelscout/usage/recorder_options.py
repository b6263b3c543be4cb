"""What a recorder may use, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from modelscout.usage.events import FUTURE_TOLERANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderOptions:
    """How much waits where. The defaults fit a web application's process."""

    spill_folder: Path | None = None
    """Default: `usage-spill` in the folder of MODELSCOUT_DATA_DIR. Processes of one user may share it."""
    spill_limit_bytes: int = 512 * 2**20
    """Of all files there together. Beyond it the oldest are dropped, counted and logged."""
    segment_bytes: int = 4 * 2**20
    queue_records: int = 100_000
    """Waiting to be taken; beyond it `record` refuses, counts and says so with False."""
    memory_batches: int = 10
    """Batches that wait in memory for the database; the next ones go to the disk."""
    batch_records: int = 1_000
    linger_s: float = 0.05
    """How long a record waits for others to share a batch with."""
    write_ahead: bool = False
    """Write everything to the disk first: a killed process then loses at most what came in `linger_s`."""
    future_tolerance: timedelta = FUTURE_TOLERANCE


@dataclass(frozen=True, slots=True)
class RecorderCounters:
    """Records since the start. accepted + adopted = written + duplicates + quarantined + dropped + waiting."""

    accepted: int
    adopted: int
    """Of other processes that are gone, delivered by this one."""
    written: int
    duplicates: int
    """Known to the warehouse already."""
    quarantined: int
    spilled: int
    """Ever written to the disk."""
    refused: int
    """Not accepted: the queue was full or the recorder closed."""
    dropped: int
    """Accepted and lost: the spill folder was full, not writable or damaged. The log has each case."""
    waiting: int
