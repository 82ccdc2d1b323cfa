import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cyclesOf, filesIn, importsIn, importsOf, REPOSITORY } from './imports.ts';
import type { Import } from './imports.ts';

/**
 * The arrows of the layout: which room may import which, and which packages. The
 * reasons are in `docs/decisions/0008-arrows.md`. A new folder needs a row here.
 */
const ROOMS: Readonly<Record<string, { readonly rooms: readonly string[]; readonly packages: readonly string[] }>> = {
  'collector/async': { rooms: ['src'], packages: [] },
  src: { rooms: ['src/client'], packages: ['@opentelemetry/api', 'node:async_hooks'] },
  'src/bullmq': { rooms: ['src'], packages: ['@opentelemetry/api', 'node:crypto'] },
  'src/client': { rooms: ['src'], packages: ['@opentelemetry/api', 'react'] },
  'collector/options': { rooms: ['src', 'collector/async'], packages: ['@opentelemetry/sdk-trace-node'] },
  'collector/facts': { rooms: ['src'], packages: ['@opentelemetry/api'] },
  'collector/record': { rooms: ['src'], packages: ['@opentelemetry/api'] },
  'collector/capture': { rooms: ['src', 'collector/async', 'collector/facts'], packages: ['@opentelemetry/api'] },
  'collector/store': { rooms: ['src', 'collector/async', 'collector/options', 'collector/record'], packages: ['@opentelemetry/api', 'node:*'] },
  'collector/otlp': {
    rooms: ['src', 'src/bullmq', 'collector/async', 'collector/options', 'collector/facts', 'collector/record', 'collector/store'],
    packages: ['@opentelemetry/api', '@opentelemetry/core', 'hono', 'node:*', 'pbf'],
  },
  'collector/server': {
    rooms: ['src', 'src/client', 'collector/async', 'collector/options', 'collector/record', 'collector/store'],
    packages: ['@opentelemetry/api', '@hono/node-server', 'hono', 'node:*', 'prom-client'],
  },
  'collector/export': {
    rooms: ['src', 'collector/async', 'collector/options', 'collector/record'],
    packages: ['@opentelemetry/*', 'node:*'],
  },
  'collector/runtime': {
    rooms: ['src', 'collector/async', 'collector/options', 'collector/record', 'collector/capture', 'collector/store', 'collector/otlp', 'collector/server'],
    packages: ['@opentelemetry/api', '@opentelemetry/core', 'node:*'],
  },
  collector: {
    rooms: [
      'src',
      'collector/async',
      'collector/options',
      'collector/capture',
      'collector/export',
      'collector/otlp',
      'collector/record',
      'collector/runtime',
      'collector/server',
      'collector/store',
    ],
    packages: ['@opentelemetry/*', 'node:*'],
  },
  'collector/cli': {
    rooms: ['src', 'src/client', 'collector', 'collector/options', 'collector/record', 'collector/server', 'collector/store'],
    packages: ['cli-truncate', 'commander', 'eventsource-parser', 'node:*', 'string-width'],
  },
};

/** Packages that the build copies into the module that imports them. */
const COPIED = ['@hono/node-server'];

const imports = importsOf('src', 'collector');

describe('the arrows between the rooms', () => {
  it('have a rule for each folder, and a folder for each rule', () => {
    const rooms = new Set(['src', 'collector'].flatMap(filesIn).map(roomOf));
    expect([...rooms].toSorted()).toEqual(Object.keys(ROOMS).toSorted());
  });

  for (const [room, rule] of Object.entries(ROOMS)) {
    it(`${room} imports only ${rule.rooms.join(', ') || 'itself'}`, () => {
      const foreign = imports.filter(({ from, to }) => roomOf(from) === room && isFile(to) && roomOf(to) !== room);
      expect(shown(foreign.filter(({ to }) => !rule.rooms.includes(roomOf(to))))).toEqual([]);
    });

    it(`${room} uses only ${rule.packages.join(', ')}`, () => {
      const foreign = imports.filter(({ from, to }) => roomOf(from) === room && !isFile(to));
      expect(shown(foreign.filter(({ to }) => !rule.packages.some((name) => isOf(to, name))))).toEqual([]);
    });
  }

  it('give options, facts and record nothing of OpenTelemetry but types', () => {
    const pure = imports.filter(({ from }) => ['collector/options', 'collector/facts', 'collector/record'].includes(roomOf(from)));
    expect(shown(pure.filter(({ to, typeOnly }) => !isFile(to) && !typeOnly))).toEqual([]);
  });

  it('give front ends nothing of src and of OpenTelemetry but types', () => {
    const front = imports.filter(({ from, to }) => roomOf(from) === 'src/client' && roomOf(to) !== 'src/client');
    expect(shown(front.filter(({ to, typeOnly }) => to !== 'react' && !typeOnly))).toEqual([]);
    expect(shown(front.filter(({ from, to }) => to === 'react' && from !== 'src/client/react.ts'))).toEqual([]);
  });

  it('let the app know no backend of the store', () => {
    const stores = imports.filter(({ from, to }) => roomOf(from) === 'collector/server' && roomOf(to) === 'collector/store');
    expect(stores.length).toBeGreaterThan(0);
    const known = ['task-store', 'committer', 'heartbeat'].map((name) => `collector/store/${name}.ts`);
    expect(shown(stores.filter(({ to }) => !known.includes(to)))).toEqual([]);
  });

  it('keep SQLite in the store, and threads in the runtime and the receiver', () => {
    const users = (name: string): string[] => [...new Set(imports.filter(({ to }) => to === name).map(({ from }) => roomOf(from)))];
    expect(users('node:sqlite')).toEqual(['collector/store']);
    expect(users('node:worker_threads')).toEqual(['collector/otlp', 'collector/runtime']);
  });

  it('import nothing of SQLite but types: where it is missing, `sqlite()` names what is needed', () => {
    expect(shown(imports.filter(({ to, typeOnly }) => to === 'node:sqlite' && !typeOnly))).toEqual([]);
  });

  it('let one file of the app import its server: the file that the build completes', () => {
    const users = imports.filter(({ to }) => packageOf(to) === '@hono/node-server').map(({ from }) => from);
    expect(users).toEqual(['collector/server/node-listener.ts']);
  });

  it('lead to files that exist', () => {
    const files = new Set(['src', 'collector'].flatMap(filesIn));
    expect(shown(imports.filter(({ to }) => isFile(to) && !files.has(to)))).toEqual([]);
  });
});

describe('files', () => {
  it('import each other in no circle, types included', () => {
    expect(cyclesOf(imports)).toEqual([]);
  });
});

describe('package.json', () => {
  type Ranges = Readonly<Record<string, string>>;
  const { dependencies, devDependencies, peerDependencies } = JSON.parse(
    readFileSync(join(REPOSITORY, 'package.json'), 'utf8'),
  ) as Readonly<Record<'dependencies' | 'devDependencies' | 'peerDependencies', Ranges>>;

  it('names each package that is imported as a dependency, and no other', () => {
    const packages = imports.filter(({ to }) => !isFile(to) && !to.startsWith('node:')).map(({ to }) => packageOf(to));
    expect([...new Set(packages)].toSorted()).toEqual(
      [...Object.keys(dependencies), ...Object.keys(peerDependencies), ...COPIED].toSorted(),
    );
  });

  it('pins what the build copies into the package', () => {
    for (const name of COPIED) expect(devDependencies[name]).toMatch(/^\d+\.\d+\.\d+$/);
  });

  // A peer that is a dev dependency too would be missing in the image: `npm prune --omit=dev` removes it.
  it('has Hono as a peer alone, whose version the lock file pins', () => {
    expect(peerDependencies).toHaveProperty('hono');
    expect({ ...dependencies, ...devDependencies }).not.toHaveProperty('hono');
  });

  it('lets applications choose the versions of what they have too', () => {
    expect({ ...dependencies, ...peerDependencies }).toMatchObject({
      '@opentelemetry/api': '^1.9.0',
      '@opentelemetry/core': '^2.0.0',
      '@opentelemetry/exporter-trace-otlp-http': '>=0.200.0 <0.300.0',
      '@opentelemetry/exporter-trace-otlp-proto': '>=0.200.0 <0.300.0',
      '@opentelemetry/resources': '^2.0.0',
      '@opentelemetry/sdk-trace-node': '^2.0.0',
      hono: '^4.0.0',
      'prom-client': expect.stringMatching(/^\^/),
    });
  });
});

describe('importsIn', () => {
  const found = (source: string): [string, boolean][] =>
    importsIn('collector/app/a.ts', source).map(({ to, typeOnly }) => [to, typeOnly]);

  it('finds imports and exports of values and of types, on one line and on many', () => {
    expect(
      found(`import { b } from './b.ts';
import type { C } from '../c.ts';
import { type D, d } from '../../src/d.ts';
import {
  e,
} from 'hono/e';
import 'node:f';
export { g } from './g.ts';
export type {
  H,
} from './h.ts';
export * from './i.ts';
const j = await import('./j.ts');
`),
    ).toEqual([
      ['collector/app/b.ts', false],
      ['collector/c.ts', true],
      ['src/d.ts', false],
      ['hono/e', false],
      ['node:f', false],
      ['collector/app/g.ts', false],
      ['collector/app/h.ts', true],
      ['collector/app/i.ts', false],
      ['collector/app/j.ts', false],
    ]);
  });

  it('takes neither comments nor exports of the file itself for imports', () => {
    expect(
      found(`/** import { a } from './a.ts'; */
/*
import { b } from './b.ts';
*/
export const range = '*/*';
export function from(): string { return 'c'; }
`),
    ).toEqual([]);
  });

  it('is followed around circles of any length', () => {
    const arrows = (...pairs: string[]): Import[] =>
      pairs.map((pair) => ({ from: pair[0] ?? '', to: pair[1] ?? '', typeOnly: false }));
    expect(cyclesOf(arrows('ab', 'bc', 'cd'))).toEqual([]);
    expect(cyclesOf(arrows('aa', 'bc', 'cd', 'db', 'de'))).toEqual([['a'], ['b', 'c', 'd']]);
  });
});

/** The room of the repository that a file belongs to: its folder, without those inside a room. The bottom of `collector/` is a room too. */
function roomOf(file: string): string {
  if (file === 'collector/async.ts' || file === 'collector/timers.ts') return 'collector/async';
  const [top = '', folder] = file.split('/').slice(0, -1);
  return folder === undefined ? top : `${top}/${folder}`;
}

function isFile(name: string): boolean {
  return name.startsWith('src/') || name.startsWith('collector/');
}

function isOf(name: string, allowed: string): boolean {
  return allowed.endsWith('*') ? name.startsWith(allowed.slice(0, -1)) : name === allowed || name.startsWith(`${allowed}/`);
}

function packageOf(name: string): string {
  return name.split('/', name.startsWith('@') ? 2 : 1).join('/');
}

function shown(wrong: readonly Import[]): string[] {
  return wrong.map(({ from, to }) => `${from} imports ${to}`);
}
