import { createRequire } from 'node:module';
import { arch, cpus, loadavg, platform } from 'node:os';
import { pathToFileURL } from 'node:url';

/** One line of `npm run bench -- NAME --json`. */
export interface BenchResult {
  readonly bench: string;
  readonly case: string;
  readonly metric: string;
  readonly unit: string;
  /** Median over the rounds. */
  readonly ours: number;
  /** What it is compared with; `none` for a figure that stands alone. */
  readonly peer: string;
  readonly theirs: number | null;
  /** How many times better ours is; above 1 = ours is better, whatever the direction of the metric. */
  readonly ratio: number | null;
  readonly rounds: number;
}

export interface BenchCase {
  readonly bench: string;
  readonly case: string;
  readonly metric: string;
  readonly unit: string;
  /** Whether a higher or a lower figure is better. */
  readonly better: 'higher' | 'lower';
  /** Default 7; odd, so that the median is a figure that was measured. */
  readonly rounds?: number;
  /** Measures one round and returns the figure in `unit`. */
  readonly ours: () => Promise<number>;
  readonly peers?: Readonly<Record<string, () => Promise<number>>>;
}

/** A case whose rounds give several figures at once. */
export interface BenchGroup<Metric extends string> extends Pick<BenchCase, 'bench' | 'case' | 'rounds'> {
  readonly metrics: Readonly<Record<Metric, Pick<BenchCase, 'unit' | 'better'>>>;
  readonly ours: () => Promise<Readonly<Record<Metric, number>>>;
  /** A peer may leave out a metric that it does not have. */
  readonly peers?: Readonly<Record<string, () => Promise<Readonly<Partial<Record<Metric, number>>>>>>;
}

/** Measures a case with one metric: see {@link measureTogether}. */
export function measure({ metric, unit, better, ours, peers = {}, ...rest }: BenchCase): Promise<BenchResult[]> {
  const named = (run: () => Promise<number>) => async (): Promise<Record<string, number>> => ({ [metric]: await run() });
  return measureTogether<string>({
    ...rest,
    metrics: { [metric]: { unit, better } },
    ours: named(ours),
    peers: Object.fromEntries(Object.entries(peers).map(([name, run]) => [name, named(run)])),
  });
}

/**
 * Measures a case: one discarded warm-up round, then `rounds` rounds in which ours and every peer take turns, in an order that
 * rotates, so that a noisy moment of the machine hits all of them. Prints one result per metric and peer: JSON lines on
 * standard output when the script was started with `--json`, else text. Progress goes to standard error.
 */
export async function measureTogether<Metric extends string>({ rounds = 7, peers = {}, ...group }: BenchGroup<Metric>): Promise<BenchResult[]> {
  type Round = Readonly<Partial<Record<Metric, number>>>;
  const contestants: (readonly [string, () => Promise<Round>])[] = [['ours', group.ours], ...Object.entries<() => Promise<Round>>(peers)];
  const figures = new Map<string, Round[]>(contestants.map(([name]) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    process.stderr.write(`${group.bench} ${group.case}: ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}\n`);
    const shift = round % contestants.length;
    for (const [name, run] of [...contestants.slice(shift), ...contestants.slice(0, shift)]) {
      const figure = await run();
      if (round > 0) figures.get(name)!.push(figure);
    }
  }
  const medianOf = (name: string, metric: Metric): number => median(figures.get(name)!.map((round) => round[metric]!));
  const results = (Object.keys(group.metrics) as Metric[]).flatMap((metric): BenchResult[] => {
    const { unit, better } = group.metrics[metric];
    const ours = medianOf('ours', metric);
    const base = { bench: group.bench, case: group.case, metric, unit, ours, rounds };
    const comparable = Object.keys(peers).filter((peer) => figures.get(peer)!.every((round) => round[metric] !== undefined));
    if (comparable.length === 0) return [{ ...base, peer: 'none', theirs: null, ratio: null }];
    return comparable.map((peer) => {
      const theirs = medianOf(peer, metric);
      return { ...base, peer, theirs, ratio: better === 'higher' ? ours / theirs : theirs / ours };
    });
  });
  for (const result of results) print(result);
  return results;
}

/** The machine and its load, for the head of a result file; on standard error. */
export function printMachine(): void {
  const load = loadavg().map((value) => value.toFixed(2));
  process.stderr.write(`node ${process.version}, ${platform()} ${arch()}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, load ${load.join(' ')}\n`);
}

/**
 * Loads a package that is only compared with. Peers are installed beside the bench runner, never in the workspace,
 * so that no user and no test ever pays for them.
 */
export async function importPeer<T>(name: string): Promise<T> {
  const folder = process.env['BENCH_PEERS_DIR'];
  if (folder === undefined) throw new Error(`the peer "${name}" is only there under \`npm run bench\``);
  return (await import(pathToFileURL(createRequire(`${folder}/package.json`).resolve(name)).href)) as T;
}

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)]!;
}

function print(result: BenchResult): void {
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const figure = (value: number): string => value.toLocaleString('en', { maximumSignificantDigits: 4 });
  const versus = result.theirs === null ? '' : `   ${result.peer} ${figure(result.theirs)}   ratio ${result.ratio!.toFixed(2)}`;
  process.stdout.write(`${result.bench} ${result.case}   ${result.metric} (${result.unit})   ours ${figure(result.ours)}${versus}\n`);
}
