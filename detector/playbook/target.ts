/** From what a playbook's step says to a remedy about this incident, and to the remedy that takes it back. Pure; where it cannot, it says why. */
import { assertNever } from '../../core/assert.ts';
import { endsOfEdge, isEdgeKey, isSignalKey } from '../../core/incident.ts';
import type { OriginKind, PlaybookAct, PlaybookStep } from '../../core/playbook.ts';
import type { BreakerStanding, Remedy, Standing } from '../../core/remedy.ts';
import { parseFunctionKey, type FunctionKey } from '../../core/series-key.ts';
import { msPerMinute, type EpochMs } from '../../core/time.ts';
import type { VersionSeen } from '../service-graph.ts';
import type { PlaybookMoment, Run } from './run.ts';

/** Why a step cannot be made. */
export interface Unable {
  readonly unable: string;
}

export function originKindOf(origin: string): OriginKind {
  if (isEdgeKey(origin)) return 'edge';
  if (isSignalKey(origin)) return 'signal';
  return origin.startsWith('service:') ? 'service' : 'function';
}

/** What windows are kept of. */
export function keyOf(word: string, origin: string): string {
  if (word === 'origin' || !isEdgeKey(origin))
    return word === 'caller' || word === 'callee' || word === 'origin' ? origin : word;
  const { caller, callee } = endsOfEdge(origin);
  return word === 'caller' ? caller : word === 'callee' ? callee : word;
}

export function functionOf(word: string, origin: string): FunctionKey | Unable {
  const key = word === 'origin' && isEdgeKey(origin) ? endsOfEdge(origin).callee : keyOf(word, origin);
  return parseFunctionKey(key) ? (key as FunctionKey) : { unable: `${word} is ${key}, and no function` };
}

export function isUnable(value: object | string): value is Unable {
  return typeof value === 'object' && 'unable' in value;
}

export interface Proposed {
  readonly step: PlaybookStep;
  readonly act: PlaybookAct;
  readonly run: Pick<Run, 'id' | 'incidentId' | 'origin' | 'playbook'>;
  readonly before: Standing | undefined;
  /** For `webhook`: the same at each attempt. */
  readonly id: string;
  readonly moment: Pick<PlaybookMoment, 'breakersOf' | 'nowMs' | 'versionsOf'>;
}

/** Before these it is looked how the target stands, because that is what takes them back. */
export function needsLook({ kind }: PlaybookAct): boolean {
  return kind === 'reroute' || kind === 'reserve' || kind === 'event-source' || kind === 'breaker';
}

/** `before` undefined: it has not been looked at yet, and what depends on it is filled in afterwards. */
export function remedyOf({ step, act, run, before, id, moment }: Proposed): Remedy | Unable {
  const untilMs = moment.nowMs + step.standsForMs;
  const because = `${run.playbook.name}, step ${step.id}: ${run.playbook.because}`;
  const base = { because, untilMs };
  switch (act.kind) {
    case 'redrive':
      return {
        kind: 'redrive-dead-letters',
        queueArn: act.queueArn,
        messagesPerSecondMax: act.messagesPerSecondMax,
        ...base,
      };
    case 'webhook':
      return { kind: 'call-webhook', target: act.target, id, body: webhookBody(run, step, act.message), ...base };
    case 'breaker':
      return breakerRemedy(act, { run, before, moment, base });
    case 'reroute':
    case 'reserve':
    case 'add-provisioned':
    case 'event-source': {
      const key = functionOf(act.function, run.origin);
      return isUnable(key) ? key : functionRemedy(act, { key, before, moment, base });
    }
    default:
      return assertNever(act);
  }
}

interface Base {
  readonly because: string;
  readonly untilMs: EpochMs;
}

type FunctionAct = Extract<PlaybookAct, { readonly function: string }>;

function functionRemedy(
  act: FunctionAct,
  {
    key,
    before,
    moment,
    base,
  }: {
    readonly key: FunctionKey;
    readonly before: Standing | undefined;
    readonly moment: Proposed['moment'];
    readonly base: Base;
  },
): Remedy | Unable {
  switch (act.kind) {
    case 'add-provisioned':
      return { kind: 'add-provisioned', key, concurrency: act.concurrency, ...base };
    case 'reserve':
      return { kind: 'reserve-concurrency', key, concurrency: act.concurrency, ...base };
    case 'event-source':
      return { kind: 'switch-event-source', key, uuid: act.uuid, isEnabled: act.isEnabled, ...base };
    case 'reroute': {
      const alias = before?.kind === 'alias' ? before : undefined;
      const version = act.version === 'previous' ? versionBefore(moment.versionsOf(key), alias?.version) : act.version;
      if (version === undefined) return { unable: `no version of ${key} is known that served before this one` };
      const others = alias ? Object.keys(alias.weights).filter((other) => other !== version) : [];
      if (others.length > 0 || alias?.unfinishedMove)
        return { unable: `the calls of ${key} are split already: a deployment is under way` };
      if (version === alias?.version) return { unable: `${key} names version ${version} itself` };
      const stays = act.isRollback ? { isRollback: true as const } : {};
      return { kind: 'weigh-alias', key, version, weight: act.weight, ...stays, ...base };
    }
    default:
      return assertNever(act);
  }
}

function breakerRemedy(
  act: Extract<PlaybookAct, { readonly kind: 'breaker' }>,
  { run, before, moment, base }: Pick<Proposed, 'before' | 'moment' | 'run'> & { readonly base: Base },
): Remedy | Unable {
  const name = act.breaker === 'origin' ? moment.breakersOf(run.origin)[0] : act.breaker;
  if (name === undefined) return { unable: `no breaker stands before ${run.origin}` };
  const { nowMs } = moment;
  const revision = (before?.kind === 'breaker' ? (before.standing?.revision ?? 0) : 0) + 1;
  const { state } = act;
  const standing: BreakerStanding = {
    ...{ name, state, admitRatio: state === 'open' ? 0 : 1, sinceMs: nowMs, untilMs: base.untilMs, revision },
  };
  return { kind: 'move-breaker', standing, ...base };
}

/**
 * The version that served last before the newest: of those that were seen before it was, the one seen last. Undefined where none is known, or where the newest is not the one
 * that the alias names: then the trouble is not what came last.
 */
export function versionBefore(versions: readonly VersionSeen[], current: string | undefined): string | undefined {
  const newest = versions.reduce<VersionSeen | undefined>(
    (best, one) => (best === undefined || one.firstSeenAtMs > best.firstSeenAtMs ? one : best),
    undefined,
  );
  if (!newest || (current !== undefined && newest.version !== current)) return undefined;
  const earlier = versions.filter(
    ({ version, firstSeenAtMs }) => version !== newest.version && firstSeenAtMs < newest.firstSeenAtMs,
  );
  return earlier.sort((one, other) => other.lastSeenAtMs - one.lastSeenAtMs)[0]?.version;
}

function webhookBody({ incidentId, origin, playbook }: Proposed['run'], step: PlaybookStep, message: string): string {
  return JSON.stringify({ playbook: playbook.name, step: step.id, incidentId, origin, message });
}

/** Gives back what stood before; undefined where nothing can, or nothing need be, taken back. It stands to the end that the step would have had. */
export function inverseOf(remedy: Remedy, before: Standing | undefined, nowMs: EpochMs): Remedy | undefined {
  const base = { because: `taken back: ${remedy.because}`, untilMs: Math.max(remedy.untilMs, nowMs + msPerMinute) };
  switch (remedy.kind) {
    case 'weigh-alias': {
      const weight = before?.kind === 'alias' ? (before.weights[remedy.version] ?? 0) : 0;
      return { kind: 'weigh-alias', key: remedy.key, version: remedy.version, weight, ...base };
    }
    case 'reserve-concurrency':
      if (before?.kind !== 'reserved') return undefined;
      return { kind: 'reserve-concurrency', key: remedy.key, concurrency: before.concurrency, ...base };
    case 'switch-event-source': {
      const isEnabled = before?.kind === 'event-source' ? before.state === 'enabled' : !remedy.isEnabled;
      return { kind: 'switch-event-source', key: remedy.key, uuid: remedy.uuid, isEnabled, ...base };
    }
    case 'add-provisioned':
      return { kind: 'add-provisioned', key: remedy.key, concurrency: 0, ...base };
    case 'move-breaker': {
      const { name, revision } = remedy.standing;
      const state = remedy.standing.state === 'open' ? 'closed' : 'open';
      // What was closed by us opens again by its own rule, never by ours.
      if (state === 'open') return undefined;
      const standing: BreakerStanding = {
        name,
        state,
        admitRatio: 1,
        sinceMs: nowMs,
        untilMs: base.untilMs,
        revision: revision + 1,
      };
      return { kind: 'move-breaker', standing, ...base };
    }
    case 'redrive-dead-letters':
    case 'call-webhook':
      return undefined;
    default:
      return assertNever(remedy);
  }
}
