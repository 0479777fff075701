import type { Entry } from './history.ts';

export interface CheckOptions {
  /** By how much an acquisition may end after its wait: for the store's answer and a busy machine. Default 2000. */
  readonly slackMs?: number;
  /**
   * By how much a timer may be late without counting as a pause. Default 0: the margin of a lease of a second or more is
   * longer than that; the one of a lease of a few ms is not.
   */
  readonly latenessMs?: number;
}

type Of<T extends Entry['type']> = Extract<Entry, { type: T }>;

/** A section that was entered, and until when it believed that it was alone. */
interface Stay {
  readonly enter: Of<'enter'>;
  readonly until: number;
}

/** Pauses closer than this are one: the process did not get round to anything between them. */
const BETWEEN_PAUSES_MS = 50;

/**
 * What is wrong with a history, one sentence each; empty when nothing is.
 *
 * I1 the stays in one name never overlap; a stay ends with the exit, the abort or the death of its process;
 * I2 fences strictly increase in the order of entering;
 * I3 the fenced register never accepted a lower fence than before;
 * I4 every acquisition ended, no later than its wait plus slack plus the pauses of its process;
 * I6 no process said what none may say.
 *
 * A process that stood still when its lease ended hears of it as soon as it goes on. It did nothing in between, so its stay
 * ends with the last sign of life before the pause, unless it goes on to work after it.
 */
export function checkHistory(entries: readonly Entry[], { slackMs = 2_000, latenessMs = 0 }: CheckOptions = {}): string[] {
  const pauses = pausesByPid(entries);
  const killedAt = new Map(ofType(entries, 'killed').map(({ pid, at }) => [pid, at]));
  return [
    ...overlaps(entries, pauses, killedAt, latenessMs),
    ...lowerFences(entries),
    ...acceptedLower(entries),
    ...late(entries, pauses, killedAt, slackMs),
    ...ofType(entries, 'fault').map(({ pid, message }) => `I6: process ${pid}: ${message}`),
  ];
}

function overlaps(entries: readonly Entry[], pauses: Map<number, Of<'pause'>[]>, killedAt: Map<number, number>, latenessMs: number): string[] {
  const exits = bySection(ofType(entries, 'exit'));
  const aborts = bySection(ofType(entries, 'abort'));
  const lastWork = new Map<string, number>();
  for (const { section, at } of ofType(entries, 'work')) lastWork.set(section, Math.max(at, lastWork.get(section) ?? 0));

  const endOf = (enter: Of<'enter'>): number => {
    const exitAt = exits.get(enter.section)?.at ?? Infinity;
    const abortAt = aborts.get(enter.section)?.at ?? Infinity;
    const deathAt = killedAt.get(enter.pid) ?? Infinity;
    if (abortAt >= Math.min(exitAt, deathAt)) return Math.min(exitAt, deathAt);
    const pause = pauses.get(enter.pid)?.find(({ from, to }) => from <= abortAt && abortAt <= to + BETWEEN_PAUSES_MS);
    const alive = pause ? Math.min(pause.from, abortAt) : abortAt - latenessMs;
    return Math.max(enter.at, lastWork.get(enter.section) ?? 0, alive);
  };

  const faults: string[] = [];
  for (const [name, stays] of entered(entries)) {
    let last: Stay | undefined;
    for (const enter of stays) {
      const until = endOf(enter);
      if (last && enter.at < last.until) {
        faults.push(`I1: "${name}": section ${enter.section} entered at ${enter.at} while ${last.enter.section} stayed until ${last.until}`);
      }
      if (!last || until > last.until) last = { enter, until };
    }
  }
  return faults;
}

function lowerFences(entries: readonly Entry[]): string[] {
  return [...entered(entries)].flatMap(([name, stays]) =>
    stays.slice(1).flatMap((enter, index) => {
      const before = stays[index]!;
      return BigInt(enter.fence) > BigInt(before.fence) ? [] : [`I2: "${name}": section ${enter.section} entered with fence ${enter.fence} after ${before.section} with ${before.fence}`];
    }),
  );
}

function acceptedLower(entries: readonly Entry[]): string[] {
  const faults: string[] = [];
  const highest = new Map<string, bigint>();
  for (const { name, fence, accepted, order } of ofType(entries, 'write').toSorted((a, b) => a.order - b.order)) {
    const known = highest.get(name) ?? 0n;
    if (!accepted) continue;
    if (BigInt(fence) < known) faults.push(`I3: "${name}": write ${order} was accepted with fence ${fence} after ${known}`);
    else highest.set(name, BigInt(fence));
  }
  return faults;
}

function late(entries: readonly Entry[], pauses: Map<number, Of<'pause'>[]>, killedAt: Map<number, number>, slackMs: number): string[] {
  const ends = bySection([...ofType(entries, 'enter'), ...ofType(entries, 'refused')]);
  return ofType(entries, 'ask').flatMap(({ section, pid, name, waitMs, at }) => {
    const end = ends.get(section);
    if (end === undefined) return killedAt.has(pid) ? [] : [`I4: "${name}": acquisition ${section} never ended`];
    if (waitMs === null) return [];
    const pausedMs = (pauses.get(pid) ?? []).reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, end.at) - Math.max(from, at)), 0);
    const tookMs = end.at - at;
    return tookMs <= waitMs + slackMs + pausedMs ? [] : [`I4: "${name}": acquisition ${section} took ${tookMs} ms with a wait of ${waitMs} ms and ${pausedMs} ms of pauses`];
  });
}

/** Per name, in the order of entering. A lease that was over before its holder could look at it was never entered. */
function entered(entries: readonly Entry[]): Map<string, Of<'enter'>[]> {
  const enters = ofType(entries, 'enter').filter(({ held }) => held);
  return Map.groupBy(enters.toSorted((a, b) => a.at - b.at), ({ name }) => name);
}

function pausesByPid(entries: readonly Entry[]): Map<number, Of<'pause'>[]> {
  const merged = new Map<number, Of<'pause'>[]>();
  for (const pause of ofType(entries, 'pause').toSorted((a, b) => a.from - b.from)) {
    const known = merged.get(pause.pid) ?? [];
    const last = known.at(-1);
    if (last && pause.from <= last.to + BETWEEN_PAUSES_MS) known[known.length - 1] = { ...last, to: Math.max(last.to, pause.to) };
    else known.push(pause);
    merged.set(pause.pid, known);
  }
  return merged;
}

function ofType<T extends Entry['type']>(entries: readonly Entry[], type: T): Of<T>[] {
  return entries.filter((entry): entry is Of<T> => entry.type === type);
}

function bySection<T extends { readonly section: string }>(entries: readonly T[]): Map<string, T> {
  return new Map(entries.map((entry) => [entry.section, entry]));
}
