/**
 * Counts the calls that are on the wire. Virtual time stands still while there are any, so that an answer always arrives at the instant at which its call was sent.
 */
import type { ControlPlane } from '../../actuators/control-plane.ts';

export interface InFlight {
  /** The same control plane, with its calls counted. */
  readonly watch: (controlPlane: ControlPlane) => ControlPlane;
  /** Resolves when nothing is on the wire and what followed from the last answer has run. */
  settled(): Promise<void>;
}

export function createInFlight(): InFlight {
  let count = 0;
  return {
    watch: (controlPlane) => ({
      ...controlPlane,
      send: (request, call) =>
        controlPlane.send(request, async (client, signal) => {
          count++;
          try {
            return await call(client, signal);
          } finally {
            count--;
          }
        }),
    }),
    async settled() {
      // One turn of the event loop runs all that hangs on answered calls; it may have sent the next.
      do await new Promise<void>((resolve) => void setImmediate(resolve));
      while (count > 0);
      await new Promise<void>((resolve) => void setImmediate(resolve));
      if (count > 0) await this.settled();
    },
  };
}
