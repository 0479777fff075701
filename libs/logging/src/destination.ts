import { writeSync } from 'node:fs';

/** Where lines go. `write` gets one line with its line break. */
export interface Destination {
  write(line: string): void;
}

export interface FdDestinationOptions {
  /** File descriptor. Default 1, standard output. */
  readonly fd?: number;
  /** Longest time that one line may hold up the process when the reader of a non-blocking pipe is slow. Default 100. */
  readonly stallMs?: number;
  /** Called for each line that could not be written. */
  readonly onDrop?: (reason: string) => void;
}

export interface FdDestination extends Destination {
  /** Lines lost so far: the reader is gone (EPIPE), the disk is full (ENOSPC), the reader stands still (EAGAIN). */
  readonly dropped: number;
}

const STALL_MS = 100;
// Long enough for a reader on the same machine to take a page, short enough to be lost in the noise.
const NAP_MS = 2;

const nap = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes each line before it returns, so that a process that is killed has lost none of its lines. It never throws: a
 * service must not die of its log. Lines that cannot be written are counted and forgotten; writing is tried again with the next.
 */
export function fdDestination({ fd = 1, stallMs = STALL_MS, onDrop }: FdDestinationOptions = {}): FdDestination {
  let dropped = 0;
  // After one long wait the reader counts as standing still, and no later line waits until one went through.
  let stalled = false;
  // The last line stopped half-way: the next one must not be glued to it.
  let torn = false;

  return {
    get dropped() {
      return dropped;
    },
    write(line) {
      const bytes = Buffer.from(torn ? `\n${line}` : line);
      let written = 0;
      for (let waitedMs = 0; written < bytes.length; ) {
        try {
          written += writeSync(fd, bytes, written);
          stalled = false;
        } catch (error) {
          const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
          if (reason === 'EINTR') continue;
          if (reason === 'EAGAIN' && !stalled && waitedMs < stallMs) {
            Atomics.wait(nap, 0, 0, NAP_MS);
            waitedMs += NAP_MS;
            continue;
          }
          stalled = reason === 'EAGAIN';
          torn ||= written > 0;
          dropped++;
          onDrop?.(reason);
          return;
        }
      }
      torn = false;
    },
  };
}
