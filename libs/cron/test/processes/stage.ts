import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SkipReason, Trigger } from '@staddle/cron';
import { spawnNode, startRedis, waitFor, type ChildHandle, type TestServer } from '@staddle/testing';
import type { ProcessConfig } from './fixtures/scheduler-process.ts';
import { readHistory, type Entry } from './history.ts';

/** Where processes share schedules: a Redis of their own for the locks, and one history of all of them. */
export interface Stage extends AsyncDisposable {
  readonly server: TestServer;
  /** Resolves when its schedules run. */
  start(config: Omit<ProcessConfig, 'historyPath' | 'process'>): Promise<Player>;
  entries<Type extends Entry['type']>(type: Type, process?: string): Extract<Entry, { type: Type }>[];
  /** The only one. */
  entry<Type extends Entry['type']>(type: Type, process?: string): Extract<Entry, { type: Type }>;
  /** Resolves when there are so many more runs of the schedule than at the call. */
  runs(name: string, count: number): Promise<void>;
}

export interface Player {
  readonly process: string;
  readonly child: ChildHandle;
  /** SIGTERM. Resolves when it has ended: by itself, without a word. */
  end(): Promise<void>;
}

/** A busy machine: what takes longer hangs. */
const PATIENCE_MS = 30_000;

/** With what Redis keeps over a restart, so that a claim is never forgotten: `runOnce` promises nothing without. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

export async function createStage(): Promise<Stage> {
  await using undo = new AsyncDisposableStack();
  const server = undo.use(await startRedis({ args: DURABLE }));
  const folder = await mkdtemp(join(tmpdir(), 'staddle-cron-'));
  undo.defer(() => rm(folder, { recursive: true }));
  const historyPath = join(folder, 'history');
  await writeFile(historyPath, '');
  const stack = undo.move();
  let count = 0;

  const entries: Stage['entries'] = <Type extends Entry['type']>(type: Type, process?: string) =>
    readHistory(historyPath).filter((entry): entry is Extract<Entry, { type: Type }> => entry.type === type && (process === undefined || entry.process === process));
  return {
    server,
    entries,
    entry(type, process) {
      const found = entries(type, process);
      if (found.length !== 1) throw new Error(`${found.length} entries of type ${type}`);
      return found[0]!;
    },
    async start(config) {
      const process = `p${++count}`;
      const full: ProcessConfig = { url: server.url, ...config, process, historyPath };
      const child = stack.use(spawnNode({ script: join(import.meta.dirname, 'fixtures/scheduler-process.ts'), args: [JSON.stringify(full)] }));
      await waitFor(() => entries('started', process).length > 0, { what: `process ${process} to start`, timeoutMs: PATIENCE_MS }).catch((error: unknown) => {
        throw new Error(`process ${process} did not start: ${child.stderr()}`, { cause: error });
      });
      return {
        process,
        child,
        async end() {
          child.kill('SIGTERM');
          const { code, signal } = await child.exit;
          if (code !== 0 || child.stderr() !== '') throw new Error(`process ${process} ended with ${signal ?? `code ${code}`}: ${child.stderr()}`);
        },
      };
    },
    async runs(name, more) {
      const ofName = (): number => entries('run').filter((run) => run.name === name).length;
      const target = ofName() + more;
      await waitFor(() => ofName() >= target, { what: `${more} runs of ${name}`, timeoutMs: PATIENCE_MS });
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** The instants that a process said it skips, for this reason. */
export function skipped(stage: Stage, name: string, trigger: Trigger, reason: SkipReason, process?: string): number[] {
  return stage
    .entries('event', process)
    .flatMap(({ event }) => (event.type === 'skipped' && event.name === name && event.reason === reason ? trigger.between(event.fromAt, event.toAt + 1, 10_000) : []));
}

export interface Account {
  /** Scheduled instants that ran more than once. */
  readonly twice: readonly number[];
  /** Those between the first start and the last SIGTERM that did not run. */
  readonly missing: readonly number[];
  /** Those that ran and are no times of the trigger. */
  readonly foreign: readonly number[];
}

/** The runs of a schedule, compared with what its trigger says. */
export function account(stage: Stage, name: string, trigger: Trigger): Account {
  const ran = stage.entries('run').filter((run) => run.name === name).map(({ scheduledAt }) => scheduledAt);
  const once = new Set(ran);
  const from = Math.min(...stage.entries('started').map(({ at }) => at));
  const last = stage.entries('stopping').reduce((latest, each) => (each.at > latest.at ? each : latest));
  // It was told to stop while these waited for their turn, and there was nobody else.
  const cancelled = skipped(stage, name, trigger, 'cancelled', last.process);
  return {
    twice: [...once].filter((at) => ran.filter((other) => other === at).length > 1),
    missing: trigger.between(from + 1, last.at, 100_000).filter((at) => !once.has(at) && !cancelled.includes(at)),
    foreign: [...once].filter((at) => !trigger.matches(at)),
  };
}
