/**
 * What spans show, second by second: detectors over the deltas, findings joined to incidents, and what has been told of it.
 *
 * Mental model: detection is judged once for every whole second, deltas or none, because silence is something to judge too. A tick judges its own second with
 * what came, and the seconds since the one before with nothing; so a replay that leaves quiet ticks out judges the same seconds. Where nobody was there to
 * look (a restart, a machine that slept), a fact says so, and those seconds are passed over.
 *
 * What people were told is small, and sealed with the tick that changed it. What is usual is large, and is saved now and then; seconds that came after it
 * are judged again from their sealed deltas.
 */
import type { Finding } from '../core/finding.ts';
import type { Acknowledgement, ActionTaken, Incident, IncidentChange, MaintenanceWindow } from '../core/incident.ts';
import type { Json } from '../core/json.ts';
import type { Corroboration, Observer } from '../core/corroboration.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';
import { createCorrelator, type CorrelatorSnapshot } from '../detector/correlator.ts';
import {
  createDetection,
  type LiveEdge,
  type Detection,
  type DetectionContext,
  type DetectionOptions,
  type KeySnapshot,
} from '../detector/detection.ts';
import type { LiveRing } from '../detector/live-windows.ts';
import type { VersionSeen } from '../detector/service-graph.ts';
import type { Counted } from '../detector/witness-book.ts';
import { createWitnesses, type Witnesses } from '../detector/witnesses.ts';
import { packJson, unpackJson } from '../store/packed-json.ts';

/** What is known beside the spans at one second. */
export interface WatchContext {
  readonly detection: DetectionContext;
  readonly maintenance: readonly MaintenanceWindow[];
  readonly actionsTaken: readonly ActionTaken[];
  readonly events: readonly MarketEvent[];
  readonly acknowledgements: readonly Acknowledgement[];
}

/** What came of it, in turn. */
export interface Looked {
  /** Troubles that have begun to stand. */
  readonly findings: readonly Finding[];
  readonly changes: readonly IncidentChange[];
}

/** What people were told: restored as it was, nothing is told twice and nothing is forgotten. */
export interface ToldIncidents extends Omit<CorrelatorSnapshot, 'graph'> {
  /** The audit event that opened each, by its id. */
  readonly openedSeqs: Readonly<Record<string, number>>;
}

export interface WatchSnapshot {
  /** The last second that was judged. */
  readonly atMs: EpochMs;
  readonly told: ToldIncidents;
  /** The last that were resolved, the newest last. */
  readonly ended: readonly Incident[];
  /** `detector key` of each trouble, and when it stood last. */
  readonly stood: readonly (readonly [string, EpochMs])[];
  /** Sealed after the last second was judged: they go with the next. */
  readonly waiting: readonly WindowDelta[];
  /** What is usual, and who calls whom: the graph, who said what, then each key (store/packed-json.ts). */
  readonly usual: Uint8Array;
}

export interface TraceWatch {
  /** Judges the seconds that have passed since the last, with nothing: up to the one before `nowMs`'s. */
  catchUp(nowMs: EpochMs, context: (secondAtMs: EpochMs) => WatchContext): Looked;
  /** Judges the second of `nowMs` with what came; judged already, it is kept for the next. */
  look(nowMs: EpochMs, deltas: readonly WindowDelta[], context: (secondAtMs: EpochMs) => WatchContext): Looked;
  /** Nobody was there until then. */
  passOver(untilMs: EpochMs): void;
  /** Spans have come since the start of time: until then there is nothing to judge. */
  readonly isWatching: boolean;
  /** Those that are not resolved, oldest first. */
  readonly incidents: readonly Incident[];
  readonly ended: readonly Incident[];
  /** Opened since the start, and not silenced. */
  readonly openedCount: number;
  readonly openedSeqs: ReadonlyMap<string, number>;
  /** AWS's own count of a function, of a time that is final. Nothing to hold it against before spans have come. */
  hear(key: WindowKey, counted: Counted): void;
  /** Who confirms an incident now, independent of each other; `elsewhere`: who was asked outside of spans. */
  /** Whether a sender's word on a function is doubted, now or within the last half minute. */
  isDisputed(key: string, sender: string): boolean;
  corroborationOf(incident: Incident, elsewhere?: readonly Observer[]): Corroboration;
  live(key: WindowKey): LiveRing | undefined;
  /** Of a function, in the order in which they were first seen. */
  versionsOf(key: string): readonly VersionSeen[];
  /** Share of its calls that fails when all is well; undefined where that is not known. */
  usualFailedRatioOf(key: WindowKey): number | undefined;
  /** Every way by which something is called, with its last ten minutes. */
  edgesTo(callee: string): readonly LiveEdge[];
  /** An audit event tells of it. */
  noteOpened(id: string, seq: number): void;
  told(): ToldIncidents;
  /** Puts back what people were told, where it was judged without what only the engine knows. */
  retell(told: ToldIncidents, ended: readonly Incident[]): void;
  /** Costs some 20 microseconds a key. */
  snapshot(): WatchSnapshot;
}

/** A trouble that has not stood for so long is said anew. */
const saidAgainAfterMs = 10 * msPerMinute;
export const endedCountMax = 20;
const nothingSeen: Looked = { findings: [], changes: [] };

export function createTraceWatch(options: DetectionOptions, snapshot?: WatchSnapshot): TraceWatch {
  const usual = unpackJson(snapshot?.usual ?? new Uint8Array());
  const graph = usual.next().value as CorrelatorSnapshot['graph'] | undefined;
  const witnesses = createWitnesses(usual.next().value as Json | undefined);
  const detection = createDetection(options, usual as unknown as Iterable<KeySnapshot>);
  let correlator = createCorrelator(undefined, snapshot && graph && { ...snapshot.told, graph });
  const stood = new Map<string, EpochMs>(snapshot?.stood);
  const openedSeqs = new Map(Object.entries(snapshot?.told.openedSeqs ?? {}));
  let ended = snapshot?.ended ?? [];
  let waiting: readonly WindowDelta[] = snapshot?.waiting ?? [];
  let lookedAtMs = snapshot?.atMs;
  let isWatching = snapshot !== undefined;
  let openedCount = 0;

  const judge = (secondAtMs: EpochMs, deltas: readonly WindowDelta[], context: WatchContext): Looked => {
    const found = detection.tick(secondAtMs, deltas, context.detection);
    const findings = [...found, ...witnesses.look(secondAtMs, deltas, found)];
    const changes = correlator.tick(secondAtMs, { ...context, findings, deltas });
    for (const change of changes) {
      if (change.kind === 'opened' && change.incident.silencedBy === undefined) openedCount++;
      if (change.kind === 'resolved') ended = [...ended, change.incident].slice(-endedCountMax);
    }
    return { findings: newTroubles(findings, secondAtMs), changes };
  };

  const newTroubles = (findings: readonly Finding[], nowMs: EpochMs): readonly Finding[] => {
    for (const [name, atMs] of stood) if (nowMs - atMs > saidAgainAfterMs) stood.delete(name);
    return findings.filter(({ detector, key, weight }) => {
      if (weight !== 'trouble') return false;
      const name = `${detector} ${key}`;
      const isNew = !stood.has(name);
      stood.set(name, nowMs);
      return isNew;
    });
  };

  return {
    catchUp(nowMs, context) {
      const untilMs = secondOf(nowMs);
      if (!isWatching) {
        lookedAtMs = untilMs - msPerSecond;
        return nothingSeen;
      }
      const findings: Finding[] = [];
      const changes: IncidentChange[] = [];
      for (let atMs = (lookedAtMs ?? untilMs) + msPerSecond; atMs < untilMs; atMs += msPerSecond) {
        const looked = judge(atMs, waiting, context(atMs));
        waiting = [];
        findings.push(...looked.findings);
        changes.push(...looked.changes);
        lookedAtMs = atMs;
      }
      return { findings, changes };
    },
    look(nowMs, deltas, context) {
      const secondAtMs = secondOf(nowMs);
      isWatching ||= deltas.length > 0;
      if (!isWatching) return nothingSeen;
      waiting = waiting.length === 0 ? deltas : [...waiting, ...deltas];
      if (lookedAtMs !== undefined && secondAtMs <= lookedAtMs) return nothingSeen;
      lookedAtMs = secondAtMs;
      const due = waiting;
      waiting = [];
      return judge(secondAtMs, due, context(secondAtMs));
    },
    passOver(untilMs) {
      lookedAtMs = Math.max(lookedAtMs ?? 0, secondOf(untilMs) - msPerSecond);
      witnesses.passOver(secondOf(untilMs));
    },
    get isWatching() {
      return isWatching;
    },
    get incidents() {
      return correlator.incidents;
    },
    get ended() {
      return ended;
    },
    get openedCount() {
      return openedCount;
    },
    openedSeqs,
    hear(key, counted) {
      if (isWatching) witnesses.hear(key, counted);
    },
    isDisputed: (key, sender) => witnesses.isDisputed(key, sender),
    live: (key) => detection.live(key),
    versionsOf: (key) => correlator.versionsOf(key),
    usualFailedRatioOf: (key) => correlator.usualFailedRatioOf(key),
    edgesTo: (callee) => detection.edgesTo(callee),
    corroborationOf: (incident, elsewhere) => witnesses.corroborationOf(incident, lookedAtMs ?? 0, elsewhere),
    noteOpened: (id, seq) => void openedSeqs.set(id, seq),
    told() {
      const { graph: _graph, ...told } = correlator.snapshot();
      const open = new Set(correlator.incidents.map(({ id }) => id));
      for (const id of openedSeqs.keys()) if (!open.has(id)) openedSeqs.delete(id);
      return { ...told, openedSeqs: Object.fromEntries(openedSeqs) };
    },
    retell(told, endedBefore) {
      correlator = createCorrelator(undefined, { ...told, graph: correlator.snapshot().graph });
      openedSeqs.clear();
      for (const [id, seq] of Object.entries(told.openedSeqs)) openedSeqs.set(id, seq);
      ended = endedBefore;
    },
    snapshot() {
      const { graph } = correlator.snapshot();
      return {
        atMs: lookedAtMs ?? 0,
        told: this.told(),
        ended,
        stood: [...stood],
        waiting,
        usual: packJson(partsOf(graph, witnesses, detection)),
      };
    },
  };
}

/**
 * Brings what was saved up to ticks that were sealed after it: the same seconds judged again, without what only the engine knows. What people were told
 * is then put back as it was sealed, so that a second opinion changes none of it.
 */
export function createWatchRecovery(options: DetectionOptions, saved: WatchSnapshot | undefined) {
  const watch = createTraceWatch(options, saved);
  let told = saved?.told;
  let ended = saved?.ended ?? [];
  const context = (): WatchContext => unknownContext;
  return {
    passOver: (untilMs: EpochMs) => watch.passOver(untilMs),
    tick(atMs: EpochMs, deltas: readonly WindowDelta[]) {
      watch.catchUp(atMs, context);
      watch.look(atMs, deltas, context);
    },
    tell(sealed: ToldIncidents, newlyEnded: readonly Incident[]) {
      told = sealed;
      ended = [...ended, ...newlyEnded].slice(-endedCountMax);
      // What is learned is what was not part of trouble, and which that was is known now.
      watch.retell(told, ended);
    },
    result(): WatchSnapshot | undefined {
      if (!watch.isWatching) return undefined;
      return { ...watch.snapshot(), told: told ?? nothingTold, ended };
    },
  };
}

const nothingTold: ToldIncidents = { episodes: [], closed: [], noticed: [], openedSeqs: {} };

const unknownContext: WatchContext = {
  detection: {},
  maintenance: [],
  actionsTaken: [],
  events: [],
  acknowledgements: [],
};

function* partsOf(graph: CorrelatorSnapshot['graph'], witnesses: Witnesses, detection: Detection): Generator<Json> {
  yield graph as unknown as Json;
  yield witnesses.snapshot();
  yield* detection.snapshot() as Iterable<Json>;
}

function secondOf(atMs: EpochMs): EpochMs {
  return Math.floor(atMs / msPerSecond) * msPerSecond;
}
