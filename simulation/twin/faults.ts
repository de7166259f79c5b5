/**
 * What goes wrong on command, for a while, for some calls or some functions. A closed list of kinds; each rule ends by its time, by its count,
 * or when all are taken away.
 */
import { assert } from '../../core/assert.ts';
import type { Random } from '../../core/random.ts';
import type { EpochMs } from '../../core/time.ts';
import type { OperationName } from './operation-names.ts';

interface Lasting {
  /** Of one function; of all where absent. */
  readonly functionName?: string;
  /** From now on; until it is taken away where absent. */
  readonly forMs?: number;
}

/** To calls. */
export interface CallFault extends Lasting {
  /**
   * `throttle`: 429 before anything else. `error`: 5xx, and nothing is carried out. `hang`: nothing is carried out, no answer comes. `lose`:
   * carried out, and the answer is lost with the connection.
   */
  readonly kind: 'throttle' | 'error' | 'hang' | 'lose';
  readonly operations?: readonly OperationName[];
  /** Of an `error`: 500 where absent. */
  readonly status?: number;
  /** Share of the calls, in (0, 1]; all where absent. */
  readonly ratio?: number;
  /** How many calls; no bound where absent. */
  readonly count?: number;
}

/** To the allocation of provisioned concurrency. */
export interface AllocationFault extends Lasting {
  /** `stuck`: IN_PROGRESS does not end. `initFails`: it ends FAILED. `slow`: an increase that begins now takes `times` as long. */
  readonly kind: 'stuck' | 'initFails' | 'slow';
  readonly times?: number;
}

export type Fault = CallFault | AllocationFault;

export interface FaultInForce {
  readonly id: number;
  readonly fault: Fault;
  readonly untilMs: EpochMs | null;
  /** Calls that it has struck. */
  readonly struckCount: number;
}

export interface Faults {
  add(fault: Fault, nowMs: EpochMs): FaultInForce;
  /** Takes one away, or all. */
  clear(nowMs: EpochMs, id?: number): void;
  inForce(nowMs: EpochMs): readonly FaultInForce[];
  /** What happens to a call; counts it. */
  strike(
    call: { readonly operation: OperationName; readonly functionName: string },
    nowMs: EpochMs,
  ): CallFault | undefined;
  /** When something that would settle at `atMs` does; Infinity while there is no end to see. */
  heldUntilMs(functionName: string, atMs: EpochMs): EpochMs;
  failsAt(functionName: string, atMs: EpochMs): boolean;
  slownessOf(functionName: string, atMs: EpochMs): number;
}

/** More at once is a mistake, and would be searched through at every call. */
export const faultCountMax = 100;

interface Rule {
  readonly id: number;
  readonly fault: Fault;
  readonly fromMs: EpochMs;
  untilMs: EpochMs;
  struckCount: number;
}

export function createFaults(random: Random): Faults {
  let rules: Rule[] = [];
  let added = 0;

  const holds = (rule: Rule, kind: Fault['kind'], functionName: string, atMs: EpochMs): boolean =>
    rule.fault.kind === kind &&
    (rule.fault.functionName ?? functionName) === functionName &&
    rule.fromMs <= atMs &&
    atMs < rule.untilMs;
  const at = (kind: Fault['kind'], functionName: string, atMs: EpochMs): Rule | undefined =>
    rules.find((rule) => holds(rule, kind, functionName, atMs));
  const strikes = (rule: Rule, call: Parameters<Faults['strike']>[0], nowMs: EpochMs): boolean => {
    if (!isCallFault(rule.fault) || !holds(rule, rule.fault.kind, call.functionName, nowMs)) return false;
    const { operations, count, ratio } = rule.fault;
    if (operations && !operations.includes(call.operation)) return false;
    return rule.struckCount < (count ?? Infinity) && (ratio === undefined || random.next() < ratio);
  };
  const shown = ({ id, fault, untilMs, struckCount }: Rule): FaultInForce => ({
    id,
    fault,
    untilMs: untilMs === Infinity ? null : untilMs,
    struckCount,
  });
  const isOver = ({ fault, untilMs, struckCount }: Rule, nowMs: EpochMs): boolean =>
    untilMs <= nowMs || (isCallFault(fault) && struckCount >= (fault.count ?? Infinity));

  return {
    add(fault, nowMs) {
      rules = rules.filter((rule) => !isOver(rule, nowMs));
      assert(rules.length < faultCountMax, `at most ${faultCountMax} faults at once`);
      const rule = { id: ++added, fault, fromMs: nowMs, untilMs: nowMs + (fault.forMs ?? Infinity), struckCount: 0 };
      rules.push(rule);
      return shown(rule);
    },
    clear(nowMs, id) {
      // A rule that ends is kept until the next is added: what it held settles at its end, not in the past.
      for (const rule of rules) if (id === undefined || rule.id === id) rule.untilMs = Math.min(rule.untilMs, nowMs);
    },
    inForce: (nowMs) => rules.filter((rule) => !isOver(rule, nowMs)).map(shown),
    strike(call, nowMs) {
      const rule = rules.find((one) => strikes(one, call, nowMs));
      if (!rule || !isCallFault(rule.fault)) return undefined;
      rule.struckCount++;
      return rule.fault;
    },
    heldUntilMs(functionName, atMs) {
      let untilMs = atMs;
      for (let rule = at('stuck', functionName, untilMs); rule; rule = at('stuck', functionName, untilMs)) {
        untilMs = rule.untilMs;
        if (untilMs === Infinity) break;
      }
      return untilMs;
    },
    failsAt: (functionName, atMs) => at('initFails', functionName, atMs) !== undefined,
    slownessOf: (functionName, atMs) => {
      const fault = at('slow', functionName, atMs)?.fault;
      return (fault && !isCallFault(fault) && fault.times) || 1;
    },
  };
}

function isCallFault(fault: Fault): fault is CallFault {
  return fault.kind !== 'stuck' && fault.kind !== 'initFails' && fault.kind !== 'slow';
}
