import { TriggerTooSparseError } from '../errors.ts';

// A step asks one member or exclusion for one time, well under a microsecond for most triggers: some tens of milliseconds at
// the very worst. An exclusion of every second of half a day needs 86 400 of them.
const STEPS_PER_TIME = 100_000;

/** For what asks for many times: a list of them, or a trigger built of many. About a second at the very worst. */
export const STEPS_PER_LIST = 1_000_000;

// A zone reads the offsets of a year from Intl when it is first looked at, which takes as long as some hundred steps. Most
// searches end in the year in which they began; one that would leap from year to year up to 9999 ends after five hundred.
const STEPS_PER_YEAR = 200;
const YEAR_MS = 366 * 86_400_000;

// Triggers nest, and a limit for each of them would multiply. Questions are synchronous, so one count serves all of one question.
let budget = Infinity;
let stepsLeft = Infinity;

/**
 * Answers a question in a bounded number of steps. What it asks of other triggers counts too, and they are bounded in turn.
 * @throws TriggerTooSparseError (`ERR_CRON_TOO_SPARSE`)
 */
export function bounded<T>(question: () => T, mostSteps: number = STEPS_PER_TIME): T {
  if (mostSteps >= stepsLeft) return question();
  const [outerBudget, outerLeft] = [budget, stepsLeft];
  budget = mostSteps;
  stepsLeft = mostSteps;
  try {
    return question();
  } finally {
    stepsLeft = outerLeft - (mostSteps - stepsLeft);
    budget = outerBudget;
  }
}

/**
 * To be called once for each candidate that a search looks at, inside of {@link bounded}.
 * @param leapMs how far it is from the candidate before it
 */
export function countStep(leapMs: number = 0): void {
  stepsLeft -= 1 + Math.floor(Math.min(Math.abs(leapMs) / YEAR_MS, 1) * STEPS_PER_YEAR);
  if (stepsLeft < 0) throw new TriggerTooSparseError(budget);
}
