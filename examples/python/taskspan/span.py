"""The spans of a task, as docs/wire.md describes them: ids, numbers and times of facts."""

import os
import threading
import time

from . import otel
from .failure import end_values
from .values import otlp_attributes

# Events of progress that a span of OpenTelemetry gets: it keeps 128 events of all kinds.
MOST_PROGRESS = 32


class Span:
    """The span of an attempt or of a scope: gives each of its facts a number, sends it, and copies it to OpenTelemetry's span."""

    def __init__(self, sender, clock, task_uuid, name, parent=None):
        self.root = parent.root if parent else self
        self.name = name
        self.parent = parent
        self.heading = False
        self.is_open = True
        self.reported = []  # the errors that inner scopes have reported
        self.facts = 0
        self._sender = sender
        self._clock = clock
        self._task_uuid = task_uuid
        self._progress = None
        self._progress_events = 0
        self._lock = threading.Lock()
        self._process = os.getpid()
        self.start_us = clock.now()
        self.on_fact = lambda: None
        self.copy, self.trace_id, self.id, self.is_sampled = otel.start_span(name, self.start_us, parent)

    def start(self, values):
        values = {**values, 'taskspan.task.uuid': self._task_uuid}
        if self.copy is not None:
            self.copy.set_attributes({**values, **({} if self.root is self else {'taskspan.task.span': self.root.id})})
        with self._lock:
            self._send('taskspan.start', values, self.start_us)

    def fact(self, name, values, more=None):
        """Sends an event; `more` is for OpenTelemetry's span alone."""
        with self._lock:
            self._send_progress()
            self._event(name, values, more)

    def progress(self, values):
        """Reports progress. Of many reports in a tenth of a second the last one is sent."""
        with self._lock:
            is_first, self._progress = self._progress is None, values
        if is_first:
            self._sender.has_progress(self)

    def send_progress(self):
        with self._lock:
            self._send_progress()

    def end(self, outcome, error, values):
        """Sends the end. `error` is the `Described` one that this very span reports, or `None`."""
        with self._lock:
            self._send_progress()
            self.is_open = False
            number, time_us = self.facts, self._clock.now()
            ends = {'taskspan.outcome': outcome, 'taskspan.facts': number}
            own = otel.attributes_of(self.copy)
            if self.copy is not None:
                otel.end_span(self.copy, {**values, **ends, **end_values(error, is_span=True)}, time_us, error)
            more = {'taskspan.duration_us': time_us - self.start_us, **end_values(error)}
            self._send('taskspan.end', {**own, **values, **ends, **more}, time_us)

    def is_inside(self, outer):
        span = self.parent
        while span is not None and span is not outer:
            span = span.parent
        return span is not None

    def microseconds(self):
        return self._clock.now() - self.start_us

    def _send_progress(self):
        if self._progress is not None:
            values, self._progress = self._progress, None
            self._progress_events += 1
            self._event('taskspan.progress', values, has_copy=self._progress_events <= MOST_PROGRESS)

    def _event(self, name, values, more=None, has_copy=True):
        time_us = self._clock.now()
        if self.copy is not None and has_copy:
            self.copy.add_event(name, {**values, **(more or {}), 'taskspan.seq': self.facts}, time_us * 1000)
        self._send(name, values, time_us)

    def _send(self, name, values, time_us):
        if os.getpid() != self._process:
            # Its numbers would be those of the facts of the process in which the task runs.
            self._sender.warn('fork', f'a forked process can not report for a task of its parent process: {self.name}')
            return
        number, self.facts = self.facts, self.facts + 1
        self._sender.send(log_record(name, values, time_us, {
            'task_uuid': self._task_uuid,
            'trace_id': self.trace_id,
            'span_id': self.id,
            'task_span_id': self.root.id,
            'number': number,
            'sampled': self.is_sampled,
        }), essential=name in ('taskspan.start', 'taskspan.end', 'exception'))
        self.on_fact()


def log_record(name, values, time_us, ids):
    """Returns the log record of a fact."""
    task_span = {'taskspan.task.span': ids['task_span_id']} if ids['task_span_id'] else {}
    return {
        'timeUnixNano': str(time_us * 1000),
        'traceId': ids['trace_id'],
        'spanId': ids['span_id'],
        'eventName': name,
        'flags': 1 if ids['sampled'] else 0,
        'attributes': otlp_attributes({
            **values,
            **task_span,
            'taskspan.task.uuid': ids['task_uuid'],
            'taskspan.seq': ids['number'],
        }),
    }


class Clock:
    """Microseconds since the epoch that never go back and are never the same twice."""

    def __init__(self):
        self._offset = time.time_ns() - time.monotonic_ns()
        self._latest = 0
        self._lock = threading.Lock()

    def now(self):
        with self._lock:
            self._latest = max(self._latest + 1, (time.monotonic_ns() + self._offset) // 1000)
            return self._latest
