"""One run of a task: its span, what its scopes add up to, and its end."""

import contextvars
import logging
import threading

from . import log_line, otel
from .failure import described, failure_text, stack_of
from .sender import default_sender
from .span import Clock, Span
from .task_cancelled import TaskCancelled
from .values import own_attributes, text_of

log = logging.getLogger('taskspan')

# The innermost scope of the code that runs.
current_scope = contextvars.ContextVar('taskspan.scope', default=None)


class Attempt:
    def __init__(self, task_uuid, name, number=1, parent_uuid=None, attributes=None, verbose=0, sender=None):
        self.task_uuid = task_uuid
        self.name = name
        self.number = number
        self.sender = sender or default_sender()
        self.run_id = None  # of a queue's instrumentation
        self.exception = None
        self.finished = False
        self.cancel_request = None
        self._unheard = None  # the number of a request that code of the task has not received
        self.cancelled = threading.Event()
        self.cancelled_error = TaskCancelled
        self.on_change = []  # called when a fact of the task or a job has been counted
        self.jobs = {'completed': 0, 'failed': 0, 'cancelled': 0}
        self._attributes = own_attributes(attributes or {})
        self._verbose = verbose
        self._line_before = None
        self.stopped_by = None  # the error with which a cancel has stopped the code
        self._lock = threading.Lock()
        outside = otel.current_id()
        self.root = Span(self.sender, Clock(), task_uuid, name)
        self.root.outside_id = outside
        self.root.on_fact = self._changed
        self.span_id = self.root.id
        self._parent_uuid = parent_uuid

    def begin(self):
        is_cancellable = self.sender.cancellations.is_possible
        self.sender.task_began()
        self.print_lines(log_line.attempt_line(self.number))
        self.root.start({
            'taskspan.span': 'task',
            'taskspan.task.name': self.name,
            'taskspan.task.attempt': self.number,
            'taskspan.worker.id': self.sender.worker_id,
            'taskspan.worker.interval_ms': self.sender.interval_ms,
            'taskspan.worker.cancellable': is_cancellable,
            **({'taskspan.parent.task.uuid': self._parent_uuid} if self._parent_uuid else {}),
            **({'taskspan.task.run': self.run_id} if self.run_id else {}),
            **self._attributes,
        })
        if is_cancellable:
            self.sender.cancellations.watch(self)

    def innermost(self):
        """Returns the span of the innermost scope of this attempt in the code that runs."""
        scope = current_scope.get()
        while scope is not None and (scope.attempt is not self or scope.span is None):
            scope = scope.outer
        return self.root if scope is None else scope.span

    def set_attributes(self, values):
        values = own_attributes(values)
        if values:
            self._attributes.update(values)
            if self.root.copy is not None:
                self.root.copy.set_attributes(values)
            self.root.fact('taskspan.attributes', values)

    def cancel(self, number, by, reason):
        """Takes a request to cancel the task."""
        with self._lock:
            if self.finished or self.cancel_request is not None:
                return
            self.cancel_request = (by, reason)
            self._unheard = number
        if by or reason:
            self.notify(self.root, f'Cancel requested{f" by {by}" if by else ""}{f": {reason}" if reason else ""}', {})
        self.cancelled.set()

    def is_cancelled(self):
        """Whether somebody has asked to cancel the task; its code has received the request then."""
        if self.cancel_request is None:
            return False
        with self._lock:
            number, self._unheard = self._unheard, None
        if number is not None:
            self.sender.cancellations.heard(number)
        return True

    def raise_if_cancelled(self):
        if self.is_cancelled():
            raise self.cancelled_error(self.task_uuid, *self.cancel_request)

    def notify(self, span, message, more):
        text = text_of(message)
        self.print_lines(self._name_before(span, is_outcome=False) + log_line.message_lines(text), span)
        span.fact('taskspan.notification', {**own_attributes(more), 'taskspan.message': text})

    def scope_began(self, span):
        span.parent.heading = True
        self.print_lines(log_line.name_line(span.name), span)
        span.start({'taskspan.span': 'scope', 'taskspan.name': span.name, 'taskspan.scope.parent': span.parent.id})

    def scope_ended(self, span, outcome, error):
        """`error` is what left the scope; it is reported unless a scope inside has reported it."""
        own = self._report(span, outcome, error)
        if not span.heading or own is not None:
            self._count('failed' if outcome == 'timed_out' else outcome)
            before = self._name_before(span, is_outcome=True)
            self.print_lines(before + log_line.outcome_lines(outcome, span.microseconds(), own), span)
        span.end(outcome, own, {'taskspan.heading': span.heading})

    def end(self, outcome=None, error=None):
        """Ends the attempt. Without an outcome it has failed if one of its jobs has. A second call does nothing."""
        with self._lock:
            if self.finished:
                return
            self.finished = True
            jobs = dict(self.jobs)
        if outcome is None:
            if self.stopped_by is not None:
                outcome = 'cancelled'
            else:
                outcome = 'failed' if jobs['failed'] else 'cancelled' if jobs['cancelled'] else 'completed'
        own = self._report(self.root, outcome, error)
        total = jobs['completed'] + jobs['failed']
        lines = log_line.final_line(outcome, jobs['completed'], total)
        if own is not None or outcome == 'cancelled':
            lines = log_line.name_line(self.name) + log_line.outcome_lines(outcome, self.root.microseconds(), own) + lines
        self.print_lines(lines)
        self.root.end(outcome, own, {
            **self._attributes,
            'taskspan.task.name': self.name,
            'taskspan.exception': '' if self.exception is None else failure_text(self.exception),
            'taskspan.jobs.total': total,
            'taskspan.jobs.finished': jobs['completed'],
            'taskspan.jobs.failed': jobs['failed'],
        })
        self._changed()
        self._leave()

    def leave_to_parent(self):
        """The parent process of a pool has ended the attempt."""
        with self._lock:
            if self.finished:
                return
            self.finished = True
        self._leave()

    def _leave(self):
        self.sender.cancellations.leave(self)
        self.sender.task_ended()

    def _report(self, span, outcome, error):
        """Reports an error on the span that it leaves first. Returns it `Described`, or `None`."""
        if error is None:
            return None
        if isinstance(error, TaskCancelled):
            self.stopped_by = error
        is_own = outcome in ('failed', 'timed_out') and not any(error is one for one in span.reported)
        if span.parent is not None:
            span.parent.reported = [*span.parent.reported[-7:], error]
        if not is_own:
            return None
        self.exception = error
        own = described(error)
        span.fact('exception', {'exception.type': own.name, 'exception.message': own.message}, {'exception.stacktrace': stack_of(error)})
        return own

    def _count(self, outcome):
        with self._lock:
            self.jobs[outcome] += 1
        self._changed()

    def _changed(self):
        for call in self.on_change:
            call(self)

    def _name_before(self, span, is_outcome):
        """The name of a scope where its next line could be read as a line of another scope."""
        before = self._line_before
        if is_outcome:
            needs_name = before is not span or span.heading
        elif before is None or before is span:
            needs_name = False
        else:
            needs_name = before.is_open or not before.is_inside(span) or not span.heading
        return log_line.name_line(span.name, continued=True) if needs_name else ''

    def print_lines(self, lines, span=None):
        if not self._verbose or not lines:
            return
        self._line_before = span
        try:
            print(lines, end='', flush=True)
        except (OSError, ValueError):
            self._verbose = 0  # the output is closed, or can't show the text: that must not fail the task
