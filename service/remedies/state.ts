/** Where remedies stand: plain JSON, sealed with the tick that changed it. */
import { emptyRemedyLedger, type RemedyLedger } from '../../actuators/remedy-gate-ledger.ts';
import type { BreakerState } from '../../detector/breaker/machine.ts';
import { emptyPlaybookBook, type PlaybookBook } from '../../detector/playbook/book.ts';
import type { ActingState } from '../acting.ts';
import { brakeOff } from '../brake.ts';
import type { Held, RemedyJob } from './job.ts';

export interface RemediesState extends ActingState {
  readonly breakers: Readonly<Record<string, BreakerState>>;
  /** Under way. */
  readonly jobs: Readonly<Record<string, RemedyJob>>;
  /** What stands in the world by us, by who wanted it. */
  readonly held: Readonly<Record<string, Held>>;
  readonly ledger: RemedyLedger;
  /** Runs of playbooks. */
  readonly book: PlaybookBook;
}

export const noRemedies: RemediesState = {
  breakers: {},
  jobs: {},
  held: {},
  ledger: emptyRemedyLedger,
  book: emptyPlaybookBook,
  approvals: {},
  brake: brakeOff,
  holds: {},
};
