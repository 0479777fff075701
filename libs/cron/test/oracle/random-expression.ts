/** Numbers in [0, 1) that a seed settles (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface Dice {
  /** A whole number from min to max, both included. */
  number(min: number, max: number): number;
  oneOf<T>(values: readonly T[]): T;
  /** True in one of `of` cases. */
  once(of: number): boolean;
}

export function createDice(random: () => number): Dice {
  const number = (min: number, max: number): number => min + Math.floor(random() * (max - min + 1));
  return { number, oneOf: (values) => values[number(0, values.length - 1)]!, once: (of) => number(1, of) === 1 };
}

const MONTHS = ['JAN', 'feb', 'Mar', 'APR', 'may', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'] as const;
const WEEKDAYS = ['SUN', 'MON', 'tue', 'WED', 'Thu', 'FRI', 'sat'] as const;

/**
 * An expression from the whole grammar but `H`. Mostly in the small hours, where clocks change, and with days mostly open, so
 * that something happens there. Some of them mean days that never come.
 */
export function randomExpression(dice: Dice): string {
  if (dice.once(100)) return dice.oneOf(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']);
  // A good part of them with fixed times of the night, at which alone the policies matter.
  const fixed = dice.once(3);
  const hour = dice.once(5) ? '*' : dice.once(2) ? list(dice, 0, 5, 23) : list(dice, 0, 23, 23);
  const fields = [
    fixed ? String(dice.number(0, 59)) : dice.once(8) ? '*' : list(dice, 0, 59, 59),
    fixed ? dice.oneOf(['0', '1', '2', '3', '0-3', '1,2', '23-1/2']) : hour,
    dice.once(3) ? daysOfMonth(dice) : dice.oneOf(['*', '*', '?']),
    dice.once(6) ? list(dice, 1, 12, 12, MONTHS) : '*',
    dice.once(3) ? daysOfWeek(dice) : dice.oneOf(['*', '*', '?']),
  ];
  const years = dice.once(20);
  if (years || dice.once(5)) fields.unshift(dice.once(20) ? '*' : dice.once(2) ? '0' : list(dice, 0, 59, 59));
  if (years) fields.push(dice.oneOf(['*', '2020-2037', '*/2', String(dice.number(2021, 2036)), `${dice.number(2020, 2029)}-${dice.number(2032, 2040)}/${dice.number(1, 4)}`, '2028/4']));
  return fields.join(' ');
}

function list(dice: Dice, min: number, mostlyTo: number, max: number, names: readonly string[] = []): string {
  const items = [item(dice, min, mostlyTo, max, names)];
  while (dice.once(3)) items.push(item(dice, min, mostlyTo, max, names));
  return items.join(',');
}

function item(dice: Dice, min: number, mostlyTo: number, max: number, names: readonly string[]): string {
  const write = (value: number): string => (dice.once(2) ? (names[value - min] ?? String(value)) : String(value));
  const [first, last] = [dice.number(min, mostlyTo), dice.number(min, mostlyTo)];
  const length = last >= first ? last - first + 1 : last - first + 1 + (max - min + 1);
  switch (dice.number(1, 6)) {
    case 1:
      return `${write(first)}-${write(last)}`;
    case 2:
      return `${write(first)}-${write(last)}/${dice.number(1, length)}`;
    case 3:
      return `*/${dice.number(1, max - min + 1)}`;
    case 4:
      return `${write(first)}/${dice.number(1, max - first + 1)}`;
    default:
      return write(first);
  }
}

function daysOfMonth(dice: Dice): string {
  const items = Array.from({ length: dice.once(3) ? 2 : 1 }, () =>
    dice.oneOf([() => 'L', () => `L-${dice.number(1, 30)}`, () => 'LW', () => `L-${dice.number(1, 30)}W`, () => `${dice.number(1, 31)}W`, () => String(dice.number(29, 31)), ...Array.from({ length: 4 }, () => () => item(dice, 1, 31, 31, []))])(),
  );
  return items.join(',');
}

function daysOfWeek(dice: Dice): string {
  const weekday = (): string => (dice.once(2) ? dice.oneOf(WEEKDAYS) : String(dice.number(0, 7)));
  const items = Array.from({ length: dice.once(3) ? 2 : 1 }, () =>
    dice.oneOf([() => `${weekday()}#${dice.number(1, 5)}`, () => `${weekday()}#L`, () => `${weekday()}L`, () => `${dice.number(0, 6)}-7`, ...Array.from({ length: 4 }, () => () => item(dice, 0, 6, 6, WEEKDAYS))])(),
  );
  return `${dice.once(4) ? '+' : ''}${items.join(',')}`;
}
