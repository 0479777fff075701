/*
 * The one time line of a simulation. All that happens happens as a step at a moment of it; nothing else moves time.
 *
 * 1. Steps run in the order of their moments, then in that in which they were planned.
 * 2. After a step everything that it set off runs to its end: all promise callbacks, but no real timer or socket. While it
 *    does, `Math.random` is the simulation's. It is the only chance that the core knows, apart from its owners' names, and by
 *    those nothing is ordered: the same seed is therefore the same history.
 * 3. Between two steps Node has its turn, so that a rejection nobody handles is told right after the step that made it.
 */

interface Step {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export class Timeline {
  readonly #random: () => number;
  readonly #heap: Step[] = [];
  #now = 0;
  #planned = 0;
  #taken = 0;

  /** @param random what `Math.random` gives to the code that the steps run */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds since the start. */
  get now(): number {
    return this.#now;
  }

  /** How many steps have run. */
  get steps(): number {
    return this.#taken;
  }

  /** Plans a step, not before now. The function that it gives takes it back. */
  at(moment: number, run: () => void): () => void {
    const step: Step = { at: Math.max(moment, this.#now), order: this.#planned++, run };
    this.#push(step);
    return () => {
      step.run = undefined;
    };
  }

  after(ms: number, run: () => void): () => void {
    return this.at(this.#now + ms, run);
  }

  /** Runs every step up to a moment, or until nothing is planned any more or `isOver` says so. */
  async run(until: number, isOver: () => boolean = () => false): Promise<void> {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= until && !isOver()) {
      const { at, run } = this.#pop();
      if (run === undefined) continue;
      this.#now = at;
      this.#taken += 1;
      await this.#take(run);
    }
    if (!isOver()) this.#now = Math.max(this.#now, until);
  }

  async #take(run: () => void): Promise<void> {
    const { random } = Math;
    Math.random = this.#random;
    try {
      run();
      // A tick's turn comes when no promise callback is left, and before any timer or socket.
      await new Promise<void>((resolve) => process.nextTick(resolve));
    } finally {
      Math.random = random;
    }
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }

  #push(step: Step): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(step, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = step;
  }

  #pop(): Step {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (child >= heap.length || !isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Step, b: Step): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
