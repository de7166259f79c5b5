/**
 * Knows every arrival. What it spends is the least that anybody could, within Lambda's rules as these simulations keep them:
 *
 * - the level changes on the five-minute grid on which provisioned concurrency is billed;
 * - what a block needs was asked for a block before, as allocation takes two minutes and more: a block is paid at the greater of its own need
 *   and the next one's;
 * - blocks inside the judged half hours are served, and no other.
 *
 * With `usdPerOverflow` at its largest nothing may overflow. Below that it lets requests overflow where warmth for them would cost more than so
 * many dollars each, which gives the least dollars for the overflow that results, over all windows together: Lagrange's multiplier of the
 * problem "least dollars for so much overflow". Drawn over a range of it, that is the frontier.
 */
import { msPerSecond } from '../../core/time.ts';
import { usdPerEnvironmentSecond } from '../../forecaster/cost.ts';
import { joinCurves, type OverflowCurve } from './overflow.ts';
import { decisionMs, policyEntry } from './policy.ts';
import { blockMs, levelOfBlocks, type BlockNeed } from './sizing.ts';
import { phaseOf, type Span } from './spans.ts';

const usdPerOverflowMax = 1_000;

export const oracle = policyEntry({
  summary: 'knows what comes: the least dollars within Lambda\u2019s rules',
  parameters: {
    usdPerOverflow: {
      default: usdPerOverflowMax,
      min: 0,
      max: usdPerOverflowMax,
      means: `dollars that an overflowing request is worth; ${usdPerOverflowMax}: none may overflow`,
    },
  },
  create: ({ usdPerOverflow }, { spec, prices }) => ({
    begin({ span, future }) {
      const usdPerBlock = (blockMs / msPerSecond) * usdPerEnvironmentSecond(spec, prices);
      const blocksAtMs = judgedBlocks(span);
      const steps = future();
      const curves = blocksAtMs.map((atMs) => {
        const first = Math.max(0, (atMs - span.fromMs) / decisionMs);
        return joinCurves(steps.slice(first, (atMs + blockMs - span.fromMs) / decisionMs));
      });
      const needs = cheapestNeeds(blocksAtMs, curves, { usdPerBlock, usdPerOverflow });
      return { initialLevel: levelOfBlocks(needs, span.fromMs), levelAt: ({ nowMs }) => levelOfBlocks(needs, nowMs) };
    },
  }),
});

/** The billing blocks that a judged half hour touches. */
function judgedBlocks(span: Span): number[] {
  const blocks: number[] = [];
  for (let atMs = Math.floor(span.fromMs / blockMs) * blockMs; atMs < span.untilMs; atMs += blockMs) {
    const minutes = Array.from({ length: 5 }, (_, minute) => atMs + minute * 60_000);
    if (minutes.some((minuteMs) => phaseOf(span, minuteMs) === 'window')) blocks.push(atMs);
  }
  return blocks;
}

/** Levels worth looking at in a block: finer than this changes dollars by a third of a percent at most. */
const candidateCount = 160;

/**
 * Least Σ paid + overflow over the blocks, by dynamic programming from the last to the first: what is paid in a block depends on its own level
 * and on the next one's.
 */
export function cheapestNeeds(
  blocksAtMs: readonly number[],
  curves: readonly OverflowCurve[],
  usd: { readonly usdPerBlock: number; readonly usdPerOverflow: number },
): BlockNeed[] {
  if (usd.usdPerOverflow >= usdPerOverflowMax)
    return blocksAtMs.map((fromMs, index) => ({ fromMs, concurrency: curves[index]!.environmentMax }));
  const candidates = curves.map(({ environmentMax }) => candidatesOf(environmentMax));
  /** choice[b][i]: candidate of block b + 1 that goes with candidate i of block b. */
  const choices: number[][] = [];
  let usdAfter: number[] = [];
  for (let block = curves.length - 1; block >= 0; block--) {
    const own = candidates[block]!;
    const isFollowed = blocksAtMs[block + 1] === blocksAtMs[block]! + blockMs;
    const next = candidates[block + 1] ?? [0];
    const nextUsd = block + 1 < curves.length ? usdAfter : [0];
    const chosen = own.map((level) => {
      let best = { usd: Infinity, index: 0 };
      for (let index = 0; index < next.length; index++) {
        // Where blocks do not follow each other, the raise of the next is paid in a block of its own.
        const paid = isFollowed
          ? Math.max(level, next[index]!)
          : level + (block + 1 < curves.length ? next[index]! : 0);
        const usdHere = paid * usd.usdPerBlock + nextUsd[index]!;
        if (usdHere < best.usd) best = { usd: usdHere, index };
      }
      return { ...best, usd: best.usd + usd.usdPerOverflow * curves[block]!.overflowOf(level) };
    });
    choices[block] = chosen.map(({ index }) => index);
    usdAfter = chosen.map(({ usd: total }) => total);
  }
  // The raise of the very first block is paid in a block of its own.
  const first = candidates[0] ?? [];
  let index = first.reduce(
    (best, level, at) =>
      usdAfter[at]! + level * usd.usdPerBlock < usdAfter[best]! + first[best]! * usd.usdPerBlock ? at : best,
    0,
  );
  return blocksAtMs.map((fromMs, block) => {
    const concurrency = candidates[block]![index]!;
    index = choices[block]![index]!;
    return { fromMs, concurrency };
  });
}

/** From 0 to the level at which nothing overflows, evenly. */
function candidatesOf(environmentMax: number): number[] {
  const stepCount = Math.min(environmentMax, candidateCount);
  return Array.from({ length: stepCount + 1 }, (_, step) =>
    stepCount === 0 ? 0 : Math.round((step * environmentMax) / stepCount),
  );
}
