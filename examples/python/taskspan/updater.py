"""The progress updater: a task reports what it is doing to a taskspan server, which shows it to the people who wait."""

import functools

from . import celery_run, otel
from .attempt import Attempt, current_scope
from .failure import outcome_of
from .job_uuid import task_uuid_of
from .scope import Scope, each, has_ended, notify, plan, progress, restore, wrapped
from .values import json_of, name_of


class TaskUpdater:
    """One attempt of a task, handed from function to function.

        updater = TaskUpdater()
        with updater('First part'):
            updater.notify('Some notification related to the task')
        updater.raise_latest_exception()  # or insert_final_update(), which does not raise

    An error inside a `with updater(NAME)` is kept and the task goes on, until `raise_latest_exception()`. `with updater:`
    without a name is the task itself: it ends there, by the error that leaves it, else by the latest kept one.

    In a Celery task the UUID, the name and the attempt are Celery's where they are not given, and the task ends when
    Celery's task ends. A second updater of the same run is the same attempt.
    """

    def __init__(self, task_uuid=None, task_name=None, verbose=0, attempt=None, sender=None, attributes=None, parent_task_uuid=None):
        run = celery_run.current_run()
        given = None if task_uuid is None else task_uuid_of(task_uuid)
        of_run = run is not None and given in (None, run.task_uuid)
        if of_run and run.attempt is not None:
            self._attempt = run.attempt
            return
        self._attempt = Attempt(
            run.task_uuid if of_run else given or task_uuid_of(None),
            name_of(task_name or (run.task_name if of_run else 'task')),
            attempt or (run.number if of_run else 1),
            parent_task_uuid or (run.parent_uuid if of_run else None),
            attributes,
            verbose,
            sender,
        )
        if run is not None:
            run.add(self._attempt)
        self._attempt.begin()

    @property
    def task_uuid(self):
        return self._attempt.task_uuid

    @property
    def task_name(self):
        return self._attempt.name

    @property
    def finished(self):
        return self._attempt.finished

    @property
    def cancelled(self):
        """Whether somebody has asked to cancel the task. `updater.cancel_event` is a `threading.Event` to wait for."""
        return self._attempt.is_cancelled()

    @property
    def cancel_event(self):
        return self._attempt.cancelled

    def raise_if_cancelled(self):
        """Raises `TaskCancelled` where somebody has asked to cancel the task. A scope that begins and `each` do the same."""
        self._attempt.raise_if_cancelled()

    def __call__(self, task_name):
        """Returns a scope, a named part of the task, for `with`; a function gets the task around its call."""
        return wrapped(task_name, lambda: self) if callable(task_name) else Scope(self._attempt, task_name)

    def __enter__(self):
        self._outer = current_scope.get()
        self._token = current_scope.set(Whole(self, self._outer))
        self._active = otel.enter(self._attempt.root.copy)
        return self

    def __exit__(self, kind, error, traceback):
        otel.leave(self._active)
        restore(self._token, self._outer)
        if error is None:
            self.raise_latest_exception()
        else:
            celery_run.end_by(self._attempt, error, outcome_of(error))
        return False

    async def __aenter__(self):
        return self.__enter__()

    async def __aexit__(self, *error):
        return self.__exit__(*error)

    def notify(self, message, **more):
        """Sends a message to the people who wait for the task; further arguments are its attributes."""
        notify(self._attempt, self._attempt.innermost(), message, more)

    def progress(self, done, total=None):
        """Reports how far the current scope is."""
        progress(self._attempt, self._attempt.innermost(), done, total)

    def plan(self, parts):
        """Announces of what the current scope is going to consist: a number of scopes, their names, or weights by name."""
        plan(self._attempt, self._attempt.innermost(), parts)

    def each(self, items, total=None):
        """Goes through items, and reports progress. A request to cancel the task stops it before the next item."""
        return each(self._attempt, self._attempt.innermost, items, total)

    def set_result(self, value):
        """Sets the task's result, any JSON; the last one counts."""
        if not has_ended(self._attempt, 'set_result'):
            self._attempt.root.fact('taskspan.result', {'taskspan.result': json_of(value)})

    def set_attribute(self, key, value):
        """Sets an attribute of the task."""
        if not has_ended(self._attempt, 'set_attribute'):
            self._attempt.set_attributes({key: value})

    def insert_final_update(self):
        """Ends the task: failed if one of its jobs has failed. A second call does nothing."""
        self._attempt.end()

    def raise_latest_exception(self):
        """Ends the task and raises the latest error that a scope has kept, if there is one."""
        attempt = self._attempt
        if attempt.exception is not None and not attempt.finished:
            attempt.root.reported.append(attempt.exception)
            attempt.end('timed_out' if outcome_of(attempt.exception) == 'timed_out' else None)
        attempt.end()
        if attempt.stopped_by is not None:
            raise attempt.stopped_by
        if attempt.exception is not None:
            raise attempt.exception


class Whole:
    """The task itself as the innermost scope."""

    span = None

    def __init__(self, updater, outer):
        self.updater = updater
        self.attempt = updater._attempt
        self.outer = outer


def current_updater():
    """Returns the updater of the task whose code runs: of the innermost `with`, else of Celery's task. `None` for none."""
    scope = current_scope.get()
    run = celery_run.current_run()
    attempt = scope.attempt if scope is not None else run.attempt if run is not None else None
    if attempt is None:
        return None
    updater = TaskUpdater.__new__(TaskUpdater)
    updater._attempt = attempt
    return updater


def track(function=None, **options):
    """Makes each call of a function a task: `@track` or `@track(task_name='Import')`. Its name is the function's otherwise.

    In a Celery task (`@app.task` above it) it is Celery's task.
    """
    if function is None:
        return functools.partial(track, **options)

    def updater():
        named = {} if celery_run.current_run() is not None else {'task_name': function.__name__}
        return TaskUpdater(**{**named, **options})

    return wrapped(function, updater)
