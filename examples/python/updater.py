"""The progress updater: a task reports what it is doing to a taskspan server, which shows it to the people who wait.

    updater = TaskUpdater(task_uuid=uuid, task_name='TEST', verbose=1)
    with updater(task_name='First part'):
        updater.notify('Some notification related to the task')
    updater.raise_latest_exception()  # or insert_final_update()

An error inside a `with` is kept and the task goes on, until `raise_latest_exception()`. Needs `sender.py` beside it and
Python's standard library, 3.9 or newer. The server is `TASKSPAN_ENDPOINT`, its token `TASKSPAN_TOKEN`.
"""

import contextvars
import re
import threading
import uuid

from sender import Sender, text_of
from span import Clock, Span, trace_of

UUID = re.compile('[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}')
JOB_NAMESPACE = uuid.UUID('8f5bd7d0-5b1c-4a7e-9d52-3c1e0a6f4b27')

_scope = contextvars.ContextVar('taskspan.scope', default=None)
_default_senders = []


def job_uuid(queue, job_id):
    """Returns the UUID of a job's task: the job's id where that is a UUID, otherwise the one that taskspan makes in any language."""
    job_id = str(job_id)
    is_uuid = UUID.fullmatch(job_id.lower())
    return job_id.lower() if is_uuid else str(uuid.uuid5(uuid.uuid5(JOB_NAMESPACE, queue), job_id))


def default_sender():
    """Returns the sender of all updaters that are given none."""
    if not _default_senders:
        _default_senders.append(Sender())  # of two threads at once each makes one, and both use the first
    return _default_senders[0]


class TaskUpdater:
    """One attempt of a task, handed from function to function."""

    def __init__(self, task_uuid=None, task_name='', verbose=0, attempt=1, sender=None):
        self.task_uuid = str(task_uuid or uuid.uuid4()).lower()
        if not UUID.fullmatch(self.task_uuid):
            raise ValueError(f'task_uuid: expected a UUID (RFC 9562), got {task_uuid!r}')
        self.task_name = text_of(task_name) or 'task'
        self.finished = False
        self._verbose = verbose
        self._sender = sender or default_sender()
        self._trace = trace_of(self.task_uuid)
        self._clock = Clock()
        self._jobs = {'completed': 0, 'failed': 0, 'cancelled': 0}
        self._exception = None
        self._lock = threading.Lock()
        self._root = self._span()
        self._sender.task_began()
        self._root.start({
            'taskspan.span': 'task',
            'taskspan.task.name': self.task_name,
            'taskspan.task.attempt': attempt,
            'taskspan.worker.id': self._sender.worker_id,
            'taskspan.worker.interval_ms': self._sender.interval_ms,
        })

    def __call__(self, task_name):
        """Returns a scope, a named part of the task, for `with`. Scopes nest."""
        return Scope(self, text_of(task_name))

    def notify(self, message, **more):
        """Sends a message to the people who wait for the task; further arguments are its attributes."""
        self._print(f'\t{text_of(message)}')
        self._current().fact('taskspan.notification', {**more, 'taskspan.message': text_of(message)})

    def progress(self, done, total=None):
        """Reports how far the current scope is."""
        values = {'taskspan.done': amount_of(done)}
        if total is not None:
            values['taskspan.total'] = amount_of(total)
        self._current().fact('taskspan.progress', values)

    def insert_final_update(self):
        """Ends the task: failed if one of its jobs has failed. A second call does nothing."""
        with self._lock:
            if self.finished:
                return
            self.finished = True
            jobs = dict(self._jobs)
        total = sum(jobs.values())
        self._print(f'\tTask Finished - {jobs["completed"]} out of {total} jobs finished')
        self._root.end('failed' if jobs['failed'] else 'cancelled' if jobs['cancelled'] else 'completed', None, {
            'taskspan.task.name': self.task_name,
            'taskspan.exception': '' if self._exception is None else message_of(self._exception),
            'taskspan.jobs.total': total,
            'taskspan.jobs.finished': jobs['completed'],
            'taskspan.jobs.failed': jobs['failed'],
        })
        self._sender.task_ended()

    def raise_latest_exception(self):
        """Ends the task and raises the latest error that a scope has kept, if there is one."""
        self.insert_final_update()
        if self._exception is not None:
            raise self._exception

    def _current(self):
        scope = _scope.get()
        while scope is not None and scope.updater is not self:
            scope = scope.outer
        return self._root if scope is None else scope.span

    def _span(self, root=None):
        return Span(self._sender, self._clock, self.task_uuid, self._trace, root)

    def _print(self, line):
        if self._verbose:
            try:
                print(line, flush=True)
            except (OSError, ValueError):
                self._verbose = 0  # the output is closed, or can't show the text: that must not fail the task


class Scope:
    def __init__(self, updater, name):
        self.updater = updater
        self.name = name

    def __enter__(self):
        self.outer = _scope.get()
        self.parent = self.updater._current()
        self.parent.heading = True
        self.span = self.updater._span(self.parent.root)
        self._token = _scope.set(self)
        self.updater._print(f'\t - {self.name}')
        values = {'taskspan.span': 'scope', 'taskspan.name': self.name, 'taskspan.scope.parent': self.parent.id}
        self.span.start(values)
        return self.updater

    def __exit__(self, kind, error, traceback):
        _scope.reset(self._token)
        updater, span = self.updater, self.span
        # KeyboardInterrupt, SystemExit and asyncio's CancelledError stop the task; they are no errors of it.
        cancelled = error is not None and not isinstance(error, Exception)
        outcome = 'cancelled' if cancelled else 'completed' if error is None else 'failed'
        # An error that an inner scope has reported is not reported again.
        own = None if cancelled or any(error is one for one in span.reported) else error
        if own is not None:
            updater._exception = own
            span.fact('exception', {'exception.type': type(own).__name__, 'exception.message': text_of(own)})
        if error is not None:
            self.parent.reported.append(error)
        if not span.heading or own is not None:
            with updater._lock:
                updater._jobs[outcome] += 1
            lines = {'completed': 'Successfully completed', 'failed': 'Failed', 'cancelled': 'Cancelled'}
            minutes = span.microseconds() // 60_000_000
            updater._print(f'\t\t{lines[outcome]}\n\t\tTime spent: {minutes // 60}h{minutes % 60}m')
            if own is not None:
                updater._print(f'\t\tSee error message:\n{type(own).__name__}: {text_of(own)}')
        span.end(outcome, own, {'taskspan.heading': span.heading})
        return error is not None and not cancelled


def amount_of(value):
    amount = float(value)
    if not 0 <= amount < float('inf'):
        raise ValueError(f'progress: expected a number of at least 0, got {value!r}')
    return amount


def message_of(error):
    return text_of(error) or type(error).__name__
