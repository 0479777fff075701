import { expect, it } from 'vitest';
import { runExample } from '@staddle/testing';

it('examples/cut-the-network.ts shows a client that survives a cut', async () => {
  expect(await runExample('examples/cut-the-network.ts')).toEqual({ code: 0, stdout: 'lost: ECONNRESET\nhello\n', stderr: '' });
});
