/** The items of the breakers that are configured, for those who write them. */
import { breakerItemPut, standingIn, type Item } from '../../actuators/breaker-items.ts';
import type { BreakerItemKey } from '../../actuators/remedies/breaker-table.ts';
import type { BreakerItems } from '../../actuators/remedies/index.ts';
import type { BreakerItemPlace, BreakerName, BreakerStanding } from '../../core/remedy.ts';
import type { Clock } from '../../core/time.ts';
import type { BreakerSpec } from '../../core/breaker.ts';

export function createBreakerItems(breakers: readonly BreakerSpec[], clock: Clock): BreakerItems {
  const places = new Map<BreakerName, readonly BreakerItemPlace[]>(
    breakers.flatMap(({ name, enactment }) =>
      enactment.kind === 'shared-state' ? [[name, enactment.places] as const] : [],
    ),
  );
  const placesOf = (name: BreakerName): readonly BreakerItemPlace[] => places.get(name) ?? [];
  const keyOf = ({ accountId, region, table, id }: BreakerItemPlace): BreakerItemKey => ({
    ...{ place: { accountId, region }, table, key: { id: { S: id } } },
  });
  /** What was put last: clients that test by themselves are told so once, and then left alone. */
  const told = new Map<BreakerName, BreakerStanding>();
  return {
    placesOf: (name) => placesOf(name).map(keyOf),
    putsOf(standing) {
      const before = told.get(standing.name);
      told.set(standing.name, standing);
      return placesOf(standing.name).flatMap((place) => {
        const put = breakerItemPut(place, standing, clock.nowMs(), before);
        if (!put) return [];
        const { item, conditionExpression: expression, names, values } = put;
        return [{ ...keyOf(place), item, condition: { expression, names, values } }];
      });
    },
    readStanding(name, items) {
      const read = placesOf(name).map((place, index) => standingIn(place, name, items[index] as Item | undefined));
      const [first] = read;
      return first && read.every((one) => one?.revision === first.revision) ? first : undefined;
    },
  };
}
