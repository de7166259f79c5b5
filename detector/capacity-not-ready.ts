/**
 * An event is minutes away, and the capacity that was planned for it is not READY. No statistics: what is missing is counted.
 *
 * Three minutes before the event is when a human can still do something (Lambda prepares for a minute or two). "Nobody has looked" is told apart from "not there".
 */
import type { Json } from '../core/json.ts';
import { formatInstant, msPerMinute } from '../core/time.ts';
import { nothingFound, type Detector, type DetectorOptions } from './detector.ts';
import { describe, percent, round } from './tell.ts';

const leadMs = 3 * msPerMinute;
const lookedWithinMs = 2 * msPerMinute;

export function createCapacityNotReady(_options: DetectorOptions, _snapshot?: Json): Detector {
  return {
    doubt: 0,
    inspect(moment) {
      const { capacity, nowMs } = moment;
      if (!capacity || nowMs >= capacity.eventAtMs) return nothingFound;
      const { concurrencyWanted, concurrencyReady, isFailed, eventAtMs, eventId, seenAtMs } = capacity;
      if (concurrencyReady >= concurrencyWanted || (nowMs < eventAtMs - leadMs && !isFailed)) return nothingFound;
      const isUnseen = seenAtMs === undefined || nowMs - seenAtMs > lookedWithinMs;
      const missing = concurrencyWanted - concurrencyReady;
      const state = isFailed ? 'Lambda says FAILED' : isUnseen ? 'nobody could look' : 'the rest is not READY';
      return [
        describe(moment, {
          detector: 'capacity-not-ready',
          startsAtMs: nowMs,
          score: 1 + missing / concurrencyWanted,
          weight: 'trouble',
          because: `${concurrencyReady} of ${concurrencyWanted} warm environments for ${eventId} at ${formatInstant(eventAtMs)}: ${percent(missing / concurrencyWanted)} missing, ${state}`,
          numbers: {
            concurrencyWanted,
            concurrencyReady,
            missingRatio: round(missing / concurrencyWanted),
            isUnseen,
            eventId,
          },
        }),
      ];
    },
    snapshot: () => null,
  };
}
