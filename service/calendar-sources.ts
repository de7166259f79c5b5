/** Every calendar of the configuration, followed while the service runs: files as they are edited, feeds as they are refreshed. */
import { realEyes, watchCalendarFile } from '../collectors/calendar-file-source.ts';
import { followCalendarFeed } from '../collectors/calendar-feed-source.ts';
import type { CalendarProvenance, CalendarSource, CalendarSourceOptions } from '../collectors/calendar-source.ts';
import { httpGet } from '../collectors/feed-http.ts';
import { showUrl } from '../collectors/feed-request.ts';
import type { Calendar } from '../calendar/event.ts';
import type { SourcedCalendar } from '../calendar/in-force.ts';
import type { SourceHealth } from '../calendar/feed.ts';
import type { Config } from '../config/load.ts';
import { createRandom } from '../core/random.ts';
import { msPerMinute, type Clock, type Timers } from '../core/time.ts';
import type { CalendarDesk } from './calendar-desk.ts';
import type { Log } from './log.ts';

/** Names of all of them, in the order of the configuration. */
export function calendarSourceNames({ calendars, feeds }: Pick<Config, 'calendars' | 'feeds'>): readonly string[] {
  const files = calendars.map(({ order, path }) => ({ order, name: path }));
  const addresses = feeds.map(({ order, url }) => ({ order, name: showUrl(new URL(url)) }));
  return [...files, ...addresses].sort((a, b) => a.order - b.order).map(({ name }) => name);
}

export interface FollowedCalendars {
  health(): readonly SourceHealth[];
  close(): void;
}

export interface FollowOptions {
  readonly config: Config;
  readonly desk: CalendarDesk;
  /** What has been read of them. */
  readonly known: readonly SourcedCalendar[];
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

/** A version that the store did not take is offered again: its source will not tell it a second time. */
const retryAfterMs = msPerMinute;

/** Starts to follow them. Feeds are asked at once, and nobody waits for their answer. */
export function followCalendars({ config, desk, known, clock, timers, log }: FollowOptions): FollowedCalendars {
  const retries = new Map<string, () => void>();
  let isClosed = false;
  const take = (source: string, version: Calendar, provenance: CalendarProvenance): void => {
    retries.get(source)?.();
    retries.delete(source);
    desk.take(source, version, provenance).catch((error: unknown) => {
      if (isClosed) return;
      const consequence = 'the one before stays in force; tried again in a minute';
      log.error('calendar.untaken', { source, error: (error as Error).message, consequence });
      // A newer one may have come meanwhile, and waits for its own turn.
      if (!retries.has(source))
        retries.set(
          source,
          timers.after(retryAfterMs, () => take(source, version, provenance)),
        );
    });
  };
  const listenersOf = (source: string): CalendarSourceOptions => {
    const calendar = known.find((one) => one.source === source)?.calendar;
    return {
      clock,
      timers,
      ...(calendar && { known: calendar }),
      onVersion: (version, provenance) => take(source, version, provenance),
      onTrouble: (trouble) => desk.trouble(trouble),
      onRecovery: (name) => desk.recovered(name),
    };
  };
  const files = config.calendars.map(({ path, format }) =>
    watchCalendarFile({ ...listenersOf(path), path, format, eyes: realEyes }),
  );
  const feeds = config.feeds.map(({ url, format, refreshMs, token, isPrivate }): CalendarSource => {
    const secret = token?.reveal();
    return followCalendarFeed({
      ...listenersOf(showUrl(new URL(url))),
      url,
      refreshMs,
      isPrivate,
      ...(format && { format }),
      ...(secret !== undefined && { token: secret }),
      get: httpGet,
      random: createRandom(`${config.sha256}/${url}`),
    });
  });
  for (const feed of feeds) void feed.check();
  const all = [...files, ...feeds];
  return {
    health: () => all.map((source) => source.health()),
    close() {
      isClosed = true;
      for (const cancel of retries.values()) cancel();
      for (const source of all) source.close();
    },
  };
}
