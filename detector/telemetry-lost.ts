/** No spans come where spans are usual. Whether calls or only their traces are missing cannot be seen from here: missing data is a finding, not a zero. */
import type { Json } from '../core/json.ts';
import { msPerSecond } from '../core/time.ts';
import { nothingFound, type Detector, type DetectorOptions } from './detector.ts';
import { createEvidence } from './evidence.ts';
import { boundsOf, lowBoundOf } from './rate-judge.ts';
import { round, tellFinding } from './tell.ts';

export function createTelemetryLost({ logThreshold }: DetectorOptions, snapshot?: Json): Detector {
  const evidence = createEvidence(1, logThreshold, snapshot);
  const logE = new Float64Array(1);
  return {
    get doubt() {
      return evidence.level;
    },
    inspect(moment) {
      const { live, usualRate, settledFromMs, settledUntilMs, spanRatio, arrived } = moment;
      if (arrived.spanCount > 0 && !evidence.isEmpty) evidence.clear();
      for (let atMs = settledFromMs; atMs < settledUntilMs; atMs += msPerSecond) {
        const bounds = boundsOf(moment, atMs);
        if (!bounds || !live.isSilent(atMs) || arrived.spanCount > 0) continue;
        // No call in a second of which `low` are expected at the least has probability exp(-low); bursts make silence likelier.
        logE[0] = (lowBoundOf(moment, bounds.low) * spanRatio) / usualRate.burstiness;
        evidence.add(logE, atMs);
      }
      if (!evidence.isStanding) return nothingFound;
      const fromMs = evidence.startsAtMs ?? moment.nowMs;
      const silentSeconds = Math.round((moment.nowMs - fromMs) / msPerSecond);
      const expected = boundsOf(moment, moment.nowMs)?.middle ?? 0;
      return [
        tellFinding(moment, {
          detector: 'telemetry-lost',
          evidence,
          weight: 'trouble',
          because: `no spans for ${silentSeconds} s, where ${String(round(expected))} calls a second are expected`,
          numbers: { silentSeconds, expectedPerSecond: round(expected) },
        }),
      ];
    },
    snapshot: () => evidence.snapshot(),
  };
}
