/**
 * `node --import taskspan/register app.js`: starts the collector before the application, set up
 * by environment variables alone.
 */
import { startTaskspan } from './start-taskspan.ts';

await startTaskspan();
