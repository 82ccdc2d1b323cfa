"""The run of a Celery task: who it is, and how it ends. Celery itself is imported only where the program has done so."""

import sys
import weakref

from . import attempt_table, otel
from .job_uuid import job_uuid
from .task_cancelled import TaskCancelled

ATTEMPTS = '_taskspan_attempts'

# The attempts of this process that are open, by the UUID of their task.
open_attempts = weakref.WeakValueDictionary()


def current_run():
    """Returns the Celery run of the code that runs; `None` outside one."""
    celery = sys.modules.get('celery._state')
    if celery is None:
        return None
    from . import celery_signals

    # A task that another one calls as a function has no id: it is a part of the other one.
    for task in (celery.get_current_task(), celery.get_current_worker_task()):
        request = task and task.request
        if request and getattr(request, 'id', None):
            celery_signals.connect()
            return Run(task, request)
    return None


class Run:
    def __init__(self, task, request):
        self._task = task
        self._request = request
        self.task_uuid = job_uuid('celery', request.id)
        self.task_name = getattr(request, 'shadow', None) or task.name
        self.number = (request.retries or 0) + 1
        parent_id = getattr(request, 'parent_id', None)
        # Celery makes a run that it retries the parent of the next one.
        self.parent_uuid = job_uuid('celery', parent_id) if parent_id and parent_id != request.id else None

    @property
    def attempt(self):
        """The attempt of this run, if an updater has begun one."""
        mine = (attempt for attempt in attempts_of(self._request) if attempt.task_uuid == self.task_uuid)
        return next(mine, None)

    def add(self, attempt):
        """An attempt is about to begin in this run: it ends with it."""
        attempts_of(self._request).append(attempt)
        open_attempts[attempt.task_uuid] = attempt
        attempt.on_change.append(attempt_table.keep)
        if attempt.task_uuid == self.task_uuid:
            from .celery_cancelled import CeleryTaskCancelled

            attempt.cancelled_error = CeleryTaskCancelled
            self._name(attempt)

    def _name(self, attempt):
        """Names the run in the attempt and in the instrumentation's span, so that a server takes both as one attempt."""
        span = span_of(self._task, self._request)
        attempt.run_id = otel.id_of(span)
        if attempt.run_id:
            span.set_attributes({'taskspan.task.uuid': attempt.task_uuid, 'taskspan.task.run': attempt.run_id})


def attempts_of(request):
    if ATTEMPTS not in request.__dict__:
        request.__dict__[ATTEMPTS] = []
    return request.__dict__[ATTEMPTS]


def span_of(task, request):
    """Returns the span that OpenTelemetry's instrumentation has made of the run; `None` without it."""
    try:
        return task.__dict__['__otel_task_span'][(request.id, False)][0]
    except Exception:  # an instrumentation that keeps its spans elsewhere
        return otel.current_span()


def is_control_flow(error):
    """Whether Celery needs the error, so that no scope may keep it: Retry, Ignore, Reject, or a time limit."""
    exceptions = sys.modules.get('celery.exceptions')
    return exceptions is not None and isinstance(error, (exceptions.TaskPredicate, exceptions.SoftTimeLimitExceeded))


def end_by(attempt, error, outcome):
    """Ends an attempt by the error that has left it."""
    exceptions = sys.modules.get('celery.exceptions')
    if exceptions is not None and not isinstance(error, TaskCancelled):
        if isinstance(error, exceptions.Ignore):
            outcome = 'completed'
        elif isinstance(error, exceptions.Reject):
            outcome = 'cancelled'
    attempt.end(outcome, error)
