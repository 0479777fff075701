import { runExample } from '@staddle/testing';
import { expect, it } from 'vitest';

it('runs the example of the README', async () => {
  const { code, stdout } = await runExample('examples/guard-a-job.ts');
  expect(code).toBe(0);
  expect(stdout.trim().split('\n')).toEqual(['a', 'b', 'c'].map((page) => `page ${page}, fence is a bigint`));
});
