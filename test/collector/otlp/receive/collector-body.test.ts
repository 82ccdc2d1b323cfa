import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { createReceiver, memoryStore } from '../../../../collector/index.ts';

/**
 * A body of `/v1/traces` as the OpenTelemetry Collector 0.165.0 wrote it. It writes the fields of each message from the
 * last to the first: the value of an attribute before its key, the spans before their instrumentation scope.
 */
const BODY = [
  'H4sIAAAAAAACA81Uv2/TQBS2+4v0aGk4khJSpKoVFASySVwncSqk0oEBiwVRMZShOp+fGzfOOfguLe3cSgiQEKpgY0fqwt/Aglj5HxBISEyIXxNnU9ykBakj',
  'i3X3fe++e/e994zeDOPdDP7Qv6ks3SpO4GNosAFBEKKsILzJ24TpLeCcrEAR476CikZSnMM9nE93LBS+51Mi/JANf5/Rfz4b+1SwC7Egp2Eb0Oj+Qfmxr+IZ',
  'dK5cAeIQq6aVaiVPM6FuapZDy5rhVsGq142SVXEQTg/GC73T8V37LB5CA4vXby8eZBlpgT2RZJrvZYgQ0GoL+yLGKAsVr2p5llOfrRlWxawflElSvPzXyH3Z',
  '5F16m0TAhD2Jj6NhGrbaAQhwu+wLO0LCYI/jvqzShTeAuD5bsXMy2T50IsU9QgWPUaR0oRBFYbTw6uls4mu98XgqWZTUSyrZVlVVUaYz778+ebQTbd/AmXfL',
  'N/35ucktlN3IPZx8saR/frt17e6VO1++4d2BTcU+HdsXa/83VUkuptQgpuOaWsWoWprp1kqaY5YtjZpWddYDzwVqdEmvh1ETIl1ePI37Cw8uoIlDFBMQrZFg',
  'ucXtKem/ejiEEkZlwxMngKPVUP1HDdWj1VCORIzuvwLuU2jHU2OfSVROpcxq6HBdhIIE0tmYGu+lPJ/5vAGuXZSsgnIHWOIH4C583Jn/3TIvxesfey2T1Giv',
  'axSc9s3hbkEn8WBZL+sllPkjjp6raAaPo1yHNVm4zpa5dNinMMdCF9DI3i6pOJrGGTQU46tc5g4BtEBEGzp3m3pA2EpH/lXQeTyGRuUcsZSX3vSEJlJTsZSh',
  'lw2ZS76XX4OIS/t+AT/Se8nKBAAA',
].join('');

it('spans in the order of fields that the Collector writes are read as they are', async () => {
  const store = memoryStore();
  const headers = { 'Content-Type': 'application/x-protobuf' };
  const body = gunzipSync(Buffer.from(BODY, 'base64'));
  expect((await createReceiver({ store }).request('/v1/traces', { method: 'POST', body, headers })).status).toBe(200);
  const [task] = (await store.tasks({ limit: 1 })).tasks;
  expect((await store.log(task!.uuid))!.text).toBe(
    '\t - a\n\thello\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n\tTask Finished - 1 out of 1 jobs finished\n',
  );
});
