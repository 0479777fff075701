import { execFile, execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempDisposableSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, createMetrics, fdDestination } from '@staddle/logging';
import { describe, expect, it } from 'vitest';

const program = (name: string): string => join(import.meta.dirname, 'programs', `${name}.ts`);

interface Loss {
  readonly dropped: number;
  readonly counted: number;
  readonly reasons: readonly string[];
}

interface LossOptions {
  readonly stdout: 'pipe' | number;
  readonly lines: number;
  readonly mode?: 'non-blocking';
  /** Breaks the output once the program runs. */
  readonly spoil?: (child: ChildProcess) => void;
}

/** Has a program log to an output that cannot take it, and returns what it lost. The program must live to tell. */
async function lossOf({ stdout, lines, mode, spoil }: LossOptions): Promise<Loss> {
  const child = fork(program('unwritable'), mode ? [mode] : [], { execArgv: ['--conditions=@staddle/source'], stdio: ['ignore', stdout, 'inherit', 'ipc'] });
  try {
    await once(child, 'message');
    spoil?.(child);
    child.send(lines);
    const [loss] = (await once(child, 'message')) as [Loss];
    return loss;
  } finally {
    child.kill('SIGKILL');
  }
}

describe('the synchronous destination', () => {
  it.each([1, 5, 500])('has written %i lines when the process is killed with -9 right after as many', async (lines) => {
    const [error, stdout] = await new Promise<[Error | null, string]>((resolve) => {
      execFile(process.execPath, ['--conditions=@staddle/source', program('killed'), String(lines)], { maxBuffer: 2 ** 24 }, (failure, output) => resolve([failure, output]));
    });
    expect(error).toMatchObject({ signal: 'SIGKILL' });
    const numbers = stdout.trimEnd().split('\n').map((line) => (JSON.parse(line) as { data: { n: number } }).data.n);
    expect(numbers).toEqual(Array.from({ length: lines }, (_, index) => index + 1));
  });

  it('lets the process live when the reader of its output is gone, and counts', async () => {
    const loss = await lossOf({ stdout: 'pipe', lines: 50, spoil: (child) => child.stdout!.destroy() });
    // Only the lines after the kernel noticed the closed pipe fail; that is at once, so all do.
    expect(loss).toEqual({ dropped: 50, counted: 50, reasons: ['EPIPE'] });
  });

  it.runIf(process.platform === 'linux')('lets the process live when the disk is full, and counts', async () => {
    const full = openSync('/dev/full', 'w');
    expect(await lossOf({ stdout: full, lines: 50 })).toEqual({ dropped: 50, counted: 50, reasons: ['ENOSPC'] });
    closeSync(full);
  });

  it('lets the process live when the reader stands still, and counts', async () => {
    // Paused, the parent takes no more than fits into the socket's buffers: far less than 20000 lines of 170 bytes.
    const loss = await lossOf({ stdout: 'pipe', lines: 20_000, mode: 'non-blocking', spoil: (child) => child.stdout!.pause() });
    expect(loss.dropped).toBe(loss.counted);
    expect(loss.dropped).toBeGreaterThan(0);
    expect(loss.reasons).toEqual(['EAGAIN']);
  });

  it('starts a new line after one that stopped half-way', () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'staddle-logging-'));
    const path = join(folder.path, 'pipe');
    execFileSync('mkfifo', [path]);
    const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const destination = fdDestination({ fd: pipe, stallMs: 0 });
    const buffer = Buffer.alloc(2 ** 20);
    const drain = (): string => buffer.toString('utf8', 0, readSync(pipe, buffer));
    // Longer than the pipe: the kernel takes what fits and refuses the rest.
    destination.write(`${'x'.repeat(2 ** 20)}\n`);
    expect(drain()).toMatch(/^x+$/);
    destination.write('next\n');
    destination.write('last\n');
    expect([drain(), destination.dropped]).toEqual(['\nnext\nlast\n', 1]);
    closeSync(pipe);
  });

  it('goes on when the obstacle is gone', () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'staddle-logging-'));
    const path = join(folder.path, 'log');
    writeFileSync(path, '');
    const reader = openSync(path, 'r');
    const destination = fdDestination({ fd: reader });
    destination.write('lost\n');
    expect(destination.dropped).toBe(1);
    closeSync(reader);
    // The lowest free descriptor is the one just closed.
    const writer = openSync(path, 'w');
    expect(writer).toBe(reader);
    destination.write('kept\n');
    closeSync(writer);
    expect([destination.dropped, readFileSync(path, 'utf8')]).toEqual([1, 'kept\n']);
  });

  it('is replaced by the one that the caller gives, whose failure is counted as well', async () => {
    const { metrics, text } = createMetrics();
    const logger = createLogger({
      service: { name: 'x', version: '1' },
      metrics,
      destination: {
        write() {
          throw new Error('no');
        },
      },
    });
    logger.info({}, 'x');
    expect(await text()).toContain('log_lines_dropped_total 1');
  });
});
