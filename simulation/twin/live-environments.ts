/** Which environments of a function exist, whether or not they serve: each keeps open what it has opened, such as connections to a database. */
import type { EpochMs } from '../../core/time.ts';
import type { FunctionPlane } from './function-plane.ts';
import type { IdleStack } from './idle-stack.ts';
import type { TimeHeap } from './time-heap.ts';

export interface LiveEnvironments {
  /** Allocated, in preparation since the Put, or a surplus that still finishes its request. */
  readonly provisioned: number;
  /** Busy, initialising, idle, or of a version that gets no more traffic and still busy. */
  readonly onDemand: number;
}

/**
 * Changes nothing: what falls idle or vanishes until then is counted so, and is put away by the next arrival.
 *
 * Cost: O(environments).
 */
export function liveEnvironments(
  { allocated, provisionedBusy, onDemandBusy, retiring, idle, params }: FunctionPlane,
  { claimed, atMs }: { readonly claimed: number; readonly atMs: EpochMs },
): LiveEnvironments {
  const keptSinceMs = atMs - params.keepAliveMs;
  return {
    provisioned: Math.max(allocated, claimed, countAfter(provisionedBusy, atMs)),
    // One that has finished idles from then on.
    onDemand: countAfter(onDemandBusy, keptSinceMs) + countAfter(retiring, atMs) + idleAfter(idle, keptSinceMs),
  };
}

function countAfter({ times, size }: TimeHeap, atMs: EpochMs): number {
  let count = 0;
  for (let place = 0; place < size; place++) if (times[place]! > atMs) count++;
  return count;
}

/** From the oldest on, as they expire. */
function idleAfter({ since, bottom, size }: IdleStack, sinceMs: EpochMs): number {
  const mask = since.length - 1;
  let expired = 0;
  while (expired < size && since[(bottom + expired) & mask]! <= sinceMs) expired++;
  return size - expired;
}
