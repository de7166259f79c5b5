/** An episode as people may be told of it, read off the audit event that tells of it: the record and the page cannot say different things. */
import type { AuditDraft } from '../core/audit.ts';
import type { IncidentSeverity, Verdict } from '../core/incident.ts';
import type { Json } from '../core/json.ts';
import type { EpochMs } from '../core/time.ts';
import type { EpisodeStory } from './oncall-text.ts';

type Body = AuditDraft['body'];

/** Trouble that spans do not show has no share of harmed requests; how bad it is follows from what it is. */
const severities: Readonly<Record<string, IncidentSeverity>> = {
  'prewarm-late': 'critical',
  'ready-lost': 'critical',
  'another-hand': 'minor',
  'deployment-in-flight': 'minor',
  'control-plane-errs': 'minor',
  'left-behind': 'minor',
};

export function readStory(body: Body, atMs: EpochMs): EpisodeStory {
  const incident = textOf(body['incident']) ?? 'trouble';
  const harmedRatio = body['harmedRatioMax'];
  const verdict = textOf(body['verdict']);
  const startsAtMs = body['startsAtMs'];
  return {
    incident,
    origin: textOf(body['function']) ?? 'account',
    severity: (textOf(body['severity']) as IncidentSeverity | undefined) ?? severities[incident] ?? 'major',
    ...(verdict !== undefined && { verdict: verdict as Verdict }),
    startsAtMs: typeof startsAtMs === 'number' ? startsAtMs : atMs,
    because: textOf(body['because']) ?? incident,
    harmed: textsOf(body['harmed']),
    ...(typeof harmedRatio === 'number' && { harmedRatio }),
    evidence: listOf(body['findings']).flatMap((finding) => textOf((finding as Body)['because']) ?? []),
    done: textsOf(body['changes']),
    traceIds: textsOf(body['traceIds']),
  };
}

/** What tells this episode from others that are open. */
export function storySubject(body: Body): string {
  return textOf(body['id']) ?? `${textOf(body['function']) ?? 'account'} ${textOf(body['incident']) ?? 'trouble'}`;
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function textsOf(value: Json | undefined): readonly string[] {
  return listOf(value).flatMap((item) => textOf(item) ?? []);
}
