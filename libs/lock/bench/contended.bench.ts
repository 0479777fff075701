/**
 * One name, four processes with fifty tasks each, empty sections: how fast and how fairly a lock goes from hand to hand.
 *
 * A hand-off is the lock's way from one task to another, from just before the release to the entry of the next holder, in whichever
 * process. A task that takes the lock again itself, past all who wait, has entered a section but handed nothing on. The limit
 * is the raw hop: a message published by one process and received by the next, among four processes that do only this.
 */
import { randomUUID } from 'node:crypto';
import { measureTogether, printMachine, spawnNode } from '@staddle/testing';
import { PEERS } from './contestants.ts';

const PROCESSES = 4;
const TASKS = 50;
const SECONDS = 3;
const ROUNDS = 3;
/** Until every process has loaded and connected. */
const HEAD_START_MS = 1_500;

interface Report {
  readonly counts: number[];
  readonly enters: (readonly [at: number, task: number])[];
  readonly leaves: number[];
  readonly waits: number[];
  readonly commands: number;
}

async function spawnAll<T>(script: string, argsOf: (index: number) => readonly string[]): Promise<T[]> {
  const children = Array.from({ length: PROCESSES }, (_, index) => spawnNode({ script: `${import.meta.dirname}/${script}`, args: argsOf(index) }));
  return Promise.all(
    children.map(async (child) => {
      const { code } = await child.exit;
      if (code !== 0) throw new Error(`${script} ended with ${code}: ${child.stderr()}`);
      return JSON.parse(child.stdout()) as T;
    }),
  );
}

async function contend(contestant: string): Promise<Record<'hand-offs' | 'sections' | 'hand-off p50' | 'wait p99' | 'commands per section' | 'Jain fairness', number>> {
  const name = `contended-${randomUUID()}`;
  const startAt = Date.now() + HEAD_START_MS;
  const reports = await spawnAll<Report>('contended-process.ts', () => [contestant, name, String(TASKS), String(startAt), String(SECONDS)]);
  const counts = reports.flatMap((report) => report.counts);
  const enters = reports.flatMap((report, child) => report.enters.map(([at, task]) => ({ at, who: `${child}/${task}` }))).toSorted((a, b) => a.at - b.at);
  const leaves = reports.flatMap((report) => report.leaves).toSorted((a, b) => a - b);
  const handoffs = leaves.slice(0, enters.length - 1).flatMap((left, index) => (enters[index]!.who === enters[index + 1]!.who ? [] : [enters[index + 1]!.at - left]));
  const waits = reports.flatMap((report) => report.waits);
  const total = counts.reduce((sum, count) => sum + count, 0);
  return {
    'hand-offs': handoffs.length / SECONDS,
    sections: total / SECONDS,
    'hand-off p50': percentile(handoffs, 0.5),
    'wait p99': percentile(waits, 0.99) / 1_000,
    'commands per section': reports.reduce((sum, { commands }) => sum + commands, 0) / total,
    'Jain fairness': total ** 2 / (counts.length * counts.reduce((sum, count) => sum + count ** 2, 0)),
  };
}

async function hop(): Promise<{ 'hand-off p50': number }> {
  const run = randomUUID();
  const startAt = Date.now() + HEAD_START_MS;
  const channel = (index: number): string => `hop-${run}-${index % PROCESSES}`;
  const reports = await spawnAll<{ hops: number[] }>('hop-process.ts', (index) => [channel(index), channel(index + 1), index === 0 ? 'yes' : 'no', String(startAt), String(SECONDS)]);
  return { 'hand-off p50': percentile(reports.flatMap(({ hops }) => hops), 0.5) };
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

printMachine();
const metrics = {
  'hand-offs': { unit: '1/s', better: 'higher' },
  sections: { unit: '1/s', better: 'higher' },
  'hand-off p50': { unit: 'µs', better: 'lower' },
  'wait p99': { unit: 'ms', better: 'lower' },
  'commands per section': { unit: '', better: 'lower' },
  'Jain fairness': { unit: '', better: 'higher' },
} as const;
await measureTogether({
  bench: 'lock',
  case: 'contended-4x50',
  rounds: ROUNDS,
  metrics,
  ours: () => contend('ours'),
  peers: { 'raw hop': hop, ...Object.fromEntries(PEERS.map((name) => [name, () => contend(name)])) },
});
await measureTogether({ bench: 'lock', case: 'contended-4x50, strict order', rounds: ROUNDS, metrics, ours: () => contend('ours, strict order'), peers: { 'raw hop': hop } });
