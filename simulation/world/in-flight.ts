/**
 * Counts the calls that are on the wire. Virtual time stands still while there are any, so that an answer always arrives at the instant at which its call was sent.
 */
import type { AwsDoors } from '../../actuators/aws-doors.ts';
import type { ServiceDoor } from '../../actuators/service-door.ts';

export interface InFlight {
  /** The same doors, with their calls counted. */
  readonly watch: (doors: AwsDoors) => AwsDoors;
  /** Any other call, counted as well. */
  readonly count: <T>(call: () => Promise<T>) => Promise<T>;
  /** Resolves when nothing is on the wire and what followed from the last answer has run. */
  settled(): Promise<void>;
}

export interface InFlightOptions {
  /** Asked before each call goes out, which waits for it. */
  readonly beforeCall?: () => Promise<void>;
}

export function createInFlight({ beforeCall }: InFlightOptions = {}): InFlight {
  let count = 0;
  const waiting: (() => void)[] = [];
  const whileCounted = async <T>(call: () => Promise<T>): Promise<T> => {
    count++;
    try {
      return await call();
    } finally {
      if (--count === 0) for (const wake of waiting.splice(0)) wake();
    }
  };
  const counted = <Client>(door: ServiceDoor<Client>): ServiceDoor<Client> => ({
    ...door,
    send: (request, call) =>
      door.send(request, (client, signal) =>
        whileCounted(async () => {
          if (beforeCall) await beforeCall();
          return call(client, signal);
        }),
      ),
  });
  return {
    count: whileCounted,
    watch: (doors) => ({
      lambda: counted(doors.lambda),
      scheduler: counted(doors.scheduler),
      scaling: counted(doors.scaling),
      tables: counted(doors.tables),
      queues: counted(doors.queues),
    }),
    async settled() {
      // One turn of the event loop runs all that hangs on answered calls; it may have sent the next.
      await nextTurn();
      while (count > 0) {
        await new Promise<void>((resolve) => void waiting.push(resolve));
        await nextTurn();
        await nextTurn();
      }
    },
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
