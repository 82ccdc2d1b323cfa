"""How Celery ends a run, by its signals, and what the parent process of a pool reports for a child that can't any more."""

import sys
import time

from celery import signals

from . import attempt_table, otel
from .celery_messages import task_published
from .celery_run import attempts_of, end_by, open_attempts
from .failure import described, end_values, failure_text, outcome_of
from .job_uuid import job_uuid
from .sender import EXIT_SECONDS, default_sender, default_senders
from .span import log_record
from .task_cancelled import TaskCancelled
from .values import text_of

_connected = []


def connect():
    """Listens to Celery's signals, once."""
    if _connected:
        return
    _connected.append(True)
    attempt_table.make_table()
    signals.task_postrun.connect(run_ended, weak=False)
    signals.after_task_publish.connect(task_published, weak=False)
    # These come in the parent process of a pool where the process that runs the task can't know.
    signals.task_failure.connect(run_failed, weak=False)
    signals.task_retry.connect(run_retried, weak=False)
    signals.task_revoked.connect(task_revoked, weak=False)
    signals.task_unknown.connect(task_unknown, weak=False)
    signals.task_rejected.connect(task_rejected, weak=False)
    signals.worker_process_shutdown.connect(process_ends, weak=False)
    signals.worker_shutdown.connect(process_ends, weak=False)


def run_ended(task=None, state=None, retval=None, **_more):
    """Ends what is open of a run, however Celery's run has ended."""
    for attempt in list(attempts_of(task.request)):
        if not attempt_table.is_kept(attempt):
            attempt.leave_to_parent()
        elif state == 'SUCCESS':
            attempt.end()
        elif state in ('FAILURE', 'RETRY', 'IGNORED', 'REJECTED') and isinstance(retval, BaseException):
            end_by(attempt, retval, outcome_of(retval))
        else:
            # The process exits, or a green thread was killed: Celery has no state for it.
            error = sys.exc_info()[1]
            is_exit = isinstance(error, SystemExit)
            if not (is_exit and is_signal(error) and attempt_table.is_child()):  # only the parent process knows why
                attempt.end('failed' if is_exit else outcome_of(error or KeyboardInterrupt()), error)
        if isinstance(retval, TaskCancelled):
            task.backend.mark_as_revoked(task.request.id, text_of(retval), request=task.request, store_result=not task.request.ignore_result)


def is_signal(error):
    """Whether a child of a pool exits by a signal: Celery's exit code is then 256 less than the signal's number."""
    return isinstance(error.code, int) and error.code < 0


def run_failed(sender=None, task_id=None, exception=None, **_more):
    """A run failed for which no code of the task could do anything: its process was killed, or a hard time limit."""
    if type(exception).__name__ in ('WorkerLostError', 'TimeLimitExceeded'):
        outcome = 'timed_out' if type(exception).__name__ == 'TimeLimitExceeded' else 'failed'
        end_elsewhere(task_id, sender.name, outcome, exception)


def run_retried(sender=None, request=None, reason=None, **_more):
    """The worker has put a run that it has lost back into the queue. Of a run that retries itself `run_ended` knows more."""
    end_elsewhere(request.id, sender.name, 'failed', reason, here=False)


def task_revoked(sender=None, request=None, terminated=False, expired=False, **_more):
    if terminated:
        end_elsewhere(request.id, sender.name, 'cancelled', None)
    else:
        end_queued(request.id, sender.name, 'expired' if expired else 'cancelled', traceparent_of(request))


def task_unknown(message=None, exc=None, name=None, id=None, **_more):
    error = LookupError(f'the worker has no task {name}')
    end_queued(id, name, 'failed', (getattr(message, 'headers', None) or {}).get('traceparent'), error)


def task_rejected(message=None, exc=None, **_more):
    headers = getattr(message, 'headers', None) or {}
    end_queued(headers.get('id'), headers.get('task'), 'failed', headers.get('traceparent'), exc)


def process_ends(**_more):
    for one in default_senders:
        one.flush(EXIT_SECONDS)
    otel.flush(EXIT_SECONDS)


def traceparent_of(request):
    return getattr(request, 'traceparent', None) or (getattr(request, 'headers', None) or {}).get('traceparent')


def end_elsewhere(task_id, name, outcome, error, here=True):
    """Ends the attempt of a process that can't do it itself any more."""
    task_uuid = job_uuid('celery', task_id)
    attempt = open_attempts.get(task_uuid)
    if attempt is not None and not attempt.finished:
        if here:
            attempt.end(outcome, error)
        return
    row = attempt_table.take(task_uuid)
    if row is None:
        return
    now = max(time.time_ns() // 1000, row['start_us'])
    default_sender().send(log_record('taskspan.end', {
        'taskspan.outcome': outcome,
        'taskspan.facts': row['facts'],
        'taskspan.duration_us': now - row['start_us'],
        'taskspan.task.name': name,
        'taskspan.exception': failure_text(error) if error is not None else '',
        'taskspan.jobs.total': row['finished'] + row['failed'],
        'taskspan.jobs.finished': row['finished'],
        'taskspan.jobs.failed': row['failed'],
        **error_values(error),
    }, now, {
        'task_uuid': task_uuid,
        'trace_id': row['trace'].hex(),
        'span_id': row['span'].hex(),
        'task_span_id': row['span'].hex(),
        'number': row['facts'],
        'sampled': row['sampled'],
    }), essential=True)


def end_queued(task_id, name, outcome, traceparent, error=None):
    """Ends a task that no worker runs, where the publisher's span has announced it."""
    parts = traceparent.split('-') if isinstance(traceparent, str) else []
    if not task_id or len(parts) < 4:
        return
    ids = {
        'task_uuid': job_uuid('celery', task_id),
        'trace_id': parts[1],
        'span_id': parts[2],
        'task_span_id': '',
        'sampled': parts[3].endswith('1'),
    }
    now = time.time_ns() // 1000
    kind = {'taskspan.span': 'announcement'}
    sender = default_sender()
    sender.send(log_record('taskspan.start', {**kind, 'taskspan.task.name': text_of(name)}, now - 1, {**ids, 'number': 0}), essential=True)
    end = {**kind, 'taskspan.outcome': outcome, 'taskspan.facts': 1, **error_values(error)}
    sender.send(log_record('taskspan.end', end, now, {**ids, 'number': 1}), essential=True)


def error_values(error):
    return {} if error is None else end_values(described(error))
