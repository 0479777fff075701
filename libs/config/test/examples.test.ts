import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

describe('examples', () => {
  it('service-config.ts prints what its comments say', async () => {
    const script = new URL('../examples/service-config.ts', import.meta.url).pathname;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--conditions=@staddle/source', script]);
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      "{ host: '127.0.0.1', port: 4100, bodyLimitBytes: 1048576, workers: 16 }",
      'mysql://[redacted]@db:3306/staddle',
      '--log.level',
      '',
    ]);
  });
});
