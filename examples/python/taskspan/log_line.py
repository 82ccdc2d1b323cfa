"""The lines of a task's log, in the words of docs/log-and-record.md: `verbose` prints them."""

import re

OUTCOMES = {'completed': 'Successfully completed', 'cancelled': 'Cancelled', 'skipped': 'Cancelled'}
MARK = '\t  | '
LINE_BREAK = re.compile('\r\n|[\n\v\f\r\x85\u2028\u2029]')
READS_AS_OURS = re.compile(r'\s*(?:Task Finished - |Attempt \d|\d+ updates? not received)')
CONTROL = re.compile('[\\0-\\x08\\n-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]')


def name_line(name, continued=False):
    return f'\t - {one_line(name)}{" (continued)" if continued else ""}\n'


def message_lines(message):
    first, *further = LINE_BREAK.split(message.lstrip())
    mark = MARK if READS_AS_OURS.match(first) else '\t'
    return f'{mark}{visible(first)}\n' + marked(further)


def outcome_lines(outcome, micros, error):
    """`error` is a `Described` one or `None`."""
    minutes = micros // 60_000_000
    lines = f'\t\t{OUTCOMES.get(outcome, "Failed")}\n\t\tTime spent: {minutes // 60}h{minutes % 60}m\n'
    return lines if error is None else f'{lines}\t\tSee error message:\n{error_lines(error)}'


def attempt_line(number):
    return f'\tAttempt {number}\n' if number > 1 else ''


def final_line(finished, total):
    return f'\tTask Finished - {finished} out of {total} jobs finished\n'


def error_lines(error):
    first, *further = LINE_BREAK.split(error.message.strip())
    return f'{one_line(error.name)}{": " + visible(first) if first else ""}\n' + marked(further)


def marked(lines):
    return ''.join(f'{MARK}{visible(line)}\n' for line in lines)


def one_line(text):
    return visible(' '.join(LINE_BREAK.split(text.strip())))


def visible(text):
    """Returns a text that can't control a terminal."""
    return CONTROL.sub(lambda found: picture(ord(found[0])), text)


def picture(code):
    if code < 0x20:
        return chr(0x2400 + code)
    return '\u2421' if code == 0x7F else f'\\u{{{code:x}}}'
