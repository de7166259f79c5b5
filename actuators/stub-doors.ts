/** All doors of an account, for tests: each opens on a stub, under a virtual clock. */
import { createVirtualClock, type VirtualClock } from '../core/virtual-clock.ts';
import { createAwsDoors, type AwsDoors } from './aws-doors.ts';
import { readAccountLimits } from './control-plane.ts';
import { settleOn, type LambdaStub } from './lambda-stub.ts';

export const stubStartMs = Date.UTC(2026, 10, 20, 13, 20);

export interface StubDoors {
  readonly doors: AwsDoors;
  readonly clock: VirtualClock;
  readonly settle: <T>(promise: Promise<T>) => Promise<T>;
}

/** `lambda` has answered once by then, so that it is known for what it is. */
export async function openStubDoors(
  stubs: { readonly lambda: LambdaStub; readonly others: LambdaStub },
  options: { readonly requestTimeoutMs?: number; readonly region?: string } = {},
): Promise<StubDoors> {
  const clock = createVirtualClock(stubStartMs);
  const doors = createAwsDoors({
    accountId: '123456789012',
    region: 'us-east-1',
    clock,
    timers: clock,
    endpointUrlOf: (service) => (service === 'lambda' ? stubs.lambda : stubs.others).url,
    ...options,
  });
  const settle = <T>(promise: Promise<T>): Promise<T> => settleOn(clock, promise);
  stubs.lambda.answer({
    status: 200,
    body: '{"AccountLimit":{"ConcurrentExecutions":1000,"UnreservedConcurrentExecutions":900}}',
  });
  await settle(readAccountLimits(doors.lambda, new AbortController().signal));
  return { doors, clock, settle };
}
