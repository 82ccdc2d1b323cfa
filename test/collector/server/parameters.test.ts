import { describe, expect, test } from 'vitest';
import type { Parameter, ParameterValue } from '../../../collector/server/parameters.ts';
import { ROUTES } from '../../../collector/server/routes.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { factsOf, uuidOf } from '../store/stored-task.ts';

const UUID = uuidOf(1);

interface Case {
  readonly path: string;
  readonly method: string;
  readonly parameters: readonly Parameter[];
  readonly parameter: Parameter;
}

/** Every route whose parameters count. */
const CHECKED = Object.values(ROUTES)
  .filter(({ right }) => right !== 'open' && right !== 'public')
  .map(({ path, method, parameters = [] }) => ({ path: path.replace(':uuid', UUID).replace(/:\w+/, 'w').replace(/:\w+/, '1'), method, parameters }));

const PARAMETERS: Case[] = CHECKED.flatMap((route) => route.parameters.map((parameter) => ({ ...route, parameter })));

/** A query with a parameter, and with the one that it needs. */
function queryOf({ name, needs }: Parameter, parameters: readonly Parameter[], value: string): string {
  const needed = parameters.find((each) => each.name === needs);
  return `${needed === undefined ? '' : `${needed.name}=${encodeURIComponent(needed.example)}&`}${name}=${encodeURIComponent(value)}`;
}

const store = memoryStore();
await store.append(factsOf(UUID));
const metrics = { watchers: { inc: () => undefined, dec: () => undefined }, contentType: 'text/plain', text: () => Promise.resolve('') };
const app = createTasksApp({ store, metrics, listen: false });

/** No request of these tests changes anything. */
async function answerTo(path: string, method = 'GET'): Promise<{ status: number; detail?: string }> {
  const response = await app.request(path, { method });
  if (response.ok) {
    await response.body?.cancel();
    return { status: response.status };
  }
  return { status: response.status, detail: ((await response.json()) as { detail: string }).detail };
}

describe('a parameter', () => {
  test.each(PARAMETERS)('of $method $path, $parameter.name, is taken', async ({ path, method, parameters, parameter }) => {
    const { status } = await answerTo(`${path}?${queryOf(parameter, parameters, parameter.example)}`, method);
    // A task that has ended can't be cancelled.
    expect(method === 'GET' ? [200] : [202, 204, 409]).toContain(status);
  });

  test.each(PARAMETERS)('of $method $path, $parameter.name, may be given twice only if it repeats', async ({ path, method, parameter }) => {
    const { name, example, repeats = false } = parameter;
    const query = `${name}=${encodeURIComponent(example)}`;
    const { status, detail } = await answerTo(`${path}?${query}&${query}`, method);
    if (repeats) expect(status).toBe(200);
    else expect({ status, detail }).toEqual({ status: 400, detail: `${name}: expected one value, got 2` });
  });

  test.each(PARAMETERS)('of $method $path, $parameter.name, without a value is a 400 that has what was expected', async ({ path, method, parameters, parameter }) => {
    const { name, value } = parameter;
    if (value.kind === 'text' && value.mayBeEmpty === true) return;
    for (const query of [queryOf(parameter, parameters, ''), queryOf(parameter, parameters, '').slice(0, -1)]) {
      const { status, detail } = await answerTo(`${path}?${query}`, method);
      expect(status).toBe(400);
      expect(detail).toMatch(new RegExp(`^${name}: expected .+, got ""$`));
    }
  });

  test.each(PARAMETERS)('of $method $path, $parameter.name, is refused outside its values', async ({ path, method, parameters, parameter }) => {
    const { name, value } = parameter;
    for (const invalid of invalidValues(value)) {
      const { status, detail } = await answerTo(`${path}?${queryOf(parameter, parameters, invalid)}`, method);
      expect([invalid, status]).toEqual([invalid, 400]);
      expect(detail).toMatch(new RegExp(`^${name}: expected `));
    }
  });

  test.each(CHECKED)('that $method $path does not have is a 400 that names those that it has', async ({ path, method, parameters }) => {
    for (const name of ['colour', 'Limit', '__proto__', 'constructor', 'attribute.', 'attribut']) {
      const { status, detail } = await answerTo(`${path}?${name}=x`, method);
      expect([name, status]).toEqual([name, 400]);
      expect(detail).toMatch(new RegExp(`^"${name}": expected (one of .+|no parameters here)$`));
      for (const known of parameters) expect(detail).toContain(known.name);
    }
  });

  test.each(['/healthz', '/readyz'])('of a health check, %s, may be any', async (path) => {
    expect(await answerTo(`${path}?verbose=&verbose`)).toEqual({ status: 200 });
  });
});

/** Some values just outside those that a parameter may have. */
function invalidValues(value: ParameterValue): string[] {
  if (value.kind === 'integer') {
    const { least, most } = value;
    return ['x', '1.5', ...(least === undefined ? [] : [String(least - 1)]), ...(most === undefined ? [] : [String(most + 1)])];
  }
  if (value.kind === 'choice') return ['x', `${value.values[0]!}x`, value.values.join('')];
  const { pattern, longest } = value;
  return [...(pattern === undefined ? [] : ['*', '\u0000']), ...(longest === undefined ? [] : ['x'.repeat(longest + 1)])];
}
