import { runExample } from '@staddle/testing';
import { describe, expect, it } from 'vitest';

describe('the examples of the README', () => {
  it.each([
    ['guard-a-job', ['page a, fence is a bigint', 'page b, fence is a bigint', 'page c, fence is a bigint']],
    ['run-once', ['sent by the first process', 'not run again: claimed']],
    ['fenced-write', ['ERR_LOCK_STALE_FENCE', 'balance 80']],
  ])('%s', async (name, lines) => {
    const { code, stdout, stderr } = await runExample(`examples/${name}.ts`);
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual(lines);
    expect(code).toBe(0);
  });
});
