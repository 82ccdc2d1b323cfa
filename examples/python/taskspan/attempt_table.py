"""What the parent process of a pool has to know to end the attempt of a child that was killed.

One table in memory that the children share, since they are forked after it was made. A child that is spawned instead
has a table of its own: then its attempt becomes lost, by its heartbeats.
"""

import mmap
import os
import struct
import uuid

ROWS = 4096
# UUID of the task, trace id, span id, process, attempt, start in microseconds, facts, jobs finished and failed, sampled.
ROW = struct.Struct('16s16s8sIIqQII?')

_table = None
_made_by = None


def make_table():
    """Makes the table, in the parent before it forks."""
    global _table, _made_by
    if _table is None:
        _table, _made_by = mmap.mmap(-1, ROWS * ROW.size), os.getpid()


def is_child():
    """Whether this process shares the table of its parent."""
    return os.getpid() != _made_by


def keep(attempt):
    """Keeps what is known of an attempt of this process. Of two tasks that share a row the later one stays."""
    root = attempt.root
    if _table is None:
        return
    row = ROW.pack(
        uuid.UUID(attempt.task_uuid).bytes,
        bytes.fromhex(root.trace_id),
        bytes.fromhex(root.id),
        0 if attempt.finished else os.getpid(),
        attempt.number,
        root.start_us,
        root.facts,
        attempt.jobs['completed'],
        attempt.jobs['failed'],
        root.is_sampled,
    )
    at = place_of(attempt.task_uuid)
    if not attempt.finished or _table[at:at + 40] == row[:40]:
        _table[at:at + ROW.size] = row


def take(task_uuid):
    """Returns the open attempt of a task in another process, and takes it out of the table; `None` if there is none."""
    if _table is None:
        return None
    at = place_of(task_uuid)
    row = dict(zip(
        ('uuid', 'trace', 'span', 'pid', 'number', 'start_us', 'facts', 'finished', 'failed', 'sampled'),
        ROW.unpack(_table[at:at + ROW.size]),
    ))
    if row['pid'] in (0, os.getpid()) or row['uuid'] != uuid.UUID(task_uuid).bytes:
        return None
    _table[at:at + ROW.size] = bytes(ROW.size)
    return row


def is_kept(attempt):
    """Whether the attempt is still in the table: otherwise the parent process has ended it."""
    if _table is None:
        return True
    at = place_of(attempt.task_uuid)
    row = _table[at:at + 40]
    return row != bytes(40) or attempt.finished


def place_of(task_uuid):
    return int.from_bytes(uuid.UUID(task_uuid).bytes[-4:], 'big') % ROWS * ROW.size
