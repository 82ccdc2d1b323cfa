"""Celery tasks with taskspan's updater, one for each way in which a task can end. No task ends its updater itself."""

import os
import sys
import time

from celery import Celery, chain, chord
from celery.exceptions import Ignore, Reject

from taskspan import TaskUpdater, current_updater, track

if 'OTEL_EXPORTER_OTLP_ENDPOINT' in os.environ:
    from traced import trace_tasks  # as docs/celery.md has it

redis = os.environ['BROKER']
app = Celery('endings', broker=f'{redis}/0', backend=f'{redis}/1')
app.conf.worker_lost_wait = 0.2
app.conf.result_expires = 60
app.conf.broker_connection_retry_on_startup = True


def begun(*_more):
    updater = TaskUpdater()
    updater.notify('Begun')
    return updater


@app.task(name='returns')
def returns(*_args):
    updater = begun()
    with updater('Work'):
        updater.progress(1, 2)
    updater.set_result({'rows': 3})
    return 3


@app.task(name='raises')
def raises():
    begun()
    raise ValueError('no rows')


@app.task(name='keeps')
def keeps():
    with begun()('Work'):
        raise ValueError('kept')


@app.task(name='retries', bind=True, max_retries=3)
def retries(self):
    begun()
    if self.request.retries == 0:
        raise self.retry(exc=ConnectionError('the bank is unreachable'), countdown=0)


@app.task(name='retries.inside', bind=True, max_retries=3)
def retries_inside(self):
    with begun()('Charge'):
        if self.request.retries == 0:
            raise self.retry(exc=ConnectionError('the bank is unreachable'), countdown=0)


@app.task(name='ignores')
def ignores():
    with begun()('Work'):
        raise Ignore


@app.task(name='rejects')
def rejects():
    begun()
    raise Reject('not mine', requeue=False)


@app.task(name='soft.limit', soft_time_limit=5, time_limit=60)
def soft_limit():
    with begun()('Sleep'):
        time.sleep(60)


@app.task(name='hard.limit', time_limit=5)
def hard_limit():
    with begun()('Sleep'):
        time.sleep(60)


@app.task(name='exits')
def exits():
    begun()
    sys.exit(3)


@app.task(name='is.killed')
def is_killed():
    with begun()('Work'):
        current_updater()._attempt.sender.flush(60)
        os.kill(os.getpid(), 9)


@app.task(name='waits')
def waits():
    updater = begun()
    with updater('Wait'):
        for _ in updater.each(range(4000)):
            time.sleep(0.05)


@app.task(name='tracked')
@track
def tracked(rows):
    updater = current_updater()
    updater.set_attribute('rows', rows)
    with updater('Read'):
        TaskUpdater().notify('The same run')


@app.task(name='plain')
def plain():
    """Without an updater."""


@app.task(name='parent.of.plain', bind=True)
def parent_of_plain(self):
    with begun()('Publish'):
        TaskUpdater().set_result(plain.apply_async(queue=self.request.delivery_info['routing_key']).id)


@app.task(name='parent', bind=True)
def parent(self):
    begun().set_result(returns.apply_async(queue=self.request.delivery_info['routing_key']).id)


def publish(name, queue):
    """Returns the ids of what it publishes, that of the last task first."""
    if name == 'chain':
        last = chain(returns.si().set(queue=queue), returns.si().set(queue=queue)).delay()
        return [last.id, last.parent.id]
    if name == 'chord':
        headers = [returns.si().set(queue=queue), returns.si().set(queue=queue)]
        body = chord(headers, returns.si().set(queue=queue)).delay()
        return [body.id, *(one.id for one in body.parent)]
    if name == 'expired':
        return [returns.apply_async(queue=queue, expires=0.001).id]
    if name == 'revoked':
        result = returns.apply_async(queue=queue, countdown=10)
        result.revoke()
        return [result.id]
    return [app.send_task(name, (7,) if name == 'tracked' else (), queue=queue).id]


if __name__ == '__main__':
    if 'OTEL_EXPORTER_OTLP_ENDPOINT' in os.environ:
        trace_tasks()
    queue, *names = sys.argv[1:]
    if queue == 'terminate':
        app.control.revoke(names, terminate=True)
    else:
        for name in names:
            print(name, *publish(name, queue), flush=True)
