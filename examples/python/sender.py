"""Sends the facts of tasks to a taskspan server while they happen: OTLP log records in JSON, see docs/wire.md.

Only a thread of its own waits for the network, and nothing raises into task code. While the server is unreachable, facts
wait in a buffer that is bounded in bytes. The thread also sends the heartbeats of this process.
"""

import atexit
import collections
import encodings.idna  # noqa: F401, otherwise the thread imports it, and a process forked during that import could never send
import json
import logging
import math
import os
import socket
import threading
import time
import urllib.error
import urllib.request
import uuid

log = logging.getLogger('taskspan')

REQUEST_BYTES = 1024 * 1024
BUFFER_BYTES = 16 * 1024 * 1024
REQUEST_SECONDS = 10
EXIT_SECONDS = 1
LEAST_PAUSE = 0.1
LONGEST_PAUSE = 30
# Answers to requests that the server will never take. All other answers are retried: the server may be down, not yet configured, or full.
REFUSED = (400, 413, 415)


class Sender:
    """One for a process. After a fork the child has an empty buffer and is a worker of its own."""

    def __init__(self, endpoint=None, token=None, service_name=None, interval_ms=None):
        endpoint = endpoint or os.environ.get('TASKSPAN_ENDPOINT', 'http://127.0.0.1:4320')
        token = token or os.environ.get('TASKSPAN_TOKEN')
        self._url = endpoint.rstrip('/') + '/v1/logs'
        self._headers = {'content-type': 'application/json', **({'authorization': f'Bearer {token}'} if token else {})}
        self._service_name = service_name or os.environ.get('OTEL_SERVICE_NAME', 'python')
        given = os.environ.get('TASKSPAN_BEAT_INTERVAL_MS', 5000) if interval_ms is None else interval_ms
        self.interval_ms = int(given)
        self._begin()
        if hasattr(os, 'register_at_fork'):
            os.register_at_fork(after_in_child=self._begin)
        atexit.register(self.flush, EXIT_SECONDS)

    def _begin(self):
        self.worker_id = str(uuid.uuid4())
        self._changed = threading.Condition()
        self._records = collections.deque()
        self._bytes = 0
        self._live = 0
        self._thread = None
        self._warned = set()

    def send(self, record, essential):
        """Keeps a log record for the thread. A full buffer keeps its last eighth for starts, ends and errors."""
        text = json.dumps(record, allow_nan=False).encode()
        with self._changed:
            if self._bytes + len(text) > BUFFER_BYTES * (1 if essential else 7 / 8):
                self._warn('full', 'the buffer is full: updates are lost')
                return
            self._records.append(text)
            self._bytes += len(text)
            self._changed.notify_all()
            if self._thread is None:
                self._start_thread()

    def _start_thread(self):
        thread = threading.Thread(target=self._run, name='taskspan', daemon=True)
        try:
            thread.start()
            self._thread = thread
        except RuntimeError as error:  # no more threads, or Python is about to exit
            self._warn('thread', f'nothing is sent: {error}')

    def task_began(self):
        with self._changed:
            self._live += 1

    def task_ended(self):
        with self._changed:
            self._live -= 1

    def flush(self, seconds):
        """Waits until all is sent, at most for so many seconds; returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._records, seconds)

    def _run(self):
        every = (self.interval_ms or 5000) / 1000
        next_beat = time.monotonic() + every
        pause = LEAST_PAUSE
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._records, max(0, next_beat - time.monotonic()))
                batch = self._batch()
                live = self._live > 0 and self.interval_ms > 0
            beats = []
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + every
                beats = [self._beat()] if live else []
            if not batch and not beats:
                continue
            wait = self._post(batch + beats)
            if wait is None:
                pause = LEAST_PAUSE
                self._remove(batch)
            else:
                time.sleep(min(LONGEST_PAUSE, max(wait, pause)))
                pause = min(LONGEST_PAUSE / 6, pause * 2)

    def _remove(self, batch):
        with self._changed:
            for text in batch:
                self._records.popleft()
                self._bytes -= len(text)
            self._changed.notify_all()

    def _batch(self):
        batch, size = [], 0
        for text in self._records:
            if batch and size + len(text) > REQUEST_BYTES:
                break
            batch.append(text)
            size += len(text)
        return batch

    def _post(self, records):
        """Returns None when the records need not be sent again, otherwise the seconds to wait before the next request."""
        body = b'{"resourceLogs":[{"resource":%b,"scopeLogs":[{"scope":{"name":"taskspan"},"logRecords":[%b]}]}]}' % (
            json.dumps({'attributes': attributes({'service.name': self._service_name})}).encode(),
            b','.join(records),
        )
        try:
            request = urllib.request.Request(self._url, body, self._headers)
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as response:
                rejected = json.loads(response.read() or b'{}').get('partialSuccess')
                if rejected:
                    self._warn('rejected', f'the server did not take all: {rejected}')
                return None
        except urllib.error.HTTPError as error:
            with error:
                if error.code in REFUSED:
                    self._warn('refused', f'the server refused {len(records)} records: {error.code} {error.read()!r}')
                    return None
                self._warn(error.code, f'{self._url} answers {error.code} {error.reason}; it is tried again')
                return seconds_of(error.headers.get('retry-after'))
        except Exception as error:  # the server is unreachable, or another program answers
            self._warn('unreachable', f'{self._url} cannot be reached, it is tried again: {error}')
            return 0

    def _beat(self):
        values = {
            'taskspan.worker.id': self.worker_id,
            'taskspan.worker.interval_ms': self.interval_ms,
            'host.name': socket.gethostname(),
            'process.pid': os.getpid(),
        }
        record = {'timeUnixNano': str(time.time_ns()), 'eventName': 'taskspan.beat', 'attributes': attributes(values)}
        return json.dumps(record).encode()

    def _warn(self, cause, message):
        if cause not in self._warned:
            self._warned.add(cause)
            log.warning('%s', message)


def seconds_of(retry_after):
    return float(retry_after) if retry_after and retry_after.isdigit() else 0


def attributes(values):
    """OTLP's form of a dictionary."""
    return [{'key': key, 'value': any_value(value)} for key, value in values.items()]


def any_value(value):
    if isinstance(value, bool):
        return {'boolValue': value}
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return {'intValue': str(int(value))}
    if isinstance(value, float) and math.isfinite(value):
        return {'doubleValue': float(value)}
    return {'stringValue': text_of(value)}


def text_of(value):
    """Any value as text that can be sent: an object whose text fails has the name of its type."""
    try:
        text = str(value)
    except Exception:
        text = f'<{type(value).__name__}>'
    return text.encode('utf-8', 'replace').decode()
