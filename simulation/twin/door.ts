/**
 * The one way into the machine, for calls from the wire and for those that AWS makes by itself (a schedule that fires, a target that is clamped):
 * the same faults strike them, the same rates count them.
 */
import type { EpochMs } from '../../core/time.ts';
import { Refusal, type TwinRequest, type TwinResponse } from './answer.ts';
import type { AwsService } from './aws-service.ts';
import type { Faults } from './faults.ts';

export type Send = (request: TwinRequest, nowMs: EpochMs) => TwinResponse;

export function createDoor(serviceOf: (request: TwinRequest) => AwsService, faults: Faults): Send {
  return (request, nowMs) => {
    const service = serviceOf(request);
    const answered = (act: () => TwinResponse): TwinResponse => {
      try {
        return act();
      } catch (error) {
        if (error instanceof Refusal) return service.inItsForm(error.response);
        throw error;
      }
    };
    return answered(() => {
      const call = service.callOf(request);
      const fault = faults.strike(call, nowMs);
      if (fault?.kind === 'hang') return { status: 0, headers: {}, body: '', fate: 'hang' };
      if (fault?.kind === 'throttle' || !service.allow(call.operation, nowMs)) return service.throttled();
      if (fault?.kind === 'error') return service.failed(fault.status ?? 500);
      const response = answered(() => call.carryOut(nowMs));
      return fault?.kind === 'lose' ? { ...response, fate: 'lose' } : response;
    });
  };
}
