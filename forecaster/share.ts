/**
 * What several functions may have of what they want, when a limit holds for all of them together. Everything works on one row of cells: the
 * functions of an account in one billing block.
 */
import type { BindingLimit } from '../core/capacity.ts';
import { assert } from '../core/assert.ts';

export interface Claim {
  /** Served before anything else. */
  readonly floor: number;
  /** At least `floor`. */
  readonly level: number;
  /** Of the event that the level is for; 0 where it is for none. */
  readonly importance: number;
}

/** Something of which there is only so much: environments, or dollars an hour. */
export interface Resource {
  readonly limit: BindingLimit;
  /** How the limit is called in a sentence. */
  readonly name: string;
  readonly capacity: number;
}

export interface Grant {
  readonly floor: number;
  readonly level: number;
  /** The resource that cut it; absent when it got all. */
  readonly cutBy?: Resource;
}

/**
 * Shares resources among claims. Floors first; then, importance 3 before 2 before 1 before 0, what is wanted above the floor: as long as it suffices
 * everybody gets all, and where it does not, all claims of that importance get the same ratio of it and lesser ones get nothing.
 *
 * The same ratio, not the same number: overloaded by the same factor, functions spill about the same share of their requests. Fractions are
 * rounded down. More of a resource never gives anybody less: a lesser importance gets something only when the greater ones have all.
 *
 * `weights[claim][resource]`: how much of the resource one environment takes, not negative.
 */
export function shareOut(
  claims: readonly Claim[],
  resources: readonly Resource[],
  weights: readonly (readonly number[])[],
): Grant[] {
  if (isEnough(claims, resources, weights)) return [...claims];
  const left = resources.map((resource) => Math.max(0, resource.capacity));
  let exhausted: Resource | undefined;

  const grant = (wanted: readonly number[]): { granted: number; cutBy?: Resource }[] => {
    let ratio = exhausted ? 0 : 1;
    for (const [index, resource] of resources.entries()) {
      const asked = wanted.reduce((sum, count, claim) => sum + count * weights[claim]![index]!, 0);
      if (asked * ratio <= left[index]! + tolerance) continue;
      ratio = left[index]! / asked;
      exhausted = resource;
    }
    return wanted.map((count, claim) => {
      const granted = ratio === 1 ? count : Math.floor(count * ratio + tolerance);
      for (const index of resources.keys()) left[index] = Math.max(0, left[index]! - granted * weights[claim]![index]!);
      return granted < count && exhausted ? { granted, cutBy: exhausted } : { granted };
    });
  };

  const floors = grant(claims.map((claim) => claim.floor));
  const grants: Grant[] = floors.map(({ granted, cutBy }) => ({
    floor: granted,
    level: granted,
    ...(cutBy && { cutBy }),
  }));
  for (const importance of [3, 2, 1, 0]) {
    const above = grant(claims.map((claim) => (claim.importance === importance ? claim.level - claim.floor : 0)));
    for (const [index, { granted, cutBy }] of above.entries()) {
      const sofar = grants[index]!;
      if (claims[index]!.importance === importance)
        grants[index] = { ...sofar, level: sofar.level + granted, ...(cutBy && { cutBy }) };
    }
  }
  for (const [index, { floor, level }] of grants.entries()) {
    assert(floor <= claims[index]!.floor && level <= claims[index]!.level, 'a share is no more than the claim');
  }
  return grants;
}

function isEnough(
  claims: readonly Claim[],
  resources: readonly Resource[],
  weights: readonly (readonly number[])[],
): boolean {
  return resources.every(({ capacity }, index) => {
    let asked = 0;
    for (const [claim, { level }] of claims.entries()) asked += level * weights[claim]![index]!;
    return asked <= capacity;
  });
}

/** Sums of dollars carry rounding errors of this order and less; no limit is stated so finely. */
const tolerance = 1e-9;
