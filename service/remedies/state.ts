/** Where remedies stand: plain JSON, sealed with the tick that changed it. */
import { emptyRemedyLedger, type RemedyLedger } from '../../actuators/remedy-gate-ledger.ts';
import type { BreakerState } from '../../detector/breaker/machine.ts';
import { brakeOff, type BrakeState } from '../brake.ts';
import type { Holds } from '../holds.ts';
import type { Held, RemedyJob } from './job.ts';

export interface RemediesState {
  readonly breakers: Readonly<Record<string, BreakerState>>;
  /** Under way. */
  readonly jobs: Readonly<Record<string, RemedyJob>>;
  /** What stands in the world by us, by who wanted it. */
  readonly held: Readonly<Record<string, Held>>;
  readonly ledger: RemedyLedger;
  readonly brake: BrakeState;
  readonly holds: Holds;
}

export const noRemedies: RemediesState = {
  breakers: {},
  jobs: {},
  held: {},
  ledger: emptyRemedyLedger,
  brake: brakeOff,
  holds: {},
};
