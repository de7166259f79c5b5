/**
 * The queue in front of one account's control plane in one region.
 *
 * Lambda gives 15 control-plane calls a second to everybody in the account together: deployments, Terraform, the console, us. It cannot be
 * raised, so we take at most a third of it and leave the rest to those who must ship code while an event comes near.
 *
 * Mental model: one gate that opens for one call every 200 ms (a token bucket that holds one token: no second ever sees more than five calls,
 * where a bucket of five would let ten through around its refill). Two lines wait in front of it, urgent before routine, each first in first
 * out. Time comes from the Clock and Timers handed in, so that it runs the same under virtual time.
 */
import type { Urgency } from '../core/ports.ts';
import { assert } from '../core/assert.ts';
import type { Clock, EpochMs, Timers } from '../core/time.ts';

/** `shed`: the line is full. `late`: its turn came after `startByMs`. `aborted`: given up while waiting. In all three nothing was sent. */
export type QueueAnswer<T> =
  | { readonly kind: 'done'; readonly value: T; readonly waitedMs: number }
  | { readonly kind: 'shed' | 'late' | 'aborted' };

export interface CallRequest {
  readonly urgency: Urgency;
  /** The call is worth nothing when it starts after this. */
  readonly startByMs?: EpochMs;
  readonly signal: AbortSignal;
}

export interface CallQueue {
  /** Makes the call when its turn comes. What the call itself throws comes out unchanged. */
  run<T>(call: () => Promise<T>, request: CallRequest): Promise<QueueAnswer<T>>;
  /** How long the last of `callCount` new calls would wait, as the lines stand now. */
  expectedWaitMs(urgency: Urgency, callCount?: number): number;
  /** Starts nothing for a while: the account's bucket is empty for everybody, whichever function it was that learned it. */
  pauseFor(delayMs: number): void;
  readonly waitingCount: number;
  readonly startedCount: number;
  readonly shedCount: number;
}

export interface CallQueueOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly callsPerSecond?: number;
  /** Calls waiting at most, both lines together. */
  readonly waitingCountMax?: number;
}

/** A third of what the account has. */
export const controlPlaneCallsPerSecond = 5;

/** 500 functions, each with a look (two calls) and a Put, all at once; what is beyond would wait for more than five minutes. */
const waitingCountMaxDefault = 1_500;

interface Waiting {
  readonly request: CallRequest;
  readonly sinceMs: EpochMs;
  start(): void;
  drop(kind: 'shed' | 'late' | 'aborted'): void;
}

export function createCallQueue(options: CallQueueOptions): CallQueue {
  const { clock, timers, callsPerSecond = controlPlaneCallsPerSecond } = options;
  const { waitingCountMax = waitingCountMaxDefault } = options;
  assert(callsPerSecond > 0 && waitingCountMax > 0, 'a call queue lets something through');
  const spacingMs = Math.ceil(1_000 / callsPerSecond);
  const lines: Readonly<Record<Urgency, Waiting[]>> = { urgent: [], routine: [] };
  let nextStartAtMs = -Infinity;
  let isTimerSet = false;
  let startedCount = 0;
  let shedCount = 0;

  const waitingCount = (): number => lines.urgent.length + lines.routine.length;

  const open = (): void => {
    while (waitingCount() > 0) {
      const nowMs = clock.nowMs();
      if (nowMs < nextStartAtMs) {
        wake(nextStartAtMs - nowMs);
        return;
      }
      const next = (lines.urgent.shift() ?? lines.routine.shift())!;
      if (next.request.startByMs !== undefined && nowMs > next.request.startByMs) {
        next.drop('late');
        continue;
      }
      nextStartAtMs = nowMs + spacingMs;
      startedCount++;
      next.start();
    }
  };

  const wake = (delayMs: number): void => {
    if (isTimerSet) return;
    isTimerSet = true;
    timers.after(delayMs, () => {
      isTimerSet = false;
      open();
    });
  };

  const shed = (waiting: Waiting | undefined): void => {
    shedCount++;
    waiting?.drop('shed');
  };

  return {
    run(call, request) {
      if (request.signal.aborted) return Promise.resolve({ kind: 'aborted' });
      if (waitingCount() >= waitingCountMax) {
        // Polls must not keep a raise out: the youngest of them makes room.
        if (request.urgency === 'routine' || lines.routine.length === 0) {
          shed(undefined);
          return Promise.resolve({ kind: 'shed' });
        }
        shed(lines.routine.pop());
      }
      return new Promise((resolve, reject) => {
        const line = lines[request.urgency];
        const giveUp = (): void => {
          line.splice(line.indexOf(waiting), 1);
          waiting.drop('aborted');
        };
        const waiting: Waiting = {
          request,
          sinceMs: clock.nowMs(),
          start() {
            request.signal.removeEventListener('abort', giveUp);
            const waitedMs = clock.nowMs() - waiting.sinceMs;
            call().then((value) => resolve({ kind: 'done', value, waitedMs }), reject);
          },
          drop(kind) {
            request.signal.removeEventListener('abort', giveUp);
            resolve({ kind });
          },
        };
        request.signal.addEventListener('abort', giveUp, { once: true });
        line.push(waiting);
        open();
      });
    },
    expectedWaitMs(urgency, callCount = 1) {
      const aheadCount = urgency === 'urgent' ? lines.urgent.length : waitingCount();
      return Math.max(0, nextStartAtMs - clock.nowMs()) + (aheadCount + callCount - 1) * spacingMs;
    },
    pauseFor(delayMs) {
      nextStartAtMs = Math.max(nextStartAtMs, clock.nowMs() + delayMs);
    },
    get waitingCount() {
      return waitingCount();
    },
    get startedCount() {
      return startedCount;
    },
    get shedCount() {
      return shedCount;
    },
  };
}

/** Calls to warm one function: alias and configuration seen, the Put; and to verify it: both seen again. */
const callsToAsk = 3;
const callsToVerify = 2;

/**
 * Queue time that warming this many functions for one event costs before all of them are verified: it belongs in the lead, beside Lambda's own
 * preparation. 12 functions take 12 s, 500 take 500 s.
 */
export function controlPlaneLeadMs(functionCount: number, callsPerSecond = controlPlaneCallsPerSecond): number {
  return (functionCount * (callsToAsk + callsToVerify) * 1_000) / callsPerSecond;
}
