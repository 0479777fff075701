import { InvalidDurationError } from './errors.ts';

/** Milliseconds as a number, or text: `'250ms'`, `'30s'`, `'15m'`, `'2h'`, `'1d'`, ISO 8601 `'PT1H30M'`, `'P2DT12H'`. */
export type DurationInput = number | string;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const SHORT = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/;
// Years and months are left out on purpose: they have no fixed length.
const ISO = /^P(?!$)(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?!$)(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
const ISO_UNITS_MS = [604_800_000, 86_400_000, 3_600_000, 60_000, 1_000] as const;

/**
 * Reads a duration into whole milliseconds.
 * @throws InvalidDurationError (`ERR_KERNEL_DURATION`) for anything negative, fractional in ms, unsafe or not in the grammar
 */
export function parseDuration(input: DurationInput): number {
  const ms = typeof input === 'number' ? input : typeof input === 'string' ? parseText(input) : undefined;
  if (ms === undefined) throw new InvalidDurationError(input, "is not a number of milliseconds, '30s', '15m' or ISO 8601 such as 'PT2S'");
  if (!Number.isSafeInteger(ms) || ms < 0) throw new InvalidDurationError(input, 'is not a whole, non-negative number of milliseconds');
  return ms;
}

function parseText(text: string): number | undefined {
  const short = SHORT.exec(text);
  if (short) return wholeMs(Number(short[1]) * UNIT_MS[short[2]!]!);
  const iso = ISO.exec(text);
  if (!iso) return undefined;
  return wholeMs(ISO_UNITS_MS.reduce((sum, unitMs, index) => sum + Number(iso[index + 1] ?? 0) * unitMs, 0));
}

// 1.1 s is 1100.0000000000002 ms in binary floating point.
function wholeMs(ms: number): number {
  const rounded = Math.round(ms);
  return Math.abs(ms - rounded) < 1e-6 ? rounded : ms;
}

/** ISO 8601 text of a whole number of milliseconds: `90_000` is `'PT1M30S'`. `parseDuration` reads it back exactly. */
export function formatDuration(ms: number): string {
  if (!Number.isSafeInteger(ms) || ms < 0) throw new InvalidDurationError(ms, 'is not a whole, non-negative number of milliseconds');
  const days = Math.floor(ms / 86_400_000);
  const hours = Math.floor(ms / 3_600_000) % 24;
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = (ms % 60_000) / 1_000;
  const time = `${hours ? `${hours}H` : ''}${minutes ? `${minutes}M` : ''}${seconds ? `${seconds}S` : ''}`;
  return days || time ? `P${days ? `${days}D` : ''}${time ? `T${time}` : ''}` : 'PT0S';
}
