/** Values of environment variables. One that is absent or empty is `undefined`, one that can't be meant a `TypeError`. */
import { received } from '../src/failure.ts';

export function numberOf(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = env[name]?.trim();
  if (!text) return undefined;
  const value = Number(text);
  if (Number.isNaN(value)) throw new TypeError(`${name}: expected a number, got ${received(text)}`);
  return value;
}

export function booleanOf(env: NodeJS.ProcessEnv, name: string, expected = 'true or false'): boolean | undefined {
  const text = env[name]?.trim().toLowerCase();
  if (!text) return undefined;
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw new TypeError(`${name}: expected ${expected}, got ${received(text)}`);
}

export function listOf(env: NodeJS.ProcessEnv, name: string): string[] | undefined {
  const items = env[name]?.split(',').map((item) => item.trim()).filter((item) => item !== '');
  return items === undefined || items.length === 0 ? undefined : items;
}
