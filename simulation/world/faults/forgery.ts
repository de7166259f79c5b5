/**
 * One sender that tells ten times as many calls as there are, all of them failed and cold: what the production engine makes of it while all is well in truth. Breakers may be
 * opened, provisioned concurrency may be added, and the senders of the functions are trusted with demand: nothing of it may happen.
 */
import { bucketOf } from '../../../core/histogram.ts';
import type { Playbook } from '../../../core/playbook.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../../../core/time.ts';
import type { WindowDelta, WindowKey } from '../../../core/window.ts';
import { accountFact, controlPlaneFact } from '../../../service/sample.ts';
import type { Fact } from '../../../service/facts.ts';
import {
  breakersBefore,
  createEngineDrive,
  fleetOptions,
  sharedSender,
  stepMs,
  textOf,
  type EngineDrive,
} from './engine-drive.ts';
import { createFaultFunction, worldSenders, type FaultFunction } from './fault-function.ts';

/** Whose token it sends by, and what it tells of. */
export interface Forgery {
  readonly name: string;
  /** `gateway for all`: every true sender sends by the same token, over a gateway. */
  readonly sender: string;
  readonly isSharedByAll: boolean;
  readonly tells: 'both' | 'callee' | 'caller';
  /** A caller that nobody else knows of. */
  readonly isNewCaller?: true;
}

const { functions, gateway } = worldSenders;

export const forgeries: readonly Forgery[] = [
  { name: 'own token, as caller', sender: 'intruder', isSharedByAll: false, tells: 'caller' },
  {
    name: 'own token, as a caller of its own',
    sender: 'intruder',
    isSharedByAll: false,
    tells: 'caller',
    isNewCaller: true,
  },
  { name: 'own token, as callee', sender: 'intruder', isSharedByAll: false, tells: 'callee' },
  { name: 'own token, as both', sender: 'intruder', isSharedByAll: false, tells: 'both' },
  { name: 'stolen from the callee, as it', sender: functions, isSharedByAll: false, tells: 'callee' },
  { name: 'stolen from the callee, as both', sender: functions, isSharedByAll: false, tells: 'both' },
  { name: 'stolen from the caller, as it', sender: gateway, isSharedByAll: false, tells: 'caller' },
  { name: 'stolen from the caller, as both', sender: gateway, isSharedByAll: false, tells: 'both' },
  { name: 'through the gateway of all, as caller', sender: sharedSender, isSharedByAll: true, tells: 'caller' },
  { name: 'through the gateway of all, as callee', sender: sharedSender, isSharedByAll: true, tells: 'callee' },
  { name: 'through the gateway of all, as both', sender: sharedSender, isSharedByAll: true, tells: 'both' },
];

export interface ForgeryPlayOptions {
  readonly seed: string;
  readonly requestsPerSecond: number;
  readonly learningMs: number;
  readonly forgedMs: number;
  readonly playbooks: readonly Playbook[];
}

export interface ForgerySeen {
  readonly breakersOpened: number;
  /** Calls that raise or add capacity. */
  readonly raises: number;
  readonly incidentCount: number;
  /** The first finding that names the sender; undefined: none. */
  readonly named: { readonly afterMs: number; readonly detector: string; readonly because: string } | undefined;
  /** Why nothing was done, as it is on record. */
  readonly refusals: readonly string[];
}

const volumeTimes = 10;
const startsAtMs: EpochMs = Date.UTC(2026, 2, 2, 14);
/** AWS's count of a minute is final so long after it. */
const countedAfterMs = 2 * msPerMinute;

/** Undefined: nobody forges. */
export function playForgery(forgery: Forgery | undefined, options: ForgeryPlayOptions): ForgerySeen {
  const { seed, requestsPerSecond, learningMs, forgedMs, playbooks } = options;
  const world = createFaultFunction({
    ...{ seed, name: 'forged', requestsPerSecond, burstiness: 2, events: [], isFlat: true, isApart: true },
    ...{ medianMs: 60, sigma: 0.4, errorRatio: 0.002, samplingRatio: 1, exportMs: 250 },
  });
  const worlds = [world];
  const breakers = breakersBefore(worlds, 0.2);
  const drive = createEngineDrive(
    fleetOptions({ worlds, breakers, events: [], startsAtMs, requestsPerSecond, playbooks }),
  );
  const forgedFromMs = startsAtMs + learningMs;
  const counts = new Map<EpochMs, number>();
  for (let nowMs = startsAtMs + msPerSecond; nowMs < forgedFromMs + forgedMs; nowMs += msPerSecond) {
    const isFirst = nowMs === startsAtMs + msPerSecond;
    const facts: Fact[] = [...(isFirst ? [controlPlaneFact, accountFact] : []), ...countedBy(nowMs, counts, world)];
    const truth = world.tick(nowMs, drive.admissionAt(nowMs));
    count(counts, truth, world);
    const told = forgery?.isSharedByAll === true ? truth.map((one) => ({ ...one, sender: forgery.sender })) : truth;
    const forged = forgery && nowMs > forgedFromMs ? forge(forgery, world, { nowMs, requestsPerSecond }) : [];
    drive.tick(nowMs, [...told, ...forged], facts);
  }
  return seenOf(drive, forgedFromMs, forgery?.sender);
}

/** All failed, all cold, ten seconds each. */
function forge(
  { sender, tells, isNewCaller }: Forgery,
  { key, callerEdge }: FaultFunction,
  { nowMs, requestsPerSecond }: { readonly nowMs: EpochMs; readonly requestsPerSecond: number },
): readonly WindowDelta[] {
  const requestCount = volumeTimes * requestsPerSecond;
  const edge: WindowKey = isNewCaller ? `edge:service:nobody>${key}` : callerEdge;
  const keys = [...(tells === 'callee' ? [] : [edge]), ...(tells === 'caller' ? [] : [key])];
  return keys.map((one) => ({
    ...{ key: one, secondAtMs: nowMs - msPerSecond, sender, spanCount: requestCount, requestCount },
    ...{ errorCount: requestCount, throttleCount: 0, provisionedInitCount: 0, deadLetterCount: 0 },
    coldStartCount: one === key ? requestCount : 0,
    durationMs: [forgedBucket, requestCount],
    valueSum: requestCount * 10 * msPerSecond,
    examples: { slowest: [], failed: ['forged'] },
  }));
}

const forgedBucket = bucketOf(10 * msPerSecond);

function count(counts: Map<EpochMs, number>, deltas: readonly WindowDelta[], { key }: FaultFunction): void {
  for (const delta of deltas) {
    if (delta.key !== key) continue;
    const atMs = Math.floor(delta.secondAtMs / stepMs) * stepMs;
    counts.set(atMs, (counts.get(atMs) ?? 0) + (delta.requestCount ?? 0));
  }
}

/** What AWS counted, once it is final. */
function countedBy(nowMs: EpochMs, counts: Map<EpochMs, number>, { key }: FaultFunction): Fact[] {
  const atMs = nowMs - countedAfterMs - stepMs;
  const requestCount = counts.get(atMs);
  if (requestCount === undefined) return [];
  return [{ kind: 'volume', key, bucketAtMs: atMs, requestCount, countedBy: 'cloudwatch' }];
}

function seenOf({ told, effects }: EngineDrive, forgedFromMs: EpochMs, sender: string | undefined): ForgerySeen {
  const findings = told.filter(({ kind, atMs }) => kind === 'finding.seen' && atMs > forgedFromMs);
  const naming = findings.find(
    (draft) => namingDetectors.includes(textOf(draft, 'detector')) && textOf(draft, 'because').includes(sender ?? '-'),
  );
  const since = told.filter(({ atMs }) => atMs > forgedFromMs);
  const raised = effects.filter((effect) =>
    effect.kind === 'apply'
      ? effect.action.kind === 'hold-provisioned-concurrency' && effect.action.concurrency > 0
      : effect.kind === 'remedy' && effect.call.kind === 'apply' && effect.call.remedy.kind === 'add-provisioned',
  );
  return {
    breakersOpened: since.filter((draft) => draft.kind === 'breaker.moved' && textOf(draft, 'to') === 'open').length,
    raises: raised.length,
    incidentCount: since.filter(({ kind }) => kind === 'incident.opened').length,
    named: naming && {
      afterMs: naming.atMs - forgedFromMs,
      detector: textOf(naming, 'detector'),
      because: textOf(naming, 'because'),
    },
    refusals: [
      ...new Set(
        since
          .filter(({ kind }) => kind === 'action.refused' || kind.startsWith('playbook.'))
          .map((draft) => `${draft.kind}: ${textOf(draft, 'because')}`),
      ),
    ],
  };
}

const namingDetectors = ['sender-disputed', 'counts-differ'];
