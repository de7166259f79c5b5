/**
 * The schedules of an account by group and name, and which of them is due first.
 */
import { assert } from '../../core/assert.ts';
import type { EpochMs } from '../../core/time.ts';
import type { TwinRequest } from './answer.ts';

/** A schedule as a caller sets it; an Update sets all of it anew. */
export interface ScheduleSettings {
  readonly expression: string;
  readonly timeZone: string;
  readonly atMs: EpochMs;
  readonly isEnabled: boolean;
  readonly isDeletedAfterwards: boolean;
  /** Length of the flexible window; undefined where it is off. */
  readonly windowMinutes: number | undefined;
  readonly maximumEventAgeSeconds: number;
  readonly maximumRetryAttempts: number;
  /** The call that it makes. */
  readonly request: TwinRequest;
  /** The members of the answer that only repeat what was sent. */
  readonly repeated: Readonly<Record<string, unknown>>;
  /** The target as it is shown. */
  readonly target: Readonly<Record<string, unknown>> & { readonly Arn: string };
}

export interface ScheduleRecord {
  readonly groupName: string;
  readonly name: string;
  readonly settings: ScheduleSettings;
  readonly createdAtMs: EpochMs;
  readonly modifiedAtMs: EpochMs;
  /** The next attempt; undefined when it is disabled or has run. */
  readonly pending: { readonly atMs: EpochMs; readonly attempt: number } | undefined;
}

export interface ScheduleGroup {
  readonly name: string;
  readonly createdAtMs: EpochMs;
  readonly schedules: Map<string, ScheduleRecord>;
}

export interface ScheduleBook {
  readonly groups: ReadonlyMap<string, ScheduleGroup>;
  addGroup(name: string, atMs: EpochMs): ScheduleGroup;
  removeGroup(name: string): void;
  set(record: ScheduleRecord): void;
  remove(record: Pick<ScheduleRecord, 'groupName' | 'name'>): void;
  scheduleCount(): number;
  /** The one whose attempt comes first; of two at the same instant, the one booked first. */
  firstDue(): (ScheduleRecord & { readonly pending: object }) | undefined;
}

export const defaultGroup = 'default';

export function createScheduleBook(fromMs: EpochMs): ScheduleBook {
  const groups = new Map<string, ScheduleGroup>();
  let scheduleCount = 0;
  // Sought anew only after something has changed: it is asked at every step of time.
  let first: ScheduleRecord | undefined;
  let isFirstKnown = true;

  const addGroup = (name: string, atMs: EpochMs): ScheduleGroup => {
    const group = { name, createdAtMs: atMs, schedules: new Map<string, ScheduleRecord>() };
    groups.set(name, group);
    return group;
  };
  const seekFirst = (): ScheduleRecord | undefined => {
    let found: ScheduleRecord | undefined;
    for (const { schedules } of groups.values()) {
      for (const record of schedules.values()) {
        if ((record.pending?.atMs ?? Infinity) < (found?.pending?.atMs ?? Infinity)) found = record;
      }
    }
    return found;
  };
  addGroup(defaultGroup, fromMs);

  return {
    groups,
    addGroup,
    removeGroup(name) {
      scheduleCount -= groups.get(name)?.schedules.size ?? 0;
      groups.delete(name);
      isFirstKnown = false;
    },
    set(record) {
      const { schedules } = groups.get(record.groupName)!;
      if (!schedules.has(record.name)) scheduleCount++;
      schedules.set(record.name, record);
      isFirstKnown = false;
    },
    remove({ groupName, name }) {
      if (groups.get(groupName)?.schedules.delete(name)) scheduleCount--;
      isFirstKnown = false;
    },
    scheduleCount: () => scheduleCount,
    firstDue() {
      if (!isFirstKnown) first = seekFirst();
      isFirstKnown = true;
      if (!first) return undefined;
      const { pending } = first;
      assert(pending !== undefined, 'what is due has an attempt to come');
      return { ...first, pending };
    },
  };
}
