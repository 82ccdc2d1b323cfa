import { sqliteStore } from '../../../collector/store/sqlite-store.ts';
import { newFile } from './sqlite-file.ts';
import { describeTaskStore } from './task-store-contract.ts';

describeTaskStore('a store in a SQLite file', () => sqliteStore(newFile()));
