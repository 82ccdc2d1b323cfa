"""Errors as texts, and what they make of a scope or a task. Nothing here raises."""

import collections
import traceback

from .task_cancelled import TaskCancelled
from .values import json_of, text_of

MOST_CAUSES = 8
# By name: those of Celery and of gevent are known without an import.
TIMED_OUT = ('TimeoutError', 'SoftTimeLimitExceeded', 'TimeLimitExceeded', 'Timeout')


def outcome_of(error):
    """Returns how a scope or a task has ended that an error has left."""
    if error is None:
        return 'completed'
    if type(error).__name__ in TIMED_OUT:
        return 'timed_out'
    # KeyboardInterrupt, SystemExit and asyncio's CancelledError stop the task; they are no errors of it.
    return 'failed' if isinstance(error, Exception) and not isinstance(error, TaskCancelled) else 'cancelled'


class Described(collections.namedtuple('Described', ('name', 'message', 'causes'))):
    """An error as texts, with its causes as `(name, message)`, depth first."""


def described(error):
    causes = []
    add_causes(error, causes, {id(error)})
    return Described(*name_and_message(error), causes)


def name_and_message(error):
    name = type(error).__name__
    if name == 'SoftTimeLimitExceeded':
        return name, 'soft time limit exceeded'
    if name == 'TimeLimitExceeded':
        return name, f'hard time limit of {text_of(error.args[0] if error.args else "?")} s exceeded'
    if name == 'SystemExit':
        return name, f'exit code {text_of(error.code)}'
    return name, text_of(error)


def add_causes(error, causes, seen):
    inner = getattr(error, 'exceptions', None)  # of a group
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for one in [*(inner if isinstance(inner, tuple) else ()), cause]:
        if isinstance(one, BaseException) and id(one) not in seen and len(causes) < MOST_CAUSES:
            seen.add(id(one))
            causes.append(name_and_message(one))
            add_causes(one, causes, seen)


def end_values(error, is_span=False):
    """Returns the attributes of an end that reports a described error. A span has the message in its status."""
    if error is None:
        return {}
    values = {'taskspan.error': error.name}
    if not is_span:
        values['taskspan.error.message'] = error.message
    if error.causes:
        values['taskspan.error.causes'] = json_of([{'name': name, 'message': message} for name, message in error.causes])
    return values


def failure_text(error):
    """Returns the message of an error, its name where the message is empty."""
    name, message = name_and_message(error)
    return message if message.strip() else name


def stack_of(error):
    """Returns the stack trace of an error, for OpenTelemetry's span."""
    try:
        return text_of(''.join(traceback.format_exception(type(error), error, error.__traceback__)))
    except Exception:
        return type(error).__name__
