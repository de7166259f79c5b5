/** Whether a playbook is about an incident, and whether it may begin now. Each "no" says why. */
import { createZone } from '../../calendar/zone.ts';
import type { Incident, IncidentSeverity, Verdict } from '../../core/incident.ts';
import type { Playbook, PlaybookGuard } from '../../core/playbook.ts';
import { msPerDay, msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import type { PlaybookMoment } from './run.ts';
import { originKindOf } from './target.ts';

const severities: readonly IncidentSeverity[] = ['minor', 'major', 'critical'];
const verdicts: readonly Verdict[] = ['INCONCLUSIVE', 'LIKELY', 'CONFIRMED'];

/** Why this playbook is not about this incident; undefined: it is. */
export function whyNotTriggered({ trigger }: Playbook, incident: Incident): string | undefined {
  const { detectors, origins, keys, severityMin, verdictMin, signal, isAfterNewVersion } = trigger;
  const { origin, findings, severity, verdict, changes } = incident;
  if (detectors.length > 0 && !findings.some(({ detector }) => detectors.includes(detector)))
    return `no finding of ${detectors.join(' or ')}`;
  if (origins.length > 0 && !origins.includes(originKindOf(origin))) return `its origin is no ${origins.join(' or ')}`;
  if (keys.length > 0 && !keys.some((pattern) => matches(pattern, origin)))
    return `its origin is ${origin}, and not of ${keys.join(', ')}`;
  if (severities.indexOf(severity) < severities.indexOf(severityMin)) return `it is ${severity}, below ${severityMin}`;
  if (verdicts.indexOf(verdict) < verdicts.indexOf(verdictMin)) return `its origin is ${verdict}, below ${verdictMin}`;
  if (signal !== undefined && !findings.some(({ key }) => key.startsWith(`signal:${signal}/`)))
    return `no finding of the signal ${signal}`;
  if (isAfterNewVersion && !changes.some(({ kind }) => kind === 'version')) return 'no new version about its beginning';
  return undefined;
}

/** `*` stands for any text. Takes the pieces between in turn, so it never tries a place twice. */
export function matches(pattern: string, key: string): boolean {
  const [first, ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === key;
  if (!key.startsWith(first!)) return false;
  const last = rest.pop()!;
  let at = first!.length;
  for (const piece of rest) {
    const found = key.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return key.length - last.length >= at && key.endsWith(last);
}

/** What is on record of earlier runs. */
export interface Earlier {
  readonly playbook: string;
  readonly incidentId: string;
  readonly origin: string;
  /** Undefined: it is under way. */
  readonly endedAtMs: EpochMs | undefined;
}

/** Why it may not begin now; undefined: it may. */
export function whyNotNow(
  { name, guard }: Playbook,
  incident: Incident,
  {
    earlier,
    moment,
  }: { readonly earlier: readonly Earlier[]; readonly moment: Pick<PlaybookMoment, 'corroborationOf' | 'nowMs'> },
): string | undefined {
  const { nowMs } = moment;
  if (incident.silencedBy !== undefined) return `silenced: ${incident.silencedBy}`;
  if (earlier.some((run) => run.playbook === name && run.incidentId === incident.id))
    return 'once an episode: it has been tried';
  const other = earlier.find(
    ({ endedAtMs, incidentId, origin }) =>
      endedAtMs === undefined && (incidentId === incident.id || origin === incident.origin),
  );
  if (other) return `${other.playbook} is under way at the same place`;
  const last = earlier.findLast((run) => run.playbook === name && run.origin === incident.origin);
  const readyAtMs = (last?.endedAtMs ?? -Infinity) + guard.cooldownMs;
  if (nowMs < readyAtMs) return `cooling down for another ${Math.ceil((readyAtMs - nowMs) / msPerSecond)} s`;
  if (!isWithinHours(guard, nowMs)) return 'outside its hours';
  const { observers, disputedBy } = moment.corroborationOf(incident);
  if (observers.length < guard.observersMin)
    return `${observers.length} independent observers confirm it, ${guard.observersMin} are wanted`;
  if (disputedBy.length > 0 && guard.observersMin > 0)
    return `disputed by ${disputedBy[0]!.kind}: ${disputedBy[0]!.because}`;
  return undefined;
}

function isWithinHours({ hours }: PlaybookGuard, nowMs: EpochMs): boolean {
  if (!hours) return true;
  const localMs = nowMs + createZone(hours.timeZone).utcOffsetMsAt(nowMs);
  const minute = Math.floor((localMs - Math.floor(localMs / msPerDay) * msPerDay) / msPerMinute);
  const { fromMinute, untilMinute } = hours;
  if (fromMinute < untilMinute) return fromMinute <= minute && minute < untilMinute;
  return minute >= fromMinute || minute < untilMinute;
}
