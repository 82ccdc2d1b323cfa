import { brotliCompressSync } from 'node:zlib';
import { build } from 'rolldown';
import { expect, test } from 'vitest';

/** Bytes of an entry of the package with all that it imports, minified and compressed, as a bundler makes it for a page. */
async function weightOf(entry: string): Promise<number> {
  const { output } = await build({
    input: `src/client/${entry}.ts`,
    external: ['react'],
    platform: 'browser',
    output: { format: 'es', minify: true, comments: false, codeSplitting: false },
    write: false,
    logLevel: 'silent',
  });
  expect(output.length).toBe(1);
  return brotliCompressSync(output[0].code).length;
}

test('taskspan/client is at most 2 kB, and the hooks are at most 0.7 kB more', async () => {
  const [client, react] = await Promise.all(['index', 'react'].map(weightOf));
  expect(client).toBeLessThanOrEqual(2048);
  expect(react).toBeLessThanOrEqual(client! + 700);
});
