/**
 * What the running system shows: the shapes of `/api/*` and of `--json`. Others build on them; fields keep their names and units.
 */
import type { BreakerView } from './breaker-view.ts';
import type { BindingLimit, CapacityStep } from '../core/capacity.ts';
import type { SenderReport } from '../collectors/windower.ts';
import type { Mode } from '../core/function-spec.ts';
import type { Incident } from '../core/incident.ts';
import type { ActingView } from './acting-view.ts';
import type { EpochMs } from '../core/time.ts';

export interface PlanView {
  readonly issuedAtMs: EpochMs | null;
  readonly steps: readonly PlanStepView[];
}

export interface PlanStepView extends Omit<CapacityStep, 'key'> {
  readonly function: string;
}

/** How the capacity of one function for one event came out. An instant that did not come is null. */
export interface PrewarmView {
  readonly eventId: string;
  readonly eventAtMs: EpochMs;
  readonly importance: number;
  readonly concurrency: number;
  readonly bindingLimit: BindingLimit;
  readonly readyAtMs: EpochMs | null;
  readonly minutesEarly: number | null;
}

/** Counted over a span: by the twin in a demo, by CloudWatch in an account. */
export interface Measured {
  readonly requests: number;
  readonly spillover: number;
  readonly throttles: number;
  readonly coldStarts: number;
  readonly durationMsP99: number | null;
  /** For provisioned concurrency configured, idle or not. */
  readonly provisionedUsd: number;
  /** All that Lambda charges: provisioning, duration, initialisation, requests. */
  readonly totalUsd: number;
}

/** The half hour from an event's start, where a pre-warm is judged. */
export interface EventWindowView {
  readonly eventId: string;
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly with: Measured;
  readonly without: Measured;
}

export interface FunctionScore {
  readonly function: string;
  readonly with: Measured | null;
  readonly without: Measured | null;
  readonly prewarms: readonly PrewarmView[];
  readonly eventWindows: readonly EventWindowView[];
}

/** What was broken on purpose, and what came of it, in turn. All null where nothing was. */
export interface FaultScore {
  /** End of the first request that it harmed. */
  readonly firstBadSpanAtMs: EpochMs | null;
  readonly findingAtMs: EpochMs | null;
  readonly incidentAtMs: EpochMs | null;
  /** When callers had been told that their calls are stopped… */
  readonly breakerOpenAtMs: EpochMs | null;
  readonly pageAtMs: EpochMs | null;
  /** …and when hardly a request was harmed any more: the first second of ten with at most a twentieth. */
  readonly recoveredAtMs: EpochMs | null;
  /** When all calls went through again. */
  readonly breakerClosedAtMs: EpochMs | null;
  readonly breakerTransitions: number;
  /** When no finding stood any more, and when quiet had been waited out. */
  readonly mitigatedAtMs: EpochMs | null;
  readonly resolvedAtMs: EpochMs | null;
  /** Requests that failed, were throttled or were slow by it. */
  readonly harmed: { readonly with: number; readonly without: number } | null;
}

export interface Scorecard {
  readonly simulated: boolean;
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly functions: readonly FunctionScore[];
  readonly fault: FaultScore;
  readonly incidents: number;
  readonly falseIncidents: number;
  /** Episodes that paged, each counted once however often it was tried. */
  readonly pages: number;
  /** Pages that nobody acknowledged in time, and that went to somebody else as well. */
  readonly escalations: number;
  /** `head` is the hash of the last event: two runs with the same head took the same decisions from the same facts. */
  readonly audit: { readonly events: number; readonly verified: boolean; readonly head: string | null };
}

/** One function as it stands now. */
export interface FunctionStatus {
  readonly function: string;
  readonly mode: Mode;
  readonly state: string;
  readonly concurrencyWanted: number;
  readonly concurrencyReady: number;
  readonly because: string;
}

export interface StatusView {
  readonly nowMs: EpochMs;
  readonly simulated: boolean;
  readonly title: string;
  readonly nextEvent: {
    readonly id: string;
    readonly title: string;
    readonly startsAtMs: EpochMs;
    readonly importance: number;
  } | null;
  readonly functions: readonly FunctionStatus[];
}

/** One minute of one function, for charts. `expected` is what the forecast in force at that minute said. */
export interface TimelinePoint {
  readonly atMs: EpochMs;
  readonly requests: number | null;
  readonly expectedP50: number | null;
  readonly expectedP95: number | null;
  readonly concurrencyReady: number;
}

export interface TimelineView {
  readonly fromMs: EpochMs;
  readonly stepMs: number;
  readonly events: readonly {
    readonly id: string;
    readonly title: string;
    readonly startsAtMs: EpochMs;
    readonly importance: number;
  }[];
  readonly functions: readonly { readonly function: string; readonly points: readonly TimelinePoint[] }[];
}

/** An event ahead, as it is in force. */
export interface CalendarEventView {
  readonly id: string;
  readonly kind: string;
  readonly title: string;
  readonly startsAtMs: EpochMs;
  readonly importance: number;
  readonly status: string;
  readonly symbols: readonly string[];
  readonly calendar: string;
  /** Its day was published, and its minute is the convention of its kind. */
  readonly isTimeAssumed: boolean;
  /** Why it is warmed for although its calendar does not say so, or not any more. */
  readonly doubt: string | null;
}

export interface CalendarView {
  readonly version: string;
  /** The next 14 days. */
  readonly events: readonly CalendarEventView[];
  readonly findings: readonly { readonly kind: string; readonly severity: string; readonly because: string }[];
}

/** An incident in the list: trouble that spans show, or of our own work. */
export interface IncidentView {
  readonly id: string;
  /** `trouble`: spans show it. All others are of our own work, and have neither severity nor verdict. */
  readonly kind: string;
  readonly state: Incident['state'];
  readonly severity: Incident['severity'] | null;
  readonly verdict: Incident['verdict'] | null;
  /** The function, edge or signal where it begins. */
  readonly origin: string;
  readonly harmed: readonly string[];
  readonly harmedRatio: number | null;
  readonly startsAtMs: EpochMs | null;
  readonly openedAtMs: EpochMs | null;
  readonly resolvedAtMs: EpochMs | null;
  readonly silencedBy: string | null;
  /** The audit event that opened it. */
  readonly openedSeq: number | null;
  readonly because: string | null;
}

export interface IncidentsView {
  /** Oldest first. */
  readonly open: readonly IncidentView[];
  /** The last that were resolved, newest first. */
  readonly resolved: readonly IncidentView[];
}

/** One who sends traces. */
export type SenderView = SenderReport;

/** What the routes read. Implemented by the composed system. */
export interface SystemView {
  isReady(): { readonly ready: boolean; readonly because: string };
  status(): StatusView;
  plan(): PlanView;
  scorecard(): Scorecard;
  timeline(): TimelineView;
  calendar(): CalendarView;
  incidents(): IncidentsView;
  /** What people said of acting, and what they are asked. */
  acting(): ActingView;
  /** One that spans show, with all that is known of it. */
  incident(id: string): Incident | undefined;
  /** As they stand now, in the order of the configuration. */
  breakers(): readonly BreakerView[];
  /** Who sends traces, what of them is left out, and how late they come. */
  senders(): readonly SenderView[];
}
