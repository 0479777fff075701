import { RollupCycleError, RollupDepthError, RollupDriftError, RollupRowError } from '../errors.ts';
import type { Word } from '../flags.ts';
import type { Rollup } from '../rollup.ts';
import { rollupRows, type AnyTransaction, type Children, type LockedRow, type RollupTreeOptions } from './rollup-rows.ts';
import type { RowId } from './row-id.ts';

/*
 * Keeps the states of parents true to the states of their children, in one table whose rows name their parent.
 *
 * Invariants
 * 1. A change of a child and what it does to its ancestors are one transaction, the caller's. It is undone as one after a
 *    deadlock (1213) or a lock wait that took too long (1205), and the caller runs it again.
 * 2. A parent is locked before its children are counted, and stays locked until the end. So the last two children to finish
 *    cannot both see the other one unfinished.
 * 3. Locks are taken upwards: child, parent, grandparent. So changes do not deadlock with each other. A row that moves needs
 *    two ways up, and `reconcile` many rows: those two can, and are run again.
 * 4. The climb ends at the first ancestor whose state does not change: those above it have nothing to learn.
 * 5. The state of a row without children is its own. It becomes `empty` at the moment when it loses its last child.
 *
 * Children are counted by mode `recomputed` and by `reconcile` of both modes, and they have to be what is committed by now:
 * READ COMMITTED on MySQL. Under REPEATABLE READ they are as they were at the first read, and parents stay unfinished; a
 * session of that level is refused. The counters of mode `counted` are only read under a lock, which is current at every
 * level. On SQLite a transaction that did not begin IMMEDIATE may be refused as busy when it comes to write.
 */

/** A row has at most this many ancestors. Deeper trees are data gone wrong more often than they are meant. */
export const MAX_ROLLUP_DEPTH = 16;

const BATCH = 100;

const NO_PARENT = 'is to become a parent and does not exist';

/** An ancestor that got another state. */
export interface RollupStep<W> {
  readonly id: RowId;
  readonly from: W;
  readonly to: W;
}

export type RollupChange<W> =
  /** `ancestors`: those that changed too, from the parent upwards. */
  | { readonly ok: true; readonly changed: boolean; readonly value: W; readonly ancestors: readonly RollupStep<W>[] }
  | { readonly ok: false; readonly reason: 'precondition'; readonly current: W }
  | { readonly ok: false; readonly reason: 'not_found' };

/** A row that was not as its children say. */
export interface RollupDrift<W, State extends string = string> {
  readonly id: RowId;
  readonly from: W;
  /** The word that the row has now. */
  readonly to: W;
  /** The counters that were wrong; none with mode `recomputed`. */
  readonly counters: readonly { readonly counter: State | 'total'; readonly stored: number; readonly actual: number }[];
  /** Children in no state or in several. When there are any the row stays as it is, because nobody can say what it should be. */
  readonly damagedChildren: number;
}

export interface ReconcileResult<W, State extends string = string> {
  readonly drift: readonly RollupDrift<W, State>[];
  /** Where to go on; undefined when no row is left. */
  readonly last: RowId | undefined;
}

/** A tree of rows: made by {@link rollupTree}. Every function runs in the caller's transaction, which may have to be run again. */
export interface RollupTree<Set extends string, State extends string, Value extends number | bigint = number> {
  /** Statements that add the counters to an existing table; empty with mode `recomputed`. Then let `reconcile` fill them. */
  readonly ddl: readonly string[];

  /**
   * Changes the word of a row and rolls the change up. `next` gets the current word under a lock, and answers undefined to
   * leave it: `(word) => machine.next(word, 'finish')`.
   * @throws FlagsGroupError (`ERR_FLAGS_GROUP`) when `next` answers with no single state; RollupDepthError (`ERR_FLAGS_ROLLUP_DEPTH`),
   *   RollupCycleError (`ERR_FLAGS_ROLLUP_CYCLE`), RollupRowError (`ERR_FLAGS_ROLLUP_ROW`) and RollupDriftError
   *   (`ERR_FLAGS_ROLLUP_DRIFT`) for rows above it that are not sound, and RollupIsolationError (`ERR_FLAGS_ROLLUP_ISOLATION`),
   *   as do all functions
   */
  change(trx: AnyTransaction, id: RowId, next: (word: Word<Set, Value>) => Word<Set, Value> | undefined): Promise<RollupChange<Word<Set, Value>>>;

  /** Rolls up a change of a row's word that this transaction has already written. */
  rollUp(trx: AnyTransaction, id: RowId, change: { readonly from: Word<Set, Value>; readonly to: Word<Set, Value> }): Promise<RollupStep<Word<Set, Value>>[]>;

  /**
   * Adds children to a row: `insert` inserts them, with `words` as their words. The parent is locked before, so that two
   * who add at once do not deadlock over its foreign key. A parent that was done opens again. `parent` null adds roots.
   */
  add(
    trx: AnyTransaction,
    children: { readonly parent: RowId | null; readonly words: readonly Word<Set, Value>[]; readonly insert: () => Promise<unknown> },
  ): Promise<RollupStep<Word<Set, Value>>[]>;

  /** Gives a row, with all that is below it, another parent, or none. Both parents are rolled up. */
  move(trx: AnyTransaction, id: RowId, parent: RowId | null): Promise<RollupStep<Word<Set, Value>>[]>;

  /** Deletes a row without children. @throws RollupRowError (`ERR_FLAGS_ROLLUP_ROW`) for one that has some */
  remove(trx: AnyTransaction, id: RowId): Promise<RollupStep<Word<Set, Value>>[]>;

  /**
   * Counts the children of the next `limit` (default 100) parents after the key `after`, repairs counters and states that do
   * not fit, and says which. For a nightly run, one transaction for each batch.
   */
  reconcile(trx: AnyTransaction, batch?: { readonly after?: RowId | undefined; readonly limit?: number }): Promise<ReconcileResult<Word<Set, Value>, State>>;
}

/**
 * Rolls states up a tree in a SQL table.
 * @throws FlagsRollupError (`ERR_FLAGS_ROLLUP`) when two columns have one name
 */
export function rollupTree<Set extends string, State extends string, Value extends number | bigint>(
  rollup: Rollup<Set, State, Value>,
  options: RollupTreeOptions<NoInfer<State>>,
): RollupTree<Set, State, Value> {
  type W = Word<Set, Value>;
  const { set, states } = rollup;
  const { table } = options;
  const rows = rollupRows(rollup, options);

  /** How the number of children by state changes; undefined when nobody can say, and they have to be counted. */
  type Delta = readonly number[] | undefined;
  const delta = (leaving: readonly W[], entering: readonly W[]): Delta => {
    const change = states.map(() => 0);
    for (const [words, by] of [[leaving, -1], [entering, 1]] as const) {
      for (const word of words) {
        const at = states.indexOf(rollup.stateOf(word)!);
        if (at === -1) return undefined; // a damaged word: what it was counted as is not known
        change[at]! += by;
      }
    }
    return change;
  };

  const soundWord = (word: W): W => {
    rollup.evaluate([word]); // throws ERR_FLAGS_GROUP
    return rollup.read(word);
  };

  /** Follows a way up: each id is new, and there are not too many. `start` is the row whose ancestors they are. */
  function pathFrom(start?: RowId): (id: RowId) => void {
    const ids = start === undefined ? [] : [start];
    let ancestors = 0;
    return (id) => {
      const seen = ids.findIndex((other) => sameId(other, id));
      if (seen !== -1) throw new RollupCycleError(set, table, [...ids.slice(seen), id]);
      if (++ancestors > MAX_ROLLUP_DEPTH) throw new RollupDepthError(set, table, ids[0], MAX_ROLLUP_DEPTH);
      ids.push(id);
    };
  }

  function stateFrom(id: RowId, { total, byState }: Children): State {
    const counts = Object.fromEntries(states.map((state, at) => [state, byState[at]!])) as Record<State, number>;
    const sum = byState.reduce((all, inState) => all + inState, 0);
    if (sum !== total || byState.some((inState) => !(inState >= 0))) throw new RollupDriftError(set, table, id, counts, total);
    return rollup.fromCounts(counts);
  }

  async function childrenAfter(trx: AnyTransaction, { id, children }: LockedRow<W>, change: Delta): Promise<Children> {
    if (children === undefined || change === undefined) return rows.countChildren(trx, id);
    return {
      total: change.reduce((total, by) => total + by, children.total),
      byState: children.byState.map((inState, at) => inState + change[at]!),
    };
  }

  /** Writes the row as its children say; the step if its state changed. */
  async function settle(trx: AnyTransaction, row: LockedRow<W>, children: Children): Promise<RollupStep<W> | undefined> {
    const state = stateFrom(row.id, children);
    const to = rollup.stateOf(row.word) === state ? row.word : rollup.withState(row.word, state);
    await rows.write(trx, row, { word: to, children });
    return to === row.word ? undefined : { id: row.id, from: row.word, to };
  }

  async function climb(trx: AnyTransaction, start: { readonly id?: RowId; readonly parent: RowId | null }, first: Delta): Promise<RollupStep<W>[]> {
    const steps: RollupStep<W>[] = [];
    const up = pathFrom(start.id);
    let change = first;
    for (let id = start.parent; id !== null; ) {
      up(id);
      const row = await lockExisting(trx, id, 'is the parent of a row and does not exist');
      const step = await settle(trx, row, await childrenAfter(trx, row, change));
      if (step === undefined) break;
      steps.push(step);
      change = delta([step.from], [step.to]);
      id = row.parent;
    }
    return steps;
  }

  async function lockExisting(trx: AnyTransaction, id: RowId, otherwise: string): Promise<LockedRow<W>> {
    const row = await rows.lock(trx, id);
    if (row === undefined) throw new RollupRowError(set, table, id, otherwise);
    return row;
  }

  async function rollUpFrom(trx: AnyTransaction, { id, parent }: LockedRow<W>, from: W, to: W): Promise<RollupStep<W>[]> {
    return rollup.stateOf(from) === rollup.stateOf(to) ? [] : climb(trx, { id, parent }, delta([from], [to]));
  }

  /** Locks the whole way up, so that of two moves which would close a circle together one sees the other. */
  async function checkMove(trx: AnyTransaction, id: RowId, parent: RowId): Promise<void> {
    const up = pathFrom(id);
    let ancestors = 0;
    for (let next: RowId | null = parent; next !== null; ancestors++) {
      up(next);
      next = (await lockExisting(trx, next, NO_PARENT)).parent;
    }
    if (ancestors + (await rows.height(trx, id, MAX_ROLLUP_DEPTH)) > MAX_ROLLUP_DEPTH) throw new RollupDepthError(set, table, id, MAX_ROLLUP_DEPTH);
  }

  /** Puts one row right by counting. `step` is its change of state, `parent` where that would have to be told. */
  async function recount(trx: AnyTransaction, id: RowId): Promise<{ drift?: RollupDrift<W, State>; step?: RollupStep<W> | undefined; parent: RowId | null }> {
    const row = await rows.lock(trx, id);
    if (row === undefined) return { parent: null }; // deleted since the batch was read
    const children = await rows.countChildren(trx, id);
    const damagedChildren = children.byState.reduce((rest, inState) => rest - inState, children.total);
    const counters = wrongCounters(row.children, children);
    const found = { id, from: row.word, counters, damagedChildren };
    if (damagedChildren > 0) return { drift: { ...found, to: row.word }, parent: null };
    // The row has lost its last child since the batch was read, and has its state from that.
    if (children.total === 0 && counters.length === 0) return { parent: null };
    const step = await settle(trx, row, children);
    const drifted = step !== undefined || counters.length > 0;
    return { ...(drifted && { drift: { ...found, to: step?.to ?? row.word } }), step, parent: row.parent };
  }

  function wrongCounters(stored: Children | undefined, actual: Children): { counter: State | 'total'; stored: number; actual: number }[] {
    if (stored === undefined) return [];
    const total = { counter: 'total' as const, stored: stored.total, actual: actual.total };
    const byState = states.map((state, at) => ({ counter: state, stored: stored.byState[at]!, actual: actual.byState[at]! }));
    return [total, ...byState].filter((counter) => counter.stored !== counter.actual);
  }

  return {
    ddl: rows.ddl,

    async change(trx, id, next) {
      const row = await rows.lock(trx, id);
      if (row === undefined) return { ok: false, reason: 'not_found' };
      const answer = next(row.word);
      if (answer === undefined) return { ok: false, reason: 'precondition', current: row.word };
      const value = soundWord(answer);
      if (value === row.word) return { ok: true, changed: false, value, ancestors: [] };
      await rows.write(trx, row, { word: value });
      return { ok: true, changed: true, value, ancestors: await rollUpFrom(trx, row, row.word, value) };
    },

    async rollUp(trx, id, { from, to }) {
      const row = await lockExisting(trx, id, 'does not exist');
      return rollUpFrom(trx, row, from, soundWord(to));
    },

    async add(trx, { parent, words, insert }) {
      const entering = words.map(soundWord);
      if (parent !== null) {
        await lockExisting(trx, parent, NO_PARENT);
        const up = pathFrom();
        for (let id: RowId | null | undefined = parent; id != null; id = await rows.parentOf(trx, id)) up(id);
      }
      await insert();
      return words.length === 0 ? [] : climb(trx, { parent }, delta([], entering));
    },

    async move(trx, id, parent) {
      const row = await lockExisting(trx, id, 'is to be moved and does not exist');
      if (row.parent === null || parent === null ? row.parent === parent : sameId(row.parent, parent)) return [];
      // Both parents in one order before what is above them, so that moves to and fro between siblings do not deadlock.
      for (const either of [row.parent, parent].filter((other) => other !== null).toSorted(byText)) await rows.lock(trx, either);
      if (parent !== null) await checkMove(trx, id, parent);
      await rows.write(trx, row, { parent });
      const left = await climb(trx, { id, parent: row.parent }, delta([row.word], []));
      const joined = await climb(trx, { id, parent }, delta([], [row.word]));
      return [...left, ...joined];
    },

    async remove(trx, id) {
      const row = await lockExisting(trx, id, 'is to be removed and does not exist');
      if (await rows.hasChildren(trx, id)) throw new RollupRowError(set, table, id, 'has children; remove or move them first');
      await rows.remove(trx, id);
      return climb(trx, { id, parent: row.parent }, delta([row.word], []));
    },

    async reconcile(trx, { after, limit = BATCH } = {}) {
      const ids = await rows.parents(trx, after, limit);
      const drift: RollupDrift<W, State>[] = [];
      // Backwards, because parents are mostly older than their children: what is below comes first, and locks go upwards.
      for (const id of ids.toReversed()) {
        const up = pathFrom();
        // Ancestors are counted as well, not adjusted: their counters may be what is wrong.
        for (let next: RowId | null = id; next !== null; ) {
          up(next);
          const { drift: found, step, parent } = await recount(trx, next);
          if (found !== undefined) drift.push(found);
          next = step === undefined ? null : parent;
        }
      }
      return { drift, last: ids.length < limit ? undefined : ids.at(-1) };
    },
  };
}

// One key may come as 7, 7n and '7': from the caller, and from the driver.
function sameId(a: RowId, b: RowId): boolean {
  return String(a) === String(b);
}

// Any order will do that is the same for everybody.
function byText(a: RowId, b: RowId): number {
  return String(a) < String(b) ? -1 : 1;
}
