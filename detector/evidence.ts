/**
 * Evidence that something began to go wrong, gathered over ticks until it is worth an alert.
 *
 * Mental model: a bettor for each way in which it could be wrong (twice as slow, a fifth failing). Each second he multiplies his purse by how much likelier
 * what came is under his story than under the kindest account of "nothing is wrong": an e-value, whose mean is at most 1 while nothing is. He may start
 * over at any second with a purse of 1, so the purse is max(purse, 1) times the second's e-value (Page's CUSUM, in logarithms), and the purses of all
 * stories are averaged. Such an e-detector, stopped at 1/alpha, runs 1/alpha ticks on average, at least, before it cries for nothing: no distribution
 * has to be right for that but the e-value's mean (budget.ts has the arithmetic).
 *
 * - Shin, Ramdas & Rinaldo, E-detectors: a nonparametric framework for sequential change detection, New England Journal of Statistics in Data Science
 *   (2023), definition 2.2 and proposition 2.4: the average run length.
 * - Page, Continuous inspection schemes, Biometrika 41 (1954).
 */
import { assert } from '../core/assert.ts';
import type { Json } from '../core/json.ts';
import type { EpochMs } from '../core/time.ts';

/** A finding ends when this share of the threshold is left: what just misses it does not flicker. */
const standsDownTo = 0.5;
/** Purses stop growing at this many thresholds, so that the end of a long fault shows in seconds and not in hours. */
const thresholdsMax = 1.25;

export interface Evidence {
  /** One tick: the logarithm of each story's e-value, of what came in the second from `atMs`. */
  add(logE: ArrayLike<number>, atMs: EpochMs): void;
  /** Over the threshold: 1 is just enough. */
  readonly level: number;
  /** It passed the threshold and has not fallen far under it since. */
  readonly isStanding: boolean;
  /** The first second that speaks for the story that is believed most; undefined where none does. */
  readonly startsAtMs: EpochMs | undefined;
  /** No story has anything in its purse: a tick that only speaks against them changes nothing. */
  readonly isEmpty: boolean;
  /** Forgets everything: after silence, when what was gathered is about another time. */
  clear(): void;
  snapshot(): Json;
}

interface Kept {
  readonly logs: readonly number[];
  readonly starts: readonly number[];
  readonly isStanding: boolean;
  readonly leader: number;
}

/** `logThreshold` is log(1/alpha); each of the stories has an equal share of the purse. */
export function createEvidence(storyCount: number, logThreshold: number, snapshot?: Json): Evidence {
  assert(storyCount > 0 && logThreshold > 0, 'evidence needs a story and a threshold above 1');
  const kept = snapshot as unknown as Kept | undefined;
  const logs = kept ? [...kept.logs] : new Array<number>(storyCount).fill(0);
  const starts = kept ? [...kept.starts] : new Array<number>(storyCount).fill(0);
  let isStanding = kept?.isStanding ?? false;
  /** The story that was believed when it passed the threshold. */
  let leader = kept?.leader ?? 0;
  const logShare = Math.log(storyCount);
  const logMax = thresholdsMax * (logThreshold + logShare);
  let level = 0;
  let best = 0;
  let isEmpty = true;
  const judge = (): void => {
    best = 0;
    for (let story = 1; story < storyCount; story++) if (logs[story]! > logs[best]!) best = story;
    isEmpty = logs[best] === 0;
    level = Math.max(0, (logs[best]! - logShare) / logThreshold);
    if (level >= 1) isStanding = true;
    else if (level < standsDownTo) isStanding = false;
  };
  judge();
  return {
    add(logE, atMs) {
      let most = 0;
      for (let story = 0; story < storyCount; story++) {
        const before = logs[story]!;
        const after = before + logE[story]!;
        if (after > most) {
          most = after;
          // Of all purses, before they are capped: the fullest tells the story that explains most.
          if (!isStanding) leader = story;
        }
        if (before <= 0 && after > 0) starts[story] = atMs;
        logs[story] = after <= 0 ? 0 : after > logMax ? logMax : after;
      }
      // What a strong fault also gave to stories of weak ones would take minutes to be talked out of: the story that was true is refuted, so it is over.
      if (isStanding && logs[leader] === 0) {
        logs.fill(0);
        isStanding = false;
      }
      judge();
    },
    get level() {
      return level;
    },
    get isStanding() {
      return isStanding;
    },
    get startsAtMs() {
      // Capped purses are all alike: who made it stand knows best when it began.
      const story = isStanding ? leader : best;
      return logs[story]! > 0 ? starts[story] : undefined;
    },
    get isEmpty() {
      return isEmpty;
    },
    clear() {
      logs.fill(0);
      isStanding = false;
      judge();
    },
    snapshot: () => ({ logs: [...logs], starts: [...starts], isStanding, leader }),
  };
}
