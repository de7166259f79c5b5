/** Spans in the engine: what the watch is told beside them, and what comes of it on record. */
import { eventsBetween } from '../calendar/event.ts';
import type { Incident, IncidentChange } from '../core/incident.ts';
import { assertNever } from '../core/assert.ts';
import type { Finding } from '../core/finding.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import type { WindowKey } from '../core/window.ts';
import type { DetectionContext } from '../detector/detection.ts';
import type { CapacitySeen, OwnAction } from '../detector/moment.ts';
import { note, toBody, type Scene, type Turn } from './engine-scene.ts';
import type { Fact } from './facts.ts';
import { readyConcurrencyOf } from './function-state.ts';
import type { Looked, WatchContext } from './trace-watch.ts';
import type { EventsNear } from './watch-events.ts';

/** What is taken back runs on demand again, and starts cold: for so long those cold starts are ours. */
const ownColdStartsMs = 5 * msPerMinute;
const actionsKeptMs = msPerHour;
const msPerGbSecond = 1_000;
const mbPerGb = 1_024;
/** In an audit event; the report has all of them. */
const toldFindingsMax = 8;

/** Seconds that have passed since the last tick, judged before anything new is known. */
export function catchUpWatch(scene: Scene, turn: Turn, facts: readonly Fact[]): void {
  const gap = facts.find((fact) => fact.kind === 'unwatched');
  if (gap) scene.watch.passOver(turn.nowMs);
  report(scene, turn, scene.watch.catchUp(turn.nowMs, contextOf(scene)));
}

/** This second, with what came in it. */
export function lookAtSpans(scene: Scene, turn: Turn, facts: readonly Fact[]): void {
  const { watch, actionsTaken } = scene;
  const deltas = facts.flatMap((fact) => (fact.kind === 'deltas' ? fact.deltas : []));
  for (const fact of facts) if (fact.kind === 'volume' && fact.countedBy !== undefined) hearCount(scene, fact);
  scene.actionsTaken = actionsTaken.filter(({ atMs }) => turn.nowMs - atMs < actionsKeptMs);
  const isDisputed = (key: string, sender: string): boolean => watch.isDisputed(key, sender);
  for (const count of scene.spanDemand.take(turn.nowMs, deltas, isDisputed)) scene.planning.hear(count);
  report(scene, turn, watch.look(turn.nowMs, deltas, contextOf(scene)));
  scene.acknowledgements = [];
}

/** What AWS counted, minutes ago: throttled requests are in it, and in no span of the function. */
function hearCount({ watch, planning }: Scene, fact: Extract<Fact, { kind: 'volume' }>): void {
  const { key, bucketAtMs: fromMs, requestCount, isSaturated = false } = fact;
  watch.hear(key, { fromMs, lengthMs: planning.stepMsOf(key), requestCount, isSaturated });
}

function contextOf(scene: Scene): (secondAtMs: EpochMs) => WatchContext {
  return (secondAtMs) => {
    const events = scene.watchEvents.around(secondAtMs, (fromMs, untilMs) =>
      eventsBetween(scene.planning.eventsAround(secondAtMs), fromMs, untilMs),
    );
    return {
      detection: detectionContextOf(scene, secondAtMs, events),
      maintenance: scene.options.watch?.maintenance ?? [],
      actionsTaken: scene.actionsTaken,
      events: events.all,
      acknowledgements: scene.acknowledgements,
    };
  };
}

function detectionContextOf(scene: Scene, nowMs: EpochMs, events: EventsNear): DetectionContext {
  const { expectedRates, functions, actionsTaken, options } = scene;
  const stateOf = (key: WindowKey) => functions.get(key as FunctionKey);
  return {
    expectedOf: (key, atMs) => expectedRates.at(key, atMs),
    eventsOf: (key) => events.of(key),
    capacityOf: (key) => capacityOf(scene, key as FunctionKey),
    ownActionsOf: (key) =>
      actionsTaken.flatMap((action): OwnAction[] =>
        action.key === key && action.atMs + ownColdStartsMs > nowMs
          ? [{ kind: 'hold', atMs: action.atMs, untilMs: action.atMs + ownColdStartsMs }]
          : [],
      ),
    costOf(key) {
      const spec = stateOf(key)?.spec;
      if (!spec) return undefined;
      const { onDemand } = options.prices.usdPerGbSecond[spec.architecture];
      return { usdPerBusyMs: ((spec.memoryMb / mbPerGb) * onDemand) / msPerGbSecond };
    },
  };
}

/** Of what we promised to hold ourselves, and nobody has been told of it yet. */
function capacityOf({ functions, incidents }: Scene, key: FunctionKey): CapacitySeen | undefined {
  const state = functions.get(key);
  const { step, pursuit, spec } = state ?? {};
  if (!state || !pursuit || spec?.mode !== 'enforce' || step?.eventId === undefined) return undefined;
  if (step.eventAtMs === undefined || incidents.isOpen(key, 'prewarm-late')) return undefined;
  return {
    concurrencyWanted: pursuit.concurrency,
    concurrencyReady: readyConcurrencyOf(pursuit),
    isFailed: pursuit.state === 'failed',
    eventId: step.eventId,
    eventAtMs: step.eventAtMs,
    seenAtMs: pursuit.observed?.atMs,
  };
}

function report(scene: Scene, turn: Turn, { findings, changes }: Looked): void {
  for (const finding of findings) note(turn, { kind: 'finding.seen', body: findingBody(finding) });
  for (const change of changes) noteChange(scene, turn, change);
  if (changes.length === 0) return;
  turn.toldIncidents = scene.watch.told();
  turn.endedIncidents.push(...changes.flatMap((change) => (change.kind === 'resolved' ? [change.incident] : [])));
}

function findingBody({ key, traceIds: _traceIds, ...finding }: Finding) {
  return toBody({ function: key, ...finding });
}

function noteChange({ watch }: Scene, turn: Turn, change: IncidentChange): void {
  switch (change.kind) {
    case 'notice':
      note(turn, { kind: 'finding.seen', body: findingBody(change.finding) });
      return;
    case 'opened': {
      const { incident, because } = change;
      const body = { ...incidentBody(incident), because };
      watch.noteOpened(incident.id, note(turn, { kind: 'incident.opened', body: toBody(body) }));
      return;
    }
    case 'resolved':
    case 'merged':
      note(turn, {
        kind: 'incident.closed',
        ...causedByOpening(watch.openedSeqs, change.incident),
        body: toBody({ ...incidentBody(change.incident), change: change.kind, because: change.because }),
      });
      return;
    case 'origin-moved':
    case 'worsened':
    case 'acknowledged':
    case 'mitigated':
    case 'returned':
    case 'silenced':
    case 'unsilenced':
      note(turn, {
        kind: 'incident.changed',
        ...causedByOpening(watch.openedSeqs, change.incident),
        body: toBody({ ...incidentBody(change.incident), change: change.kind, because: change.because }),
      });
      return;
    default:
      assertNever(change);
  }
}

function causedByOpening(openedSeqs: ReadonlyMap<string, number>, { id }: Incident): { readonly causeSeq?: number } {
  const seq = openedSeqs.get(id);
  return seq === undefined ? {} : { causeSeq: seq };
}

/** What of an incident goes on record: who, how bad, how sure, and on what grounds. */
function incidentBody(incident: Incident) {
  const { id, origin, state, severity, verdict, startsAtMs, harmedRatio, harmedRatioMax, harmed, explainedRatio } =
    incident;
  const { findings, changes, traceIds, silencedBy } = incident;
  return {
    function: origin,
    incident: 'trouble',
    ...{ id, state, severity, verdict, startsAtMs, harmedRatio, harmedRatioMax, harmed, explainedRatio, silencedBy },
    findings: findings.slice(0, toldFindingsMax).map(({ detector, key, score, because, startsAtMs: fromMs }) => ({
      detector,
      key,
      startsAtMs: fromMs,
      score,
      because,
    })),
    changes: changes.map(({ because }) => because),
    traceIds,
  };
}
