import { runExample } from '@staddle/testing';
import { expect, it } from 'vitest';

it('runs the example of the README', async () => {
  const { code, stdout } = await runExample('examples/shorten-and-follow.ts');
  expect(stdout.trim().split('\n')).toEqual(['https://sho.rt/sale', 'https://example.com/a%20b?y=a|b#part', 'undefined', '1']);
  expect(code).toBe(0);
});
