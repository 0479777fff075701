/**
 * Many idle schedules and a thousand fires in a process: how fast they are added, what each weighs, what idling costs, and
 * how late runs begin. A million for ours; 20 000 where peers take part, which need tens of microseconds to add one.
 */
import { measureTogether, printMachine, spawnNode } from '@staddle/testing';

const METRICS = {
  'added per second': { unit: '1/s', better: 'higher' },
  'heap per schedule': { unit: 'bytes', better: 'lower' },
  'idle CPU': { unit: '% of a core', better: 'lower' },
  'lateness p50': { unit: 'ms', better: 'lower' },
  'lateness p99': { unit: 'ms', better: 'lower' },
  'lateness max': { unit: 'ms', better: 'lower' },
  'fires lost': { unit: 'fires of 10 000', better: 'lower' },
} as const;
type Figures = Readonly<Record<keyof typeof METRICS, number>>;

function processOf(name: string, idle: number): () => Promise<Figures> {
  return async () => {
    const child = spawnNode({ script: `${import.meta.dirname}/scheduler-process.ts`, args: [name, String(idle)] });
    const { code } = await child.exit;
    if (code !== 0) throw new Error(`the process of ${name} ended with ${code}: ${child.stderr()}`);
    return JSON.parse(child.stdout()) as Figures;
  };
}

printMachine();
const shape = { bench: 'cron', metrics: METRICS, rounds: 3 } as const;
await measureTogether({ ...shape, case: 'scheduler-1m', ours: processOf('ours', 1_000_000) });
await measureTogether({
  ...shape,
  case: 'scheduler-20k',
  ours: processOf('ours', 20_000),
  peers: { croner: processOf('croner', 20_000), cron: processOf('cron', 20_000) },
});
