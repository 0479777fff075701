import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

describe('examples', () => {
  it('service-log.ts writes two lines without a secret and counts one order', async () => {
    const script = new URL('../examples/service-log.ts', import.meta.url).pathname;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--conditions=@staddle/source', script]);
    expect(stderr).toBe('');
    const [taken, failed, counted] = stdout.split('\n');
    expect(JSON.parse(taken!)).toMatchObject({ message: 'order taken with [redacted]', request_id: 'r-1', cron_task: 'nightly', data: { order: 7, password: '[redacted]' } });
    expect(JSON.parse(failed!)).toMatchObject({ 'log.level': 'error', 'error.message': 'mysql://[redacted]@db/shop is away', request_id: 'r-1' });
    expect(counted).toBe('true');
    expect(stdout).not.toMatch(/hunter2|battery/);
  });
});
