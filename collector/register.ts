/**
 * `node --import taskspan/register app.js`: starts the collector before the application, set up by environment variables
 * alone. An invalid variable is reported, and the application runs without being recorded.
 */
import { describeFailure } from '../src/failure.ts';
import { print } from '../src/report.ts';
import { startTaskspan } from './start-taskspan.ts';

try {
  await startTaskspan();
} catch (error) {
  print('stderr', `taskspan: ${describeFailure(error).message}; nothing is recorded\n`);
}
