/**
 * What gives a remedy back, and whether the world is as a remedy would have it: pure judgement over a remedy and how things stood when they were looked at.
 *
 * Mental model: a remedy and its undo are two levels of one knob. The undo is made from the standing *before* the remedy, is booked with AWS first, and is the same level that we set ourselves
 * when the remedy is over. So dying in between costs nothing but the minute that AWS is late by.
 */
import { assertNever } from '../../core/assert.ts';
import type { Remedy, Standing, SwitchEventSource, WeighAlias } from '../../core/remedy.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import type { Undo } from '../../core/undo.ts';

/**
 * - `booked`: AWS has to be asked first to make this call at the remedy's end.
 * - `expires`: it carries its own end.
 * - `stays`: nothing takes it back, and `because` says why.
 * - `stands`: the world is so already: there is nothing to do, and so nothing to take back.
 * - `unknown`: nobody has looked at this: it must not be carried out.
 */
export type Undoing =
  | { readonly kind: 'booked'; readonly undo: Undo }
  | { readonly kind: 'expires' | 'stands' | 'stays' | 'unknown'; readonly because: string };

/** `before`: as it stood without the remedy. Where a remedy is renewed that is how it stood before the first of its kind. */
export function undoOf(remedy: Remedy, before: Standing | undefined): Undoing {
  switch (remedy.kind) {
    case 'add-provisioned':
      return { kind: 'expires', because: 'its end is booked with its window, as that of any capacity' };
    case 'move-breaker':
      return { kind: 'expires', because: 'clients let all calls through once it has ended' };
    case 'call-webhook':
      return { kind: 'stays', because: 'what was said cannot be unsaid' };
    case 'redrive-dead-letters':
      return { kind: 'stays', because: 'messages that were moved are delivered: they cannot be called back' };
    case 'reserve-concurrency':
      if (before?.kind !== 'reserved') return notLookedAt;
      if (isStanding(remedy, before, remedy.untilMs)) return standsAlready;
      return booked({ kind: 'restore-reserved', concurrency: before.concurrency, ...endOf(remedy) });
    case 'switch-event-source':
      return undoSwitch(remedy, before);
    case 'weigh-alias':
      if (before?.kind !== 'alias') return notLookedAt;
      if (isStanding(remedy, before, remedy.untilMs)) return standsAlready;
      if (remedy.isRollback) {
        return { kind: 'stays', because: 'a version was taken back: a person moves the alias when another is ready' };
      }
      return booked({ kind: 'restore-weights', weights: before.weights, ...endOf(remedy) });
    default:
      return assertNever(remedy);
  }
}

function undoSwitch(remedy: SwitchEventSource, before: Standing | undefined): Undoing {
  if (before?.kind !== 'event-source') return notLookedAt;
  if (isStanding(remedy, before, remedy.untilMs)) return standsAlready;
  const state = before.state === 'changing' ? before.becomes : before.state;
  if (state === undefined) return { kind: 'unknown', because: 'it is being changed, and AWS does not say into what' };
  return booked({
    kind: 'restore-event-source',
    uuid: remedy.uuid,
    isEnabled: state === 'enabled',
    ...endOf(remedy),
  });
}

const notLookedAt: Undoing = { kind: 'unknown', because: 'nobody has seen how it stood before' };
const standsAlready: Undoing = { kind: 'stands', because: 'it is so already' };

function booked(undo: Undo): Undoing {
  return { kind: 'booked', undo };
}

/** The whole minute that begins at or after the end: AWS calls within it, and so at most two minutes late and never early. */
function endOf({ key, untilMs }: Extract<Remedy, { readonly key: unknown }>): Pick<Undo, 'key' | 'atMs'> {
  return { key, atMs: Math.ceil(untilMs / msPerMinute) * msPerMinute };
}

/** AWS's clock and ours agree to better than this wherever signatures are accepted at all; a move that is this much older is another's. */
const clockSkewMs = 5 * msPerSecond;

/**
 * Whether the world is as the remedy would have it, so that carrying it out would change nothing: what is asked after a crash or a lost answer, before it is done again.
 *
 * `intendedAtMs`: when it was decided. A move of dead letters leaves no level behind: one that was started since then, by whomever, is taken for it.
 */
export function isStanding(remedy: Remedy, standing: Standing, intendedAtMs: EpochMs): boolean {
  switch (remedy.kind) {
    case 'add-provisioned':
    case 'call-webhook':
      return false;
    case 'move-breaker':
      // An older standing never replaces a newer one, so with a newer one there is nothing left to do.
      return standing.kind === 'breaker' && (standing.standing?.revision ?? -1) >= remedy.standing.revision;
    case 'redrive-dead-letters':
      return standing.kind === 'redrive' && (standing.startedAtMs ?? -Infinity) >= intendedAtMs - clockSkewMs;
    case 'reserve-concurrency':
      return standing.kind === 'reserved' && standing.concurrency === remedy.concurrency;
    case 'switch-event-source': {
      if (standing.kind !== 'event-source') return false;
      const state = standing.state === 'changing' ? standing.becomes : standing.state;
      return state === (remedy.isEnabled ? 'enabled' : 'disabled');
    }
    case 'weigh-alias':
      return standing.kind === 'alias' && isWeighed(remedy, standing.weights);
    default:
      return assertNever(remedy);
  }
}

/** A weight of 0 is sent as none: an alias whose other version gets nothing is all at its own. */
export function weightsOf({ version, weight }: WeighAlias): Readonly<Record<string, number>> {
  return weight === 0 ? {} : { [version]: weight };
}

/** Whether calls are split as the remedy says. One that takes a version's share away asks nothing of other shares. */
export function isWeighed(remedy: WeighAlias, weights: Readonly<Record<string, number>>): boolean {
  return remedy.weight === 0 ? (weights[remedy.version] ?? 0) === 0 : areWeights(weights, weightsOf(remedy));
}

/** Whether calls are split alike. */
export function areWeights(one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>): boolean {
  const versions = new Set([...Object.keys(one), ...Object.keys(other)]);
  // AWS keeps doubles: a share that went there and back may differ in its last digit.
  return [...versions].every((version) => Math.abs((one[version] ?? 0) - (other[version] ?? 0)) < 1e-9);
}
