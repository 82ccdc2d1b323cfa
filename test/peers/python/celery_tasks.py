"""Ordinary tasks of Celery: OpenTelemetry's instrumentation, and no code of taskspan."""

import os

from celery import Celery, chain

from traced import trace_tasks  # as docs/celery.md has it

app = Celery('tasks', broker=os.environ['BROKER'])
app.conf.worker_enable_remote_control = False


@app.task(name='shop.total')
def total(prices):
    return sum(prices)


@app.task(name='shop.share')
def share(amount, people):
    return amount / people


@app.task(name='shop.charge', bind=True, max_retries=2)
def charge(self, failures):
    if self.request.retries < failures:
        raise self.retry(exc=ConnectionError('the bank is unreachable'), countdown=0)


if __name__ == '__main__':
    trace_tasks()
    print(total.delay([1, 2, 3]).id)
    print(share.delay(1, 0).id)
    print(charge.delay(failures=2).id)
    print(charge.delay(failures=3).id)
    print(total.apply_async(([4],), task_id='order 17').id)
    last = chain(total.si([5]), total.si([6])).delay()
    print(last.parent.id)
    print(last.id, flush=True)
