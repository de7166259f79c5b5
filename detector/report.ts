/**
 * An incident as people and programs read it: what began where and when, whom it harms, through which calls, what changed, and how far to believe it.
 * The same incident gives the same bytes. Names come from spans, so in Markdown they stand in code, where they mean nothing.
 */
import type { EdgeContribution, Incident, IncidentChangeEvidence, TimelineEntry, Verdict } from '../core/incident.ts';
import { formatInstant } from '../core/time.ts';

export interface IncidentReport {
  readonly id: string;
  readonly state: Incident['state'];
  readonly severity: Incident['severity'];
  readonly verdict: Verdict;
  /** The rule that gave the verdict. */
  readonly verdictBecause: string;
  readonly origin: string;
  readonly explainedRatio: number | null;
  readonly startsAtMs: number;
  readonly openedAtMs: number;
  readonly acknowledgedAtMs: number | null;
  readonly acknowledgedBy: string | null;
  readonly resolvedAtMs: number | null;
  readonly silencedBy: string | null;
  readonly harmedRatio: number;
  readonly harmedRatioMax: number;
  readonly harmed: readonly string[];
  readonly evidence: readonly {
    readonly detector: string;
    readonly key: string;
    readonly startsAtMs: number;
    readonly score: number;
    readonly because: string;
  }[];
  /** Edges by what they contribute, the most first. */
  readonly edges: readonly EdgeContribution[];
  readonly changes: readonly IncidentChangeEvidence[];
  readonly traceIds: readonly string[];
  readonly timeline: readonly TimelineEntry[];
}

export function reportOf(incident: Incident): IncidentReport {
  return {
    id: incident.id,
    state: incident.state,
    severity: incident.severity,
    verdict: incident.verdict,
    verdictBecause: verdictBecause(incident),
    origin: incident.origin,
    explainedRatio: incident.explainedRatio ?? null,
    startsAtMs: incident.startsAtMs,
    openedAtMs: incident.openedAtMs,
    acknowledgedAtMs: incident.acknowledgedAtMs ?? null,
    acknowledgedBy: incident.acknowledgedBy ?? null,
    resolvedAtMs: incident.resolvedAtMs ?? null,
    silencedBy: incident.silencedBy ?? null,
    harmedRatio: incident.harmedRatio,
    harmedRatioMax: incident.harmedRatioMax,
    harmed: incident.harmed,
    evidence: incident.findings.map(({ detector, key, startsAtMs, score, because }) => ({
      detector,
      key,
      startsAtMs,
      score,
      because,
    })),
    edges: incident.contributions,
    changes: incident.changes,
    traceIds: incident.traceIds,
    timeline: incident.timeline,
  };
}

function verdictBecause({ verdict, explainedRatio, origin }: Incident): string {
  if (explainedRatio === undefined)
    return `too little is known of what is usual around ${origin}: it was chosen by the graph alone`;
  const share = `${origin} explains at least ${percent(explainedRatio)} of what its callers lose`;
  switch (verdict) {
    case 'CONFIRMED':
      return `${share}, and a second witness shows it: the other side of the call, or a new version`;
    case 'LIKELY':
      return `${share}; for more, a second witness, 30 requests and four fifths of the loss are needed`;
    case 'INCONCLUSIVE':
      return `${share}, which is too little, or too few requests say so`;
  }
}

export function reportMarkdown(incident: Incident): string {
  const report = reportOf(incident);
  const lines = [
    `# ${report.severity}: ${code(report.origin)}`,
    '',
    `**${report.verdict}**: ${plain(report.verdictBecause)}.`,
    '',
    `- State: ${report.state}${report.acknowledgedBy === null ? '' : `, acknowledged by ${code(report.acknowledgedBy)}`}`,
    `- Began ${formatInstant(report.startsAtMs)}, seen ${formatInstant(report.openedAtMs)}${report.resolvedAtMs === null ? '' : `, resolved ${formatInstant(report.resolvedAtMs)}`}`,
    `- Requests harmed: ${percent(report.harmedRatio)} now, ${percent(report.harmedRatioMax)} at worst`,
    ...(report.silencedBy === null ? [] : [`- Silenced by maintenance ${code(report.silencedBy)}`]),
    ...section(
      'Functions harmed',
      report.harmed.map((name) => `- ${code(name)}`),
    ),
    ...section('Where the loss passes through', edgeTable(report.edges)),
    ...section(
      'What was found',
      report.evidence.map(({ detector, key, because }) => `- ${detector} on ${code(key)}: ${plain(because)}`),
    ),
    ...section(
      'What changed',
      report.changes.map(({ atMs, kind, because }) => `- ${formatInstant(atMs)} ${kind}: ${plain(because)}`),
    ),
    ...section(
      'Traces',
      report.traceIds.map((id) => `- ${code(id)}`),
    ),
    ...section(
      'Timeline',
      report.timeline.map(({ atMs, text }) => `- ${formatInstant(atMs)} ${plain(text)}`),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', `## ${title}`, '', ...lines];
}

function edgeTable(edges: readonly EdgeContribution[]): readonly string[] {
  if (edges.length === 0) return [];
  return [
    '| call | share | calls/s | waiting more, ms/s | of it the callee itself | failed more/s |',
    '|---|--:|--:|--:|--:|--:|',
    ...edges.map(
      ({ edge, explainedRatio, callsPerSecond, lostMsPerSecond, ownMsPerSecond, failedPerSecond }) =>
        `| ${code(edge.slice('edge:'.length))} | ${percent(explainedRatio)} | ${[callsPerSecond, lostMsPerSecond, ownMsPerSecond, failedPerSecond].map((value) => value.toFixed(1)).join(' | ')} |`,
    ),
  ];
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(ratio < 0.1 && ratio > 0 ? 1 : 0)} %`;
}

/** In code nothing is markup but the backtick, the pipe of a table and the end of the line. */
function code(text: string): string {
  return `\`${text.replace(/[`|\s\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 300)}\``;
}

/** One line, in which nothing is markup. */
function plain(text: string): string {
  return text
    .replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .replace(/[\\`*_[\]<>|#!~&]/g, '\\$&')
    .slice(0, 1_000);
}
