/** Where standings of breakers hang for clients to read, and who waits for the next. Written by the engine once a tick is durable; nothing is judged here. */
import { createHash } from 'node:crypto';
import type { BreakerName, BreakerStanding } from '../core/remedy.ts';
import type { Clock } from '../core/time.ts';

export interface BreakerBoard {
  /** All there are. Who waits for one that has changed is woken. */
  publish(standings: readonly BreakerStanding[]): void;
  /** One of them, unless a newer one hangs there. */
  put(standing: BreakerStanding): void;
  /** In alphabetical order, as they hold now: one that has ended is closed. */
  all(): readonly BreakerStanding[];
  find(name: BreakerName): BreakerStanding | undefined;
  /**
   * Calls once, when another standing of that breaker (of any: undefined) hangs there. Answers with a cancel; undefined when as many wait as may.
   */
  wait(name: BreakerName | undefined, wake: () => void): (() => void) | undefined;
  readonly waiterCount: number;
}

/** A waiting client is a socket and a few closures, some 30 kB: 60 MB. Who comes beyond is answered at once, and asks again. */
const waiterCountMaxDefault = 2_000;

export function createBreakerBoard(clock: Clock, waiterCountMax: number = waiterCountMaxDefault): BreakerBoard {
  let standings = new Map<BreakerName, BreakerStanding>();
  const waiters = new Set<{ readonly name: BreakerName | undefined; readonly wake: () => void }>();
  const asItHolds = (standing: BreakerStanding): BreakerStanding =>
    standing.state === 'closed' || clock.nowMs() < standing.untilMs
      ? standing
      : { ...standing, state: 'closed', admitRatio: 1, sinceMs: standing.untilMs };
  const board: BreakerBoard = {
    publish(told) {
      const before = standings;
      standings = new Map(
        [...told].sort((a, b) => (a.name < b.name ? -1 : 1)).map((standing) => [standing.name, standing]),
      );
      const changed = new Set(
        told.filter(({ name, revision }) => before.get(name)?.revision !== revision).map(({ name }) => name),
      );
      if (changed.size === 0) return;
      for (const waiter of [...waiters]) {
        if (waiter.name !== undefined && !changed.has(waiter.name)) continue;
        waiters.delete(waiter);
        waiter.wake();
      }
    },
    put(standing) {
      const { name, revision } = standing;
      if ((standings.get(name)?.revision ?? -1) >= revision) return;
      board.publish([...[...standings.values()].filter((other) => other.name !== name), standing]);
    },
    all: () => [...standings.values()].map(asItHolds),
    find(name) {
      const standing = standings.get(name);
      return standing && asItHolds(standing);
    },
    wait(name, wake) {
      if (waiters.size >= waiterCountMax) return undefined;
      const waiter = { name, wake };
      waiters.add(waiter);
      return () => void waiters.delete(waiter);
    },
    get waiterCount() {
      return waiters.size;
    },
  };
  return board;
}

/** The same for the same standings, whoever serves them. */
export function etagOf(told: BreakerStanding | readonly BreakerStanding[]): string {
  return `"${createHash('sha256').update(JSON.stringify(told)).digest('base64url').slice(0, 22)}"`;
}
