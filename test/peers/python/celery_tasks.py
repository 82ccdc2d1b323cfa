"""Tasks of Celery as anybody has them: OpenTelemetry's instrumentation, and no word of taskspan."""

import os

from celery import Celery
from celery.signals import worker_process_init
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

app = Celery('tasks', broker=os.environ['BROKER'])
app.conf.worker_enable_remote_control = False


@worker_process_init.connect(weak=False)
def trace_tasks(*_args, **_more):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument()


@app.task(name='shop.total')
def total(prices):
    return sum(prices)


@app.task(name='shop.share')
def share(amount, people):
    return amount / people


@app.task(name='shop.charge', bind=True, max_retries=2)
def charge(self, failures):
    if self.request.retries < failures:
        raise self.retry(exc=ConnectionError('the bank is away'), countdown=0)


if __name__ == '__main__':
    trace_tasks()
    print(total.delay([1, 2, 3]).id)
    print(share.delay(1, 0).id)
    print(charge.delay(failures=2).id)
    print(charge.delay(failures=3).id)
    print(total.apply_async(([4],), task_id='order 17').id, flush=True)
