/**
 * What configured provisioned concurrency costs, idle or not: for the time it stands, rounded up to whole periods of five minutes.
 *
 * AWS does not say whether a change of the amount starts a new period. Here each increase does, for what it adds, and a decrease ends the
 * newest first: the reading that costs most.
 */
import type { EpochMs } from '../../core/time.ts';

export interface ProvisionedBill {
  /** From then on so much is configured. */
  set(concurrency: number, atMs: EpochMs): void;
  /** Concurrency times time billed until then, as if all ended there. Never falls. */
  billedMsAt(nowMs: EpochMs): number;
}

interface Tranche {
  readonly fromMs: EpochMs;
  readonly concurrency: number;
}

export function createProvisionedBill(periodMs: number): ProvisionedBill {
  const open: Tranche[] = [];
  let configured = 0;
  let closedMs = 0;
  const billed = (fromMs: EpochMs, untilMs: EpochMs): number =>
    Math.max(1, Math.ceil((untilMs - fromMs) / periodMs)) * periodMs;

  const close = (surplus: number, atMs: EpochMs): void => {
    let left = surplus;
    while (left > 0) {
      const newest = open.pop()!;
      const ended = Math.min(left, newest.concurrency);
      closedMs += ended * billed(newest.fromMs, atMs);
      if (ended < newest.concurrency) open.push({ fromMs: newest.fromMs, concurrency: newest.concurrency - ended });
      left -= ended;
    }
  };

  return {
    set(concurrency, atMs) {
      if (concurrency > configured) open.push({ fromMs: atMs, concurrency: concurrency - configured });
      else close(configured - concurrency, atMs);
      configured = concurrency;
    },
    billedMsAt: (nowMs) =>
      open.reduce((sum, { fromMs, concurrency }) => sum + concurrency * billed(fromMs, nowMs), closedMs),
  };
}
