import { runExample } from '@staddle/testing';
import { expect, it } from 'vitest';

it('explain-a-price.ts prints what its comments say', async () => {
  const { code, stdout, stderr } = await runExample('examples/explain-a-price.ts');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout.split('\n')).toEqual(["[ 'price' ]", 'alice: price 300 -> 350: supplier raised prices, ticket 4711', '']);
});
