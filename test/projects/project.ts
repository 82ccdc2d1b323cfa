import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject, onTestFinished } from 'vitest';
import { startNode, startProgram } from '../support/node-process.ts';
import type { EndedProcess, TestProcess } from '../support/node-process.ts';
import { npmInstall } from './npm-install.ts';

/** Whether all versions are tried: `TASKSPAN_TEST_ALL=1`, as `.ci/all` does. Otherwise only the newest of each. */
export const ALL: boolean = process.env['TASKSPAN_TEST_ALL'] === '1';

export interface ProjectOptions {
  /** Versions of packages other than those of the project's package.json, or packages beside those. */
  readonly packages?: Readonly<Record<string, string>>;
}

export interface ProgramOptions {
  /** Where it runs. Default: the project's folder. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from standard input. */
  readonly stdin?: string;
}

/** A copy of `test/projects/NAME` in a folder of its own, with the packed package installed. It is gone after the test. */
export interface Project {
  readonly folder: string;
  /** Starts the Node.js of the test, with its flags and the program's path and arguments. The process ends with the test. */
  readonly node: (args: readonly string[], options?: ProgramOptions) => TestProcess;
  /** Starts a command of an installed package, such as `tsc`, likewise. */
  readonly command: (name: string, args: readonly string[], options?: ProgramOptions) => TestProcess;
}

/** Copies the project and installs what its package.json names, and taskspan. To be called in a test. */
export async function installed(name: string, { packages }: ProjectOptions = {}): Promise<Project> {
  const folder = await mkdtemp(join(inject('projects'), `${name}-`));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  await cp(fileURLToPath(new URL(name, import.meta.url)), folder, { recursive: true });
  const file = join(folder, 'package.json');
  const json = JSON.parse(await readFile(file, 'utf8')) as { dependencies: Record<string, string> };
  const dependencies = { ...json.dependencies, ...packages, taskspan: `file:${inject('tarball')}` };
  await writeFile(file, JSON.stringify({ ...json, dependencies }, undefined, 2));
  await npmInstall(folder);
  return {
    folder,
    node: (args, options) => startNode(args, { cwd: folder, ...options }),
    command: (command, args, options) =>
      startProgram(join(folder, 'node_modules/.bin', command), args, { cwd: folder, ...options }),
  };
}

/** Waits for a process that exits with 0; otherwise throws an error with what it printed. */
export async function passed(process: TestProcess): Promise<EndedProcess> {
  const ended = await process.ended;
  if (ended.code === 0) return ended;
  throw new Error(`the process ended with ${ended.code ?? ended.signal}:\n${ended.stdout}\n${ended.stderr}`);
}

/** The versions to try: the newest always, the older ones where all are tried. */
export function versions<T>(newest: readonly T[], older: readonly T[]): T[] {
  return ALL ? [...newest, ...older] : [...newest];
}

/** How `app.js` of the project `blocked` is run, and what it prints where its task was served, and cancelled, while it blocked. */
export const BLOCKED = {
  options: { env: { NODE: process.execPath } },
  // The page, its icon, its style and its script.
  printed: { asked: '\treported\n200 200 200 200', by: 'ada', failures: [] },
} as const;
