"""Sends the facts of tasks to a taskspan server while they happen: OTLP log records in JSON, see docs/wire.md.

Only threads of its own wait for the network, and nothing raises into task code. While the server is unreachable, facts
wait in a buffer that is bounded in bytes. The thread also sends the heartbeats of this process.
"""

import atexit
import collections
import encodings.idna  # noqa: F401, otherwise the thread imports it, and a process forked during that import could never send
import json
import logging
import os
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from .cancellations import Cancellations
from .threads import start_thread
from .values import otlp_attributes

log = logging.getLogger('taskspan')

CONTRACT = '1.2.0'
REQUEST_BYTES = 1024 * 1024
BUFFER_BYTES = 16 * 1024 * 1024
REQUEST_SECONDS = 10
EXIT_SECONDS = 1
LEAST_PAUSE = 0.1
LONGEST_PAUSE = 30
# Seconds between two reports of progress of one scope.
PROGRESS_SECONDS = 0.1
# Answers to requests that the server will never take. All other answers are retried: the server may be down, not yet configured, or full.
REFUSED = (400, 413, 415)

default_senders = []


def default_sender():
    """Returns the sender of all updaters that are given none."""
    if not default_senders:
        default_senders.append(Sender())  # of two threads at once each makes one, and both use the first
    return default_senders[0]


class Sender:
    """One for a process. After a fork the child has an empty buffer and is a worker of its own."""

    def __init__(self, endpoint=None, token=None, service_name=None, interval_ms=None, server_url=None):
        endpoint = endpoint or os.environ.get('TASKSPAN_ENDPOINT') or 'http://127.0.0.1:4320'
        token = token or os.environ.get('TASKSPAN_TOKEN')
        given = os.environ.get('TASKSPAN_BEAT_INTERVAL_MS') or 5000 if interval_ms is None else interval_ms
        self.interval_ms = int(given)
        self.server_url = (server_url or os.environ.get('TASKSPAN_SERVER_URL') or endpoint).rstrip('/')
        self.headers = {'content-type': 'application/json', **({'authorization': f'Bearer {token}'} if token else {})}
        self._url = endpoint.rstrip('/') + '/v1/logs'
        self._service_name = service_name
        self._begin()
        if hasattr(os, 'register_at_fork'):
            os.register_at_fork(after_in_child=self._begin)
        atexit.register(self.flush, EXIT_SECONDS)

    def _begin(self):
        self.worker_id = str(uuid.uuid4())
        self._changed = threading.Condition()
        self._records = collections.deque()
        self._bytes = 0
        self._most = None  # records in a request, after one that was refused
        self._live = 0
        self._with_progress = {}  # the spans that have to report it; in the order of their first report
        self._thread = None
        self._warned = set()
        self.cancellations = Cancellations(self)

    def send(self, record, essential):
        """Keeps a log record for the thread. A full buffer keeps its last eighth for starts, ends and errors."""
        text = json.dumps(record, allow_nan=False).encode()
        with self._changed:
            if self._bytes + len(text) > BUFFER_BYTES * (1 if essential else 7 / 8):
                self.warn('full', 'the buffer is full: updates are lost')
                return
            self._records.append(text)
            self._bytes += len(text)
            self._wake()

    def has_progress(self, span):
        """Calls `span.send_progress()` soon, in the thread."""
        with self._changed:
            self._with_progress[span] = None
            self._wake()

    def task_began(self):
        with self._changed:
            self._live += 1

    def task_ended(self):
        with self._changed:
            self._live -= 1

    def flush(self, seconds):
        """Waits until all is sent, at most for so many seconds; returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._records and not self._with_progress, seconds)

    def warn(self, cause, message):
        """Logs a warning, once for each cause."""
        if cause not in self._warned:
            self._warned.add(cause)
            log.warning('%s', message)

    def _wake(self):
        self._changed.notify_all()
        if self._thread is None:
            self._thread = start_thread('taskspan', self._run, self)

    def _run(self):
        every = (self.interval_ms or 5000) / 1000
        next_beat = time.monotonic() + every
        next_progress = 0
        pause = LEAST_PAUSE
        while True:
            with self._changed:
                wake = min(next_beat, next_progress) if self._with_progress else next_beat
                self._changed.wait_for(lambda: self._records or (self._with_progress and wake == next_beat), max(0, wake - time.monotonic()))
                spans = list(self._with_progress) if time.monotonic() >= next_progress else []
            if spans:
                next_progress = time.monotonic() + PROGRESS_SECONDS
                self._send_progress(spans)
            with self._changed:
                batch = self._batch()
                live = self._live > 0 and self.interval_ms > 0
            beats = []
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + every
                beats = [self._beat()] if live else []
            if not batch and not beats:
                continue
            wait = self._post(batch, beats)
            if wait is None:
                pause = LEAST_PAUSE
            else:
                time.sleep(min(LONGEST_PAUSE, max(wait, pause)))
                pause = min(LONGEST_PAUSE / 6, pause * 2)

    def _send_progress(self, spans):
        # Outside the lock: a span has a lock of its own, and calls `send` while it holds it.
        for span in spans:
            with self._changed:
                self._with_progress.pop(span, None)
            span.send_progress()

    def _batch(self):
        batch, size = [], 0
        for text in self._records:
            if batch and (size + len(text) > REQUEST_BYTES or len(batch) == self._most):
                break
            batch.append(text)
            size += len(text)
        return batch

    def _remove(self, batch):
        with self._changed:
            for text in batch:
                self._records.popleft()
                self._bytes -= len(text)
            self._changed.notify_all()

    def _post(self, batch, beats):
        """Removes what need not be sent again. Returns the seconds to wait before the next request, `None` for no wait."""
        body = b'{"resourceLogs":[{"resource":%b,"scopeLogs":[{"scope":{"name":"taskspan","version":"%b"},"logRecords":[%b]}]}]}' % (
            json.dumps({'attributes': otlp_attributes(self._resource())}).encode(),
            CONTRACT.encode(),
            b','.join(batch + beats),
        )
        try:
            request = urllib.request.Request(self._url, body, self.headers)
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as response:
                rejected = json.loads(response.read() or b'{}').get('partialSuccess')
                if rejected:
                    self.warn('rejected', f'the server did not take all: {rejected}')
                self._remove(batch)
                self._most = None
                return None
        except urllib.error.HTTPError as error:
            with error:
                if error.code in REFUSED:
                    if len(batch) > 1:
                        self._most = len(batch) // 2  # until what is refused is alone
                    else:
                        self.warn('refused', f'the server refused {len(batch + beats)} records: {error.code} {error.read()!r}')
                        self._remove(batch)
                    return None
                self.warn(error.code, f'{self._url} answers {error.code} {error.reason}; it is tried again')
                return seconds_of(error.headers.get('retry-after'))
        except Exception as error:  # the server is unreachable, or another program answers
            self.warn('unreachable', f'{self._url} cannot be reached, it is tried again: {error}')
            return 0

    def _resource(self):
        """OpenTelemetry's attributes of this process."""
        pairs = (pair.split('=', 1) for pair in os.environ.get('OTEL_RESOURCE_ATTRIBUTES', '').split(',') if '=' in pair)
        given = {key.strip(): urllib.parse.unquote(value.strip()) for key, value in pairs}
        name = self._service_name or os.environ.get('OTEL_SERVICE_NAME') or given.get('service.name') or 'python'
        return {**given, 'service.name': name, 'host.name': socket.gethostname(), 'process.pid': os.getpid()}

    def _beat(self):
        values = {'taskspan.worker.id': self.worker_id, 'taskspan.worker.interval_ms': self.interval_ms}
        record = {'timeUnixNano': str(time.time_ns()), 'eventName': 'taskspan.beat', 'attributes': otlp_attributes(values)}
        return json.dumps(record).encode()


def seconds_of(retry_after):
    return float(retry_after) if retry_after and retry_after.isdigit() else 0
