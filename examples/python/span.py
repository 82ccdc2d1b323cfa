"""The spans of a task, as docs/wire.md describes them: ids, numbers and times of facts."""

import secrets
import threading
import time

from sender import attributes, text_of


class Span:
    """The span of an attempt or of a scope: gives each of its facts a number and the ids of the span."""

    def __init__(self, sender, clock, task_uuid, trace, root=None):
        self.id = secrets.token_hex(8)
        self.root = root or self
        self.heading = False
        self.reported = []  # the errors that inner scopes have reported
        self._sender = sender
        self._clock = clock
        self._task_uuid = task_uuid
        self._trace_id, self._sampled = trace
        self._facts = 0
        self._lock = threading.Lock()

    def start(self, values):
        self._start = self._send('taskspan.start', values)

    def fact(self, name, values):
        self._send(name, values, essential=name == 'exception')

    def end(self, outcome, error, values):
        more = {'taskspan.outcome': outcome, **values}
        if error is not None:
            more.update({'taskspan.error': type(error).__name__, 'taskspan.error.message': text_of(error)})
        self._send('taskspan.end', more)

    def microseconds(self):
        return self._clock.now() - self._start

    def _send(self, name, values, essential=True):
        with self._lock:
            time_us = self._clock.now()
            number, self._facts = self._facts, self._facts + 1
            ids = {
                'taskspan.task.uuid': self._task_uuid,
                'taskspan.task.span': self.root.id,
                'taskspan.seq': number,
            }
            if name == 'taskspan.end':
                ids.update({'taskspan.facts': number, 'taskspan.duration_us': time_us - self._start})
            self._sender.send({
                'timeUnixNano': str(time_us * 1000),
                'traceId': self._trace_id,
                'spanId': self.id,
                'eventName': name,
                'flags': 1 if self._sampled else 0,
                'attributes': attributes({**values, **ids}),
            }, essential)
            return time_us


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


def trace_of(task_uuid):
    """Returns trace id and whether it is sampled: those of the current span, where the program has OpenTelemetry.

    The span gets the task's UUID, so that a server does not record the run of a Celery task a second time.
    """
    try:
        from opentelemetry import trace
    except ImportError:
        return secrets.token_hex(16), False
    span = trace.get_current_span()
    context = span.get_span_context()
    if not context.is_valid:
        return secrets.token_hex(16), False
    span.set_attribute('taskspan.task.uuid', task_uuid)
    return trace.format_trace_id(context.trace_id), context.trace_flags.sampled
