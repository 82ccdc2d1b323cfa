import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

/** As long as a body may be by default. */
const LONGEST = 20 * 1024 * 1024;
const HEAP_MB = 128;

/** Reads a body with so little memory that whatever holds a value for each of its bytes ends the thread. */
async function readWithin(module: string, name: string, body: Buffer): Promise<string> {
  const code = `
    const { workerData: { body, name }, parentPort } = require('node:worker_threads');
    import(${JSON.stringify(urlOf(module))}).then((readers) => {
      try {
        readers[name](Buffer.from(body.buffer, body.byteOffset, body.length));
        parentPort.postMessage('read');
      } catch (error) {
        parentPort.postMessage(error.name);
      }
    });`;
  const worker = new Worker(code, {
    eval: true,
    workerData: { body, name },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  const [result] = (await once(worker, 'message')) as [string];
  await worker.terminate();
  return result;
}

function urlOf(module: string): string {
  return new URL(`../../../../collector/otlp/receive/${module}.ts`, import.meta.url).href;
}

/** A field of Protocol Buffers that holds a message. */
function message(field: number, content: Buffer): Buffer {
  const length: number[] = [];
  for (let left = content.length; ; left = Math.floor(left / 128)) {
    length.push(left < 128 ? left : (left % 128) | 128);
    if (left < 128) return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), content]);
  }
}

const empties = (field: number): Buffer => Buffer.alloc(LONGEST - 100, Buffer.from([(field << 3) | 2, 0]));

it.each([
  ['resources', 'protobuf', 'readProtobufTraces', empties(1)],
  ['scopes', 'protobuf', 'readProtobufTraces', message(1, empties(2))],
  ['spans', 'protobuf', 'readProtobufTraces', message(1, message(2, empties(2)))],
  ['log records', 'protobuf', 'readProtobufLogs', message(1, message(2, empties(2)))],
])('millions of empty %s in Protocol Buffers are read without being held', async (_, module, name, body) => {
  await expect(readWithin(module, name, body)).resolves.toBe('read');
}, 60_000);

it.each([
  ['objects', '{},', `{"resourceSpans":[{"scopeSpans":[{"spans":[`, '{}]}]}]}'],
  ['lists', '[],', '{"unknown":[', '[]]}'],
  ['brackets', '[', '{"unknown":', ']}'],
])('millions of %s in JSON are refused without being parsed', async (_, one, before, after) => {
  const body = Buffer.from(before + one.repeat((LONGEST - 100) / one.length) + after);
  await expect(readWithin('json', 'readJsonTraces', body)).resolves.toBe('MalformedError');
}, 60_000);

it('as much OTLP as a body can hold is read, brackets in texts too', async () => {
  const attribute = '{"key":"\\"[[[[{{{{[[[[{{{{[[[[{{{{","value":{"arrayValue":{"values":[{"intValue":1},{"intValue":2}]}}},';
  const body = Buffer.from(`{"resourceSpans":[{"resource":{"attributes":[${attribute.repeat(20_000)}{}]}}]}`);
  expect(body.length).toBeGreaterThan(1024 * 1024);
  await expect(readWithin('json', 'readJsonTraces', body)).resolves.toBe('read');
}, 60_000);
