/**
 * The table that a plan is made on: a row for each function, a cell for each of Lambda's billing blocks. Cells start as what demand asks
 * for, and limits only ever lower them.
 */
import type { BindingLimit, CapacityStep } from '../core/capacity.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import type { EpochMs } from '../core/time.ts';
import type { EventGroup, EventWindow } from './event-window.ts';
import type { Need, Target } from './need.ts';

/** One function in one billing block. */
export interface Cell {
  readonly blockAtMs: EpochMs;
  /** What demand alone asks for, or the floor where that is more. */
  readonly wanted: number;
  readonly floor: number;
  /** Above the floor after an event, because it pays for itself; comes after every event where something is scarce. */
  readonly isKept?: boolean;
  /** At least `floor`. */
  readonly level: number;
  readonly limit: BindingLimit;
  /** The limit's name in a sentence, where one cut the level. */
  readonly cutBy?: string;
  /** The window that asked for it and its need; absent where the floor covers everything. */
  readonly asked?: { readonly window: EventWindow; readonly need: Need };
}

export interface Row {
  readonly spec: FunctionSpec;
  readonly target: Target;
  readonly usdPerBlock: number;
  readonly cells: readonly Cell[];
  readonly begun?: BegunWindow;
  /** The group whose window was raised after its event had begun. */
  readonly raisedLate?: EventGroup;
  /** How many environments pay for themselves in a block; absent without a forecast. */
  readonly paying?: (blockAtMs: EpochMs) => number;
  /** Why there is no forecast. */
  readonly notReady?: string;
}

/** A window that the plan in force already holds. */
export interface BegunWindow {
  readonly group: EventGroup;
  readonly current: CapacityStep;
  /** Its steps before now, the last one ending now. */
  readonly steps: readonly CapacityStep[];
}

/** Holds more than the floor for an event, and so belongs to it. */
export function isForEvent(cell: Cell): boolean {
  return cell.level > cell.floor && cell.asked !== undefined;
}

export function cut(cell: Cell, level: number, limit: BindingLimit, cutBy: string): Cell {
  if (level >= cell.level) return cell;
  return { ...cell, floor: Math.min(cell.floor, level), level, limit, cutBy };
}
