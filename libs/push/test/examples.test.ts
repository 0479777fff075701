import { runExample } from '@staddle/testing';
import { describe, expect, it } from 'vitest';

describe('examples', () => {
  it('notify-one-user delivers to the user', async () => {
    expect(await runExample('examples/notify-one-user.ts')).toEqual({ code: 0, stdout: "alice got { order: 42, state: 'SHIPPED' }\n", stderr: '' });
  });

  it('two-nodes delivers from one hub to the client of another', async () => {
    const result = await runExample('examples/two-nodes.ts', { env: { REDIS_URL: process.env.TEST_REDIS_URL } });
    expect(result).toEqual({ code: 0, stdout: '{"push":{"channel":"news:a","pub":{"data":"from the first node"}}}\n', stderr: '' });
  });
});
