"""Celery tasks with taskspan's updater, one for each way in which a task can end. No task ends its updater itself."""

import os
import sys
import time

from celery import Celery, chain, chord, group
from celery.exceptions import Ignore, Reject

from taskspan import TaskUpdater, current_updater, track

if 'OTEL_EXPORTER_OTLP_ENDPOINT' in os.environ:
    from traced import trace_tasks  # as docs/celery.md has it

redis = os.environ['BROKER']
app = Celery('endings', broker=f'{redis}/0', backend=f'{redis}/1')
app.conf.worker_lost_wait = 0.2
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


@app.task(name='soft.limit', soft_time_limit=2, time_limit=30)
def soft_limit():
    with begun()('Sleep'):
        time.sleep(30)


@app.task(name='hard.limit', time_limit=2)
def hard_limit():
    with begun()('Sleep'):
        time.sleep(30)


@app.task(name='exits')
def exits():
    begun()
    sys.exit(3)


@app.task(name='is.killed')
def is_killed():
    with begun()('Work'):
        current_updater()._attempt.sender.flush(10)
        os.kill(os.getpid(), 9)


@app.task(name='waits')
def waits():
    updater = begun()
    with updater('Wait'):
        for _ in updater.each(range(600)):
            time.sleep(0.05)


@app.task(name='tracked')
@track
def tracked(rows):
    updater = current_updater()
    updater.set_attribute('rows', rows)
    with updater('Read'):
        TaskUpdater().notify('The same run')


@app.task(name='parent', bind=True)
def parent(self):
    begun()
    return returns.delay().id


if __name__ == '__main__':
    if 'OTEL_EXPORTER_OTLP_ENDPOINT' in os.environ:
        trace_tasks()
    for name in sys.argv[1:]:
        if name == 'chain':
            result = chain(returns.si(), returns.si()).delay()
            print(name, result.id, result.parent.id, flush=True)
        elif name == 'chord':
            result = chord([returns.si(), returns.si()], returns.si()).delay()
            print(name, result.id, *[one.id for one in result.parent], flush=True)
        elif name == 'expired':
            print(name, returns.apply_async(expires=0.001).id, flush=True)
        elif name == 'revoked':
            result = returns.apply_async(countdown=2)
            time.sleep(0.5)
            result.revoke()
            print(name, result.id, flush=True)
        elif name == 'terminated':
            result = waits.delay()
            time.sleep(float(os.environ.get('SETTLE', 2)))
            result.revoke(terminate=True)
            print(name, result.id, flush=True)
        else:
            args = {'tracked': (7,)}.get(name, ())
            print(name, app.send_task(name, args).id, flush=True)
