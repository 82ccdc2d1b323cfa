/**
 * Values of environment variables. One that is absent, empty or blank is `undefined`, as OpenTelemetry's
 * specification has it; an invalid one is a `TypeError`.
 */
import { received } from '../src/failure.ts';

export function textOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const text = env[name];
  return text === undefined || text.trim() === '' ? undefined : text;
}

export function numberOf(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = textOf(env, name)?.trim();
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isNaN(value)) throw new TypeError(`${name}: expected a number, got ${received(text)}`);
  return value;
}

export function booleanOf(env: NodeJS.ProcessEnv, name: string, expected = 'true or false'): boolean | undefined {
  const text = textOf(env, name)?.trim().toLowerCase();
  if (text === undefined) return undefined;
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw new TypeError(`${name}: expected ${expected}, got ${received(text)}`);
}

export function listOf(env: NodeJS.ProcessEnv, name: string): string[] | undefined {
  const items = textOf(env, name)?.split(',').map((item) => item.trim()).filter((item) => item !== '');
  return items === undefined || items.length === 0 ? undefined : items;
}

/** Deletes the variables of taskspan that are unset in this sense, for what knows only absent ones. */
export function deleteEmpty(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) {
    if (name.startsWith('TASKSPAN_') && textOf(env, name) === undefined) delete env[name];
  }
}
