/**
 * Virtual time for the production system: its clock, its doors to the twin, and the turns in which it moves on. The system may share its process with
 * the twin (world.ts) or have one of its own (lone-process.ts); it is driven alike.
 */
import { createAwsDoors, type AwsDoors } from '../../actuators/aws-doors.ts';
import type { FunctionName } from '../../core/series-key.ts';
import type { Clock, EpochMs, Timers } from '../../core/time.ts';
import type { VirtualClock } from '../../core/virtual-clock.ts';
import type { System } from '../../service/system.ts';
import { createInFlight, type InFlightOptions } from './in-flight.ts';

export interface WorldPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly doorsOf: (place: Pick<FunctionName, 'accountId' | 'region'>) => AwsDoors;
  /** Of any other call: time stands still until it is answered. */
  readonly whileInFlight: <T>(call: () => Promise<T>) => Promise<T>;
}

export interface Drive {
  readonly ports: WorldPorts;
  /** Walks from timer to timer, so that a call whose turn comes at 08:20:00.200 is answered at 08:20:00.200. */
  passTo(atMs: EpochMs): Promise<void>;
  /** One tick, and the answers to the calls that it makes at once. */
  tick(system: Pick<System, 'tick' | 'pendingEffectCount'>): Promise<void>;
  /** Resolves when nothing is on the wire. */
  settled(): Promise<void>;
}

export interface DriveOptions extends InFlightOptions {
  readonly clock: VirtualClock;
  /** Of the twin. */
  readonly endpointUrl: string;
  /** Of the socket, so in real time: a fault that hangs holds the world up for that long. */
  readonly requestTimeoutMs?: number | undefined;
}

export function createDrive(options: DriveOptions): Drive {
  const { clock } = options;
  const inFlight = createInFlight(options);
  return {
    ports: {
      clock,
      timers: clock,
      doorsOf: doorsByPlace(options, inFlight.watch),
      whileInFlight: inFlight.count,
    },
    async passTo(atMs) {
      for (let next = clock.nextTimerAtMs(); next !== undefined && next <= atMs; next = clock.nextTimerAtMs()) {
        clock.advanceTo(next);
        await inFlight.settled();
      }
      clock.advanceTo(atMs);
    },
    async tick(system) {
      await system.tick();
      if (system.pendingEffectCount() > 0) await inFlight.settled();
    },
    settled: () => inFlight.settled(),
  };
}

/** One door an account and region, always the same one: the call budget is theirs. */
function doorsByPlace(
  { endpointUrl, clock, requestTimeoutMs }: DriveOptions,
  watch: (doors: AwsDoors) => AwsDoors,
): WorldPorts['doorsOf'] {
  const doors = new Map<string, AwsDoors>();
  return ({ accountId, region }) => {
    const place = `${accountId}/${region}`;
    const endpointUrlOf = (): string => endpointUrl;
    const door =
      doors.get(place) ??
      watch(createAwsDoors({ accountId, region, endpointUrlOf, clock, timers: clock, requestTimeoutMs }));
    doors.set(place, door);
    return door;
  };
}
