"""Values of task code as texts, attributes and OTLP's JSON. Nothing here raises, however hostile a value."""

import base64
import datetime
import json
import math

RESERVED = 'taskspan.'


def text_of(value):
    """Returns any value as text that can be sent: an object whose text fails has the name of its type."""
    try:
        text = str(value)
    except Exception:
        text = f'<{type(value).__name__}>'
    return text.encode('utf-8', 'replace').decode()


def name_of(value):
    """Returns the name of a task or scope, never a blank one."""
    return text_of(value).strip() or '(unnamed)'


def json_of(value):
    """Returns a value as JSON text on one line; what JSON can't have is a text in it."""
    try:
        return text_of(json.dumps(plain(value), allow_nan=False, ensure_ascii=False))
    except Exception:  # a circle, or deeper than Python's stack
        return json.dumps(text_of(value))


def plain(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else text_of(value)
    if isinstance(value, dict):
        return {text_of(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    return text_of(value)


def own_attributes(values):
    """Returns the attributes of task code with values that can be sent; `None` and reserved names are left out."""
    named = ((text_of(key), value) for key, value in values.items())
    return {key: attribute_of(value) for key, value in named if value is not None and key and not key.startswith(RESERVED)}


def attribute_of(value):
    """Returns a text, a boolean, a number or a list of one of these; any other value as JSON or text."""
    try:
        value = plain(value)
    except Exception:
        return text_of(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, list):
        kinds = {type(item) for item in value}
        is_sendable = all(not isinstance(item, int) or -(2**63) <= item < 2**63 for item in value)
        return value if len(kinds) <= 1 and kinds <= {str, bool, int, float} and is_sendable else json_of(value)
    if isinstance(value, dict):
        return json_of(value)
    return text_of(value) if isinstance(value, str) else value


def otlp_attributes(values):
    """Returns OTLP's form of a dictionary."""
    return [{'key': key, 'value': otlp_value(value)} for key, value in values.items()]


def otlp_value(value):
    if isinstance(value, bool):
        return {'boolValue': value}
    if isinstance(value, int):
        return {'intValue': str(value)}
    if isinstance(value, float):
        return {'doubleValue': value}
    if isinstance(value, list):
        return {'arrayValue': {'values': [otlp_value(item) for item in value]}}
    return {'stringValue': text_of(value)}


def amount_of(value):
    """Returns a number from 0; `None` for any other value."""
    try:
        amount = float(value)
    except Exception:
        return None
    return amount if 0 <= amount < float('inf') else None
