/**
 * `node --import taskspan/register app.js`: starts the collector before the application, set up
 * by environment variables alone. A variable that can't be meant is told, and the application
 * starts without it being recorded.
 */
import { describeFailure } from '../src/failure.ts';
import { print } from '../src/report.ts';
import { startTaskspan } from './start-taskspan.ts';

try {
  await startTaskspan();
} catch (error) {
  print('stderr', `taskspan: ${describeFailure(error).message}; nothing is recorded\n`);
}
