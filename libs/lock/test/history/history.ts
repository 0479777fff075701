import { appendFileSync, readFileSync } from 'node:fs';
import type { Lease } from '@staddle/lock';

/*
 * What happened in critical sections, as the processes that were in them saw it: one JSON line per fact, appended to a file
 * that all of them share. Nothing here uses the lock.
 *
 * 1. A line is one `write` to a file opened with O_APPEND, so lines of several processes never mix.
 * 2. Times are CLOCK_MONOTONIC (`process.hrtime`), which is one clock for all processes of a host.
 * 3. A time is never before the acquisition and never after the release that it tells about, so no overlap is seen that was none.
 */

/** `section`: one attempt to acquire and what followed. `at`, `from`, `to`: ms with fractions. */
export type Entry =
  /** `waitMs` null: for ever. */
  | { readonly type: 'ask'; readonly section: string; readonly pid: number; readonly name: string; readonly waitMs: number | null; readonly at: number }
  /** `held`: what the lease said a moment after `at`. */
  | { readonly type: 'enter'; readonly section: string; readonly pid: number; readonly name: string; readonly fence: string; readonly held: boolean; readonly at: number }
  | { readonly type: 'refused'; readonly section: string; readonly code: string; readonly at: number }
  /** The lease said a moment after `at` that it was held, and the section went on working. */
  | { readonly type: 'work'; readonly section: string; readonly at: number }
  /** The lease's signal aborted. */
  | { readonly type: 'abort'; readonly section: string; readonly reason: string; readonly at: number }
  /** The work is over; the release comes after it. */
  | { readonly type: 'exit'; readonly section: string; readonly at: number }
  /** A write to the fenced register, and what became of it. `order`: the register's own count. */
  | { readonly type: 'write'; readonly section: string; readonly name: string; readonly fence: string; readonly accepted: boolean; readonly order: number }
  /** The process stood still: stopped, blocked, or without a processor. */
  | { readonly type: 'pause'; readonly pid: number; readonly from: number; readonly to: number }
  | { readonly type: 'killed'; readonly pid: number; readonly at: number }
  /** What no process may ever say: unhandled rejections, uncaught exceptions, warnings. */
  | { readonly type: 'fault'; readonly pid: number; readonly message: string };

/** The record of one attempt to acquire. */
export interface Section {
  entered(lease: Lease): void;
  refused(error: unknown): void;
  /** Asks whether the lease is held; yes is noted as work. */
  works(): boolean;
  wrote(write: { readonly accepted: boolean; readonly order: number }): void;
  /** To be called just before the release. */
  left(): void;
}

export interface Recorder {
  note(entry: Entry): void;
  ask(name: string, waitMs: number): Section;
}

/** How often a process looks whether it stood still, and from which gap on it says so. */
const TICK_MS = 10;
const PAUSE_FROM_MS = 25;

let sections = 0;

export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function createRecorder(path: string): Recorder {
  const { pid } = process;
  const note = (entry: Entry): void => appendFileSync(path, `${JSON.stringify(entry)}\n`);
  return {
    note,
    ask(name, waitMs) {
      const section = `${pid}/${++sections}`;
      let lease: Lease | undefined;
      note({ type: 'ask', section, pid, name, waitMs: waitMs === Infinity ? null : waitMs, at: nowMs() });
      return {
        entered(given) {
          lease = given;
          const { signal } = given;
          const at = nowMs();
          note({ type: 'enter', section, pid, name, fence: String(given.fence), held: given.isHeld, at });
          const onAbort = (): void => note({ type: 'abort', section, reason: (signal.reason as { reason: string }).reason, at: nowMs() });
          if (signal.aborted) onAbort();
          else signal.addEventListener('abort', onAbort, { once: true });
        },
        refused(error) {
          note({ type: 'refused', section, code: (error as { code?: string }).code ?? String(error), at: nowMs() });
        },
        works() {
          const at = nowMs();
          if (lease?.isHeld !== true) return false;
          note({ type: 'work', section, at });
          return true;
        },
        wrote({ accepted, order }) {
          note({ type: 'write', section, name, fence: String(lease!.fence), accepted, order });
        },
        left() {
          note({ type: 'exit', section, at: nowMs() });
        },
      };
    },
  };
}

/** Notes what no process may say; this one then ends with code 70. */
export function noteFaults({ note }: Recorder): void {
  for (const event of ['unhandledRejection', 'uncaughtException', 'warning']) {
    process.on(event, (fault: unknown) => {
      note({ type: 'fault', pid: process.pid, message: `${event}: ${fault instanceof Error ? fault.stack : String(fault)}` });
      process.exitCode = 70;
    });
  }
}

/** Notes when this process stood still, until the end of the block. Does not keep it running. */
export function notePauses({ note }: Recorder): Disposable {
  let last = nowMs();
  const tick = (): void => {
    const at = nowMs();
    if (at - last > PAUSE_FROM_MS) note({ type: 'pause', pid: process.pid, from: last, to: at });
    last = at;
  };
  const timer = setInterval(tick, TICK_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

export function readHistory(path: string): Entry[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry);
}
