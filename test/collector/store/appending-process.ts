import { sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { appendEach, factsOfProcess } from './shared-task.ts';

/** A process that works on a task together with others: gets the store's file and its own number. */
const [path, number] = process.argv.slice(2);
const store = sqliteStore(path!);
console.log('open');
await appendEach(store, factsOfProcess(Number(number)));
await store.close();
