/**
 * Trouble as it can be read off the state of a function: said every second while it lasts, opened and closed once (incidents.ts).
 */
import type { Observed } from '../core/capacity.ts';
import { formatInstant, msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import { seenLevelOf } from '../actuators/pursuit.ts';
import type { FunctionState } from './function-state.ts';
import type { IncidentKind, Incidents, Note } from './incidents.ts';

/** A lost answer is looked after within seconds; a doubt that outlasts three looks is for a person. */
const doubtMsMax = 30 * msPerSecond;
/** A booking takes a second or two; what is wanted now and not booked after a minute will be missed. */
const unbookedMsMax = msPerMinute;

export interface TroubleContext {
  readonly nowMs: EpochMs;
  readonly note: Note;
  readonly incidents: Incidents;
}

export function reportTrouble(state: FunctionState, context: TroubleContext): void {
  const { key } = state.spec;
  const { note, incidents } = context;
  for (const [kind, found] of Object.entries(troubleOf(state, context.nowMs)) as [IncidentKind, Trouble][]) {
    if (found.is !== undefined) incidents.report(note, key, kind, found.is);
    else incidents.close(note, key, kind, found.over);
  }
}

/** What is wrong, or why it is over. */
interface Trouble {
  readonly is: string | undefined;
  readonly over: string;
}

type Kind = Exclude<IncidentKind, 'prewarm-late' | 'control-plane-errs'>;

function troubleOf(state: FunctionState, nowMs: EpochMs): Readonly<Record<Kind, Trouble>> {
  const { spec, pursuit } = state;
  const { key } = spec;
  const { failure, sinceMs } = pursuit;
  const isDoubtful = pursuit.state === 'cannot-verify' && nowMs - sinceMs >= doubtMsMax;
  const isInWindow = pursuit.windowId !== undefined && spec.mode === 'enforce';
  const isLost = pursuit.state === 'lost' && isInWindow;
  const isDeploying = pursuit.observed?.hasRoutingWeights === true && pursuit.concurrency > 0 && isInWindow;
  const isUnbooked = state.unbookedSinceMs !== undefined && nowMs - state.unbookedSinceMs >= unbookedMsMax;
  return {
    'initialisation-failed': {
      is:
        failure &&
        `${key} version ${failure.version} does not start: ${failure.reason}; asking again would not mend it`,
      over: 'the failed version is gone, or was seen READY',
    },
    'cannot-verify': {
      is: isDoubtful
        ? `${key}: what Lambda holds could not be verified for ${doubtMsMax / msPerSecond} s; nothing is undone and nothing repeated until it can`
        : undefined,
      // A doubt that has not lasted yet is not over either; said again, an incident changes nothing.
      over: pursuit.state === 'cannot-verify' ? 'in doubt again' : `verified again: ${pursuit.state}`,
    },
    'ready-lost': {
      is: isLost
        ? `${key}: ${pursuit.concurrency} were READY for ${pursuit.windowId}, and ${lossOf(state)}`
        : undefined,
      over: `what is held now: ${pursuit.state}`,
    },
    'deployment-in-flight': {
      is:
        isDeploying && !isLost
          ? `${key}: a deployment is in flight while ${pursuit.concurrency} are wanted for ${pursuit.windowId}; the raise waits until it is over`
          : undefined,
      over: 'the raise waits for no deployment any more',
    },
    'cannot-book': {
      is: isUnbooked
        ? `${key}: the call that ends it cannot be booked since ${formatInstant(state.unbookedSinceMs!)}${bookingFailureOf(state)}; without it nothing is raised`
        : undefined,
      over: 'it is booked, or not wanted any more',
    },
  };
}

/** What the last look says of a loss. */
function lossOf({ pursuit, spec }: FunctionState): string {
  const { observed, drift } = pursuit;
  if (drift && seenLevelOf(pursuit) !== pursuit.concurrency) {
    if (spec.onDrift === 'yield') return `another hand set ${drift.seen}: it has it, as onDrift says`;
    const what = drift.count === 1 ? 'it is put back once' : 'it was put back once already, and is not again';
    return `another hand set ${drift.seen}: ${what}`;
  }
  return observed ? describe(observed) : 'nobody can tell what is there now';
}

function describe({ hasRoutingWeights, provisioned, version }: Observed): string {
  if (hasRoutingWeights) return 'a deployment is moving the alias';
  if (!provisioned) return 'nothing is configured any more';
  return `Lambda has ${provisioned.available} available, ${provisioned.status}, on version ${version}`;
}

function bookingFailureOf({ bookings }: FunctionState): string {
  const failure = Object.values(bookings).find((one) => one.failure !== undefined)?.failure;
  return failure === undefined ? '' : ` (${failure})`;
}
