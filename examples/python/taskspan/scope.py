"""A named part of a task, for `with` and as a decorator."""

import functools
import inspect

from . import otel
from .attempt import current_scope
from .celery_run import is_control_flow
from .failure import outcome_of
from .span import Span
from .values import amount_of, attribute_of, json_of, name_of


class Scope:
    """What `updater('NAME')` returns. It is recorded while a `with` is inside; scopes nest."""

    def __init__(self, attempt, name, parent=None):
        self.attempt = attempt
        self.name = name_of(name)
        self.span = None
        self.outer = None
        self._parent = parent

    def __enter__(self):
        attempt = self.attempt
        attempt.raise_if_cancelled()
        self.outer = current_scope.get()
        if attempt.finished:
            return self  # of a task that has ended nothing is recorded
        parent = self._parent.span if self._parent else attempt.innermost()
        self.span = Span(attempt.sender, attempt.root._clock, attempt.task_uuid, self.name, parent)
        attempt.scope_began(self.span)
        self._token = current_scope.set(self)
        self._active = otel.enter(self.span.copy)
        return self

    def __exit__(self, kind, error, traceback):
        """Keeps an error, so that the task goes on, unless it has to stop the task."""
        outcome = outcome_of(error)
        stops = outcome == 'cancelled' or is_control_flow(error) or not isinstance(error, Exception)
        if self.span is None:
            return False
        otel.leave(self._active)
        restore(self._token, self.outer)
        if is_control_flow(error) and type(error).__name__ in ('Ignore', 'Reject'):
            outcome = 'cancelled'
        self.attempt.scope_ended(self.span, outcome, error)
        self.span = None
        return not stops

    async def __aenter__(self):
        return self.__enter__()

    async def __aexit__(self, *error):
        return self.__exit__(*error)

    def __call__(self, what):
        """Returns a scope inside, by its name; a function gets this scope around each of its calls."""
        return wrapped(what, lambda: Scope(self.attempt, self.name, self._parent)) if callable(what) else Scope(self.attempt, what, self)

    def notify(self, message, **more):
        """Sends a message to the people who wait for the task; further arguments are its attributes."""
        notify(self.attempt, self._span(), message, more)

    def progress(self, done, total=None):
        """Reports how far the scope is."""
        progress(self.attempt, self._span(), done, total)

    def plan(self, parts):
        """Announces of what the scope is going to consist: a number of scopes, their names, or weights by name."""
        plan(self.attempt, self._span(), parts)

    def each(self, items, total=None):
        """Goes through items, and reports progress. A request to cancel the task stops it before the next item."""
        return each(self.attempt, self._span, items, total)

    def _span(self):
        return self.span or self.attempt.innermost()


def restore(token, outer):
    try:
        current_scope.reset(token)
    except ValueError:  # a generator was closed in another context
        current_scope.set(outer)


def wrapped(function, context):
    """Returns the function with a context of its own around each call."""
    if inspect.iscoroutinefunction(function):
        @functools.wraps(function)
        async def call(*args, **kwargs):
            with context():
                return await function(*args, **kwargs)
    else:
        @functools.wraps(function)
        def call(*args, **kwargs):
            with context():
                return function(*args, **kwargs)
    return call


def notify(attempt, span, message, more):
    if has_ended(attempt, 'notify'):
        return
    attempt.notify(span, message, more)


def progress(attempt, span, done, total):
    if has_ended(attempt, 'progress'):
        return
    amount = amount_of(done)
    if amount is None:
        attempt.sender.warn(f'progress of {attempt.span_id}', f'progress: expected a number of at least 0, got {attribute_of(done)!r}: it is dropped')
        return
    values = {'taskspan.done': amount}
    most = amount_of(total) if total is not None else None
    if most is not None:
        values['taskspan.total'] = most
    span.progress(values)


def plan(attempt, span, parts):
    if has_ended(attempt, 'plan'):
        return
    if isinstance(parts, dict):
        weights = {name_of(name): amount_of(weight) for name, weight in parts.items()}
        value = weights if weights and all(weights.values()) else None
    elif isinstance(parts, int) and not isinstance(parts, bool):
        value = parts if parts >= 1 else None
    elif isinstance(parts, (bool, str, bytes)) or not hasattr(parts, '__iter__'):
        raise TypeError(f'plan: expected a number, names, or weights by name, got {parts!r}')
    else:
        value = dict.fromkeys(map(name_of, parts), 1) or None
    if value is None:
        attempt.sender.warn(f'plan of {attempt.span_id}', f'plan: expected a number from 1, names, or weights above 0, got {parts!r}: it is dropped')
        return
    span.fact('taskspan.plan', {'taskspan.plan': json_of(value)})


def each(attempt, span, items, total):
    if total is None and hasattr(items, '__len__'):
        total = len(items)
    for done, item in enumerate(items):
        attempt.raise_if_cancelled()
        if total is not None:
            progress(attempt, span(), done, total)
        yield item
    if total is not None:
        progress(attempt, span(), total, total)


def has_ended(attempt, what):
    if attempt.finished:
        attempt.sender.warn(f'after the end of {attempt.span_id}', f'{what} after the end of task {attempt.task_uuid}: it is dropped')
    return attempt.finished
