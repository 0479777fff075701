import type { Timeline } from './timeline.ts';

/** Notes what happens, when somebody wants to know: `parts` are joined only then. */
export type Note = (...parts: unknown[]) => void;

/** A history as text. Owners have random names, so they are numbered in the order in which they come up. */
export function traceTo(lines: string[], timeline: Timeline): Note {
  const owners = new Map<string, string>();
  const nameOf = (owner: string): string => {
    const known = owners.get(owner) ?? `${owner.slice(0, owner.indexOf('_'))}.${owners.size}`;
    owners.set(owner, known);
    return known;
  };
  const show = (key: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return String(value);
    if (value instanceof Error) return value.message;
    if (key === 'owner' || key === 'holder') return typeof value === 'string' && value !== '' ? nameOf(value) : value;
    return typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value;
  };
  return (...parts) => {
    lines.push(`${timeline.now.toFixed(3).padStart(10)} ${parts.map((part) => (typeof part === 'string' ? part : (JSON.stringify(part, show) ?? String(part)))).join(' ')}`);
  };
}
