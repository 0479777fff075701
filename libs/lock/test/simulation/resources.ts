import type { Oracle } from './oracle.ts';

/** What locks are there to protect. Neither knows anything of locks but the fence. */
export class Resources {
  readonly #oracle: Oracle;
  readonly #plain = new Map<string, number>();
  readonly #fenced = new Map<string, { highest: bigint; value: number; accepted: number }>();

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  /** A counter without a fence, for those who only touch it while they are sure to be alone. */
  read(name: string): number {
    return this.#plain.get(name) ?? 0;
  }

  /** One more than was read before. */
  count(name: string, read: number, who: string, isExcused: boolean): void {
    const value = this.read(name);
    if (value !== read && !isExcused) this.#oracle.fault(`I1: ${name}: ${who} believed to be alone, but the counter went from ${read} to ${value}`);
    this.#plain.set(name, value + 1);
  }

  /** Undefined when a higher fence was here. */
  readFenced(name: string, fence: bigint): number | undefined {
    const register = this.#register(name);
    if (fence < register.highest) return undefined;
    register.highest = fence;
    return register.value;
  }

  /** I3: a lower fence than one that was here is never accepted, so that no update is lost whatever its writer believes. */
  writeFenced(name: string, fence: bigint, value: number): boolean {
    const register = this.#register(name);
    if (fence < register.highest) return false;
    register.highest = fence;
    register.value = value;
    register.accepted += 1;
    if (register.value !== register.accepted) this.#oracle.fault(`I3: ${name}: fence ${fence} wrote ${value}, but ${register.accepted} writes were accepted`);
    return true;
  }

  #register(name: string): { highest: bigint; value: number; accepted: number } {
    const register = this.#fenced.get(name) ?? { highest: 0n, value: 0, accepted: 0 };
    this.#fenced.set(name, register);
    return register;
  }
}
