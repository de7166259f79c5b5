/**
 * Evidence that a greater share of spans is bad than usual: failed, throttled, given up. What `error-ratio`, `throttle-surge`, `dead-letters` and ratio signals share.
 *
 * Each story names a share. The e-value of n spans of which k are bad is the binomial likelihood ratio of the story over the upper bound of what is usual, to
 * the power 1/bunching: its mean is at most 1 for every share up to that bound. Worked: 100 spans, 20 of them failed, a bound of 0.1 % and bunches of 1.75,
 * against the story of a fifth: (20 ln 200 - 80 ln(0.999/0.8)) / 1.75 = 50.4, where 19 are enough: one second.
 */
import type { Json } from '../core/json.ts';
import { createEvidence, type Evidence } from './evidence.ts';
import type { LearningBlock } from './learning-minute.ts';
import type { Arrived, Moment } from './moment.ts';
import { createUsualRatio } from './usual-ratio.ts';

/** Shares that the stories tell of; one under `distinctTimes` the bound is told of as that. */
const storyRatios = [0.01, 0.05, 0.2, 0.6] as const;
const distinctTimes = [2, 2.5, 3, 3.5] as const;
const ratioMax = 0.97;
/** Without a span for that long, what was gathered is about another time. */
const forgetAfterMs = 300_000;

export interface RatioJudgeOptions {
  readonly logThreshold: number;
  readonly ratioFloor: number;
  readonly ratioPrior: number;
  readonly badOf: (arrived: Arrived) => number;
  readonly badOfBlock: (block: LearningBlock) => number;
}

export interface RatioJudge {
  /** Judges what arrived, then learns the clean minute. */
  judge(moment: Moment): Evidence;
  readonly doubt: number;
  /** Nothing is gathered. */
  readonly isAsleep: boolean;
  /** What it is judged against now. */
  upper(moment: Moment): number;
  snapshot(): Json;
}

interface Kept {
  readonly evidence: Json;
  readonly usual: Json;
  readonly heardAtMs: number;
}

export function createRatioJudge(options: RatioJudgeOptions, snapshot?: Json): RatioJudge {
  const { badOf, badOfBlock, logThreshold } = options;
  const kept = snapshot as unknown as Kept | undefined;
  const usual = createUsualRatio(options, kept?.usual);
  const evidence = createEvidence(storyRatios.length, logThreshold, kept?.evidence);
  const logE = new Float64Array(storyRatios.length);
  let heardAtMs = kept?.heardAtMs ?? 0;
  return {
    get doubt() {
      return evidence.level;
    },
    get isAsleep() {
      return evidence.isEmpty;
    },
    upper: (moment) => usual.upper(moment.nowMs),
    judge(moment) {
      const { arrived, nowMs } = moment;
      if (arrived.spanCount > 0) {
        const bad = Math.min(arrived.spanCount, badOf(arrived));
        if (bad > 0 || !evidence.isEmpty) {
          heardAtMs = nowMs;
          weigh(arrived.spanCount, bad, nowMs);
          evidence.add(logE, arrived.worstSecondAtMs);
        }
      } else if (nowMs - heardAtMs > forgetAfterMs && !evidence.isEmpty) evidence.clear();
      if (moment.clean) usual.learn(moment.clean, badOfBlock);
      return evidence;
    },
    snapshot: () => ({ evidence: evidence.snapshot(), usual: usual.snapshot(), heardAtMs }),
  };

  function weigh(spanCount: number, bad: number, nowMs: number): void {
    const bound = usual.upper(nowMs);
    for (let story = 0; story < storyRatios.length; story++) {
      const ratio = Math.min(ratioMax, Math.max(storyRatios[story]!, distinctTimes[story]! * bound));
      logE[story] =
        ratio <= bound
          ? 0
          : (bad * Math.log(ratio / bound) + (spanCount - bad) * Math.log((1 - ratio) / (1 - bound))) / usual.bunching;
    }
  }
}
