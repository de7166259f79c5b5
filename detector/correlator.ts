/**
 * From opinions to episodes: findings that begin at the same place are one incident, told once, named by where it begins, and followed until it is over.
 *
 * Mental model: at every tick the standing findings are grouped by origin (grouping.ts), and each group meets the episode that it continues: the one
 * with the same origin, else the one with most of its keys. A second group that meets the same episode opens one of its own only if it brings
 * a key that nobody knew of, and a loss that the first does not explain.
 *
 * Life: open → acknowledged → mitigated (no finding for 15 s, and spans still come) → resolved (quiet for five minutes). Mitigated returns, resolved never
 * does: late spans about a closed episode are dropped, and new trouble is a new incident. Where no spans come at all, an hour is waited.
 */
import type { Finding } from '../core/finding.ts';
import type { Incident, IncidentChange } from '../core/incident.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import { assign } from './assignment.ts';
import { correlatorDefaults, live, type CorrelatorOptions, type Episode, type Scene, type Tick } from './episode.ts';
import { groupTroubles } from './grouping.ts';
import { troublesOf } from './origin.ts';
import { maintenanceOf } from './incident-evidence.ts';
import { createServiceGraph, type ServiceGraphSnapshot, type VersionSeen } from './service-graph.ts';

export interface Correlator {
  tick(nowMs: EpochMs, scene: Scene): readonly IncidentChange[];
  /** Those that are not resolved, oldest first. */
  readonly incidents: readonly Incident[];
  /** Share of its calls that fails when all is well; undefined where that is not known. */
  usualFailedRatioOf(key: string): number | undefined;
  /** Of a function, as spans said. */
  versionsOf(key: string): readonly VersionSeen[];
  snapshot(): CorrelatorSnapshot;
}

interface Closed {
  readonly keys: readonly string[];
  readonly lastTroubleAtMs: EpochMs;
  readonly resolvedAtMs: EpochMs;
}

export interface CorrelatorSnapshot {
  readonly graph: ServiceGraphSnapshot;
  readonly episodes: readonly Episode[];
  readonly closed: readonly Closed[];
  /** `detector key`, and when it was last seen to stand. */
  readonly noticed: readonly (readonly [string, EpochMs])[];
}

/** A notice that has not stood for so long is told again. */
const noticeForgottenAfterMs = 10 * msPerMinute;

export function createCorrelator(
  options: CorrelatorOptions = correlatorDefaults,
  snapshot?: CorrelatorSnapshot,
): Correlator {
  const graph = createServiceGraph(options.graph, snapshot?.graph);
  let episodes: readonly Episode[] = snapshot?.episodes ?? [];
  let closed: readonly Closed[] = snapshot?.closed ?? [];
  const noticed = new Map<string, EpochMs>(snapshot?.noticed);

  /** Speaks of seconds before a closed episode's end: the same trouble, told late. */
  function isLate({ key, startsAtMs, atMs }: Finding, nowMs: EpochMs): boolean {
    return closed.some(
      ({ keys, lastTroubleAtMs, resolvedAtMs }) =>
        keys.includes(key) &&
        startsAtMs <= lastTroubleAtMs &&
        (atMs <= resolvedAtMs || nowMs - resolvedAtMs <= options.latenessMs),
    );
  }

  return {
    get incidents() {
      return episodes.map(({ incident }) => incident);
    },
    tick(nowMs, scene) {
      graph.observe(nowMs, scene.deltas);
      closed = closed.filter(({ resolvedAtMs }) => nowMs - resolvedAtMs <= msPerHour);
      const standing = scene.findings.filter((finding) => !isLate(finding, nowMs));
      const changes: IncidentChange[] = [];
      const notices = standing.filter(({ weight }) => weight === 'notice');
      const troubles = troublesOf(standing.filter(({ weight }) => weight === 'trouble'));
      const tick: Tick = { nowMs, scene, notices, troubles, graph, options, changes };
      const before = new Map(episodes.map((episode) => [episode.incident.id, episode]));
      episodes = assign(episodes, groupTroubles(graph, troubles), tick)
        .map((assigned) => live(assigned, tick))
        .filter((episode) => episode !== undefined);
      closed = [...closed, ...changes.flatMap((change) => closedBy(change, before))];
      tellNotices(tick, noticed);
      graph.hold(heldBy(episodes));
      return changes;
    },
    versionsOf: (key) => graph.versionsOf(key),
    usualFailedRatioOf: (key) => graph.load(key, Infinity)?.usual?.failedRatio,
    snapshot: () => ({ graph: graph.snapshot(), episodes, closed, noticed: [...noticed] }),
  };
}

function closedBy(change: IncidentChange, episodes: ReadonlyMap<string, Episode>): readonly Closed[] {
  if (change.kind !== 'resolved') return [];
  const { id, origin, lastTroubleAtMs } = change.incident;
  return [{ keys: [origin, ...(episodes.get(id)?.keys ?? [])], lastTroubleAtMs, resolvedAtMs: change.atMs }];
}

/** A surge that harms nobody is told once, and stays out of incidents; not during announced work, and not as news about an episode that stands. */
function tellNotices({ nowMs, notices, scene, changes }: Tick, noticed: Map<string, EpochMs>): void {
  for (const [name, lastAtMs] of noticed) if (nowMs - lastAtMs > noticeForgottenAfterMs) noticed.delete(name);
  for (const finding of notices) {
    const name = `${finding.detector} ${finding.key}`;
    const isKnown = noticed.has(name);
    noticed.set(name, nowMs);
    if (isKnown || maintenanceOf(finding.key, finding.startsAtMs, scene.maintenance, nowMs)) continue;
    changes.push({ kind: 'notice', atMs: nowMs, finding, because: finding.because });
  }
}

/** What belongs to trouble, and must not be learned as usual: its keys, the way between them, and the calls of those who are harmed. */
function heldBy(episodes: readonly Episode[]): ReadonlyMap<string, EpochMs> {
  const held = new Map<string, EpochMs>();
  const hold = (key: string, fromMs: EpochMs): unknown => held.set(key, Math.min(fromMs, held.get(key) ?? Infinity));
  for (const { incident, keys } of episodes) {
    for (const key of [incident.origin, ...keys, ...incident.harmed]) hold(key, incident.startsAtMs);
    for (const { edge, explainedRatio } of incident.contributions)
      if (explainedRatio > 0) hold(edge, incident.startsAtMs);
  }
  return held;
}
