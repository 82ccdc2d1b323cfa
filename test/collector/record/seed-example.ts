import { ScriptedTask, UUID } from './scripted-task.ts';

/** The facts of the seed's example: two parts, the second with three jobs of which one fails. */
export function seedExample(uuid: string = UUID): ScriptedTask {
  const task = new ScriptedTask(uuid);
  const attempt = task.attempt();
  const first = attempt.scope('TEST - First part');
  first.notify('Some notification related to the task');
  first.complete();
  const second = attempt.scope('TEST - Second part');
  for (const number of [1, 2, 3]) {
    const job = second.scope(`My subtask ${number} in my task 2`);
    if (number === 2) job.fail({ name: 'ZeroDivisionError', message: 'division by zero' });
    else {
      job.notify('Some notification related to the task');
      job.complete();
    }
  }
  second.complete();
  attempt.passOn();
  return task;
}

/** Its log, character for character. */
export const SEED_LOG: string = [
  '\t - TEST - First part',
  '\tSome notification related to the task',
  '\t\tSuccessfully completed',
  '\t\tTime spent: 0h0m',
  '\t - TEST - Second part',
  '\t - My subtask 1 in my task 2',
  '\tSome notification related to the task',
  '\t\tSuccessfully completed',
  '\t\tTime spent: 0h0m',
  '\t - My subtask 2 in my task 2',
  '\t\tFailed',
  '\t\tTime spent: 0h0m',
  '\t\tSee error message:',
  'ZeroDivisionError: division by zero',
  '\t - My subtask 3 in my task 2',
  '\tSome notification related to the task',
  '\t\tSuccessfully completed',
  '\t\tTime spent: 0h0m',
  '\tTask Finished - 3 out of 4 jobs finished',
  '',
].join('\n');
