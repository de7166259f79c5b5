/**
 * The table that a plan is made on: a row for each function, a cell for each of Lambda's billing blocks.
 */
import type { BindingLimit, CapacityStep, GivenUp } from '../core/capacity.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import type { EpochMs } from '../core/time.ts';
import type { EventGroup, EventWindow } from './event-window.ts';
import type { Decided } from './worth/draft.ts';
import type { Member } from './worth/moves.ts';

/** A function before and while limits are shared. */
export interface Row {
  readonly spec: FunctionSpec;
  readonly usdPerBlock: number;
  readonly member: Member;
  /** What it would have alone, without its own ceiling. */
  readonly alone: Int32Array;
  /** Which window each block belongs to. */
  readonly windowAt: readonly (EventWindow | undefined)[];
  readonly decided: ReadonlyMap<EventWindow, Decided>;
  /** By block: as many requests as may run at once. */
  readonly runningMax: Int32Array;
  readonly begun?: BegunWindow;
  /** What the begun window cost before the first block. */
  readonly usdBehind: number;
  /** The group whose window was raised after its event had begun. */
  readonly raisedLate?: EventGroup;
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

/** One function in one billing block, as it is planned. */
export interface Cell {
  readonly blockAtMs: EpochMs;
  readonly level: number;
  /** Alone, without any limit. */
  readonly wanted: number;
  readonly limit: BindingLimit;
  /** The limit's name in a sentence, where one cut the level. */
  readonly cutBy?: string;
  readonly givenUp?: GivenUp;
  /** The window that it is for; absent where no more than the floor is held, or what is held pays for itself after an event. */
  readonly window?: EventWindow;
  /** What it is expected to save, its price not taken off. */
  readonly worthUsd: number;
  /** Expected spilled requests, and all. */
  readonly spilled: number;
}
