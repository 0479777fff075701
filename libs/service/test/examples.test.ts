import { runExample } from '@staddle/testing';
import { expect, it } from 'vitest';

it('greeter.ts prints what its comments say', async () => {
  const { code, stdout, stderr } = await runExample('examples/greeter.ts');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n').map((line) => line.trim())).toEqual(['401 ERR_SERVICE_AUTH_MISSING', '200 alice greets bob', '422 ERR_SERVICE_VALIDATION name', '']);
});
