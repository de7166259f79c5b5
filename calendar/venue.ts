/** Whose clock a series lives by: an exchange with its bells, or a place where demand never closes. */
import { InputError } from '../core/errors.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { SessionClock } from '../core/session-clock.ts';
import type { EpochMs } from '../core/time.ts';
import { createExchange, createRoundTheClock } from './session.ts';

export interface Venue extends SessionClock {
  /** Bells that start in [fromMs, untilMs), in time order; none where nothing opens. */
  sessionEvents(fromMs: EpochMs, untilMs: EpochMs): readonly MarketEvent[];
}

/** `XNYS`, `XNAS`, or an IANA time zone for what never closes. @throws InputError for a name that is neither. */
export function createVenue(name: string): Venue {
  if (name === 'XNYS' || name === 'XNAS') return createExchange(name);
  try {
    return { ...createRoundTheClock(name), sessionEvents: () => [] };
  } catch (error) {
    throw new InputError('venue', `unknown venue "${name}"; expected XNYS, XNAS, or a time zone such as Europe/Paris`, {
      cause: error,
    });
  }
}
