import { runExample } from '@staddle/testing';
import { expect, it } from 'vitest';

it('decide.ts prints what its comments say', async () => {
  expect(await runExample('examples/decide.ts')).toEqual({ code: 0, stdout: 'true\nfalse\nfalse\n', stderr: '' });
});

it('guard-routes.ts prints what its comments say', async () => {
  expect(await runExample('examples/guard-routes.ts')).toEqual({ code: 0, stdout: 'GET /health 200\nGET /tasks 401\nGET /tasks 200\nPOST /tasks 403\n', stderr: '' });
});
