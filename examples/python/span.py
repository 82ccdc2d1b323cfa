"""The spans of a task as docs/wire.md tells them: ids, numbers and times of facts."""

import secrets
import threading
import time

from sender import attributes, text_of


class Span:
    """A task's attempt or a part of it: each fact of it gets a number and the ids that it belongs to."""

    def __init__(self, sender, clock, task_uuid, trace, root=None):
        self.id = secrets.token_hex(8)
        self.root = root or self
        self.heading = False
        self.told = []  # the errors that parts inside have told
        self._sender = sender
        self._clock = clock
        self._task_uuid = task_uuid
        self._trace_id, self._sampled = trace
        self._facts = 0
        self._lock = threading.Lock()

    def start(self, told):
        self._start = self._send('taskspan.start', told)

    def fact(self, name, told):
        self._send(name, told, essential=name == 'exception')

    def end(self, outcome, error, told):
        more = {'taskspan.outcome': outcome, **told}
        if error is not None:
            more.update({'taskspan.error': type(error).__name__, 'taskspan.error.message': text_of(error)})
        self._send('taskspan.end', more)

    def microseconds(self):
        return self._clock.now() - self._start

    def _send(self, name, told, essential=True):
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
                'attributes': attributes({**told, **ids}),
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
    """Trace id and whether it is sampled: of the span that is current, where the program has OpenTelemetry.

    That span learns whose it is, so that the run of a Celery task is not told a second time by its instrumentation.
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
