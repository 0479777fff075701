import { appendFileSync, readFileSync } from 'node:fs';
import type { ScheduleCounts, ScheduleEvent } from '@staddle/cron';

/** What one process says, one line each. `at` is its own wall clock. */
export type Entry = { readonly process: string; readonly at: number } & (
  | {
      /** All schedules are added: every instant after `at` is its business. */
      readonly type: 'started';
    }
  | { readonly type: 'run'; readonly name: string; readonly scheduledAt: number; readonly fence?: string }
  | { readonly type: 'ended'; readonly name: string; readonly scheduledAt: number; readonly aborted?: string }
  | {
      /** It kills itself now, at a moment of this run. */
      readonly type: 'dies';
      readonly name: string;
      readonly scheduledAt: number;
      /** What it has claimed, or asked for, and has not settled: `NAME@EPOCH-MS`. */
      readonly leaves: readonly string[];
    }
  | {
      /** It has been told to stop. */
      readonly type: 'stopping';
    }
  | { readonly type: 'event'; readonly event: Exclude<ScheduleEvent, { type: 'started' | 'succeeded' | 'failed' }> }
  | { readonly type: 'stopped'; readonly counts: Readonly<Record<string, ScheduleCounts>> }
);

/** An entry without its process and time, which the recorder adds. */
export type Note = Entry extends infer Each ? (Each extends Entry ? Omit<Each, 'process' | 'at'> : never) : never;

/** Each line is written in one step and before the call returns: it is there even if the process is killed right after it. */
export function createRecorder(path: string, process: string, now: () => number): (note: Note) => void {
  return (note) => appendFileSync(path, `${JSON.stringify({ process, at: now(), ...note })}\n`);
}

export function readHistory(path: string): Entry[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  // Behind the last line feed there is nothing, or a line that is being written.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Entry);
}
