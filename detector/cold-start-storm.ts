/**
 * Environments are initialised on demand far beyond what growth explains: they crash, or are recycled, or a deployment went out cold.
 *
 * Growth explains some: as many environments as concurrency rose over what was warm lately, three times over, since calls bunch. Initialisations by provisioned
 * concurrency are counted apart by the collectors, and while an action of ours is under way nothing is counted at all: our own pre-warm is not a storm.
 */
import type { Json } from '../core/json.ts';
import { nothingFound, type Detector, type DetectorOptions } from './detector.ts';
import { createRatioJudge } from './ratio-judge.ts';
import type { Moment } from './moment.ts';
import { percent, round, tellFinding } from './tell.ts';

/** A quiet function starts an environment for every tenth call without any harm in it. */
const ratioFloor = 0.1;
const ratioPrior = 0.1;
/** Lambda lets idle environments go after some minutes. */
const warmKeptPerSecond = 2 ** (-1 / 600);
const growthTimes = 3;
/** What grew explains cold starts for this long, in seconds: spans of the same second come apart. */
const growthKeptPerSecond = 0.9;
const msPerBusySecond = 1_000;

interface Kept {
  readonly judge: Json;
  readonly warm: number;
  readonly explained: number;
}

export function createColdStartStorm({ logThreshold }: DetectorOptions, snapshot?: Json): Detector {
  const kept = snapshot as unknown as Kept | undefined;
  let warm = kept?.warm ?? 0;
  /** Cold starts that recent growth still explains, in requests. */
  let explained = kept?.explained ?? 0;
  let unexplained = 0;
  const judge = createRatioJudge(
    {
      logThreshold,
      ratioFloor,
      ratioPrior,
      badOf: () => unexplained,
      badOfBlock: ({ coldStartCount }) => coldStartCount,
    },
    kept?.judge,
  );
  return {
    get doubt() {
      return judge.doubt;
    },
    inspect(moment) {
      follow(moment);
      const evidence = judge.judge(moment);
      if (!evidence.isStanding) return nothingFound;
      const { live, nowMs } = moment;
      const fromMs = evidence.startsAtMs ?? nowMs;
      const count = live.sum('coldStartCount', fromMs, nowMs);
      const ratio = count / Math.max(1, live.sum('requestCount', fromMs, nowMs));
      return [
        tellFinding(moment, {
          detector: 'cold-start-storm',
          evidence,
          weight: 'trouble',
          because: `${Math.round(count)} cold starts (${percent(ratio)} of calls), more than growth explains`,
          numbers: {
            coldStartCount: round(count),
            coldStartRatio: round(ratio),
            usualAtMost: round(judge.upper(moment)),
          },
        }),
      ];
    },
    snapshot: () => ({ judge: judge.snapshot(), warm, explained }),
  };

  function follow({ live, arrived, nowMs, ownActions, usualRate, spanRatio }: Moment): void {
    const concurrency = live.at(arrived.secondAtMs, 'valueSum') / msPerBusySecond;
    // Whole environments: even one call a minute needs one.
    if (arrived.spanCount > 0) {
      const needed = Math.ceil(concurrency + Math.sqrt(concurrency * usualRate.burstiness));
      if (needed > warm) {
        explained += growthTimes * (needed - warm);
        warm = needed;
      }
    }
    const isOurs = ownActions.some(({ atMs, untilMs }) => atMs <= nowMs && nowMs < untilMs);
    const seen = arrived.coldStartCount / spanRatio;
    unexplained = isOurs ? 0 : Math.max(0, seen - explained) * spanRatio;
    explained = Math.max(0, explained - seen) * growthKeptPerSecond;
    warm *= warmKeptPerSecond;
  }
}
