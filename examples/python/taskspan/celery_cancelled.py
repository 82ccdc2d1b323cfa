from celery.exceptions import Ignore

from .task_cancelled import TaskCancelled


class CeleryTaskCancelled(TaskCancelled, Ignore):
    """Of a Celery task. Its own module, so that Celery's processes can hand it to each other."""
