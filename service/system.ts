/** The running system, as `compose` returns it: whoever owns the time drives it. */
import type { Incident } from '../core/incident.ts';
import type { PlaybookBook } from '../detector/playbook/book.ts';
import type { DryRun } from '../detector/playbook/dry-run.ts';
import type { BreakerStanding } from '../core/remedy.ts';
import type { EpochMs } from '../core/time.ts';
import type { Fact } from './facts.ts';
import type { PrewarmView, Scorecard, SystemView } from './view.ts';
import type { FunctionKey } from '../core/series-key.ts';

export interface System {
  /**
   * One second's work: resolves when its records are durable and its effects have been started, not when they are answered.
   *
   * @throws what the store or a bug of ours threw, here or in an effect since the last tick; and the same from then on.
   */
  tick(): Promise<void>;
  /** Hands in a fact; it is judged in the next tick. */
  admit(fact: Fact): 'admitted' | 'shed';
  /** Effects that have been started and not been answered. */
  pendingEffectCount(): number;
  prewarmsOf(key: FunctionKey): readonly PrewarmView[];
  /** Stands for what `/api/*` shows, but for the measurements. */
  readonly view: Omit<SystemView, 'scorecard' | 'senders'>;
  readonly audit: () => { readonly eventCount: number; readonly head: string | null };
  readonly incidentCount: () => number;
  /** What on-call was asked since the start, by what left the outbox. */
  readonly toldCounts: () => Pick<Scorecard, 'pages' | 'escalations'>;
  /** The alias that led to a version of a function when we looked last; undefined where it is none of ours. */
  aliasOf(functionArn: string, version: string): string | undefined;
  /** End of the volume that a function's forecaster has learned. */
  learnedUntilMs(key: FunctionKey): EpochMs;
  readonly playbooks: {
    readonly book: () => PlaybookBook;
    /** One that is not resolved. */
    readonly incident: (id: string) => Incident | undefined;
    /** What it would do now; undefined: there is no such playbook, or no such incident is open. */
    readonly dryRun: (name: string, incidentId: string) => DryRun | undefined;
  };
  /** Of all breakers, as clients are to be told. */
  standings(): readonly BreakerStanding[];
  readonly startedAtMs: EpochMs;
  /** The last instant that was judged. */
  tickedAtMs(): EpochMs | null;
  /** Asks Lambda for the account's limits again; the answer is a fact. */
  readAccount(): void;
  /** Shortens the next start: what came before the snapshot need not be read again. As a routine, only when it is worth what it costs. */
  saveSnapshot(how?: { readonly isRoutine?: boolean }): Promise<void>;
  /**
   * Drops what waits in the call queue, hears what became of the rest, writes `service.stopped`, and closes the store. A call on the wire is given up:
   * its outcome is written as unknown, and the next start looks before anything else.
   *
   * @throws what no tick has thrown yet: the last records were not written.
   */
  stop(because: string, how?: StopOptions): Promise<void>;
}

export interface StopOptions {
  /** Another system goes on from here in the same process. */
  readonly keepsStore?: boolean;
}
