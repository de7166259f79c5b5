/**
 * A calendar that lives: a file that people edit, a feed that an agency refreshes. Each look at it gives a new version, nothing new, or trouble; a bad
 * version is told and not taken, and the last good one stays.
 */
import { createHash } from 'node:crypto';
import type { Calendar } from '../calendar/event.ts';
import type { SourceHealth } from '../calendar/feed.ts';
import type { Clock, EpochMs, Timers } from '../core/time.ts';
import { parseCalendar, type CalendarFormat } from './calendar-file.ts';

/** Where a version came from. */
export interface CalendarProvenance {
  /** The path, or the address with a mark in place of its query. */
  readonly source: string;
  readonly fetchedAtMs: EpochMs;
  /** Of the bytes as they were read. */
  readonly sha256: string;
  /** What the server calls this version. */
  readonly etag?: string;
}

export interface CalendarTrouble {
  readonly source: string;
  /** One line. */
  readonly because: string;
  /** Since when no look has succeeded. */
  readonly sinceMs: EpochMs;
}

export interface CalendarSourceOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** What was read of it already: told again only when it differs. */
  readonly known?: Calendar;
  onVersion(calendar: Calendar, provenance: CalendarProvenance): void;
  /** Once for each trouble, and again when it becomes another one. */
  onTrouble(trouble: CalendarTrouble): void;
  /** The first look that succeeds after trouble, before its version if it has one. */
  onRecovery(source: string): void;
}

export interface CalendarSource {
  readonly source: string;
  /** Looks at once. Resolves when what was found has been told; while a look is under way, asks for one more after it. */
  check(): Promise<void>;
  health(): SourceHealth;
  close(): void;
}

/** What one look finds, before it is read as a calendar. */
export type Look =
  /** The version that was taken last still holds. */
  | { readonly kind: 'unchanged' }
  /** Somebody is writing: to be looked at again. */
  | { readonly kind: 'unsettled' }
  | {
      readonly kind: 'bytes';
      readonly bytes: Buffer;
      /** The file or address, for messages. */
      readonly path: string;
      readonly format?: CalendarFormat;
      readonly etag?: string;
      /** It was a calendar: from now on, this is what `unchanged` is measured by. */
      onTaken(): void;
    };

export interface Watch {
  check(): Promise<void>;
  health(): Omit<SourceHealth, 'refreshMs'>;
}

/**
 * The part that file and feed share: one look at a time, what it found told once, and trouble with its beginning. `look` is told whether it may answer
 * `unchanged`: at the turn of a year recurring events are written out anew, from the same bytes.
 */
export function createWatch(
  source: string,
  options: CalendarSourceOptions,
  look: (mayBeUnchanged: boolean) => Promise<Look>,
): Watch {
  const { clock } = options;
  const startedAtMs = clock.nowMs();
  let version = options.known?.version;
  let yearRead: number | undefined;
  let answeredAtMs: EpochMs | undefined;
  let trouble: CalendarTrouble | undefined;
  let running: Promise<void> | undefined;
  let following: Promise<void> | undefined;

  const fail = (error: unknown): void => {
    const because = firstLine(error);
    if (trouble?.because === because) return;
    trouble = { source, because, sinceMs: trouble?.sinceMs ?? clock.nowMs() };
    options.onTrouble(trouble);
  };

  const recover = (): void => {
    answeredAtMs = clock.nowMs();
    if (trouble) options.onRecovery(source);
    trouble = undefined;
  };

  const take = async (): Promise<(() => void) | undefined> => {
    const year = new Date(clock.nowMs()).getUTCFullYear();
    const found = await look(year === yearRead);
    if (found.kind === 'unsettled') return undefined;
    if (found.kind === 'unchanged') return recover;
    const { bytes, path, format, etag } = found;
    const fetchedAtMs = clock.nowMs();
    const calendar = parseCalendar(bytes, path, { aroundMs: fetchedAtMs, ...(format && { format }) });
    yearRead = year;
    found.onTaken();
    return () => {
      recover();
      if (calendar.version === version) return;
      version = calendar.version;
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      options.onVersion(calendar, { source, fetchedAtMs, sha256, ...(etag !== undefined && { etag }) });
    };
  };

  const run = async (): Promise<void> => {
    let tell: (() => void) | undefined;
    try {
      tell = await take();
    } catch (error) {
      fail(error);
    }
    // Outside of the try: what a listener throws is a bug of ours, and no trouble of the source.
    tell?.();
  };

  const check = (): Promise<void> => {
    if (running !== undefined) {
      following ??= running.then(() => {
        following = undefined;
        return check();
      });
      return following;
    }
    running = run().finally(() => (running = undefined));
    return running;
  };

  return {
    check,
    health: () => ({
      ...{ source, startedAtMs },
      ...(answeredAtMs !== undefined && { answeredAtMs }),
      ...(trouble && { trouble: trouble.because }),
    }),
  };
}

/** A faulty file has a line for each fault; the first says enough to know which file to look at. */
function firstLine(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split('\n');
  return lines.length === 1 ? lines[0]! : `${lines[0]!} (and ${lines.length - 1} more)`;
}
