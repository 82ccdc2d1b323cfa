"""A Celery task that reports what it is doing: the updater has the task's UUID and name.

    celery --app celery_tasks worker
    python celery_tasks.py
"""

import os
import time

from celery import Celery
from celery.signals import worker_process_shutdown

from updater import TaskUpdater, default_sender, job_uuid

app = Celery('tasks', broker=os.environ.get('BROKER', 'redis://127.0.0.1:6379'))


@worker_process_shutdown.connect
def send_the_last(**_more):
    default_sender().flush(1)


@app.task(name='import customers', bind=True)
def import_customers(self, customers):
    updater = TaskUpdater(job_uuid('celery', self.request.id), self.name, attempt=self.request.retries + 1)
    with updater(task_name='Read customers'):
        updater.notify(f'{len(customers)} customers')
    with updater(task_name='Write customers'):
        for done, _customer in enumerate(customers, 1):
            time.sleep(1)
            updater.progress(done, len(customers))
    updater.raise_latest_exception()


if __name__ == '__main__':
    print(import_customers.delay(['Ada', 'Grace', 'Edsger']).id)
