/**
 * The cost of one next time, and of reading an expression. Expressions are read beforehand for the former, and every
 * question is asked once a round from an instant of its own, so that nobody's cache of results helps.
 */
import { measure, printMachine } from '@staddle/testing';
import { loadEvaluators, type Evaluator } from './evaluators.ts';
import { ORDINARY, questionsOf, SPARSE, SPARSE_DAYS, ZONES, type Question } from './expressions.ts';

const OURS_REPEATS = 50; // or a round of ours would last a millisecond

let sink = 0;

/** Microseconds per question. */
function asking(evaluator: Evaluator, questions: readonly Question[], repeats: number): () => Promise<number> {
  const asked = questions.map(({ expr, tz, after }) => ({ next: evaluator.parse(expr, tz), after }));
  return async () => {
    const start = process.hrtime.bigint();
    for (let repeat = 0; repeat < repeats; repeat++) for (const { next, after } of asked) sink += next(after + repeat * 1_000);
    return Number(process.hrtime.bigint() - start) / 1_000 / (asked.length * repeats);
  };
}

/** Microseconds per expression. */
function parsing(evaluator: Evaluator, questions: readonly Question[], repeats: number): () => Promise<number> {
  return async () => {
    const start = process.hrtime.bigint();
    for (let repeat = 0; repeat < repeats; repeat++) for (const { expr, tz } of questions) sink += evaluator.parse(expr, tz).length;
    return Number(process.hrtime.bigint() - start) / 1_000 / (questions.length * repeats);
  };
}

printMachine();
process.stderr.write(`${ORDINARY.length + SPARSE.length + SPARSE_DAYS.length} expressions, ${ZONES.length} zones\n`);
const { ours, peers } = await loadEvaluators();
const shape = { bench: 'cron', metric: 'time', unit: 'µs', better: 'lower' } as const;

const cases = [
  ['next-ordinary', ORDINARY, Object.keys(peers)],
  ['next-sparse', [...SPARSE, ...SPARSE_DAYS], ['croner', 'cron-parser']],
  ['next-sparse, plain fields', SPARSE, Object.keys(peers)],
] as const;
for (const [title, expressions, names] of cases) {
  const questions = questionsOf(expressions);
  await measure({
    ...shape,
    case: title,
    ours: asking(ours, questions, OURS_REPEATS),
    peers: Object.fromEntries(names.map((name) => [name, asking(peers[name]!, questions, 1)])),
  });
}

const questions = questionsOf(ORDINARY);
await measure({
  ...shape,
  case: 'parse',
  ours: parsing(ours, questions, 5),
  peers: Object.fromEntries(Object.entries(peers).map(([name, peer]) => [name, parsing(peer, questions, 1)])),
});
if (Number.isNaN(sink)) throw new Error('a contestant gave no time');
