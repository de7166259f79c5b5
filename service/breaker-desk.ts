/** Breakers for those who read them and those who force them: what the running system knows, and a human's word to it. */
import type { Config } from '../config/load.ts';
import { InputError } from '../core/errors.ts';
import type { Clock, Timers } from '../core/time.ts';
import type { BreakerCommand } from '../detector/breaker/machine.ts';
import { touchedBy } from '../detector/breaker/spec.ts';
import type { BreakerBoard } from './breaker-board.ts';
import type { BreakerDesk, BreakerReads, ForceRequest } from './http/breakers.ts';
import type { System } from './system.ts';

export interface BreakerDoors {
  readonly reads: BreakerReads;
  readonly desk: BreakerDesk;
}

export interface BreakerDoorsOptions {
  readonly config: Config;
  readonly system: Pick<System, 'admit' | 'view'>;
  readonly board: BreakerBoard;
  readonly clock: Clock;
  readonly timers: Timers;
}

const stateOf = { open: 'forced-open', closed: 'forced-closed', 'metrics-only': 'metrics-only', none: 'none' } as const;

/** Undefined where no breaker is configured. */
export function createBreakerDoors(options: BreakerDoorsOptions): BreakerDoors | undefined {
  const { config, system, board, clock, timers } = options;
  const { breakers, remedies } = config;
  if (!breakers) return undefined;
  return {
    reads: { board, timers, tokens: breakers.readTokens.map((token) => token.reveal()) },
    desk: {
      view: () => system.view.breakers(),
      force(name, request, actor) {
        const spec = breakers.specs.find((one) => one.name === name);
        if (!spec) return undefined;
        const never = touchedBy(spec, []).filter((key) => remedies.neverBreak.some((one) => one === key));
        if (request.to === 'open' && never.length > 0)
          throw new InputError('breaker.never', `${name} may not be opened: ${never.join(', ')} is marked neverBreak`);
        const { brake } = system.view.acting();
        if (request.to === 'open' && brake.isOn)
          throw new InputError(
            'breaker.braked',
            `${name} is not opened: the brake is on (${brake.by}: ${brake.because})`,
          );
        system.admit({ kind: 'breaker-forced', name, command: commandOf(request, actor, clock) });
        return system.view.breakers().find((one) => one.name === name);
      },
    },
  };
}

function commandOf({ to, forMs, because }: ForceRequest, by: string, clock: Clock): BreakerCommand {
  return { to: stateOf[to], by, because, untilMs: clock.nowMs() + forMs };
}
