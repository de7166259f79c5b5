/** What the composed system shows, read from the engine as it stands. */
import { eventsBetween } from '../calendar/event.ts';
import type { Incident } from '../core/incident.ts';
import { msPerDay, msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import { closedSince } from '../detector/breaker/machine.ts';
import { breakerViewOf } from './breaker-view.ts';
import { viewActing } from './acting-view.ts';
import type { Engine } from './engine.ts';
import { readyConcurrencyOf } from './function-state.ts';
import type { System } from './system.ts';
import type { SystemOptions } from './system-options.ts';
import type { OwnIncident } from './incidents.ts';
import type { CalendarView, FunctionStatus, IncidentView } from './view.ts';

interface ViewSources {
  readonly options: SystemOptions;
  readonly engine: Engine;
  readonly tickedAtMs: () => EpochMs | null;
  /** Why there is no further tick. */
  readonly failure: () => string | undefined;
  /** What is doubtful in the calendars. */
  readonly findings: () => CalendarView['findings'];
}

/** What is just over is still being asked about; two weeks are what people plan ahead. */
const shownBehindMs = 3 * msPerHour;
const shownAheadMs = 14 * msPerDay;

export function createSystemView({ options, engine, tickedAtMs, failure, findings }: ViewSources): System['view'] {
  const eventsAround = (nowMs: EpochMs) =>
    engine.planning
      .eventsAround(nowMs)
      .filter((event) => event.status === 'scheduled' && event.importance >= options.policy.importanceMin);
  return {
    isReady() {
      const broken = failure();
      if (broken !== undefined) return { ready: false, because: broken };
      const hasPlan = engine.plan() !== undefined;
      return {
        ready: hasPlan,
        because: hasPlan ? 'a plan is in force' : 'no plan yet: the account limits have not been read',
      };
    },
    status() {
      const nowMs = tickedAtMs() ?? 0;
      const next = eventsAround(nowMs).find((event) => event.startsAtMs > nowMs);
      return {
        nowMs,
        simulated: options.simulated,
        title: options.title,
        nextEvent: next
          ? { id: next.id, title: next.title, startsAtMs: next.startsAtMs, importance: next.importance }
          : null,
        functions: [...engine.functions.values()].map(({ spec, pursuit, step, verdict }): FunctionStatus => ({
          function: spec.key,
          mode: spec.mode,
          state: pursuit.state,
          concurrencyWanted: pursuit.concurrency,
          concurrencyReady: readyConcurrencyOf(pursuit),
          because: step?.because ?? (verdict && 'reason' in verdict ? verdict.reason : 'nothing is wanted'),
        })),
      };
    },
    plan() {
      const plan = engine.plan();
      return {
        issuedAtMs: plan?.issuedAtMs ?? null,
        steps: (plan?.steps ?? []).map(({ key, ...step }) => ({ function: key, ...step })),
      };
    },
    acting: () => viewActing(engine.acting()),
    breakers() {
      const nowMs = tickedAtMs() ?? 0;
      const states = engine.breakers();
      return (options.remedies?.breakers ?? []).map((spec) =>
        breakerViewOf(spec, states[spec.name] ?? closedSince(nowMs), nowMs),
      );
    },
    calendar() {
      const nowMs = tickedAtMs() ?? 0;
      const { version, events } = engine.planning.calendar();
      return {
        version,
        events: eventsBetween(events, nowMs - shownBehindMs, nowMs + shownAheadMs).map(
          ({ id, kind, title, startsAtMs, importance, status, symbols, source, doubt, ...event }) => ({
            ...{ id, kind, title, startsAtMs, importance, status, symbols },
            calendar: source.calendar,
            isTimeAssumed: event.isTimeAssumed === true,
            doubt: doubt?.kind ?? null,
          }),
        ),
        findings: findings(),
      };
    },
    incidents: () => ({
      open: [
        ...engine.watch.incidents.map((incident) => incidentView(incident, engine.watch.openedSeqs)),
        ...engine.ownIncidents().map(ownIncidentView),
      ],
      resolved: engine.watch.ended.map((incident) => incidentView(incident, engine.watch.openedSeqs)).reverse(),
    }),
    incident: (id) => [...engine.watch.incidents, ...engine.watch.ended].findLast((incident) => incident.id === id),
    timeline() {
      const functions = [...engine.functions.keys()].map((key) => ({ function: key, points: engine.timeline.of(key) }));
      const fromMs = Math.min(...functions.map(({ points }) => points[0]?.atMs ?? Infinity));
      return {
        fromMs: Number.isFinite(fromMs) ? fromMs : 0,
        stepMs: msPerMinute,
        events: eventsAround(tickedAtMs() ?? 0).map(({ id, title, startsAtMs, importance }) => ({
          id,
          title,
          startsAtMs,
          importance,
        })),
        functions,
      };
    },
  };
}

function incidentView(incident: Incident, openedSeqs: ReadonlyMap<string, number>): IncidentView {
  const { id, state, severity, verdict, origin, harmed, harmedRatioMax, startsAtMs, openedAtMs, timeline } = incident;
  return {
    ...{ id, kind: 'trouble', state, severity, verdict, origin, harmed, startsAtMs, openedAtMs },
    harmedRatio: harmedRatioMax,
    resolvedAtMs: incident.resolvedAtMs ?? null,
    silencedBy: incident.silencedBy ?? null,
    openedSeq: openedSeqs.get(id) ?? null,
    because: timeline[0]?.text ?? null,
  };
}

function ownIncidentView({ id, subject, kind, openedSeq, because }: OwnIncident): IncidentView {
  const unknown = { severity: null, verdict: null, harmedRatio: null, startsAtMs: null, openedAtMs: null };
  return {
    ...{ id, kind, state: 'open', origin: subject, harmed: [], openedSeq, ...unknown },
    because: because ?? null,
    resolvedAtMs: null,
    silencedBy: null,
  };
}
