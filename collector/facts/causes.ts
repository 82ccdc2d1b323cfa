import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../src/conventions.ts';
import type { ErrorCause } from '../../src/fact.ts';
import { textOf } from './attributes.ts';

/** The errors inside an error, as attributes have them; `undefined` where there are none. */
export function causesIn(attributes: Attributes): readonly ErrorCause[] | undefined {
  const json = attributes[conventions.ERROR_CAUSES];
  if (typeof json !== 'string') return undefined;
  let listed: unknown;
  try {
    listed = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!Array.isArray(listed)) return undefined;
  const causes = listed.slice(0, conventions.MOST_CAUSES).filter(isCause).map(({ name, message }) => ({ name, message }));
  return causes.length === 0 ? undefined : causes;
}

function isCause(item: unknown): item is ErrorCause {
  const { name, message } = (item ?? {}) as Partial<ErrorCause>;
  return typeof name === 'string' && typeof message === 'string';
}

/** The attribute of an error's causes; none where there are none. */
export function causesAttribute(causes: readonly ErrorCause[] | undefined): Attributes {
  return causes === undefined ? {} : { [conventions.ERROR_CAUSES]: JSON.stringify(causes) };
}

/**
 * The errors inside the error of an `exception` event of another instrumentation, which has nothing but a stack trace:
 * those that `Caused by:` names, as Java and taskspan write it, and those of Python, which writes the causes first.
 */
export function causesOfException(attributes: Attributes): readonly ErrorCause[] | undefined {
  const stack = textOf(attributes, conventions.EXCEPTION_STACKTRACE).slice(0, LONGEST_STACK);
  const parts = stack.split(PYTHON_CAUSE);
  const lines = parts.length > 1 ? parts.slice(0, -1).map(lastErrorLine).toReversed() : stack.split('\n').filter((line) => line.startsWith(CAUSED_BY));
  const causes = lines.slice(0, conventions.MOST_CAUSES).flatMap((line) => causeOfLine(line.replace(CAUSED_BY, '')) ?? []);
  return causes.length === 0 ? undefined : causes;
}

const LONGEST_STACK = 65_536;
const CAUSED_BY = 'Caused by: ';
const PYTHON_CAUSE = /\n\n(?:The above exception was the direct cause of the following exception|During handling of the above exception, another exception occurred):\n\n/;

/** The line of a Python traceback that names the error: the first one after the frames, which are indented. */
function lastErrorLine(traceback: string): string {
  const lines = traceback.split('\n');
  const lastFrame = lines.findLastIndex((line) => line.startsWith('  '));
  return lines[lastFrame + 1] ?? '';
}

function causeOfLine(line: string): ErrorCause | undefined {
  const [, name, message = ''] = /^([\w.$]{1,200})(?:: (.*))?$/.exec(line.trimEnd()) ?? [];
  return name === undefined ? undefined : { name: name.slice(name.lastIndexOf('.') + 1), message };
}
