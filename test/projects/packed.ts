import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { packInto } from '../support/pack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of the package's tarball. */
    tarball: string;
    /** The files in it, from the package's folder. */
    packedFiles: readonly string[];
    /** Where the installed copies of the projects stand. */
    projects: string;
  }
}

/** Packs the package, once for all projects. Everything that the run made is gone after it. */
export default async function setup(vitest: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'taskspan-projects-'));
  const [build, projects] = [join(folder, 'build'), join(folder, 'projects')];
  await Promise.all([mkdir(build), mkdir(projects)]);
  const { tarball, files } = await packInto(build);
  vitest.provide('tarball', tarball);
  vitest.provide('packedFiles', files);
  vitest.provide('projects', projects);
  return () => rm(folder, { recursive: true, force: true, maxRetries: 10 });
}
