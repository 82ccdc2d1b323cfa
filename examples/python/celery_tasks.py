"""A Celery task that reports what it is doing: the updater has the task's UUID and name.

    celery --app celery_tasks worker
    python celery_tasks.py
"""

import os
import time

from celery import Celery
from taskspan import TaskUpdater

app = Celery('tasks', broker=os.environ.get('BROKER', 'redis://127.0.0.1:6379'))


@app.task(name='import customers')
def import_customers(customers):
    updater = TaskUpdater()
    with updater('Read customers'):
        updater.notify(f'{len(customers)} customers')
    with updater('Write customers'):
        for _customer in updater.each(customers):
            time.sleep(1)
    updater.raise_latest_exception()


if __name__ == '__main__':
    print(import_customers.delay(['Ada', 'Grace', 'Edsger']).id)
