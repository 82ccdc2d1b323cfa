"""The lines of a task's log, in the words of docs/log-and-record.md: `verbose` prints them as the server writes them."""

import re

OUTCOMES = {'completed': 'Successfully completed', 'cancelled': 'Cancelled', 'skipped': 'Cancelled'}
MARK = '\t  | '
LINE_BREAK = re.compile('\r\n|[\n\v\f\r\x85\u2028\u2029]')
SPACES = '\t\n\v\f\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff'
READS_AS_OURS = re.compile(rf'[{SPACES}]*(?:Task (?:Finished|Cancelled)(?: - |[{SPACES}]*$)|Attempt [0-9]|[0-9]+ updates? not received)')
CONTROL = re.compile('[\\0-\\x08\\n-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]')
# Characters that nobody sees, that look like a space, and of both those that have no use inside a line either.
UNSEEN = (
    '\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u3164\\ufe00-\\ufe0f\\uffa0'
    '\\U0001bca0-\\U0001bca3\\U0001d159\\U0001d173-\\U0001d17a\\U000e0100-\\U000e0fff'
)
BLANK = '\\xa0\\u2000-\\u200a\\u202f\\u205f\\u2800\\u3000'
USELESS = '\\xad\\u2060-\\u2065\\u206a-\\u206f\\ufeff\\ufff0-\\ufffb'
TAG = '\\U000e0000-\\U000e007f'
ALL_UNSEEN = re.compile(f'[{UNSEEN}{USELESS}{TAG}]')
ALL_BLANK = re.compile(f'[{BLANK}]')
AT_BEGINNING = re.compile(f'^[ \\t{UNSEEN}{BLANK}{USELESS}{TAG}]+')
# A flag such as Scotland's is followed by tags, which belong to it.
USELESS_OR_FLAG = re.compile(f'\\U0001f3f4[\\U000e0020-\\U000e007e]+\\U000e007f|[{USELESS}{TAG}]')


def name_line(name, continued=False):
    return f'\t - {one_line(name)}{" (continued)" if continued else ""}\n'


def message_lines(message):
    first, *further = LINE_BREAK.split(message.lstrip(SPACES))
    mark = MARK if reads_as_ours(first) else '\t'
    return f'{mark}{visible(first)}\n' + marked(further)


def outcome_lines(outcome, micros, error):
    """`error` is a `Described` one or `None`."""
    minutes = micros // 60_000_000
    lines = f'\t\t{OUTCOMES.get(outcome, "Failed")}\n\t\tTime spent: {minutes // 60}h{minutes % 60}m\n'
    return lines if error is None else f'{lines}\t\tSee error message:\n{error_lines(error)}'


def attempt_line(number):
    return f'\tAttempt {number}\n' if number > 1 else ''


def final_line(outcome, finished, total):
    word = 'Cancelled' if outcome in ('cancelled', 'skipped') else 'Finished'
    return f'\tTask {word}{f" - {finished} out of {total} jobs finished" if total else ""}\n'


def error_lines(error):
    lines = failure_lines(error.name, error.message)
    causes = (line for name, message in error.causes for line in failure_lines(f'caused by {one_line(name)}', message))
    return f'{lines[0]}\n{marked([*lines[1:], *causes])}'


def failure_lines(name, message):
    first, *further = LINE_BREAK.split(message.strip(SPACES))
    return [one_line(name) + (f': {visible(first)}' if first else ''), *further]


def marked(lines):
    return ''.join(f'{MARK}{visible(line)}\n' for line in lines)


def one_line(text):
    return visible(' '.join(LINE_BREAK.split(text.strip(SPACES))))


def reads_as_ours(text):
    """Whether a text reads like a line that only taskspan writes, whatever stands unseen between its characters."""
    return bool(READS_AS_OURS.match(text) or READS_AS_OURS.match(ALL_BLANK.sub(' ', ALL_UNSEEN.sub('', text))))


def visible(text):
    """Returns a line that can't control a terminal, and that shows what is in it."""
    shown = CONTROL.sub(lambda found: picture(found[0]), text)
    shown = AT_BEGINNING.sub(lambda found: ''.join(one if one in ' \t' else code_point(one) for one in found[0]), shown)
    return USELESS_OR_FLAG.sub(lambda found: found[0] if len(found[0]) > 1 else code_point(found[0]), shown)


def picture(character):
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return '\u2421' if code == 0x7F else code_point(character)


def code_point(character):
    return f'\\u{{{ord(character):x}}}'
