/** One episode from tick to tick: opened, described, acknowledged, silenced, at rest, over. Each step is a value in and a value out. */
import { assert } from '../core/assert.ts';
import type { Finding } from '../core/finding.ts';
import type {
  Acknowledgement,
  ActionTaken,
  Incident,
  IncidentChange,
  IncidentChangeKind,
  MaintenanceWindow,
} from '../core/incident.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { formatInstant, msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';
import type { Group } from './grouping.ts';
import {
  changesNear,
  contributionsOf,
  harmedNodes,
  harmedRatioOf,
  isWorse,
  maintenanceOf,
  severityOf,
  verdictOn,
} from './incident-evidence.ts';
import type { Trouble } from './origin.ts';
import { serviceGraphDefaults, type ServiceGraph, type ServiceGraphOptions } from './service-graph.ts';

export interface CorrelatorOptions {
  /** No finding for so long, while spans come: mitigated. */
  readonly mitigatedAfterMs: number;
  /** Quiet for so long: resolved. */
  readonly resolvedAfterMs: number;
  /** The same where no spans come: missing data is no recovery. */
  readonly resolvedUnseenAfterMs: number;
  /** A better origin is believed at once in a young incident, and after it has stood so long in an older one. */
  readonly originSettlesMs: number;
  /** Spans about an episode may come so long after its end, and do not open another. */
  readonly latenessMs: number;
  readonly graph: ServiceGraphOptions;
}

export const correlatorDefaults: CorrelatorOptions = {
  mitigatedAfterMs: 15_000,
  resolvedAfterMs: 5 * msPerMinute,
  resolvedUnseenAfterMs: msPerHour,
  originSettlesMs: 5_000,
  latenessMs: 5 * msPerMinute,
  graph: serviceGraphDefaults,
};

/** What a tick is handed. */
export interface Scene {
  /** All findings that stand now. */
  readonly findings: readonly Finding[];
  /** Sealed since the last tick. */
  readonly deltas: readonly WindowDelta[];
  readonly maintenance: readonly MaintenanceWindow[];
  readonly actionsTaken: readonly ActionTaken[];
  /** Of the last hour and the next few minutes. */
  readonly events: readonly MarketEvent[];
  readonly acknowledgements: readonly Acknowledgement[];
}

export interface Episode {
  readonly incident: Incident;
  /** All keys that ever were in trouble. */
  readonly keys: readonly string[];
  /** Another origin, and since when the findings point there. */
  readonly candidate?: { readonly key: WindowKey; readonly sinceMs: EpochMs };
}

const timelineCountMax = 200;
const findingCountMax = 64;
const traceCountMax = 8;

/** What every step of a tick may read, and where it says what it changed. */
export interface Tick {
  readonly nowMs: EpochMs;
  readonly scene: Scene;
  readonly notices: readonly Finding[];
  readonly troubles: ReadonlyMap<string, Trouble>;
  readonly graph: ServiceGraph;
  readonly options: CorrelatorOptions;
  readonly changes: IncidentChange[];
}

/** An episode and what was found of it at this tick; a group without an episode opens one. */
export interface Assigned {
  readonly episode?: Episode;
  readonly group?: Group;
  /** Turned out to be part of that incident. */
  readonly partOf?: string;
}

/** One tick in the life of an episode; undefined when it is over. */
export function live(assigned: Assigned, tick: Tick): Episode | undefined {
  const { episode, group, partOf } = assigned;
  if (!episode) {
    assert(group !== undefined, 'what is neither an episode nor a group was never assigned');
    return open(group, tick);
  }
  const acknowledged = acknowledge(episode, tick);
  if (partOf !== undefined) {
    close(acknowledged, tick, 'merged', `it is part of ${partOf}`);
    return undefined;
  }
  return silence(group ? renew(acknowledged, group, tick) : rest(acknowledged, tick), tick);
}

function open(group: Group, tick: Tick): Episode {
  const { nowMs } = tick;
  const harmedRatio = harmedRatioOf(group.troubles.flatMap(({ findings }) => findings));
  const silenced = maintenanceOf(group.origin, group.startsAtMs, tick.scene.maintenance, nowMs);
  const incident: Incident = {
    id: `${group.origin}@${formatInstant(group.startsAtMs)}`,
    state: 'open',
    severity: severityOf(harmedRatio),
    startsAtMs: group.startsAtMs,
    openedAtMs: nowMs,
    lastTroubleAtMs: nowMs,
    origin: group.origin,
    verdict: 'INCONCLUSIVE',
    harmedRatio,
    harmedRatioMax: harmedRatio,
    harmed: [],
    findings: [],
    contributions: [],
    changes: [],
    traceIds: [],
    timeline: [],
    ...(silenced && { silencedBy: silenced.id }),
  };
  const episode = describe({ incident, keys: [] }, group, tick);
  const { findings } = episode.incident;
  const atOrigin = findings.filter(({ key }) => key === group.origin);
  const worst = (atOrigin.length > 0 ? atOrigin : findings).reduce((a, b) => (b.score > a.score ? b : a));
  const opened = note(episode, tick, 'opened', `${group.origin}: ${worst.because}`);
  return silenced ? note(opened, tick, 'silenced', `maintenance ${silenced.id}: ${silenced.because}`) : opened;
}

/** Findings, evidence and verdict as they are now. */
function describe({ incident, keys, ...rest }: Episode, group: Group, tick: Tick): Episode {
  const { graph, nowMs, troubles } = tick;
  const latest = new Map(incident.findings.map((finding) => [`${finding.key} ${finding.detector}`, finding]));
  for (const finding of group.troubles.flatMap(({ findings }) => findings))
    latest.set(`${finding.key} ${finding.detector}`, finding);
  const findings = [...latest.values()]
    .sort((a, b) => b.atMs - a.atMs || b.score - a.score || (a.key < b.key ? -1 : 1))
    .slice(0, findingCountMax);
  const keysNow = [...new Set([...keys, ...group.troubles.map(({ key }) => key)])].sort();
  const startsAtMs = Math.min(incident.startsAtMs, group.startsAtMs);
  const harmedRatio = harmedRatioOf(group.troubles.flatMap(({ findings: all }) => all));
  const about = { origin: incident.origin, path: new Set([...group.path, incident.origin]), startsAtMs };
  const changes = changesNear(graph, about, { ...tick.scene, notices: tick.notices });
  const contributions = contributionsOf(graph, troubles, about);
  const nextRatio = group.explainedRatio === undefined ? 0 : 1 - group.explainedRatio;
  const { explainedRatio: _before, ...kept } = incident;
  return {
    ...rest,
    keys: keysNow,
    incident: {
      ...kept,
      startsAtMs,
      lastTroubleAtMs: nowMs,
      ...(group.explainedRatio !== undefined && { explainedRatio: group.explainedRatio }),
      verdict: verdictOn(graph, { ...group, origin: incident.origin, startsAtMs }, { nextRatio, changes }),
      harmedRatio,
      harmedRatioMax: Math.max(incident.harmedRatioMax, harmedRatio),
      harmed: harmedNodes([...keysNow, incident.origin]),
      findings,
      contributions,
      // What was near when it began stays known when the graph has forgotten it.
      changes: changes.length > 0 ? changes : incident.changes,
      traceIds: [...new Set(findings.flatMap(({ traceIds }) => traceIds))].slice(0, traceCountMax),
    },
  };
}

/** Trouble stands: the origin may be corrected, the state may come back, the severity may rise. */
function renew(episode: Episode, group: Group, tick: Tick): Episode {
  const located = relocate(episode, group, tick);
  let next = describe(located, group, tick);
  if (next.incident.state === 'mitigated') {
    const state = next.incident.acknowledgedAtMs === undefined ? 'open' : 'acknowledged';
    next = note(withIncident(next, { state }), tick, 'returned', `trouble stands again at ${next.incident.origin}`);
  }
  const severity = severityOf(next.incident.harmedRatio);
  if (!isWorse(severity, next.incident.severity)) return next;
  const percent = (100 * next.incident.harmedRatio).toFixed(0);
  return note(withIncident(next, { severity }), tick, 'worsened', `${severity}: ${percent} % of requests are harmed`);
}

/** A young incident follows the findings; an older one follows only what they keep saying. */
function relocate(episode: Episode, { origin }: Group, tick: Tick): Episode {
  const { nowMs, options } = tick;
  const { candidate: _dropped, ...settled } = episode;
  if (origin === episode.incident.origin) return settled;
  const sinceMs = episode.candidate?.key === origin ? episode.candidate.sinceMs : nowMs;
  const isYoung = nowMs - episode.incident.openedAtMs <= options.originSettlesMs;
  if (!isYoung && nowMs - sinceMs < options.originSettlesMs) return { ...episode, candidate: { key: origin, sinceMs } };
  const before = episode.incident.origin;
  return note(withIncident(settled, { origin }), tick, 'origin-moved', `it begins at ${origin}, not at ${before}`);
}

/** No finding stands: quiet is waited out, as long as spans say that it is quiet. */
function rest(episode: Episode, tick: Tick): Episode | undefined {
  const { nowMs, options, graph } = tick;
  const { incident, keys } = episode;
  const quietMs = nowMs - incident.lastTroubleAtMs;
  const isSeen = [incident.origin, ...keys].some((key) => {
    const seenAtMs = graph.lastSeenAtMs(key);
    return key.startsWith('signal:') || (seenAtMs !== undefined && seenAtMs > incident.lastTroubleAtMs);
  });
  if (!isSeen && quietMs < options.resolvedUnseenAfterMs) return episode;
  if (incident.state !== 'mitigated') {
    if (quietMs < options.mitigatedAfterMs) return episode;
    const seconds = Math.round(quietMs / 1_000);
    const calm = withIncident(episode, { state: 'mitigated', harmedRatio: 0 });
    return note(calm, tick, 'mitigated', `no finding for ${seconds} s`);
  }
  if (quietMs < options.resolvedAfterMs) return episode;
  const minutes = Math.round(quietMs / msPerMinute);
  close(episode, tick, 'resolved', isSeen ? `quiet for ${minutes} min` : `no spans came for ${minutes} min`);
  return undefined;
}

function acknowledge(episode: Episode, tick: Tick): Episode {
  const said = tick.scene.acknowledgements.find(({ incidentId }) => incidentId === episode.incident.id);
  if (!said || episode.incident.acknowledgedAtMs !== undefined) return episode;
  const state = episode.incident.state === 'open' ? 'acknowledged' : episode.incident.state;
  const seen = withIncident(episode, { state, acknowledgedAtMs: said.atMs, acknowledgedBy: said.by });
  return note(seen, tick, 'acknowledged', `by ${said.by}`);
}

/** Maintenance silences what began inside it, where it covers the origin, and no longer than it lasts. */
function silence(episode: Episode | undefined, tick: Tick): Episode | undefined {
  if (!episode) return undefined;
  const { incident } = episode;
  const window = maintenanceOf(incident.origin, incident.startsAtMs, tick.scene.maintenance, tick.nowMs);
  if (window?.id === incident.silencedBy) return episode;
  if (window)
    return note(
      withIncident(episode, { silencedBy: window.id }),
      tick,
      'silenced',
      `maintenance ${window.id}: ${window.because}`,
    );
  const { silencedBy, ...told } = incident;
  return note(
    { ...episode, incident: told },
    tick,
    'unsilenced',
    `maintenance ${silencedBy ?? ''} no longer covers it`,
  );
}

function close(episode: Episode, tick: Tick, kind: 'resolved' | 'merged', because: string): void {
  note(withIncident(episode, { state: 'resolved', resolvedAtMs: tick.nowMs }), tick, kind, because);
}

function withIncident(episode: Episode, change: Partial<Incident>): Episode {
  return { ...episode, incident: { ...episode.incident, ...change } };
}

/** Into the timeline, and to whoever is told. */
function note(episode: Episode, { nowMs, changes }: Tick, kind: IncidentChangeKind, because: string): Episode {
  const timeline = [...episode.incident.timeline, { atMs: nowMs, text: `${kind}: ${because}` }].slice(
    -timelineCountMax,
  );
  const incident = { ...episode.incident, timeline };
  changes.push({ kind, atMs: nowMs, incident, because });
  return { ...episode, incident };
}
