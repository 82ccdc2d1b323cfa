import { expect, it } from 'vitest';
import { JOB_NAMESPACE, jobUuid } from '../../../src/bullmq/index.ts';

it('a job\'s UUID is its id in lower case, if that is a UUID', () => {
  expect(jobUuid('mail', '54BF5712-B9EC-11E9-AFDD-8C16454A0938')).toBe('54bf5712-b9ec-11e9-afdd-8c16454a0938');
});

// As Python computes it: uuid5(uuid5(UUID(JOB_NAMESPACE), queue), id)
it.each([
  ['mail', '1', '8824e68f-27ab-5d23-91f7-11813c15e3a6'],
  ['bücher', 'repeat:ä:1', 'f48e6270-0388-5366-be4a-178dd7e18bf2'],
])('the UUID of queue %s and id %s is the UUIDv5 that other languages compute', (queue, id, uuid) => {
  expect(JOB_NAMESPACE).toBe('8f5bd7d0-5b1c-4a7e-9d52-3c1e0a6f4b27');
  expect(jobUuid(queue, id)).toBe(uuid);
});

it('queue and id are never confused', () => {
  expect(jobUuid('a', 'bc')).not.toBe(jobUuid('ab', 'c'));
});
