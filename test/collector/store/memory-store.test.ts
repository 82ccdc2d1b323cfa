import { memoryStore } from '../../../collector/store/memory-store.ts';
import { describeTaskStore } from './task-store-contract.ts';

describeTaskStore('a store in memory', memoryStore);
