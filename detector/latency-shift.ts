/** Calls take longer than is usual at this hour, all of them or a share: the whole distribution is judged, not its mean or one quantile (usual-shape.ts). */
import type { Json } from '../core/json.ts';
import { nothingFound, type Detector, type DetectorOptions } from './detector.ts';
import { createEvidence } from './evidence.ts';
import type { Moment } from './moment.ts';
import { percent, round, tellFinding } from './tell.ts';
import { shapeStoryCount } from './usual-shape.ts';

/** Without a span for that long, what was gathered is about another time. */
const forgetAfterMs = 300_000;

interface Kept {
  readonly evidence: Json;
  readonly heardAtMs: number;
}

export function createLatencyShift({ logThreshold }: DetectorOptions, snapshot?: Json): Detector {
  const kept = snapshot as unknown as Kept | undefined;
  const evidence = createEvidence(shapeStoryCount, logThreshold, kept?.evidence);
  const logE = new Float64Array(shapeStoryCount);
  let heardAtMs = kept?.heardAtMs ?? 0;
  return {
    get doubt() {
      return evidence.level;
    },
    inspect(moment) {
      const { arrived, nowMs, usualShape } = moment;
      if (arrived.spanCount > 0) {
        heardAtMs = nowMs;
        const explainedCount = moment.coldRequestCount * moment.spanRatio;
        if (usualShape.weigh({ deltas: arrived.deltas, atMs: nowMs, explainedCount }, logE))
          evidence.add(logE, arrived.worstSecondAtMs);
      } else if (nowMs - heardAtMs > forgetAfterMs && !evidence.isEmpty) evidence.clear();
      if (!evidence.isStanding) return nothingFound;
      return [
        tellFinding(moment, {
          detector: 'latency-shift',
          evidence,
          weight: 'trouble',
          ...tell(moment, evidence.startsAtMs ?? nowMs),
        }),
      ];
    },
    snapshot: () => ({ evidence: evidence.snapshot(), heardAtMs }),
  };
}

function tell(moment: Moment, fromMs: number): { because: string; numbers: Readonly<Record<string, Json>> } {
  const { live, nowMs, usualShape } = moment;
  const requests = live.sum('requestCount', fromMs, nowMs);
  const meanMs = requests === 0 ? 0 : live.sum('valueSum', fromMs, nowMs) / requests;
  const slowRatio = requests === 0 ? 0 : Math.min(1, live.sum('slowCount', fromMs, nowMs) / requests);
  const medianMs = usualShape.medianMs ?? 0;
  return {
    because: `calls take ${String(round(meanMs))} ms on average, ${percent(slowRatio)} of them over four times the usual median of ${String(round(medianMs))} ms`,
    numbers: { meanMs: round(meanMs), slowRatio: round(slowRatio), usualMedianMs: round(medianMs) },
  };
}
