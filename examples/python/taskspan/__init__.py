"""Reports what a background task is doing to a taskspan server, which shows it to the people who wait.

    from taskspan import TaskUpdater

    with TaskUpdater(task_name='Import customers') as updater:
        with updater('Read'):
            updater.notify('3 files')

In a Celery task `TaskUpdater()` has the task's UUID and name. README.md has the rest.
"""

import sys

from .job_uuid import job_uuid
from .sender import Sender, default_sender
from .task_cancelled import TaskCancelled
from .updater import TaskUpdater, current_updater, track

__all__ = ['Sender', 'TaskCancelled', 'TaskUpdater', 'current_updater', 'default_sender', 'job_uuid', 'track']
__version__ = '0.1.0'

# A Celery worker has imported Celery before it imports the application, in its parent process too.
if 'celery' in sys.modules:
    from . import celery_signals

    celery_signals.connect()
