"""Spans of the SDK for Python with taskspan's attributes, by its own OTLP exporter in protobuf: a task with one scope."""

import sys

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import format_span_id

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer('example')
uuid = {'taskspan.task.uuid': sys.argv[1]}

with tracer.start_as_current_span('Count in Python') as task:
    task_id = format_span_id(task.get_span_context().span_id)
    task.set_attributes({**uuid, 'taskspan.span': 'task', 'taskspan.task.name': 'Count in Python'})
    with tracer.start_as_current_span('Count to three') as scope:
        scope.set_attributes({**uuid, 'taskspan.span': 'scope', 'taskspan.task.span': task_id})
        scope.set_attribute('taskspan.scope.parent', task_id)
        scope.add_event('taskspan.notification', {'taskspan.message': 'one, two, three', 'taskspan.seq': 1})
        scope.set_attributes({'taskspan.outcome': 'completed', 'taskspan.facts': 2})
    task.set_attributes({'taskspan.outcome': 'completed', 'taskspan.facts': 1})
    task.set_attributes({'taskspan.jobs.total': 1, 'taskspan.jobs.finished': 1, 'taskspan.jobs.failed': 0})

provider.shutdown()
