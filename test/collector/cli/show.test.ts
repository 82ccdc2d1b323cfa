import { describe, expect, it } from 'vitest';
import { recordLines } from '../../../collector/cli/show.ts';
import { screen, shownAttempt, shownScope, shownTask } from './view/shown-task.ts';

const TASK = shownTask({
  state: 'failed',
  status: 0,
  finished: true,
  end: '2026-11-24T09:00:40.000000Z',
  exception: 'disk full',
  attributes: { folder: '/data/\u{1b}[31m顧客' },
  result: { rows: 12 },
  log: '\t - Read file\n\t12 rows, which is said in a line that is longer than 40 columns\n',
  log_bytes: 80,
  log_lines: 2,
});
const ATTEMPTS = [shownAttempt(shownScope('Read file', { outcome: 'completed' }))];

describe('a task that is shown', () => {
  it('has its view, its record and its log', () => {
    const { now, paint } = screen(40);
    expect(`\n${recordLines(TASK, ATTEMPTS, { columns: 40, now, paint }).join('\n')}\n`).toBe(`
✗ Import customers         failed    40s
  disk full
  ✓ Read file                       2.5s

  uuid       54bf5712-b9ec-11e9-afdd-8c16454a0938
  started    2026-11-24T09:00:00.000000Z
  ended      2026-11-24T09:00:40.000000Z
  updated    2026-11-24T09:01:00.000000Z
  attributes {"folder":"/data/\\u001b[31m顧客"}
  result     {"rows":12}

  log, 2 lines, 80 B
   - Read file
  12 rows, which is said in a line that is longer than 40 columns
`);
  });

  it('has the last lines of a long log', () => {
    const log = Array.from({ length: 30 }, (_, index) => `\tline ${index}\n`).join('');
    const { now, paint } = screen(80);
    const lines = recordLines({ ...TASK, log, log_bytes: log.length, log_lines: 30 }, ATTEMPTS, { columns: 80, now, paint });
    expect(lines).toContain(`  log, 30 lines, ${log.length} B, the last 20 lines`);
    expect(lines.slice(-20)).toEqual(Array.from({ length: 20 }, (_, index) => `  line ${index + 10}`));
  });

  it('has its fields uncut, also off a terminal', () => {
    const { now, paint } = screen(80);
    const lines = recordLines({ ...TASK, attributes: { folder: 'x'.repeat(300) } }, ATTEMPTS, { columns: undefined, now, paint });
    expect(lines).toContain(`  attributes {"folder":"${'x'.repeat(300)}"}`);
  });
});
