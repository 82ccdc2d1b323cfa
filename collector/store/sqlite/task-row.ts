import type { CancelRequest } from '../../record/cancel-request.ts';
import type { TaskState } from '../../../src/task-record.ts';
import { PAGE_BYTES } from '../task-store.ts';
import type { StoredTask } from '../task-store.ts';
import { LIVENESS_COLUMNS, livenessOf } from './workers.ts';
import type { LivenessColumns } from './workers.ts';

/** What is read of a task's row, and of its worker's. */
export interface TaskRow extends LivenessColumns {
  id: number;
  uuid: string;
  /** That of the record, or of its entry in a list. */
  summary: string;
  state: string;
  version: number;
  log_bytes: number;
  log_lines: number;
  cancel: string | null;
}

/** The columns of a {@link TaskRow}, without the summary, and where they are selected from. */
export const TASK_COLUMNS: string = `task.id, uuid, state, version, log_bytes, log_lines, cancel, ${LIVENESS_COLUMNS}`;
export const TASK_FROM = 'FROM task LEFT JOIN worker ON worker.id = task.worker_id';

/** The summary of its entry in a list. Of a long summary SQLite reads only the beginning of the row then. */
export const ENTRY_SUMMARY = 'ifnull(list_summary, summary) AS summary';

export function storedTask(row: TaskRow): StoredTask {
  const { uuid, summary, state, version, log_bytes: logBytes, log_lines: logLines, cancel } = row;
  const liveness = livenessOf(row);
  const task: StoredTask = { uuid, summary, state: state as TaskState, version, logBytes, logLines };
  if (liveness !== undefined) task.liveness = liveness;
  if (cancel !== null) task.cancel = JSON.parse(cancel) as CancelRequest;
  return task;
}

/** What a record has besides its summary, in bytes at the most. */
const BESIDE_SUMMARY = 512;

/** How many tasks fit on a page. The first one fits in any case. */
export class PageRoom {
  #bytes = 0;

  takes({ summary }: Pick<TaskRow, 'summary'>): boolean {
    const bytes = Buffer.byteLength(summary) + BESIDE_SUMMARY;
    const isFirst = this.#bytes === 0;
    this.#bytes += bytes;
    return isFirst || this.#bytes <= PAGE_BYTES;
  }
}
