import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { FILTER_PARAMETERS, filterOf } from '../../src/filter-parameters.ts';
import type { FilterParameter } from '../../src/filter-parameters.ts';
import type { TaskFilter } from '../../src/task-filter.ts';
import { TASK_STATES } from '../../src/task-record.ts';

/** The options that have a filter: those of a list's URL, with dashes. Each may be given more than once. */

/** A parameter of a filter with a value. */
type Given = readonly [name: string, value: string];

const FLAGS: Readonly<Record<string, string>> = {
  state: '--state <states>',
  name: '--name <name>',
  uuid: '--uuid <uuids>',
  error: '--error <words>',
  q: '-q, --query <words>',
  'attribute.KEY': '--attribute <key=value>',
  parent: '--parent <uuid>',
  service: '--service <name>',
  longer_than: '--longer-than <time>',
};

/** Adds the options of a filter to a command that lists tasks. {@link filterOfOptions} reads them. */
export function addFilterOptions(command: Command): Command {
  for (const parameter of FILTER_PARAMETERS) {
    const { name, text } = parameter;
    const flags = FLAGS[name] ?? `--${name.replace('_', '-')} <time>`;
    command.addOption(optionOf(flags, plainText(text), (value) => given(parameter, value)));
  }
  return command.addOption(optionOf('--since <time>', 'the same as --queued-after', (value) => given(ofName('queued_after'), value)));
}

/** The filter that a command line has. */
export function filterOfOptions(command: Command): TaskFilter {
  return filterOf(Object.values(command.opts<Record<string, unknown>>()).filter((value) => value instanceof GivenValues).flatMap(({ values }) => values));
}

/** What the values of one option say. */
class GivenValues {
  readonly values: readonly Given[];

  constructor(values: readonly Given[]) {
    this.values = values;
  }
}

function optionOf(flags: string, text: string, read: (value: string) => Given): Option {
  return new Option(flags, text).argParser((value, before: GivenValues | undefined) => new GivenValues([...(before?.values ?? []), read(value)]));
}

function ofName(name: string): FilterParameter {
  return FILTER_PARAMETERS.find((parameter) => parameter.name === name)!;
}

/** `Only tasks of …` as the other options are described. */
function plainText(text: string): string {
  return `${text.slice(0, 1).toLowerCase()}${text.slice(1).replace(/\.$/, '')}`;
}

function given(parameter: FilterParameter, value: string): Given {
  const pair = pairOf(parameter, value);
  if (pair !== undefined) {
    try {
      filterOf([pair]);
      return pair;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  if (parameter.name === 'state') throw new InvalidArgumentError(`Allowed choices are ${TASK_STATES.join(', ')}; several with commas.`);
  throw new InvalidArgumentError(`Expected ${expectedOf(parameter)}.`);
}

function pairOf({ name }: FilterParameter, value: string): Given | undefined {
  if (name === 'attribute.KEY') {
    const [, key, text] = /^([^=]+)=(.+)$/s.exec(value) ?? [];
    return key === undefined ? undefined : [`attribute.${key}`, text!];
  }
  return [name, isTime(name) ? timeOf(value) : value];
}

function isTime(name: string): boolean {
  return name.endsWith('_after') || name.endsWith('_before');
}

const MS_OF_UNIT = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A time that a person has given as so long ago, such as `2h`; any other text as it is. */
function timeOf(text: string): string {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return count === undefined ? text : new Date(Date.now() - Number(count) * MS_OF_UNIT[unit as keyof typeof MS_OF_UNIT]).toISOString();
}

function expectedOf({ name, expected }: FilterParameter): string {
  if (name === 'attribute.KEY') return 'a key and a value such as tenant=acme';
  return isTime(name) ? `${expected}, or 2h for two hours ago` : expected;
}
