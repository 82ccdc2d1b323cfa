"""The copy of a task in OpenTelemetry: its spans, where the program has OpenTelemetry's SDK."""

import secrets

from .sender import CONTRACT
from .values import own_attributes

try:
    from opentelemetry import context as contexts
    from opentelemetry import trace
except ImportError:
    trace = None


def start_span(name, start_us, parent):
    """Starts the span of a task or of a scope.

    Returns it with its trace id, its span id and whether it is sampled. Without an SDK there is no span, and the ids are
    made here.
    """
    outside = trace and trace.get_current_span().get_span_context()
    if parent is not None and parent.copy is None:
        return None, parent.trace_id, secrets.token_hex(8), False
    if trace is not None:
        context = None if parent is None else around(parent, outside)
        span = trace.get_tracer('taskspan', CONTRACT).start_span(name, context, start_time=start_us * 1000)
        ids = span.get_span_context()
        # Without an SDK the API gives each span the ids of its parent.
        if ids.is_valid and ids.span_id != outside.span_id:
            sampled = span.is_recording() and ids.trace_flags.sampled
            return span, trace.format_trace_id(ids.trace_id), trace.format_span_id(ids.span_id), sampled
    trace_id = trace.format_trace_id(outside.trace_id) if trace and outside.is_valid else secrets.token_hex(16)
    return None, trace_id, secrets.token_hex(8), False


def around(parent, current):
    """Returns the context of the span around a scope: that of the enclosing scope, or of a span of task code in between."""
    is_between = trace.format_trace_id(current.trace_id) == parent.trace_id and current.span_id != parent.root.outside_id
    return None if is_between else trace.set_span_in_context(parent.copy)


def current_span():
    """Returns the active span if it records, else `None`."""
    span = trace and trace.get_current_span()
    return span if span and span.is_recording() else None


def id_of(span):
    """Returns the id of a span as text, `None` for none."""
    try:
        return trace.format_span_id(span.get_span_context().span_id)
    except Exception:  # no span of OpenTelemetry
        return None


def current_id():
    """Returns the id of the active span, 0 for none."""
    return trace.get_current_span().get_span_context().span_id if trace else 0


def enter(span):
    """Makes a span the active one. Returns what `leave` needs."""
    return None if span is None else contexts.attach(trace.set_span_in_context(span))


def leave(token):
    if token is not None:
        contexts.detach(token)


def attributes_of(span):
    """Returns what task code has set on the span."""
    try:
        given = getattr(span, 'attributes', None)
        return own_attributes({key: value for key, value in given.items() if key != 'error.type'}) if given else {}
    except Exception:  # a span of another SDK
        return {}


def end_span(span, values, time_us, error):
    span.set_attributes(values)
    if values['taskspan.outcome'] in ('failed', 'timed_out'):
        if error:
            span.set_attribute('error.type', error.name)
        span.set_status(trace.Status(trace.StatusCode.ERROR, error.message if error else None))
    span.end(time_us * 1000)


def flush(seconds):
    """Lets the SDK send what it has."""
    try:
        provider = trace and trace.get_tracer_provider()
        if hasattr(provider, 'force_flush'):
            provider.force_flush(int(seconds * 1000))
    except Exception:  # of an exporter
        pass
