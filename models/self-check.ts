/**
 * A few times a day the model forecasts a half hour for itself, from half an hour before, and keeps how wrong it was. Three half hours a
 * day, others every day, so that in sixteen days each half hour of the day has had its turn.
 */
import type { Calibration } from './calibration.ts';
import type { Outlook } from './level-forecast.ts';
import { packFloat64, unpackFloat64 } from './packed.ts';

const halfHoursPerCheck = 16;

interface OpenCheck {
  readonly firstBucket: number;
  readonly locations: Float64Array;
  readonly spreads: Float64Array;
  readonly errors: number[];
}

export type SelfCheckSnapshot = readonly {
  readonly firstBucket: number;
  readonly locations: string;
  readonly spreads: string;
  readonly errors: readonly number[];
}[];

export interface SelfCheck {
  isDue(localDay: number, halfHour: number): boolean;
  open(firstBucket: number, outlook: Outlook): void;
  /** NaN: not recorded, or not an ordinary bucket. */
  judge(bucket: number, logVolume: number): void;
  snapshot(): SelfCheckSnapshot;
}

export function createSelfCheck(calibration: Calibration, snapshot: SelfCheckSnapshot = []): SelfCheck {
  let checks: OpenCheck[] = snapshot.map((kept) => ({
    firstBucket: kept.firstBucket,
    locations: unpackFloat64(kept.locations),
    spreads: unpackFloat64(kept.spreads),
    errors: [...kept.errors],
  }));
  return {
    isDue: (localDay, halfHour) => (halfHour + 7 * localDay) % halfHoursPerCheck === 0,
    open(firstBucket, { locations, spreads }) {
      checks.push({ firstBucket, locations, spreads, errors: [] });
    },
    judge(bucket, logVolume) {
      if (checks.length === 0) return;
      for (const { firstBucket, locations, spreads, errors } of checks) {
        const error = (logVolume - (locations[bucket - firstBucket] ?? NaN)) / spreads[bucket - firstBucket]!;
        if (!Number.isNaN(error)) errors.push(error);
      }
      const isOver = ({ firstBucket, locations }: OpenCheck): boolean => bucket >= firstBucket + locations.length - 1;
      for (const check of checks.filter(isOver)) calibration.learn(check.errors);
      checks = checks.filter((check) => !isOver(check));
    },
    snapshot: () =>
      checks.map(({ firstBucket, locations, spreads, errors }) => ({
        firstBucket,
        locations: packFloat64(locations),
        spreads: packFloat64(spreads),
        errors: [...errors],
      })),
  };
}
