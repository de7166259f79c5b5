/** Texts within the limits of those who receive them. Lengths are code points: a cut between two halves of a character would be a broken one. */
import type { Notification } from './notification.ts';

/** Cuts to at most `lengthMax` code points, the last of them `…` where something was left out. */
export function truncate(text: string, lengthMax: number): string {
  const clean = cleanText(text);
  // No text has more code points than code units.
  if (clean.length <= lengthMax) return clean;
  const points = Array.from(clean);
  if (points.length <= lengthMax) return clean;
  return `${points.slice(0, lengthMax - 1).join('')}…`;
}

/** One line, without halves of characters and without what moves a cursor: names in telemetry are written by strangers. */
export function cleanText(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ');
}

const lineCountMax = 20;
const lineLengthMax = 500;

/** At most twenty lines of 500 code points; what is left out is counted. */
export function boundLines(lines: readonly string[]): readonly string[] {
  const kept = lines.slice(0, lineCountMax).map((line) => truncate(line, lineLengthMax));
  return lines.length <= lineCountMax ? kept : [...kept, `… and ${lines.length - lineCountMax} more`];
}

/** At most forty attributes, each within 500 code points. */
export function boundAttributes(attributes: Notification['attributes']): Readonly<Record<string, string>> {
  const entries = Object.entries(attributes).slice(0, 2 * lineCountMax);
  return Object.fromEntries(entries.map(([name, value]) => [truncate(name, 100), truncate(value, lineLengthMax)]));
}

/** What a page says below its summary, a heading and its lines each; headings without lines are left out. */
export function sectionsOf(notification: Notification): readonly (readonly [string, readonly string[]])[] {
  const { harmed, evidence, done, decide, verdict, source } = notification;
  const origin = verdict === undefined ? [source] : [`${source} (${verdict})`];
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ['Likely origin', origin],
    ['Who is harmed', harmed],
    ['Evidence', evidence],
    ['What was done', done],
    ['What to decide', decide],
  ];
  return sections.filter(([, lines]) => lines.length > 0).map(([heading, lines]) => [heading, boundLines(lines)]);
}
