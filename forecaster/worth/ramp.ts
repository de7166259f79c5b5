/**
 * Raises in parts, so that what environments open when they start does not come all at once. Lambda initialises up to a hundred a second for each
 * function; what a database behind them takes is for the operator to say.
 *
 * Parts are asked for at the starts of billing blocks, five minutes apart, and each is at most what may be initialised in one minute: Lambda needs no longer for it, and the
 * next begins when it is READY. So a larger raise is asked for earlier, and of several functions some.
 */
import type { Levels } from './constraint.ts';

export interface RampOptions {
  readonly levels: readonly Levels[];
  /** What each function holds when the first block begins. */
  readonly held: readonly number[];
  /** Environments initialised in one block, all functions together. */
  readonly initsPerBlockMax: number;
}

/** Moves what is too much at once to the block before, from the last to the first; what is left over at the first is given up. */
export function ramp({ levels, held, initsPerBlockMax }: RampOptions): readonly Levels[] {
  const ramped = levels.map((own) => own.slice());
  for (let block = (ramped[0]?.length ?? 0) - 1; block >= 0; block--) {
    const raises = ramped.map((own, member) =>
      Math.max(0, own[block]! - (block > 0 ? own[block - 1]! : held[member]!)),
    );
    let excess = raises.reduce((sum, raise) => sum + raise, 0) - initsPerBlockMax;
    while (excess > 0) {
      const member = raises.reduce((best, raise, index) => (raise > raises[best]! ? index : best), 0);
      const moved = Math.min(excess, raises[member]!);
      const left = raises[member]! - moved;
      raises[member] = left;
      excess -= moved;
      const own = ramped[member]!;
      if (block > 0) own[block - 1] = own[block]! - left;
      else cutTo(own, held[member]! + left);
    }
  }
  return ramped;
}

/** What cannot be raised at the first block is missing until the level is that low anyway; what is raised later still is. */
function cutTo(own: Levels, level: number): void {
  let allowed = level;
  let before = own[0]!;
  for (const [block, planned] of own.entries()) {
    allowed = Math.min(planned, allowed + Math.max(0, block === 0 ? 0 : planned - before));
    before = planned;
    own[block] = allowed;
  }
}
