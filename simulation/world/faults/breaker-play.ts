/**
 * Faults before the production engine, with breakers that it may open: spans in, a standing out, and callers that make no call which is not admitted. Beside the function
 * that fails stands another one that does not; gateway, functions and callees send their spans by tokens of their own, so that there are several observers.
 */
import type { BreakerSpec } from '../../../core/breaker.ts';
import { endsOfEdge, isEdgeKey } from '../../../core/incident.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../../../core/time.ts';
import type { WindowKey } from '../../../core/window.ts';
import { breakersBefore, createEngineDrive, fleetOptions, textOf, type Told } from './engine-drive.ts';
import { createFaultFunction, gatewayKey, type FaultFunction } from './fault-function.ts';
import type { FaultScenario } from './scenarios.ts';

/** A fault lasts so long, and so long it is looked on afterwards. */
const faultMs = 4 * msPerMinute;
const afterMs = 6 * msPerMinute;

export interface BreakerPlay {
  /** From the incident to the tick in which the breaker's opening was intended; undefined: none opened. */
  readonly openAfterMs: number | undefined;
  /** Where the incident began when it was opened; undefined: there was none. */
  readonly origin: string | undefined;
  /** Callees of breakers that opened. */
  readonly opened: readonly string[];
  /** Of those, callees that are neither where the fault is nor next to it. */
  readonly strayed: readonly string[];
  /** States that breakers went to, in turn, `callee: state`. */
  readonly moves: readonly string[];
  readonly isClosedAtEnd: boolean;
  /** From the end of the fault to the last closing; undefined: none opened, or it is open. */
  readonly closedAfterMs: number | undefined;
  /** Why one was not opened, as it is on record, with the seconds since the incident. */
  readonly refusals: readonly string[];
  /** Requests during the fault, those harmed, and those that would have been with all calls made. */
  readonly requestCount: number;
  readonly harmedCount: number;
  readonly harmedWithoutCount: number;
  /** Share that the fault harms where it is greatest. */
  readonly harmedRatio: number;
}

export interface BreakerPlayOptions {
  /** Share of calls that has to be harmed before all are stopped. */
  readonly harmedRatioMin: number;
}

export function playBreakers(scenario: FaultScenario, { harmedRatioMin }: BreakerPlayOptions): BreakerPlay {
  const fromMs = scenario.options.faults![0]!.fromMs;
  const untilMs = fromMs + faultMs;
  const { startsAtMs, options, kind } = scenario;
  const faults = options.faults!.map((fault) => ({ ...fault, untilMs }));
  const world = createFaultFunction({ ...options, faults, isApart: true });
  const bystander = createFaultFunction({
    ...options,
    ...{ name: 'bystander', seed: `${options.seed}/bystander`, samplingRatio: 1, exportMs: 250, isApart: true },
    ...{ requestsPerSecond: bystanderPerSecond, events: [], faults: [] },
  });
  const breakers = breakersBefore([world, bystander], harmedRatioMin);
  const system = fleetOptions({ worlds: [world, bystander], breakers, events: options.events, startsAtMs });
  const drive = createEngineDrive(system);
  for (let nowMs = startsAtMs + msPerSecond; nowMs < untilMs + afterMs; nowMs += msPerSecond) {
    const admits = drive.admissionAt(nowMs);
    drive.tick(nowMs, [...world.tick(nowMs, admits), ...bystander.tick(nowMs, admits)]);
  }
  return seenOf(drive.told, { world, breakers, untilMs, kind });
}

const bystanderPerSecond = 20;

function seenOf(
  told: readonly Told[],
  {
    world,
    breakers,
    untilMs,
    kind,
  }: Pick<FaultScenario, 'kind'> & {
    readonly world: FaultFunction;
    readonly breakers: readonly BreakerSpec[];
    readonly untilMs: EpochMs;
  },
): BreakerPlay {
  const of = (kind: string): readonly Told[] => told.filter((draft) => draft.kind === kind);
  const calleeOf = (draft: Told): string =>
    breakers.find(({ name }) => name === textOf(draft, 'breaker'))?.callee ?? textOf(draft, 'breaker');
  const near = nearOf(world, kind);
  const isAbout = (draft: Told): boolean => {
    const origin = textOf(draft, 'function') as WindowKey;
    return near.has(isEdgeKey(origin) ? endsOfEdge(origin).callee : origin);
  };
  const moved = of('breaker.moved').filter((draft) => textOf(draft, 'from') !== textOf(draft, 'to'));
  const openings = moved.filter((draft) => textOf(draft, 'to') === 'open');
  const [opening] = openings;
  const incident = opening?.causeSeq === undefined ? of('incident.opened').find(isAbout) : told[opening.causeSeq];
  // Of an incident that stood before, that the fault is a part of it cannot have been known before it began.
  const knownAtMs = Math.max(incident?.atMs ?? 0, world.firstBadAtMs ?? 0);
  const opened = [...new Set(openings.map(calleeOf))];
  const lastOf = new Map(moved.map((draft) => [textOf(draft, 'breaker'), textOf(draft, 'to')]));
  const isClosedAtEnd = [...lastOf.values()].every((to) => to === 'closed');
  return {
    openAfterMs: opening && Math.max(0, opening.atMs - knownAtMs),
    origin: incident && textOf(incident, 'function'),
    opened,
    strayed: opened.filter((callee) => !near.has(callee)),
    moves: moved.map(
      (draft) => `${Math.round((draft.atMs - untilMs) / msPerSecond)} ${calleeOf(draft)} ${textOf(draft, 'to')}`,
    ),
    isClosedAtEnd,
    closedAfterMs: isClosedAtEnd && moved.length > 0 ? moved.at(-1)!.atMs - untilMs : undefined,
    refusals: of('action.refused').map(
      (draft) =>
        `${calleeOf(draft)} ${Math.round((draft.atMs - knownAtMs) / msPerSecond)} s: ${textOf(draft, 'because')}`,
    ),
    ...world.met(),
    harmedRatio: world.harm().harmedRatio,
  };
}

/** Where the fault is, and who calls or is called from there at once. */
function nearOf({ key, calleeEdges }: FaultFunction, kind: FaultScenario['kind']): ReadonlySet<string> {
  const callees = calleeEdges.map((edge) => endsOfEdge(edge).callee);
  return new Set(kind.startsWith('partial') ? [callees[0]!, key] : [key, gatewayKey, ...callees]);
}
