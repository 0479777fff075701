import { runExample } from '@staddle/testing';
import { expect, it } from 'vitest';

it('check-order.ts shows the life of a task', async () => {
  const { stdout, stderr } = await runExample('examples/check-order.ts');
  expect(stderr).toBe('');
  expect(stdout.trim().split('\n')).toEqual(['ACTIVE', 'orders READY', 'orders CLAIMED', 'orders RUNNING', 'checking { order: 42 }', 'orders SUCCEEDED']);
});
