"""The example from which taskspan began: one updater, handed from function to function."""

import sys
import time
import uuid

from taskspan import TaskUpdater


def new_format_task_1(uuid=uuid.uuid4(), name='TEST', verbose=1):

    updater = TaskUpdater(task_uuid=uuid, task_name=name, verbose=verbose)

    with updater(task_name=name + ' - First part'):
        time.sleep(0.01)
        updater.notify('Some notification related to the task')

    with updater(task_name=name + ' - Second part'):
        my_task_2(updater=updater)

    updater.raise_latest_exception()  # or insert_final_update(), which does not raise


def my_task_2(updater=None):

    with updater(task_name='My subtask 1 in my task 2'):
        time.sleep(0.01)
        updater.notify('Some notification related to the task')

    with updater(task_name='My subtask 2 in my task 2'):
        time.sleep(0.01)
        1 / 0  # raise exception
        updater.notify('Some notification related to the task')

    with updater(task_name='My subtask 3 in my task 2'):
        time.sleep(0.01)
        updater.notify('Some notification related to the task')


if __name__ == '__main__':
    try:
        new_format_task_1(*sys.argv[1:])
    except ZeroDivisionError as error:
        print(f'The caller gets {error!r}')
