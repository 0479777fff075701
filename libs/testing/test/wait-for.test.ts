import { describe, expect, it } from 'vitest';
import { waitFor } from '@staddle/testing';

describe('waitFor', () => {
  it('returns the first truthy value', async () => {
    let calls = 0;
    expect(await waitFor(() => (++calls < 3 ? undefined : `call ${calls}`), { what: 'the third call' })).toBe('call 3');
  });

  it('waits for a promise of the predicate, and takes a throw for "not yet"', async () => {
    let calls = 0;
    const value = await waitFor(
      async () => {
        if (++calls < 3) throw new Error('not yet');
        return calls;
      },
      { what: 'the third call' },
    );
    expect(value).toBe(3);
  });

  it('says what it waited for, and why it failed', async () => {
    const failing = (): never => {
      throw new Error('connection refused');
    };
    await expect(waitFor(failing, { timeoutMs: 5, what: 'the second worker to take the lease' })).rejects.toMatchObject({
      code: 'ERR_TESTING_TIMEOUT',
      timeoutMs: 5,
      message: 'waited 5 ms for the second worker to take the lease',
      cause: { message: 'connection refused' },
    });
  });

  it('asks at least once, also without any time', async () => {
    expect(await waitFor(() => 'there', { timeoutMs: 0, what: 'nothing' })).toBe('there');
  });
});
