import { gzipSync } from 'node:zlib';
import type { Hono } from 'hono';
import { seedExample } from '../../record/seed-example.ts';
import { factsBody, MEDIA_TYPES, spansOf, traceBody } from './otlp-bodies.ts';
import type { Encoding } from './otlp-bodies.ts';

/** A request that was made of a valid one by a few changes. */
export interface Mutant {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Numbers from 0 to 1 that a seed gives again. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const { facts } = seedExample();

const VALID: readonly { path: string; encoding: Encoding; body: Uint8Array<ArrayBuffer> }[] = (['protobuf', 'json'] as const).flatMap((encoding) => [
  { path: '/v1/traces', encoding, body: traceBody(encoding, spansOf(facts)) },
  { path: '/v1/logs', encoding, body: factsBody(encoding, facts) },
]);

/** What stands in place of any part of JSON. */
const HOSTILE: readonly unknown[] = [
  null, true, -1, 0, 1.5, 1e308, -(2 ** 63), '', '0', '-1', '18446744073709551615', '99999999999999999999999', 'NaN', '__proto__', 'constructor',
  [], {}, [[[[]]]], [null], { __proto__: null }, { stringValue: 5 }, { intValue: '9223372036854775807' }, { doubleValue: 'Infinity' },
  { arrayValue: { values: [{ stringValue: 'a' }, {}, { arrayValue: {} }] } }, { kvlistValue: { values: [] } },
  '\u0000\u001b[31m\n\t - forged\n\tTask Finished - 9 out of 9 jobs finished', '\ud800', 'é'.repeat(70_000), 'taskspan.span', 'taskspan.facts', 'task', 'announcement',
];

/** The next of an endless row of mutants. */
export function nextMutant(random: () => number): Mutant {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const { path, encoding, body } = pick(VALID);
  const changes = 1 + Math.floor(random() * 4);
  let mutant = encoding === 'json' && random() < 0.7 ? mutatedTree(body, changes, random, pick) : mutatedBytes(body, changes, random);
  const headers: Record<string, string> = { 'Content-Type': MEDIA_TYPES[random() < 0.97 ? encoding : pick<Encoding>(['protobuf', 'json'])] };
  if (random() < 0.2) {
    headers['Content-Encoding'] = 'gzip';
    mutant = new Uint8Array(gzipSync(mutant, { level: 1 }));
    if (random() < 0.3) mutant = mutatedBytes(mutant, 1, random);
  }
  return { path: random() < 0.95 ? path : pick(['/v1/traces', '/v1/logs']), headers, body: mutant };
}

function mutatedBytes(bytes: Uint8Array, changes: number, random: () => number): Uint8Array<ArrayBuffer> {
  let mutant = Buffer.from(bytes);
  for (let change = 0; change < changes; change++) {
    const at = Math.floor(random() * mutant.length);
    const to = Math.min(mutant.length, at + 1 + Math.floor(random() * 40));
    const kind = Math.floor(random() * 7);
    if (kind === 0) mutant[at] = Math.floor(random() * 256);
    else if (kind === 1) mutant[at]! ^= 1 << Math.floor(random() * 8);
    else if (kind === 2) mutant = Buffer.concat([mutant.subarray(0, at), mutant.subarray(to)]);
    else if (kind === 3) mutant = Buffer.concat([mutant.subarray(0, to), mutant.subarray(at)]);
    else if (kind === 4) mutant = mutant.subarray(0, at);
    else if (kind === 5) mutant.fill(0xff, at, to);
    else mutant = Buffer.concat([mutant.subarray(0, at), Buffer.from(Array.from({ length: 8 }, () => Math.floor(random() * 256))), mutant.subarray(at)]);
  }
  return new Uint8Array(mutant);
}

function mutatedTree(body: Uint8Array, changes: number, random: () => number, pick: <T>(items: readonly T[]) => T): Uint8Array<ArrayBuffer> {
  const tree: unknown = JSON.parse(Buffer.from(body).toString());
  for (let change = 0; change < changes; change++) {
    let parent: unknown = tree;
    for (let depth = 1 + Math.floor(random() * 14); depth > 0; depth--) {
      const keys = Object.keys(parent as object);
      if (keys.length === 0) break;
      const key = pick(keys);
      const child = (parent as Record<string, unknown>)[key];
      if (depth > 1 && typeof child === 'object' && child !== null) {
        parent = child;
        continue;
      }
      const kind = random();
      if (kind < 0.7) (parent as Record<string, unknown>)[key] = structuredClone(pick(HOSTILE));
      else if (kind < 0.85) delete (parent as Record<string, unknown>)[key];
      else (parent as Record<string, unknown>)[pick(['__proto__x', 'unknown', 'key', 'value', 'attributes'])] = structuredClone(pick(HOSTILE));
      break;
    }
  }
  // As text: an object has no `__proto__` of its own that would be written.
  return new TextEncoder().encode(JSON.stringify(tree).replaceAll('__proto__x', '__proto__'));
}

/** What no body may be answered with. */
export function isAllowed(status: number): boolean {
  return [200, 400, 413].includes(status);
}

export async function post(app: Hono, { path, headers, body }: Mutant): Promise<Response> {
  return app.request(path, { method: 'POST', headers, body });
}
