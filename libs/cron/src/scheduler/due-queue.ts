/** What the queue writes on its items, so that one can be taken out without a search. */
export interface Queued {
  /** Where it is in the queue; -1 outside. Written by the queue alone. */
  position: number;
  /** Of two that are due at one instant, the lower goes first. */
  readonly order: number;
}

const CHILDREN = 4;

/**
 * Items by the instant at which they are due, then by their order: a heap with four children per node, half as deep as a binary
 * one. The instants lie beside the items in an array of doubles, so that an item costs 16 bytes here and comparing touches none.
 */
export class DueQueue<T extends Queued> {
  readonly #items: T[] = [];
  #instants: Float64Array = new Float64Array(16);

  get size(): number {
    return this.#items.length;
  }

  /** Epoch ms at which the first item is due; `Infinity` of an empty queue. */
  get firstAt(): number {
    return this.#items.length === 0 ? Infinity : this.#instants[0]!;
  }

  push(item: T, atMs: number): void {
    const end = this.#items.length;
    if (end === this.#instants.length) {
      const larger = new Float64Array(end * 2);
      larger.set(this.#instants);
      this.#instants = larger;
    }
    this.#items.push(item);
    this.#rise(end, item, atMs);
  }

  /** Takes the first item out. */
  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Takes an item out; harmless when it is not there. */
  remove(item: T): void {
    const hole = item.position;
    if (hole < 0) return;
    item.position = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    const atMs = this.#instants[this.#items.length]!;
    const parent = (hole - 1) >> 2;
    if (hole > 0 && this.#isBefore(atMs, last, parent)) this.#rise(hole, last, atMs);
    else this.#sink(hole, last, atMs);
  }

  #rise(from: number, item: T, atMs: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      if (!this.#isBefore(atMs, item, parent)) break;
      this.#put(at, this.#items[parent]!, this.#instants[parent]!);
      at = parent;
    }
    this.#put(at, item, atMs);
  }

  #sink(from: number, item: T, atMs: number): void {
    const size = this.#items.length;
    let at = from;
    for (;;) {
      const firstChild = at * CHILDREN + 1;
      if (firstChild >= size) break;
      let least = firstChild;
      const end = Math.min(firstChild + CHILDREN, size);
      for (let child = firstChild + 1; child < end; child++) {
        if (this.#isBefore(this.#instants[child]!, this.#items[child]!, least)) least = child;
      }
      if (this.#isBefore(atMs, item, least)) break;
      this.#put(at, this.#items[least]!, this.#instants[least]!);
      at = least;
    }
    this.#put(at, item, atMs);
  }

  #isBefore(atMs: number, item: T, other: number): boolean {
    const otherMs = this.#instants[other]!;
    return atMs < otherMs || (atMs === otherMs && item.order < this.#items[other]!.order);
  }

  #put(at: number, item: T, atMs: number): void {
    this.#items[at] = item;
    this.#instants[at] = atMs;
    item.position = at;
  }
}
