import { execFile } from 'node:child_process';
import { cp, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cleanEnv } from './node-process.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

export interface Packed {
  /** The path of the tarball. */
  readonly tarball: string;
  /** The files in it, from the package's folder. */
  readonly files: readonly string[];
}

/** Builds and packs the package in this empty folder, from a copy: the build clears `dist`, which other processes may be using. */
export async function packInto(folder: string): Promise<Packed> {
  await cp(REPOSITORY, folder, { recursive: true, filter: (path) => !isLeftOut(relative(REPOSITORY, path)) });
  await symlink(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'), 'junction');
  const env = { ...cleanEnv(), npm_config_update_notifier: 'false' };
  const { stdout } = await promisify(execFile)('npm', ['pack', '--json', '--silent'], { cwd: folder, env });
  const { filename, files } = packageIn(stdout);
  return { tarball: join(folder, filename), files: files.map(({ path }) => path) };
}

function isLeftOut(path: string): boolean {
  return /^(?:\.git|\.ci|node_modules|dist|build|coverage|test|bench)(?:[/\\]|$)|\.(?:sqlite(?:-\w+)?|tgz)$/.test(path);
}

interface ListedPackage {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** npm 11 gives a list of packages, npm 12 an object by their names; what the scripts print stands before. */
function packageIn(stdout: string): ListedPackage {
  const json = JSON.parse(stdout.slice(stdout.search(/^[[{]/m))) as ListedPackage[] | Record<string, ListedPackage>;
  const [first] = Object.values(json);
  if (first === undefined) throw new Error(`npm pack made nothing: ${stdout}`);
  return first;
}
