import { checkKeys } from '../../src/arguments.ts';
import { OPTIONS } from './table.ts';
import type { OptionEntry, OptionName, OptionValues } from './table.ts';

/** Another source of an option, and its name in messages. */
export interface OptionContext {
  /** The environment whose variables count where the caller gives no option. Default: none does. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /**
   * The caller's name for the option or the group: `streams`, instead of `serve.streams`. Empty for a group whose members
   * are options by themselves.
   */
  readonly as?: string;
}

/**
 * The value of an option: what the caller gives, else its variable, else the default.
 *
 * @throws TypeError or RangeError for an invalid value; it names the option or the variable, what is expected and what
 *   came.
 */
export function optionValue<Name extends OptionName>(name: Name, given: unknown, context: OptionContext = {}): OptionValues[Name] {
  const entry: OptionEntry<OptionValues[Name]> = OPTIONS[name];
  const source = valueSource(name, given, context);
  if (source === undefined) return entry.default;
  if (given !== undefined) {
    entry.kind.check(source, given);
    return given as OptionValues[Name];
  }
  const kind = entry.variableKind ?? entry.kind;
  const value = kind.parse(context.env?.[source] ?? '');
  kind.check(source, value);
  return value as OptionValues[Name];
}

/** The option or the variable that has the value, for errors; `undefined` where neither has one. */
export function valueSource(name: OptionName, given: unknown, { env, as = name }: OptionContext): string | undefined {
  if (given !== undefined) return as;
  const { variable } = OPTIONS[name];
  return env !== undefined && variable !== undefined && variableText(env, variable) !== undefined ? variable : undefined;
}

/** The values of the direct members of a group, by their names in it. */
type GroupValues<Group extends string> = {
  [Name in OptionName as Name extends `${Group}.${infer Key}` ? (Key extends `${string}.${string}` ? never : Key) : never]: OptionValues[Name];
};

/** The values of all members of a group: `{ aliveMs, maxBehindBytes }`. Throws for an unknown member too. */
export function groupValues<Group extends OptionName>(group: Group, given: unknown = {}, context: OptionContext = {}): GroupValues<Group> {
  const { as = group, env } = context;
  checkKeys(as, given, membersOf(group));
  const values: Record<string, unknown> = {};
  for (const key of membersOf(group)) {
    values[key] = optionValue(`${group}.${key}` as OptionName, (given as Record<string, unknown>)[key], { env, as: memberName(as, key) });
  }
  return values as GroupValues<Group>;
}

/** The names of the members of a group; without a group, those of all options and groups at the top. */
export function membersOf(group?: OptionName): string[] {
  const prefix = group === undefined ? '' : `${group}.`;
  const names = Object.keys(OPTIONS).filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return names.filter((name) => !name.includes('.'));
}

/** The caller's name for a member of a group. */
export function memberName(group: string, key: string): string {
  return group === '' ? key : `${group}.${key}`;
}

/** The text of an environment variable. One that is empty or blank is unset, as OpenTelemetry's specification has it. */
export function variableText(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const text = env[name];
  return text === undefined || text.trim() === '' ? undefined : text;
}
