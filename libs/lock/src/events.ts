import type { LockKind } from './driver.ts';
import type { LockLostReason } from './errors.ts';

interface About {
  readonly kind: LockKind;
  readonly name: string;
  readonly fence: bigint;
}

/** Something about a lease that its holder's operator may want to know. */
export type LockEvent =
  | (About & { readonly type: 'lost'; readonly reason: LockLostReason })
  /** A renewal failed; it is tried again until the lease ends. Told once per series of failures. */
  | (About & { readonly type: 'renew-failed'; readonly error: unknown })
  /** The lease runs out by itself. */
  | (About & { readonly type: 'release-failed'; readonly error: unknown })
  /** The store's clock jumped by `byMs` since the last renewal. */
  | (About & { readonly type: 'clock-jump'; readonly byMs: number })
  /** The lease object was dropped without a release. It is not renewed any more. */
  | (About & { readonly type: 'leaked' });
