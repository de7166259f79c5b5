/**
 * A calendar behind an address, asked every quarter of an hour whether it has changed. A feed that fails is asked again soon, then ever more seldom;
 * what it said last stays, and grows stale (calendar/feed.ts).
 */
import type { Random } from '../core/random.ts';
import { msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { CalendarFormat } from './calendar-file.ts';
import { createWatch, type CalendarSource, type CalendarSourceOptions, type Look } from './calendar-source.ts';
import type { HttpGet } from './feed-http.ts';
import { FeedBusyError, fetchFeed, showUrl, type FeedAnswer, type Validators } from './feed-request.ts';

export interface CalendarFeedOptions extends CalendarSourceOptions {
  readonly url: string;
  readonly format?: CalendarFormat;
  readonly refreshMs: number;
  readonly token?: string;
  /** The feed is inside the operator's own network: private addresses are allowed. */
  readonly isPrivate: boolean;
  readonly get: HttpGet;
  /** So that the services of a house do not all ask in the same second. */
  readonly random: Random;
}

const answerWithinMs = 30 * msPerSecond;
const retryFirstMs = msPerMinute;
const retryMsMax = msPerHour;
const jitterRatio = 0.1;

/** Starts to ask, from one interval on; the first look is the caller's `check()`. */
export function followCalendarFeed(options: CalendarFeedOptions): CalendarSource {
  const { clock, timers, format, refreshMs, token, isPrivate, get, random } = options;
  const url = new URL(options.url);
  const source = showUrl(url);
  let validators: Validators | undefined;
  let failureCount = 0;
  let notBeforeMs: EpochMs = -Infinity;
  let cancelNext = (): void => undefined;
  let isClosed = false;

  const look = async (mayBeUnchanged: boolean): Promise<Look> => {
    const known = mayBeUnchanged ? validators : undefined;
    const request = { url, isPrivate, ...(token !== undefined && { token }), ...(known && { validators: known }) };
    const answer = await withinTime((signal) => fetchFeed(request, get, signal));
    if (answer.kind === 'unchanged') return answer;
    const { bytes, contentType, validators: given } = answer;
    const read = format ?? formatOfType(contentType);
    const onTaken = (): void => void (validators = given);
    const etag = given.etag !== undefined && { etag: given.etag };
    return {
      kind: 'bytes',
      bytes,
      path: `${url.origin}${url.pathname}`,
      ...(read && { format: read }),
      ...etag,
      onTaken,
    };
  };

  const withinTime = async (ask: (signal: AbortSignal) => Promise<FeedAnswer>): Promise<FeedAnswer> => {
    const abort = new AbortController();
    const cancel = timers.after(answerWithinMs, () => abort.abort(`nothing within ${answerWithinMs / msPerSecond} s`));
    try {
      return await ask(abort.signal);
    } catch (error) {
      if (error instanceof FeedBusyError) notBeforeMs = clock.nowMs() + Math.min(error.retryAfterMs, retryMsMax);
      throw error;
    } finally {
      cancel();
    }
  };
  const own = createWatch(source, options, look);

  const check = async (): Promise<void> => {
    cancelNext();
    await own.check();
    failureCount = own.health().trouble === undefined ? 0 : failureCount + 1;
    arm();
  };
  const arm = (): void => {
    cancelNext();
    if (isClosed) return;
    const backoffMs = Math.min(retryFirstMs * 2 ** (failureCount - 1), Math.max(refreshMs, retryMsMax));
    const waitMs = (failureCount === 0 ? refreshMs : backoffMs) * (1 - jitterRatio + 2 * jitterRatio * random.next());
    cancelNext = timers.after(Math.max(waitMs, notBeforeMs - clock.nowMs()), () => void check());
  };
  arm();

  return {
    source,
    check,
    health: () => ({ ...own.health(), refreshMs }),
    close() {
      isClosed = true;
      cancelNext();
    },
  };
}

/** Servers that do not know better say text/plain, or nothing: then the file tells. */
function formatOfType(contentType: string): CalendarFormat | undefined {
  const type = contentType.split(';')[0]!.trim().toLowerCase();
  if (type === 'text/calendar') return 'ics';
  return type === 'text/csv' ? 'csv' : /^(?:application|text)\/(?:x-)?yaml$/.test(type) ? 'yaml' : undefined;
}
