import { describe, expect, it } from 'vitest';
import { runExample } from '@staddle/testing';

const run = (...args: string[]): ReturnType<typeof runExample> => runExample('test/fixtures/measured.ts', { args, env: { BENCH_PEERS_DIR: undefined } });

describe('measure', () => {
  it('takes the median of rounds that rotate, without the warm-up', async () => {
    const { stdout, stderr } = await run('--json');
    // Figures of ours: 0 (warm-up), 1, 2, 3.
    expect(JSON.parse(stdout)).toEqual({ bench: 'known', case: 'count', metric: 'time', unit: 'ms', ours: 2, peer: 'four', theirs: 4, ratio: 2, rounds: 3 });
    expect(stderr).toContain('known count: round 3 of 3\n');
    expect(stderr).toContain('turns: ours four four ours ours four four ours\n');
  });

  it('has a ratio above 1 when ours is better, whichever way is better', async () => {
    expect(JSON.parse((await run('--higher', '--json')).stdout)).toMatchObject({ ours: 2, theirs: 4, ratio: 0.5 });
  });

  it('prints text without --json, and stands alone without peers', async () => {
    expect((await run('--alone')).stdout).toBe('known count   time (ms)   ours 2\n');
    expect((await run()).stdout).toBe('known count   time (ms)   ours 2   four 4   ratio 2.00\n');
  });
});

describe('measureTogether', () => {
  it('compares each metric with the peers that have it', async () => {
    expect((await run('--together')).stdout).toBe(
      [
        'known both   rate (1/s)   ours 8   slow 2   ratio 4.00',
        'known both   rate (1/s)   ours 8   four 4   ratio 2.00',
        'known both   time (ms)   ours 2   four 4   ratio 2.00',
        'known both   size (B)   ours 5',
        '',
      ].join('\n'),
    );
  });
});

describe('importPeer', () => {
  it('says how to run a benchmark that was started by hand', async () => {
    const { code, stderr } = await run('--peer');
    expect(code).toBe(1);
    expect(stderr).toContain('the peer "left-pad" is only there under `npm run bench`');
  });
});
