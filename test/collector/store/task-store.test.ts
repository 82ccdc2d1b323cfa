import { describeSharing } from './sharing-contract.ts';
import { BACKENDS, SHARED_PLACES } from './stored-task.ts';
import { describeTaskStore } from './task-store-contract.ts';

for (const [name, open] of BACKENDS) describeTaskStore(`a store ${name}`, open);
for (const [name, newPlace] of SHARED_PLACES) describeSharing(`a store ${name}`, newPlace);
