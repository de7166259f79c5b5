/**
 * Market events from an iCalendar file: a statistics office's feed, an export of Outlook or Google, or one of our own.
 *
 * A feed tells when; what it is stands in its title, and in our own properties where the operator added them: `X-FORESHOCK-KIND`,
 * `X-FORESHOCK-IMPORTANCE`, `X-FORESHOCK-SYMBOL`, and `X-FORESHOCK-EXPECT-GROUP`, `-LIFT`, `-REQUESTS-PER-SECOND`, `-MINUTES`. Recurring events are written out over five calendar years, so that the calendar's version is
 * the same all year. Cancelled events stay, as cancelled.
 *
 * - RFC 5545, Internet Calendaring; RFC 5546 (METHOD:CANCEL, SEQUENCE).
 */
import { createHash } from 'node:crypto';
import { conventionOf } from '../calendar/convention.ts';
import type { Calendar } from '../calendar/event.ts';
import type { EventWords } from '../calendar/event-text.ts';
import { RecurrenceBudgetError, type DayBudget, type RecurrenceSpan } from '../calendar/recurrence.ts';
import { kindFromTitle, recogniseRelease, releaseOfKind } from '../calendar/release-names.ts';
import { formatInstant, msPerDay, type EpochMs } from '../core/time.ts';
import { createCalendarDraft, type CalendarDraft } from './calendar-draft.ts';
import { readComponent, type IcsEvent } from './ics-event.ts';
import { readIcs } from './ics-lines.ts';
import { createOccurrenceSet, dateOf, keyOf, keysMeant, occurrencesOf, push } from './ics-series.ts';
import { createZoneBook, instantOf, type Moment } from './ics-values.ts';

/** Five thousand weekly events, or what a hostile file may cost: about three seconds. */
const dayBudget = 10_000_000;

/** See `parseCalendarCsv`; `aroundMs` is the instant whose years are written out. */
export function parseCalendarIcs(bytes: Uint8Array, path: string, aroundMs: EpochMs): Calendar {
  const draft = createCalendarDraft(path);
  const groups = new Map<string, IcsEvent[]>();
  for (const calendar of readIcs(bytes, draft)) {
    const zones = createZoneBook(calendar.zones, draft);
    const isCancelling = calendar.lines.some(({ name, text }) => name === 'METHOD' && /:\s*CANCEL\s*$/i.test(text));
    for (const component of calendar.events) {
      const event = readComponent(component, { zones, draft, isCancelling });
      if (event === undefined) continue;
      push(groups, event.uid === '' ? `line ${event.line}` : event.uid, event);
    }
  }
  const context = { draft, span: spanAround(aroundMs), budget: { dayCount: dayBudget } };
  try {
    for (const group of groups.values()) addGroup(group, context);
  } catch (error) {
    if (!(error instanceof RecurrenceBudgetError)) throw error;
    draft.fault(1, 'recurrence rules that look at too many days', 'fewer of them, or without COUNT from long ago');
  }
  return draft.finish();
}

/** Three years back to learn from, the year itself, and one ahead. */
function spanAround(aroundMs: EpochMs): RecurrenceSpan {
  const year = new Date(aroundMs).getUTCFullYear();
  return { fromDay: Date.UTC(year - 3, 0) / msPerDay, untilDay: Date.UTC(year + 2, 0) / msPerDay };
}

interface Context {
  readonly draft: CalendarDraft;
  readonly span: RecurrenceSpan;
  readonly budget: DayBudget;
}

/** All that a file says under one UID: the event, and the occurrences of it that were changed. */
function addGroup(group: readonly IcsEvent[], context: Context): void {
  const { draft } = context;
  const masters = group.filter(({ recurrenceId }) => recurrenceId === undefined);
  const cancels = masters.filter(({ isCancelled }) => isCancelled);
  // A cancellation need not repeat the times that it cancels.
  const master =
    latestOf(
      masters.filter(({ isCancelled }) => !isCancelled),
      draft,
    ) ?? latestOf(cancels, draft);
  const isCancelled = cancels.some(({ sequence }) => sequence >= (master?.sequence ?? 0));
  if (master && !master.start)
    draft.warn(`line ${master.line} cancels ${master.uid || 'an event'}, which is not in the file`);
  const occurrences = master?.start
    ? occurrencesOf({ ...master, start: master.start }, context.span, context)
    : createOccurrenceSet(new Map());

  const overrides = new Map<string, IcsEvent[]>();
  for (const event of group) {
    if (event.recurrenceId === undefined) continue;
    const start = master?.start ?? event.recurrenceId;
    const [key = keyOf(event.recurrenceId)] = keysMeant(event.recurrenceId, start, occurrences);
    push(overrides, key, event);
  }
  const isSeries = master !== undefined && (master.rule !== undefined || master.extra.length > 0);
  for (const { key, moment } of occurrences.byKey.values()) {
    if (!overrides.has(key)) addEvent(master!, { moment, key: isSeries ? key : '', isCancelled }, draft);
  }
  for (const [key, versions] of overrides) {
    const event = latestOf(versions, draft)!;
    const moment = event.start ?? occurrences.byKey.get(key)?.moment ?? event.recurrenceId!;
    addEvent(
      { ...master, ...event, ...wordsOfBoth(event, master) },
      { moment, key, isCancelled: isCancelled || event.isCancelled },
      draft,
    );
  }
}

/** A changed occurrence need not say again what the event is. */
function wordsOfBoth(event: IcsEvent, master: IcsEvent | undefined): Partial<IcsEvent> {
  if (master === undefined) return {};
  return {
    summary: event.summary || master.summary,
    categories: event.categories.length > 0 ? event.categories : master.categories,
    kind: event.kind || master.kind,
    importance: event.importance || master.importance,
    symbol: event.symbol || master.symbol,
    expect: Object.values(event.expect).some(Boolean) ? event.expect : master.expect,
  };
}

/** The one with the highest SEQUENCE; two that claim the same are a contradiction, unless they are one. */
function latestOf(events: readonly IcsEvent[], draft: CalendarDraft): IcsEvent | undefined {
  const [latest, other] = [...events].sort((a, b) => b.sequence - a.sequence || a.line - b.line);
  if (latest && other?.sequence === latest.sequence) {
    if (other.words === latest.words)
      draft.warn(`line ${other.line} says the same as line ${latest.line}, and counts once`);
    else
      draft.fault(
        other.line,
        `the UID of line ${latest.line} again, with other words`,
        'a UID of its own, or a higher SEQUENCE',
      );
  }
  return latest;
}

interface Instance {
  readonly moment: Moment;
  /** Empty for an event that does not recur. */
  readonly key: string;
  readonly isCancelled: boolean;
}

function addEvent(event: IcsEvent, { moment, key, isCancelled }: Instance, draft: CalendarDraft): void {
  const release = releaseOf(event);
  const isOnLastDay = conventionOf(release.kind)?.isOnLastDay ?? false;
  const dayMs = moment.wallMs + (isOnLastDay ? Math.max(0, event.dayCount - 1) * msPerDay : 0);
  if (moment.kind === 'floating')
    draft.warn(`line ${event.line}: DTSTART has no time zone; its day is taken, and its time is not believed`);
  const words: EventWords = {
    ts: moment.kind === 'zoned' ? formatInstant(instantOf(moment.zone, moment.wallMs)) : dateOf(dayMs),
    kind: release.kind,
    title: oneLine(event.summary),
    importance: release.importance,
    symbol: event.symbol,
    source: event.uid === '' ? 'iCalendar' : oneLine(`UID ${event.uid}`),
    id: event.uid === '' ? '' : `${shortId(event.uid)}${key === '' ? '' : `@${key}`}`,
    status: isCancelled ? 'cancelled' : 'scheduled',
    precision: '',
    ...event.expect,
  };
  draft.add(words, event.line);
}

/** The operator's own word, then a category that names one of our kinds, then the title, then a kind of its own. */
function releaseOf({ kind, importance, categories, summary }: IcsEvent): { kind: string; importance: string } {
  const named = categories
    .map((category) => releaseOfKind(kindFromTitle(category)))
    .find((found) => found !== undefined);
  const known = kind === '' ? (named ?? recogniseRelease(summary)) : releaseOfKind(kind);
  const [category] = categories;
  return {
    kind: known?.kind ?? (kind || kindFromTitle(category ?? summary)),
    importance: importance || String(known?.importance ?? 1),
  };
}

const textLengthMax = 240;

function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return line.length <= textLengthMax ? line : `${line.slice(0, textLengthMax - 1)}…`;
}

const idLengthMax = 90;

/** An id is short and without spaces; a UID that is neither keeps its beginning, and a hash for the rest. */
function shortId(uid: string): string {
  if (uid.length <= idLengthMax && !/[\p{C}\p{Z}]/u.test(uid)) return uid;
  const hash = createHash('sha256').update(uid).digest('hex').slice(0, 16);
  return `${uid.replace(/[\p{C}\p{Z}]+/gu, '-').slice(0, 60)}~${hash}`;
}
