import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { startNode, temporaryFolder } from '../support/node-process.ts';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
/** `using` came with Node.js 24. */
const hasUsing = 'SuppressedError' in globalThis;

const PRINTS: Readonly<Record<string, RegExp>> = {
  'import-customers.ts': /^3 customers imported\n[^]*state: 'completed'/,
  'mount-in-hono.ts': /^200 \t3 invoices sent\n\tTask Finished\n/,
  'own-provider.ts': /^\t - Delete old sessions\n\t12 sessions deleted\n\t\tSuccessfully completed\n/,
  'seed.ts': /\tTask Finished - 3 out of 4 jobs finished\nThe caller gets RangeError: division by zero\n$/,
  'using.ts': /^\t - Shrink\n\tShrank a photo\n[^]*The caller gets RangeError: there is no photo\n$/,
};

it('each example is here', () => {
  expect(readdirSync(examples).filter((name) => name.endsWith('.ts') && name !== 'from-source.ts')).toEqual(Object.keys(PRINTS));
});

for (const [name, prints] of Object.entries(PRINTS)) {
  const needsUsing = /^\s*(?:await )?using /m.test(readFileSync(examples + name, 'utf8'));
  it.skipIf(needsUsing && !hasUsing)(`examples/${name} runs and ends by itself`, async () => {
    const args = ['--disable-warning=ExperimentalWarning', '--import', `${examples}from-source.ts`, examples + name];
    const { code, stdout, stderr } = await startNode(args, { cwd: await temporaryFolder() }).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(prints);
  });
}
