/** A detector of shares, from what is bad and how it is told: `error-ratio`, `throttle-surge`, `dead-letters` are this and a few words. */
import type { Json } from '../core/json.ts';
import { nothingFound, type Detector, type DetectorOptions } from './detector.ts';
import type { LiveColumn } from './live-windows.ts';
import { createRatioJudge } from './ratio-judge.ts';
import { percent, round, tellFinding } from './tell.ts';

/** What is counted both of arrivals and of the blocks that are learned. */
interface Counts {
  readonly errorCount: number;
  readonly throttleCount: number;
  readonly deadLetterCount: number;
}

export interface RatioForm {
  readonly detector: string;
  /** Shares below this harm nobody, whatever is usual. */
  readonly ratioFloor: number;
  /** Believed of a key that nobody has seen yet, with the weight of 200 spans. */
  readonly ratioPrior: number;
  readonly badOf: (counts: Counts) => number;
  readonly column: LiveColumn;
  /** `fail`: "3 % of calls fail". */
  readonly verb: string;
}

export function createRatioDetector(form: RatioForm, { logThreshold }: DetectorOptions, snapshot?: Json): Detector {
  const { detector, badOf, column, verb } = form;
  const judge = createRatioJudge({ ...form, logThreshold, badOfBlock: badOf }, snapshot);
  return {
    get doubt() {
      return judge.doubt;
    },
    get isAsleep() {
      return judge.isAsleep;
    },
    inspect(moment) {
      const evidence = judge.judge(moment);
      if (!evidence.isStanding) return nothingFound;
      const { live, nowMs } = moment;
      const fromMs = evidence.startsAtMs ?? nowMs;
      const requests = live.sum('requestCount', fromMs, nowMs);
      const count = live.sum(column, fromMs, nowMs);
      const ratio = requests === 0 ? 0 : Math.min(1, count / requests);
      const usualAtMost = judge.upper(moment);
      return [
        tellFinding(moment, {
          detector,
          evidence,
          weight: 'trouble',
          because: `${percent(ratio)} of calls ${verb}; up to ${percent(usualAtMost)} would be usual now`,
          numbers: { ratio: round(ratio), count: round(count), usualAtMost: round(usualAtMost) },
        }),
      ];
    },
    snapshot: () => judge.snapshot(),
  };
}
