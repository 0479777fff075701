/**
 * One name, four processes with fifty tasks each, empty sections: how fast and how fairly a lock goes from hand to hand.
 *
 * A hand-off is the time from just before the holder's release to the entry of the next holder, in whichever process. Its limit is
 * the raw hop: a message published by one process and received by the next, among four processes that do only this.
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
  readonly enters: number[];
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

async function contend(contestant: string): Promise<Record<'handoffs' | 'handoff p50' | 'wait p99' | 'commands per hand-off' | 'Jain fairness', number>> {
  const name = `contended-${randomUUID()}`;
  const startAt = Date.now() + HEAD_START_MS;
  const reports = await spawnAll<Report>('contended-process.ts', () => [contestant, name, String(TASKS), String(startAt), String(SECONDS)]);
  const counts = reports.flatMap((report) => report.counts);
  const enters = reports.flatMap((report) => report.enters).toSorted((a, b) => a - b);
  const leaves = reports.flatMap((report) => report.leaves).toSorted((a, b) => a - b);
  const handoffs = leaves.slice(0, enters.length - 1).map((left, index) => enters[index + 1]! - left);
  const waits = reports.flatMap((report) => report.waits);
  const total = counts.reduce((sum, count) => sum + count, 0);
  return {
    handoffs: total / SECONDS,
    'handoff p50': percentile(handoffs, 0.5),
    'wait p99': percentile(waits, 0.99) / 1_000,
    'commands per hand-off': reports.reduce((sum, { commands }) => sum + commands, 0) / total,
    'Jain fairness': total ** 2 / (counts.length * counts.reduce((sum, count) => sum + count ** 2, 0)),
  };
}

async function hop(): Promise<{ 'handoff p50': number }> {
  const run = randomUUID();
  const startAt = Date.now() + HEAD_START_MS;
  const channel = (index: number): string => `hop-${run}-${index % PROCESSES}`;
  const reports = await spawnAll<{ hops: number[] }>('hop-process.ts', (index) => [channel(index), channel(index + 1), index === 0 ? 'yes' : 'no', String(startAt), String(SECONDS)]);
  return { 'handoff p50': percentile(reports.flatMap(({ hops }) => hops), 0.5) };
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

printMachine();
const metrics = {
  handoffs: { unit: '1/s', better: 'higher' },
  'handoff p50': { unit: 'µs', better: 'lower' },
  'wait p99': { unit: 'ms', better: 'lower' },
  'commands per hand-off': { unit: '', better: 'lower' },
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
