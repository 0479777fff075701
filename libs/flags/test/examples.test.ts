import { runExample } from '@staddle/testing';
import { expect, it } from 'vitest';

it('states.ts prints what its comments say', async () => {
  const { stdout } = await runExample('examples/states.ts');
  expect(stdout.split('\n')).toEqual(['260 Done | Late Done', 'true', 'Failed | 0x1000', '']);
});

it('rollup.ts prints what its comments say', async () => {
  const { stdout } = await runExample('examples/rollup.ts');
  expect(stdout.split('\n')).toEqual(['Failed', '3 is Running, 1 is Running', 'no parent changed', '3 is Done, 1 is Done', '3 is Queued, 1 is Queued', '3 is Failed, 1 is Failed', '']);
});

it('machine.ts prints what its comments say', async () => {
  const { stdout } = await runExample('examples/machine.ts');
  expect(stdout.split('\n')).toEqual([
    "[ 'finish', 'fail' ]",
    '{ ok: true, changed: true, value: 4 }',
    "{ ok: false, reason: 'guard', current: 258 }",
    'update run set state = ((`state` & ~13) | 2) where id = ? and (`state` & 15) = 1',
    '  Ready --> Running: start',
    '',
  ]);
});
