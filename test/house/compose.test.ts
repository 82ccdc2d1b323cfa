import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cleanEnv } from '../support/node-process.ts';
import { REPOSITORY } from './imports.ts';

const read = (file: string): string => readFileSync(join(REPOSITORY, file), 'utf8');
const compose = read('compose.yaml');

/** How Compose is called here: as a plugin or by itself; `undefined` where there is none. It needs no engine to read a file. */
const [command, ...before] =
  [['docker', 'compose'], ['docker-compose']].find(([name = '', ...args]) => spawnSync(name, [...args, 'version']).status === 0) ?? [];

describe('compose.yaml', () => {
  it('publishes loopback ports alone', () => {
    const published = [...compose.matchAll(/^ {6}- (\S+:\d+)$/gm)].map(([, port]) => port);
    expect(published).toEqual(['127.0.0.1:4317:4317', '127.0.0.1:4318:4318', '127.0.0.1:16686:16686', '127.0.0.1:4320:4320']);
  });

  it('sets what the configurations read', () => {
    const known = read('otel-collector.yaml') + read('examples/jaeger/jaeger.yaml') + read('docs/options.md');
    const names = [...compose.matchAll(/^ {6}([A-Z_]+): /gm)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !known.includes(name) && name !== 'OTEL_TRACES_SAMPLER')).toEqual([]);
  });

  it('has the versions that are tried', () => {
    const [, version] = /^ {2}version: (\S+)$/m.exec(read('test/peers/collector/manifest.yaml'))!;
    expect(compose).toContain(`opentelemetry-collector-contrib:${version}\n`);
    const node = `FROM node:${read('.node-version').trim().slice(1)}-slim`;
    expect(read('Dockerfile').match(/^FROM .*/gm)).toEqual([`${node} AS build`, node]);
  });

  const how = 'that Compose understands compose.yaml is not tried: there is neither "docker compose" nor "docker-compose"';
  if (command === undefined && process.env['CI']) throw new Error(how);
  if (command === undefined) process.stderr.write(`skipped: ${how}\n`);

  it.skipIf(command === undefined)('is understood by Compose, and asks for a token', () => {
    // What reads `.env` beside the file must not find one here.
    const elsewhere = mkdtempSync(join(tmpdir(), 'taskspan-'));
    onTestFinished(() => rmSync(elsewhere, { recursive: true, force: true }));
    const config = (env: Record<string, string>) =>
      spawnSync(command!, [...before, '--file', join(REPOSITORY, 'compose.yaml'), '--project-directory', elsewhere, 'config'], {
        env: { ...cleanEnv(), ...env },
        encoding: 'utf8',
      });
    const { status, stdout, stderr } = config({ TASKSPAN_TOKEN: 'a-token-of-this-test' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.match(/^ {6}TASKSPAN_TOKEN: .*/gm)).toEqual(Array(2).fill('      TASKSPAN_TOKEN: a-token-of-this-test'));
    const without = config({});
    expect(without.status).not.toBe(0);
    expect(without.stderr).toContain('set it to 16 characters or more');
  });
});
