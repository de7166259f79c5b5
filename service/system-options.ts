/** What `compose` is made of: plain values and ports. Config, files and flags have been read by then. */
import type { Tracer } from '@opentelemetry/api';
import type { EndpointKind } from '../actuators/endpoint.ts';
import type { Calendar } from '../calendar/event.ts';
import type { Venue } from '../calendar/venue.ts';
import type { VolumeHistory } from '../collectors/volume-csv.ts';
import type { FunctionSpec, Limits, Prices, SharedResource } from '../core/function-spec.ts';
import type { MaintenanceWindow } from '../core/incident.ts';
import type { AccountLimits, Actuator, Bookkeeper, Store } from '../core/ports.ts';
import type { Clock, EpochMs } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import type { AlertBudget } from '../detector/budget.ts';
import type { SignalAggregation } from '../detector/detector.ts';
import type { LeadModel } from '../forecaster/event-window.ts';
import type { PlanningPolicy } from '../forecaster/planner.ts';
import type { Log } from './log.ts';
import type { Messenger } from './messenger.ts';
import type { PrewarmApprovals } from './prewarm-approval.ts';
import type { OncallOptions } from './oncall-options.ts';
import type { RemedyCaller } from './remedies/caller.ts';
import type { RemedyOptions } from './remedies/options.ts';
import type { CalendarView } from './view.ts';

/** One file of volume, read once, however many functions scale it. */
export interface SystemHistory {
  readonly name: string;
  readonly history: Pick<VolumeHistory, 'series' | 'sha256' | 'rowCount'> & { readonly badRowCount: number };
}

export interface SystemFunction {
  readonly spec: FunctionSpec;
  readonly symbols: readonly string[];
  readonly venue: Venue;
  readonly history: SystemHistory;
  /** Where its volume comes from once the history ends. Functions that share it are told of the same volume. */
  readonly volumeFrom: string;
  readonly requestsPerUnit: number;
}

export interface SystemOptions {
  readonly title: string;
  readonly simulated: boolean;
  readonly release: string;
  readonly configSha256: string;
  readonly functions: readonly SystemFunction[];
  readonly calendar: Calendar;
  readonly limits: Limits;
  /** What stands behind the functions. */
  readonly sharedResources?: readonly SharedResource[];
  readonly prices: Prices;
  readonly policy: PlanningPolicy;
  readonly lead: LeadModel;
  readonly horizonMs: number;
  /** How spans are judged; absent in what releases before wrote: by the defaults. */
  readonly watch?: WatchOptions;
  /** Who is told of trouble; absent: nobody, it is only on record. */
  readonly oncall?: OncallOptions;
  /** What may be done about trouble; absent: nothing is, it is only told. */
  readonly remedies?: RemedyOptions;
  /** By function: whether its pre-warms wait for a yes. Absent: nobody is asked. */
  readonly prewarmApprovals?: PrewarmApprovals;
  /** Names the run: jitter and polling are spread by it. */
  readonly seed: string;
}

export interface WatchOptions {
  readonly budget?: AlertBudget;
  /** Functions, edges and signals that are watched, at most. */
  readonly keysMax?: number;
  /** How each business signal adds up, by its name. */
  readonly signals?: Readonly<Record<string, SignalAggregation>>;
  readonly maintenance?: readonly MaintenanceWindow[];
  /** Senders whose spans count demand for the nowcast: what they say may raise capacity. */
  readonly demandSenders?: readonly string[];
}

export interface SystemPorts {
  readonly clock: Clock;
  readonly store: Store;
  readonly actuator: Actuator;
  readonly bookkeeper: Bookkeeper;
  readonly readAccountLimits: () => Promise<AccountLimits>;
  readonly endpointKindOf: () => EndpointKind;
  /** Wait of one more urgent call in the queue: counted in the lead. */
  readonly queueWaitMs: (callCount: number) => number;
  /** What is doubtful in the calendars, for people to see; absent where no calendar lives. */
  readonly calendarFindings?: () => CalendarView['findings'];
  /** What spans showed since it was asked last; absent where nobody sends any. */
  readonly sealSpans?: (nowMs: EpochMs) => readonly WindowDelta[];
  /** Carries messages to people; absent: those that are due are refused. */
  readonly messenger?: Messenger;
  /** Carries remedies out; absent: those that are due are refused. */
  readonly remedies?: RemedyCaller;
  readonly log: Log;
  readonly tracer: Tracer;
}
