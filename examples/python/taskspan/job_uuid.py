"""UUIDs of tasks."""

import re
import uuid

UUID = re.compile('[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}')
JOB_NAMESPACE = uuid.UUID('8f5bd7d0-5b1c-4a7e-9d52-3c1e0a6f4b27')


def job_uuid(queue, job_id):
    """Returns the UUID of a job's task: the job's id where that is a UUID, otherwise the one that taskspan makes in any language."""
    job_id = str(job_id)
    is_uuid = UUID.fullmatch(job_id.lower())
    return job_id.lower() if is_uuid else str(uuid.uuid5(uuid.uuid5(JOB_NAMESPACE, queue), job_id))


def task_uuid_of(value):
    """Returns the UUID that a caller has given, in lower case; a new one for `None`."""
    text = str(uuid.uuid4() if value is None else value).lower()
    if not UUID.fullmatch(text):
        raise ValueError(f'task_uuid: expected a UUID (RFC 9562), got {value!r}')
    return text
