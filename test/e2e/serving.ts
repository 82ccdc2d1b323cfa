/** A real `taskspan serve`, for tests that send to it. */
import { expect } from 'vitest';
import type { TaskRecord } from '../../collector/index.ts';
import { startCommand } from '../support/node-process.ts';

export interface Serving {
  /** Base URL, without `/tasks`. */
  readonly url: string;
  /** What is served of a task now; `undefined` if it is not known. */
  readonly record: (uuid: string) => Promise<TaskRecord | undefined>;
  /** The record once it has these fields. */
  readonly recordWith: (uuid: string, fields: Partial<Record<keyof TaskRecord, unknown>>) => Promise<TaskRecord>;
  /** All tasks, by name. */
  readonly names: () => Promise<string[]>;
}

/** Starts a server with its store in a folder, on any free port if none is given. It ends with the test. */
export async function startServing(folder: string, port = 0): Promise<Serving> {
  const server = startCommand(['serve', '--port', String(port), '--store', 'served.sqlite'], { cwd: folder });
  const [, url = ''] = await server.printed(/Tasks are served on (\S+)\/tasks /);
  const record = async (uuid: string): Promise<TaskRecord | undefined> => {
    const response = await fetch(`${url}/tasks/${uuid}`, { headers: { Accept: 'application/json' } });
    if (response.ok) return (await response.json()) as TaskRecord;
    await response.body?.cancel();
    return undefined;
  };
  return {
    url,
    record,
    async recordWith(uuid, fields) {
      let read: TaskRecord | undefined;
      await expect.poll(async () => (read = await record(uuid))).toMatchObject(fields);
      return read!;
    },
    async names() {
      const response = await fetch(`${url}/tasks`, { headers: { Accept: 'application/json' } });
      const { tasks } = (await response.json()) as { tasks: { task_name: string }[] };
      return tasks.map(({ task_name: name }) => name).toSorted();
    },
  };
}
