/**
 * Who is told, and how loudly: pure, from an episode, the hour and what the operator said. The owner of the origin is paged; owners of those who are harmed are told in the same
 * episode, and not woken. An episode pages once, and is escalated at most once.
 *
 * - One page an episode and one escalation: 945 alerts in 5 days is what happens otherwise (docs of sonichi/sutando, pull request 3434).
 */
import { createZone, type Zone } from '../calendar/zone.ts';
import { endsOfEdge, isEdgeKey, type IncidentSeverity } from '../core/incident.ts';
import { parseFunctionKey } from '../core/series-key.ts';
import { msPerDay, msPerMinute, type EpochMs } from '../core/time.ts';
import type { Hours, OncallOptions, Owner, Route } from './oncall-options.ts';

/** What is known of an episode that decides who hears of it. */
export interface Routed {
  readonly origin: string;
  readonly severity: IncidentSeverity;
  /** Share of requests harmed at worst; undefined where it is no matter of requests (a pre-warm that will be late). */
  readonly harmedRatio?: number;
  /** Functions and services with trouble, the origin among them. */
  readonly harmed: readonly string[];
}

export type ToldLevel = Route['tell'];

/** What people have been told of it. */
export interface Told {
  /** Whom, and how loudly, by the name of the target: what was a notice at night may be a page in the morning. */
  readonly targets: Readonly<Record<string, readonly ToldLevel[]>>;
  /** Those who were to be paged and did not take it: others are, in their place. */
  readonly refusedBy?: readonly string[];
  readonly pagedAtMs?: EpochMs;
  readonly escalatedAtMs?: EpochMs;
  readonly acknowledgedAtMs?: EpochMs;
  /** Nothing more is done by itself, and that is why somebody else is paged now, whoever has seen it. */
  readonly escalateBecause?: string;
}

/** One target to be told now. */
export interface Telling {
  readonly target: string;
  readonly level: ToldLevel;
  readonly isEscalation: boolean;
  readonly because: string;
}

export interface RoutingMoment {
  readonly nowMs: EpochMs;
  /** Targets that are gone are passed over; where nobody who is to be paged can be, those after them are. */
  readonly isReachable: (target: string) => boolean;
  /** It has not been silent of late. Who is, is passed over by pages as long as anybody else is there; everything else waits for it. */
  readonly isAnswering: (target: string) => boolean;
}

export interface RoutedLevel {
  readonly level: ToldLevel;
  readonly because: string;
  /** Why it is not a page that it would be at another hour. */
  readonly heldBack?: string;
}

export interface Router {
  ownerOf(key: string): Owner;
  /** How loudly the owner of the origin is told at this hour, and by which rule. */
  levelOf(episode: Routed, nowMs: EpochMs): RoutedLevel;
  /** Who is to be told now and has not been. Empty where everybody was: asked every second, it repeats nothing. */
  tellings(episode: Routed, told: Told, at: RoutingMoment): readonly Telling[];
  /** The next time that digests leave, after this instant. */
  digestAfter(nowMs: EpochMs): EpochMs;
}

export function createRouter(options: OncallOptions): Router {
  const { owners, defaultOwner, routes, timeZone, night, nightHarmedRatioMin, escalateAfterMs } = options;
  const zone = createZone(timeZone);
  const fallback = owners.find(({ name }) => name === defaultOwner)!;
  const ownerOf = (key: string): Owner => {
    const found = keysOf(key).flatMap((one) => owners.find(({ keys }) => owns(keys, one)) ?? []);
    return found[0] ?? fallback;
  };

  const levelOf: Router['levelOf'] = ({ origin, severity, harmedRatio }, nowMs) => {
    const owner = ownerOf(origin).name;
    const minute = minuteOfDay(zone, nowMs);
    const index = routes.findIndex((route) => matches(route, { owner, severity, minute }));
    const level = routes[index]?.tell ?? defaultTell[severity];
    const rule = index === -1 ? `${severity} trouble` : `route ${index + 1}`;
    const isHeldBack = level === 'page' && harmedRatio !== undefined && harmedRatio < nightHarmedRatioMin;
    if (!isHeldBack || !isWithin(night, minute)) return { level, because: `${rule} of ${owner}: ${level}` };
    const heldBack = `at night only from ${percent(nightHarmedRatioMin)} harmed`;
    return { level: 'notice', because: `${rule} of ${owner}: page, but ${heldBack}`, heldBack };
  };

  return {
    ownerOf,
    levelOf,
    tellings(episode, told, { nowMs, isReachable: isThere, isAnswering }) {
      const hasRefused = (target: string): boolean => told.refusedBy?.includes(target) === true;
      const isReachable = (target: string): boolean => isThere(target) && !hasRefused(target);
      const owner = ownerOf(episode.origin);
      const others = (own: readonly Telling[]) =>
        noticesOf(episode, told, own).filter(({ target }) => isReachable(target));
      const isReplacing = told.pagedAtMs !== undefined;
      if (isReplacing && !lacksReplacement(owner, told)) {
        const escalation = escalationOf(owner, told, { nowMs, escalateAfterMs });
        return [...escalation.filter(({ target }) => isReachable(target)), ...others(escalation)];
      }
      const { level, because } = isReplacing
        ? { level: 'page' as const, because: `${told.refusedBy!.join(', ')} did not take it` }
        : levelOf(episode, nowMs);
      const targets =
        level === 'page'
          ? pagedOf(isReplacing ? { ...owner, page: [] } : owner, { isReachable, isAnswering })
          : owner.notice.filter(isReachable);
      const own = targets
        .filter((target) => !isToldAtLeast(told, target, level))
        .map((target): Telling => ({ target, level, isEscalation: false, because }));
      // Whoever is not to be told at once of trouble of their own hears nothing of what it does to others.
      return level === 'digest' ? own : [...own, ...others(own)];
    },
    digestAfter: (nowMs) => timeOfDayAfter(zone, options.digestAtMinute, nowMs),
  };

  function noticesOf({ origin, harmed }: Routed, told: Told, own: readonly Telling[]): readonly Telling[] {
    const owner = ownerOf(origin);
    const taken = new Set([...Object.keys(told.targets), ...own.map(({ target }) => target)]);
    return harmed.flatMap((key): Telling[] => {
      const other = ownerOf(key);
      if (other.name === owner.name) return [];
      return other.notice.flatMap((target): Telling[] => {
        if (taken.has(target)) return [];
        taken.add(target);
        return [{ target, level: 'notice', isEscalation: false, because: `${nameOf(key)} of ${other.name} is harmed` }];
      });
    });
  }
}

/** Somebody who was to be paged did not take it, and nobody was paged in their place: that another one took it as well does not mean that it wakes the same person. */
function lacksReplacement({ page }: Owner, { targets, refusedBy = [] }: Told): boolean {
  return (
    refusedBy.length > 0 &&
    !Object.entries(targets).some(
      ([target, levels]) => levels.includes('page') && !refusedBy.includes(target) && !page.includes(target),
    )
  );
}

/** Whom a page goes to: where all of them are gone, or silent, whoever comes next; where everybody is silent, it waits for the first. */
function pagedOf(
  { page, escalate, notice }: Owner,
  { isReachable, isAnswering }: Pick<RoutingMoment, 'isReachable' | 'isAnswering'>,
): readonly string[] {
  const there = [page, escalate, notice]
    .map((targets) => targets.filter(isReachable))
    .filter(({ length }) => length > 0);
  const answering = there.map((targets) => targets.filter(isAnswering)).find(({ length }) => length > 0);
  return answering ?? there[0] ?? [];
}

const loudness: Readonly<Record<ToldLevel, number>> = { digest: 0, notice: 1, page: 2 };

function isToldAtLeast({ targets }: Told, target: string, level: ToldLevel): boolean {
  return targets[target]?.some((told) => loudness[told] >= loudness[level]) ?? false;
}

/** What is told of trouble that no route speaks of. */
const defaultTell: Readonly<Record<IncidentSeverity, ToldLevel>> = {
  critical: 'page',
  major: 'page',
  minor: 'notice',
};

function escalationOf(
  owner: Owner,
  { pagedAtMs, escalatedAtMs, acknowledgedAtMs, escalateBecause, targets }: Told,
  { nowMs, escalateAfterMs }: { readonly nowMs: EpochMs; readonly escalateAfterMs: number },
): readonly Telling[] {
  if (pagedAtMs === undefined || escalatedAtMs !== undefined) return [];
  if (escalateBecause === undefined && (acknowledgedAtMs !== undefined || nowMs - pagedAtMs < escalateAfterMs))
    return [];
  const because = escalateBecause ?? `nobody has acknowledged it for ${Math.round(escalateAfterMs / msPerMinute)} min`;
  return owner.escalate
    .filter((target) => targets[target]?.includes('page') !== true)
    .map((target) => ({ target, level: 'page', isEscalation: true, because }));
}

function matches(
  { owners, severities, hours }: Route,
  { owner, severity, minute }: { readonly owner: string; readonly severity: IncidentSeverity; readonly minute: number },
): boolean {
  const isOwners = owners?.includes(owner) ?? true;
  const isSeverity = severities?.includes(severity) ?? true;
  return isOwners && isSeverity && (hours === undefined || isWithin(hours, minute));
}

/** From the first minute on and before the last; a range that ends where it begins is the whole day. */
export function isWithin({ fromMinute, untilMinute }: Hours, minute: number): boolean {
  if (fromMinute < untilMinute) return fromMinute <= minute && minute < untilMinute;
  return minute >= fromMinute || minute < untilMinute;
}

function minuteOfDay(zone: Zone, atMs: EpochMs): number {
  const localMs = atMs + zone.utcOffsetMsAt(atMs);
  return Math.floor((localMs - Math.floor(localMs / msPerDay) * msPerDay) / msPerMinute);
}

function timeOfDayAfter(zone: Zone, minute: number, nowMs: EpochMs): EpochMs {
  const today = Math.floor((nowMs + zone.utcOffsetMsAt(nowMs)) / msPerDay);
  const atMs = zone.instantOf(today, minute * msPerMinute);
  return atMs > nowMs ? atMs : zone.instantOf(today + 1, minute * msPerMinute);
}

/** Whom a key speaks of: of an edge its callee, where the trouble is, before its caller. */
function keysOf(key: string): readonly string[] {
  if (!isEdgeKey(key)) return [key];
  const { caller, callee } = endsOfEdge(key);
  return [callee, caller];
}

function owns(patterns: readonly string[], key: string): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? key.startsWith(pattern.slice(0, -1)) : key === pattern));
}

/** A key as people call it: a function without its account and region, a call as `caller to callee`. */
export function nameOf(key: string): string {
  if (isEdgeKey(key)) {
    const { caller, callee } = endsOfEdge(key);
    return `${nameOf(caller)} to ${nameOf(callee)}`;
  }
  const name = parseFunctionKey(key);
  return name ? `${name.functionName}:${name.alias}` : key.replace(/^(?:service|signal):/, '');
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 1_000) / 10} %`;
}
