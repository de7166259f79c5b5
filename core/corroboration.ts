/**
 * Who confirms a trouble, and who says otherwise: what a remedy is asked for before it touches the world.
 *
 * Mental model: an observer is a *place to look from*, not a voice. Ten senders of a function's own spans are one observer, and one sender that tells both what
 * callers and what the function saw is one as well: a single stolen token would be all of them. So at most one observer of each kind is counted, and no sender
 * twice.
 */
import type { EpochMs } from './time.ts';
import type { WindowKey } from './window.ts';

/**
 * `caller`: CLIENT spans of those who call it. `callee`: its own SERVER spans. `cloudwatch`: what AWS itself counted, in a minute that is final and lies in the
 * trouble. `breaker`: counters of breaker clients. `probe`: a call of our own.
 */
export type ObserverKind = 'breaker' | 'callee' | 'caller' | 'cloudwatch' | 'probe';

export interface Observer {
  readonly kind: ObserverKind;
  /** The name of the token; of spans alone. */
  readonly sender?: string;
  /** What was looked at: a function, or the edge over which it is called. */
  readonly key: WindowKey;
  /** The last instant that it speaks for. */
  readonly atMs: EpochMs;
  /** One clause with its numbers, for people. */
  readonly because: string;
}

export interface Corroboration {
  /** Who confirms the trouble now, independent of each other: at most one of a kind, no sender twice. In the order of their kinds. */
  readonly observers: readonly Observer[];
  /** Who looked at the same and saw none of it, or saw so much less that somebody must be wrong; all of them. Empty: nobody disagrees. */
  readonly disputedBy: readonly Observer[];
  /** Senders whose word is doubted now (`sender-disputed`): none of them is among the observers. */
  readonly disputedSenders: readonly string[];
}
