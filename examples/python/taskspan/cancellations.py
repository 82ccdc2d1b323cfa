"""Asks the server which tasks of this process are to be cancelled, as docs/wire.md describes it."""

import json
import threading
import time
import urllib.error
import urllib.request

from .threads import start_thread

WAIT_SECONDS = 20
PAUSE_SECONDS = 1
# Pause after an answer that no taskspan server gives.
NO_SERVER_SECONDS = 60


class Cancellations:
    """The thread begins with the first task, and asks while there are tasks."""

    def __init__(self, sender):
        self._sender = sender
        self._changed = threading.Condition()
        self._attempts = {}
        self._thread = None
        self._last = 0
        self.is_possible = sender.interval_ms > 0

    def watch(self, attempt):
        with self._changed:
            self._attempts[attempt.span_id] = attempt
            self._changed.notify_all()
            if self._thread is None:
                self._thread = start_thread('taskspan-cancel', self._run, self._sender)

    def leave(self, attempt):
        with self._changed:
            self._attempts.pop(attempt.span_id, None)

    def _run(self):
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._attempts)
            pause = self._ask()
            if pause:
                time.sleep(pause)

    def _ask(self):
        """Returns for how many seconds it has to pause."""
        sender = self._sender
        url = f'{self._url()}?after={self._last}&wait={WAIT_SECONDS}'
        try:
            request = urllib.request.Request(url, headers={**sender.headers, 'accept': 'application/json'})
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS + 10) as response:
                found = json.loads(response.read())['cancellations']
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 429 or error.code >= 500:
                    return PAUSE_SECONDS
                self._no_server(f'answers {error.code}')
                return NO_SERVER_SECONDS
        except (ValueError, KeyError, TypeError):
            self._no_server('is no taskspan server')
            return NO_SERVER_SECONDS
        except Exception:  # unreachable: sending fails too, and is reported
            self._last = 0  # another server has its own numbers
            return PAUSE_SECONDS
        self.is_possible = True
        for one in found:
            self._last = max(self._last, one['number'])
            with self._changed:
                attempt = self._attempts.get(one['span_id'])
            if attempt is not None:
                attempt.cancel(one['number'], one.get('by'), one.get('reason'))
        return 0

    def heard(self, number):
        """Reports to the server that code of the task has received a request."""
        start_thread('taskspan-heard', lambda: self._post_heard(number), self._sender)

    def _post_heard(self, number):
        url = f'{self._url()}/{number}'
        try:
            urllib.request.urlopen(urllib.request.Request(url, b'', self._sender.headers), timeout=10).close()
        except Exception:  # the server takes it as heard when the task has ended
            pass

    def _url(self):
        return f'{self._sender.server_url}/workers/{self._sender.worker_id}/cancellations'

    def _no_server(self, what):
        # The tasks that begin from now on are not cancellable.
        self.is_possible = False
        self._sender.warn('cancel', f'tasks can not be cancelled: {self._sender.server_url} {what}; set TASKSPAN_SERVER_URL')
