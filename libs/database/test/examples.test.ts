import { runExample } from '@staddle/testing';
import { expect, it } from 'vitest';

it('count-visits.ts prints what its comments say', async () => {
  const { code, stdout, stderr } = await runExample('examples/count-visits.ts');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout.split('\n')).toEqual(["[ 'visits/001-create-visit' ]", '1', '']);
});
