import { BACKENDS } from './stored-task.ts';
import { describeTaskStore } from './task-store-contract.ts';

for (const [name, open] of BACKENDS) describeTaskStore(`a store ${name}`, open);
