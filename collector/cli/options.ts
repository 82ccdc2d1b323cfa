import { Argument, InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { isTaskUuid } from '../../src/task-uuid.ts';
import { isLoopbackAddress } from '../server/host-names.ts';
import { optionValue, variableText } from '../options/read.ts';
import { OPTIONS } from '../options/table.ts';
import type { OptionEntry, OptionName, OptionValues } from '../options/table.ts';
import { UsageError } from './exit-codes.ts';

/** Options and arguments that more than one subcommand has. Variables, defaults and checks are those of the table of options. */

const DEFAULT_HOST = OPTIONS['serve.host'].default;
const DEFAULT_PORT = OPTIONS['serve.port'].default;
/** The file that has the tasks where nothing else is named. */
export const DEFAULT_STORE: string = OPTIONS.store.default;

/** An option of the command that the table has too: with its variable and its check, without its default. */
export function tableOption(name: OptionName, flags: string, description: string): Option {
  return new Option(flags, description).env(variableOf(name)).argParser(parserOf(name));
}

interface SourceOptions {
  readonly url?: string;
  readonly store?: string;
}

/**
 * Names the source of a command's tasks: a server by its base URL, which ends before `/tasks`, a SQLite file by its path,
 * or the usual one, which is the server at the usual URL if it answers, else the usual file.
 */
export type SourceName = { readonly url: string } | { readonly store: string } | { readonly usualUrl: string };

/** Adds `--url` and `--store` to a command that reads tasks. {@link sourceOf} reads them. */
export function addSourceOptions(command: Command): Command {
  return command
    .addOption(new Option('-u, --url <url>', 'server that has the tasks').env('TASKSPAN_URL').argParser(parseUrl))
    .addOption(tableOption('store', '-s, --store <path>', 'SQLite file that has them'))
    .addHelpText(
      'after',
      `
Without --url and --store: the server at http://${DEFAULT_HOST}:${DEFAULT_PORT} (TASKSPAN_HOST, TASKSPAN_PORT)
if one answers there, else the file ${DEFAULT_STORE}.`,
    );
}

/** The source that a command line names. An option overrides a variable, and a task's own URL overrides both. */
export function sourceOf(command: Command, task?: TaskArgument): SourceName {
  if (task?.url !== undefined) return { url: task.url };
  const { url, store } = command.opts<SourceOptions>();
  const isGiven = (name: keyof SourceOptions): boolean => command.getOptionValueSource(name) === 'cli';
  if (isGiven('url') && isGiven('store')) command.error("error: expected '--url' or '--store', got both");
  if (store !== undefined && (url === undefined || isGiven('store'))) return { store };
  return url === undefined ? { usualUrl: usualUrl(command) } : { url };
}

/** The URL at which `taskspan serve` serves with the same environment. */
function usualUrl(command: Command): string {
  const host = variable(command, variableOf('serve.host'), parseHost) ?? DEFAULT_HOST;
  const port = variable(command, variableOf('serve.port'), parserOf('serve.port')) ?? DEFAULT_PORT;
  // A server that listens on every address is reached by the loopback one.
  const name = new Map([['0.0.0.0', DEFAULT_HOST], ['::', '::1'], ['[::]', '::1']]).get(host) ?? host;
  return `http://${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${port}`;
}

/** A variable that belongs to no option of the command, checked and reported as commander does for those that do. */
function variable<T>(command: Command, name: string, parse: (value: string) => T): T | undefined {
  const value = variableText(process.env, name);
  if (value === undefined) return undefined;
  try {
    return parse(value);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return command.error(`error: value '${value}' from env '${name}' is invalid. ${error.message}`);
  }
}

/** A task as a person names it. */
export interface TaskArgument {
  /** Its UUID, the beginning of its UUID, or `latest`. */
  readonly name: string;
  /** Its server, where it was named by its URL. */
  readonly url?: string;
}

export function taskArgument(): Argument {
  return new Argument('<task>', 'UUID of the task or its beginning, its URL, or `latest`: the one that was stored last').argParser(parseTask);
}

export function tasksArgument(): Argument {
  const add = (value: string, before: readonly TaskArgument[] | undefined): TaskArgument[] => [...(before ?? []), parseTask(value)];
  return new Argument('<tasks...>', 'UUIDs of the tasks or their beginnings, their URLs, or `latest`').argParser(add);
}

/** For how long `tail` tries to reach its server again. */
export const DEFAULT_TIMEOUT_MS: number = 5 * 60_000;

const MS_OF_UNIT = { s: 1000, m: 60_000, h: 3_600_000 } as const;

/** A time in milliseconds; `Infinity` for 0. */
export function parseDuration(value: string): number {
  const [, count = '', unit = 's'] = /^(\d{1,6})([smh])?$/.exec(value) ?? [];
  if (count === '') throw new InvalidArgumentError('Expected a time such as 30s, 5m or 1h, or 0 for no limit.');
  return Number(count) * MS_OF_UNIT[unit as keyof typeof MS_OF_UNIT] || Infinity;
}

/** A whole number from `least` on. */
export function parseCount(least: number): (value: string) => number {
  return (value) => {
    const count = Number(value);
    if (/^\d{1,15}$/.test(value) && count >= least) return count;
    throw new InvalidArgumentError(`Expected a whole number from ${least} on.`);
  };
}

export function parseName(value: string): string {
  if (value.trim() !== '') return value;
  throw new InvalidArgumentError('Expected a name.');
}

export function parseUuid(value: string): string {
  if (isTaskUuid(value)) return value.toLowerCase();
  throw new InvalidArgumentError('Expected a UUID.');
}

/** The beginning of a UUID. A shorter one would match too many. */
const PREFIX = /^[0-9a-f]{4}[0-9a-f-]{0,31}$/i;

function parseTask(value: string): TaskArgument {
  if (isTaskUuid(value) || PREFIX.test(value) || value === 'latest') return { name: value.toLowerCase() };
  const [, url, uuid] = /^(https?:\/\/[^?#]*)\/tasks\/([^/?#]+)$/.exec(value) ?? [];
  if (url !== undefined && URL.canParse(url) && isTaskUuid(uuid)) return { url, name: uuid.toLowerCase() };
  throw new InvalidArgumentError('Expected a UUID or at least 4 characters of its beginning, a URL such as http://127.0.0.1:4320/tasks/UUID, or latest.');
}

function parseUrl(value: string): string {
  if (/^https?:\/\//.test(value) && URL.canParse(value)) {
    const { search, hash } = new URL(value);
    if (search === '' && hash === '') return value.replace(/\/+$/, '');
  }
  throw new InvalidArgumentError(`Expected a URL such as http://${DEFAULT_HOST}:${DEFAULT_PORT}, without what begins at /tasks.`);
}

export function parseHost(value: string): string {
  if (value === 'localhost' || value === '::1' || value === '[::1]' || isLoopbackAddress(value)) return value;
  if (accessToken() === undefined && !optionValue('serve.access.guarded', undefined, { env: process.env })) {
    throw new InvalidArgumentError(
      'Expected a loopback address such as 127.0.0.1; any other needs a token: set TASKSPAN_TOKEN. Behind a proxy that decides who may ask, set TASKSPAN_GUARDED=true.',
    );
  }
  if (/^[^\s/?#@]+$/.test(value)) return value;
  throw new InvalidArgumentError('Expected an address such as 0.0.0.0, or a host name.');
}

function variableOf(name: OptionName): string {
  return OPTIONS[name].variable ?? '';
}

/** Makes a parser for commander of an option of the table. */
export function parserOf<Name extends OptionName>(name: Name): (text: string) => OptionValues[Name] {
  const entry: OptionEntry = OPTIONS[name];
  const kind = entry.variableKind ?? entry.kind;
  return (text) => {
    const value = kind.parse(text);
    try {
      kind.check(name, value);
    } catch {
      throw new InvalidArgumentError(`Expected ${kind.expected}.`);
    }
    return value as OptionValues[Name];
  };
}

/**
 * The token of `TASKSPAN_TOKEN`, if there is one. It has no option, since all users of a machine see the command lines of
 * its programs.
 *
 * Throws a {@link UsageError} for an invalid token.
 */
export function accessToken(): string | undefined {
  try {
    return optionValue('serve.token', undefined, { env: process.env });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
