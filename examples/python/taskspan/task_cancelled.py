class TaskCancelled(Exception):
    """Somebody has cancelled the task. A scope that begins, and `each`, raise it; it passes through scopes.

    In a Celery task it is Celery's `Ignore` too, so that Celery neither retries the task nor logs an error.
    """

    def __init__(self, task_uuid, by=None, reason=None):
        super().__init__(f'task {task_uuid} has been cancelled' + (f' by {by}' if by else '') + (f': {reason}' if reason else ''))
        self.task_uuid = task_uuid
        self.by = by
        self.reason = reason

    def __reduce__(self):
        return type(self), (self.task_uuid, self.by, self.reason)
