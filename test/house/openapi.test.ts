import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROUTES } from '../../collector/server/routes.ts';
import { openapiText } from '../../tools/openapi.ts';
import { REPOSITORY } from './imports.ts';

interface Operation {
  operationId: string;
  parameters?: { $ref?: string; name: string; in: string }[];
  responses: Record<string, unknown>;
}

const text = openapiText();
const api = JSON.parse(text) as { paths: Record<string, Record<string, Operation>>; components: Record<string, Record<string, unknown>> };
const operations = Object.entries(api.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));

describe('docs/openapi.json', () => {
  it('is what the routes are now; `npm run docs` renews it', () => {
    expect(readFileSync(join(REPOSITORY, 'docs/openapi.json'), 'utf8')).toBe(text);
  });

  it('has every route, and the receiver\'s', () => {
    expect(operations.map(({ operation }) => operation.operationId)).toEqual([...Object.keys(ROUTES), 'receiveTraces', 'receiveLogs', 'receiveMetrics'].toSorted(byPathOf));
  });

  it('has what each reference names, and names each schema', () => {
    const found = [...text.matchAll(/"\$ref": "#\/components\/(\w+)\/([^"]+)"/g)];
    expect(found.length).toBeGreaterThan(100);
    expect(found.filter(([, kind, name]) => api.components[kind!]?.[name!] === undefined)).toEqual([]);
    const named = new Set(found.map(([, kind, name]) => `${kind}/${name}`));
    expect(Object.keys(api.components['schemas']!).filter((name) => !named.has(`schemas/${name}`))).toEqual([]);
  });

  it('has the parameters of each path, and no name twice in an operation', () => {
    for (const { path, operation: { parameters = [] } } of operations) {
      const names = parameters.map(({ $ref, name, in: where }) => $ref ?? `${where} ${name}`);
      expect(new Set(names).size).toBe(names.length);
      expect(names.filter((name) => name.startsWith('path '))).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => `path ${name}`));
    }
  });
});

/** The order of the operations in the file: by the first route of each path. */
function byPathOf(one: string, other: string): number {
  const place = (name: string): number => operations.findIndex(({ operation }) => operation.operationId === name);
  return place(one) - place(other);
}
