import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readContent } from '../../examples/demo/file-content.ts';
import { temporaryFolder } from '../support/node-process.ts';

describe('the content of a file', () => {
  it.each([
    { content: '', lines: 0 },
    { content: '\n', lines: 1 },
    { content: 'no line feed at the end', lines: 1 },
    { content: 'one\ntwo\n', lines: 2 },
    { content: 'one\ntwo\nthree', lines: 3 },
    { content: 'one\r\ntwo\r\n', lines: 2 },
  ])('$content has $lines lines', async ({ content, lines }) => {
    expect(await read(content)).toMatchObject({ bytes: Buffer.byteLength(content), lines });
  });

  it('is the same however small the pieces are in which it is read', async () => {
    const content = 'ä line\n'.repeat(1000);
    const whole = await read(content, 1 << 20);
    expect(whole).toMatchObject({ bytes: 8000, lines: 1000, hash: createHash('sha256').update(content).digest('hex') });
    expect(await read(content, 1)).toEqual(whole);
    expect(await read(content, 333)).toEqual(whole);
  });

  it('has no lines where its first 8 KiB have a NUL', async () => {
    const text = 'line\n'.repeat(2000);
    const nulAt = (at: number): string => `${text.slice(0, at)}\0${text.slice(at)}`;
    expect((await read(nulAt(0))).lines).toBeUndefined();
    expect((await read(nulAt(8191), 1000)).lines).toBeUndefined();
    expect((await read(nulAt(8192), 1000)).lines).toBe(2000);
  });

  it('reports how far it has been read', async () => {
    const path = join(await temporaryFolder(), 'file');
    await writeFile(path, Buffer.alloc(2500));
    const counts: number[] = [];
    await readContent(path, { buffer: Buffer.alloc(1000), hash: false, onRead: (bytes) => counts.push(bytes) });
    expect(counts).toEqual([1000, 2000, 2500]);
  });

  it('ends where the file ended when it was opened, though it grows', async () => {
    const path = join(await temporaryFolder(), 'file');
    await writeFile(path, '12345\n'.repeat(100));
    const content = await readContent(path, {
      buffer: Buffer.alloc(100),
      hash: false,
      onRead: () => appendFileSync(path, 'more\n'),
    });
    expect(content).toMatchObject({ bytes: 600, lines: 100 });
  });

  it('is not read through a link that took the file’s place', async () => {
    const folder = await temporaryFolder();
    await symlink('/etc/hostname', join(folder, 'link'));
    await expect(readContent(join(folder, 'link'), { buffer: Buffer.alloc(10), hash: false })).rejects.toMatchObject({ code: 'ELOOP' });
  });

  it('is not waited for where a pipe or a folder took the file’s place', async () => {
    const folder = await temporaryFolder();
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const options = { buffer: Buffer.alloc(10), hash: false };
    await expect(readContent(join(folder, 'pipe'), options)).rejects.toThrow('not a regular file any more');
    await expect(readContent(folder, options)).rejects.toThrow('not a regular file any more');
  });
});

async function read(content: string, pieceBytes = 64) {
  const path = join(await temporaryFolder(), 'file');
  await writeFile(path, content);
  return readContent(path, { buffer: Buffer.alloc(pieceBytes), hash: true });
}
