// A new process that has never seen a zone: prints how long its first time in each of many zones takes, in microseconds.
import { loadEvaluators } from './evaluators.ts';

const name = process.argv[2]!;
const { ours, peers } = await loadEvaluators();
const evaluator = name === 'ours' ? ours : peers[name]!;
const zones = Intl.supportedValuesOf('timeZone').filter((zone) => zone.includes('/')).slice(0, 100);
evaluator.parse('30 2 * * *', 'UTC')(Date.UTC(2026, 5, 1));

const start = process.hrtime.bigint();
let sum = 0;
for (const zone of zones) sum += evaluator.parse('30 2 * * *', zone)(Date.UTC(2026, 5, 1));
const microseconds = Number(process.hrtime.bigint() - start) / 1_000 / zones.length;
if (!(sum > 0)) throw new Error('a contestant gave no time');
process.stdout.write(`${microseconds}\n`);
