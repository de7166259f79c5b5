/**
 * Instants and lengths of time. Judgement is handed `nowMs`; only the edges own a clock.
 */

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number;

export const msPerSecond = 1_000;
export const msPerMinute = 60_000;
export const msPerHour = 3_600_000;
export const msPerDay = 86_400_000;

const instantPattern = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::(\d{2})(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/**
 * Reads an ISO 8601 instant. A bare date means 00:00Z; a time needs its zone (`Z` or an offset), because a time without one is a
 * guess. Answers undefined for anything else, impossible dates included.
 */
export function parseInstant(text: string): EpochMs | undefined {
  const match = instantPattern.exec(text);
  if (!match) return undefined;
  const [, date, minutes = '00:00', seconds = '00', fraction = '', zone = 'Z'] = match;
  const atMs = Date.parse(`${date}T${minutes}:${seconds}${fraction.slice(0, 4)}${zone}`);
  if (Number.isNaN(atMs)) return undefined;
  // Date.parse rolls 30 February over to March; an instant that does not come back as it went in does not exist.
  return new Date(Date.parse(`${date}T00:00:00Z`)).toISOString().startsWith(date!) ? atMs : undefined;
}

/** Writes an instant as `2025-09-05T12:30:00Z`, with milliseconds only where there are any. */
export function formatInstant(atMs: EpochMs): string {
  return new Date(atMs).toISOString().replace('.000Z', 'Z');
}

/** Tells the time. The only reader of the real clock is the composition root. */
export interface Clock {
  nowMs(): EpochMs;
}

/** Calls back later, in the clock's own time, so that housekeeping runs under virtual time too. Returns a cancel. */
export interface Timers {
  after(delayMs: number, run: () => void): () => void;
}

/** Wakes on the UTC grid (each full hour, each midnight), where `Timers` counts from now. Returns a cancel. */
export interface Wakeups {
  every(period: 'minute' | 'hour' | 'day', run: () => void): () => void;
}

/** The wake-ups of any timers: the real ones' or a virtual clock's. */
export function createWakeups(clock: Clock, timers: Timers): Wakeups {
  const periodMsOf = { minute: msPerMinute, hour: msPerHour, day: msPerDay } as const;
  return {
    every(period, run) {
      const periodMs = periodMsOf[period];
      let cancel = (): void => undefined;
      const arm = (): void => {
        const nowMs = clock.nowMs();
        cancel = timers.after((Math.floor(nowMs / periodMs) + 1) * periodMs - nowMs, () => {
          arm();
          run();
        });
      };
      arm();
      return () => cancel();
    },
  };
}
