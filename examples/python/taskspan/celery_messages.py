"""What the span of a message does not have by itself: the parent of its task, and until when it may be queued."""

import datetime

from . import otel
from .celery_run import current_run
from .job_uuid import job_uuid

# A worker reports that a task has expired; this long after it, it is over without a worker too.
EXPIRES_SLACK_MS = 60_000
# How late a task may be that was to run at a given time: seven days, as the server waits for others.
LATE_MS = 604_800_000


def task_published(headers=None, **_more):
    """Writes what the span of a message does not have by itself into it, while it is still active."""
    span = otel.current_span()
    if span is None or not str(getattr(span, 'name', '')).startswith('apply_async/'):
        return
    headers = headers or {}
    final_ms = queued_final_ms(headers.get('eta'), headers.get('expires'), datetime.datetime.now(datetime.timezone.utc))
    if final_ms is not None:
        span.set_attribute('taskspan.queued_final_ms', final_ms)
    run = current_run()
    child_id = headers.get('id')
    # A span of a scope may stand between the run and the message. A retry is no child.
    if run is not None and child_id and job_uuid('celery', child_id) != run.task_uuid:
        span.set_attribute('taskspan.parent.task.uuid', run.task_uuid)


def queued_final_ms(eta, expires, now):
    """Returns after how many milliseconds a task has expired that no worker has taken; `None` where the server decides."""
    try:
        if expires is not None:
            return max(1, milliseconds(parsed_time(expires) - now)) + EXPIRES_SLACK_MS
        wait = 0 if eta is None else milliseconds(parsed_time(eta) - now)
        return wait + LATE_MS if wait > LATE_MS / 7 else None
    except Exception:  # a time of another kind
        return None


def parsed_time(value):
    time_of = value if isinstance(value, datetime.datetime) else datetime.datetime.fromisoformat(value)
    return time_of if time_of.tzinfo else time_of.replace(tzinfo=datetime.timezone.utc)


def milliseconds(duration):
    return int(duration.total_seconds() * 1000)
