import { expect, it } from 'vitest';
import { runNode } from './fixtures/run-node.ts';

it('examples/retry-what-can-be-retried.ts prints in the end', async () => {
  expect(await runNode('examples/retry-what-can-be-retried.ts')).toEqual({ stdout: 'printed at call 3\n', stderr: '' });
});
