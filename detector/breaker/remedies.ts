/** What a standing asks of the world, by the means that the breaker was given. */
import type { BreakerSpec } from '../../core/breaker.ts';
import type { BreakerStanding, Remedy } from '../../core/remedy.ts';

/**
 * To be said again with each standing: each is a level, not a change. Shared state says its own end; the other two are given back by the call that was booked
 * before them, and by this once the breaker has closed.
 */
export function remedyOf({ enactment, probeShares }: BreakerSpec, standing: BreakerStanding, because: string): Remedy {
  const { admitRatio, untilMs } = standing;
  const base = { because, untilMs };
  switch (enactment.kind) {
    case 'shared-state':
      return { kind: 'move-breaker', standing, ...base };
    case 'alias-weight': {
      // Weights have to add up to one; 1 - 0.95 is not 0.05 to a computer.
      const weight = Math.round((1 - admitRatio) * 10_000) / 10_000;
      return { kind: 'weigh-alias', key: enactment.key, version: enactment.fallbackVersion, weight, ...base };
    }
    case 'reserved-concurrency': {
      const { key, concurrency } = enactment;
      const grown =
        admitRatio === 0 ? concurrency : Math.ceil(Math.max(1, concurrency) * (admitRatio / probeShares[0]!));
      return {
        kind: 'reserve-concurrency',
        key,
        concurrency: standing.state === 'closed' ? null : grown,
        ...base,
      };
    }
  }
}
