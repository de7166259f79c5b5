/**
 * The limits that functions share, as constraints of a joint plan: the account, the operator's ceilings and dollars, what stands behind the functions, and how
 * many environments may start at a time.
 */
import type { BindingLimit, GivenUp } from '../../core/capacity.ts';
import { msPerHour } from '../../core/time.ts';
import { billingPeriodMs } from '../cost.ts';
import { blockOf } from '../event-window.ts';
import type { LimitsInForce } from '../limits-in-force.ts';
import type { Row } from '../row.ts';
import {
  perBlock,
  perEvent,
  perSharedResource,
  type BudgetMember,
  type Constraint,
  type Levels,
  type SharingMember,
} from './constraint.ts';
import { savedBy } from './chain.ts';
import { planJointly } from './joint.ts';
import { ramp } from './ramp.ts';

/** Lambda refuses provisioned concurrency that would leave the account less than this unreserved. */
const unreservedMin = 100;

export interface Shared {
  readonly levels: readonly Levels[];
  /** By function and block: what took something there. */
  readonly cutBy: readonly (readonly (GivenUp | undefined)[])[];
  readonly givenUp: readonly GivenUp[];
}

/** What each function gets of what it would have alone. */
export function shareLimits(rows: readonly Row[], inForce: LimitsInForce): Shared {
  const constraints = constraintsOf(rows, inForce);
  const members = rows.map(({ member }) => member);
  const { initsPerSecondMax } = inForce.limits;
  const joint = planJointly(members, constraints);
  const reports = joint.limits.map((report, index): GivenUp => {
    const { limit, name, unit, eventId } = constraints[index]!;
    return { limit, name, unit, ...(eventId !== undefined && { eventId }), ...report };
  });
  const cutBy = joint.cutBy.map((own) => Array.from(own, (index) => reports[index]));
  const givenUp = reports.filter(({ concurrency, isKept }) => concurrency > 0 || !isKept);
  if (initsPerSecondMax === undefined) return { levels: joint.levels, cutBy, givenUp };
  return rampWithin({ levels: joint.levels, cutBy, givenUp }, { rows, constraints, initsPerSecondMax });
}

interface RampWithin {
  readonly rows: readonly Row[];
  readonly constraints: readonly Constraint[];
  readonly initsPerSecondMax: number;
}

/** Parts that come earlier are held for longer: where that breaks a limit, less is raised, by a tenth at a time. */
function rampWithin(shared: Shared, { rows, constraints, initsPerSecondMax }: RampWithin): Shared {
  const name = `${initsPerSecondMax} initialisations a second`;
  const held = rows.map(({ member }) => member.chain.held);
  const initsPerBlockMax = Math.max(1, Math.floor(60 * initsPerSecondMax));
  for (let ratio = 1; ; ratio = ratio < 0.05 ? 0 : ratio * 0.9) {
    const lowered = shared.levels.map((own, index) =>
      own.map((level) => Math.min(level, Math.floor(held[index]! + Math.max(0, level - held[index]!) * ratio))),
    );
    const ramped = ramp({ levels: lowered, held, initsPerBlockMax });
    if (ratio > 0 && !constraints.every((one) => isKept(one, ramped))) continue;
    let concurrency = 0;
    const inits = { limit: 'inits', name, unit: 'initialisation a second' } as const;
    for (let block = 0; block < (shared.levels[0]?.length ?? 0); block++) {
      const missing = shared.levels.reduce(
        (sum, own, index) => sum + Math.max(0, own[block]! - ramped[index]![block]!),
        0,
      );
      concurrency = Math.max(concurrency, missing);
    }
    const usd = rows.reduce(
      (sum, { member }, index) =>
        sum +
        Math.max(
          0,
          savedBy(member.chain, member.usdPerSpill, shared.levels[index]!) -
            savedBy(member.chain, member.usdPerSpill, ramped[index]!),
        ),
      0,
    );
    const report: GivenUp = { ...inits, concurrency, usd: concurrency === 0 ? 0 : usd, marginalUsd: 0, isKept: true };
    const cutBy = shared.cutBy.map((own, index) =>
      own.map((cut, block) => (ramped[index]![block]! < shared.levels[index]![block]! ? report : cut)),
    );
    return {
      levels: ramped,
      cutBy,
      givenUp: concurrency === 0 ? shared.givenUp : [...shared.givenUp, report],
    };
  }
}

function isKept(constraint: Constraint, levels: readonly Levels[]): boolean {
  const usage = new Float64Array(constraint.entryCount).fill(constraint.usedAlready);
  for (const [member, own] of levels.entries()) {
    constraint.eachUse(member, own, (entry, used) => (usage[entry]! += used));
  }
  return usage.every((used) => used <= Math.max(0, constraint.capacity) + 1e-9);
}

function constraintsOf(rows: readonly Row[], inForce: LimitsInForce): Constraint[] {
  const { limits, account } = inForce;
  const blockCount = rows[0]?.member.wanted.length ?? 0;
  const unreserved = Math.min(account.concurrencyLimit, account.unreservedConcurrency);
  const block = (limit: BindingLimit, name: string, capacity: number, weights: readonly number[]): Constraint =>
    perBlock({
      limit,
      name,
      unit: limit === 'usd' ? 'dollar an hour' : 'environment',
      capacity,
      blockCount,
      weights,
    });
  return [
    ...eventBudgets(rows, inForce),
    block(
      'account',
      "the account's unreserved concurrency less 100",
      unreserved - unreservedMin - account.otherProvisioned,
      rows.map(({ spec }) => (spec.reservedConcurrency === undefined ? 1 : 0)),
    ),
    block(
      'ceiling',
      'the ceiling over all functions',
      limits.concurrencyMax,
      rows.map(() => 1),
    ),
    block(
      'usd',
      `$${limits.usdPerHourMax} an hour over all functions`,
      limits.usdPerHourMax,
      rows.map(({ usdPerBlock }) => (msPerHour / billingPeriodMs) * usdPerBlock),
    ),
    ...(inForce.sharedResources ?? []).map(({ name, limit, perEnvironment, functions }) =>
      perSharedResource({
        name: `${limit} of ${name}`,
        capacity: limit,
        blockCount,
        members: new Map(
          rows.flatMap(({ spec, runningMax }, index): [number, SharingMember][] =>
            functions.includes(spec.key) ? [[index, { perEnvironment, runningMax }]] : [],
          ),
        ),
      }),
    ),
  ];
}

/** What all functions' windows for one event may cost together, from the first raise to the last step down. Floors alone are not an event's doing. */
function eventBudgets(rows: readonly Row[], { nowMs, limits }: LimitsInForce): Constraint[] {
  const ids = new Set(rows.flatMap(({ windowAt }) => windowAt.flatMap((window) => window?.group.principal.id ?? [])));
  return [...ids].map((id) => {
    const members = new Map<number, BudgetMember>();
    let usdSpent = 0;
    for (const [index, row] of rows.entries()) {
      const isOf = (at: number): boolean => row.windowAt[at]?.group.principal.id === id;
      const isBegun = row.begun?.group.principal.id === id;
      if (isBegun) usdSpent += row.usdBehind;
      const blockFrom = row.windowAt.findIndex((_, at) => isOf(at));
      if (blockFrom < 0) continue;
      let blockEnd = blockFrom;
      while (blockEnd < row.windowAt.length && isOf(blockEnd)) blockEnd++;
      const heldAlready = isBegun && nowMs > blockOf(nowMs) ? row.begun.current.concurrency : 0;
      const { spec, usdPerBlock } = row;
      members.set(index, { usdPerBlock, floor: spec.concurrencyFloor, blockFrom, blockEnd, heldAlready });
    }
    const usdMax = limits.usdPerEventMax;
    return perEvent({ name: `$${usdMax} an event`, eventId: id, usdMax, usdSpent, members });
  });
}
