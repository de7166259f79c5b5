/**
 * Idle on-demand environments by the instant since which they idle. Lambda takes the one used last, and those idle for too long vanish; as
 * environments come in the order in which they fall idle, the newest lie on top and the oldest at the bottom: a ring with two open ends.
 */
export interface IdleStack {
  size: number;
  /** Place of the oldest in the ring. */
  bottom: number;
  /** A power of two long, so that the ring wraps by a mask. */
  since: Float64Array;
}

export function createIdleStack(): IdleStack {
  return { size: 0, bottom: 0, since: new Float64Array(64) };
}

/** Puts one on top; `sinceMs` is never before that of the one below. */
export function pushIdle(stack: IdleStack, sinceMs: number): void {
  if (stack.size === stack.since.length) widen(stack);
  stack.since[(stack.bottom + stack.size) & (stack.since.length - 1)] = sinceMs;
  stack.size++;
}

/** Drops from the bottom what idles since `beforeMs` or longer. */
export function expireIdle(stack: IdleStack, beforeMs: number): void {
  const mask = stack.since.length - 1;
  while (stack.size > 0 && stack.since[stack.bottom]! <= beforeMs) {
    stack.bottom = (stack.bottom + 1) & mask;
    stack.size--;
  }
}

function widen(stack: IdleStack): void {
  const wider = new Float64Array(stack.since.length * 2);
  for (let index = 0; index < stack.size; index++) {
    wider[index] = stack.since[(stack.bottom + index) & (stack.since.length - 1)]!;
  }
  stack.since = wider;
  stack.bottom = 0;
}
