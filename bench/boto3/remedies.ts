/**
 * What the product sets, read by another SDK: remedies are applied through the actuators, and boto3 is asked what stands, then what stands after they were given back, by us and by AWS.
 */
import { isDeepStrictEqual } from 'node:util';
import { createAwsDoors } from '../../actuators/aws-doors.ts';
import { readAccountLimits } from '../../actuators/control-plane.ts';
import { settleOn } from '../../actuators/lambda-stub.ts';
import { createRemedies, type RemedyAtAws } from '../../actuators/remedies/index.ts';
import { undoOf } from '../../actuators/remedies/undo.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerMinute, msPerSecond } from '../../core/time.ts';
import { createVirtualClock } from '../../core/virtual-clock.ts';
import { listenTwin } from '../../simulation/twin/control-plane-http.ts';
import type { Json, Said } from '../../simulation/twin/recorded-steps.contract.ts';
import { createTwin } from '../../simulation/twin/twin.ts';

export type Ask = (call: { url: string; service: string; operation: string; params: object }) => Promise<Said>;

export interface RemedyReadings {
  readonly count: number;
  readonly mismatches: readonly string[];
}

const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const forMs = 10 * msPerMinute;

export async function readRemedies(
  ask: Ask,
  { seed, startMs }: { seed: number; startMs: number },
): Promise<RemedyReadings> {
  const clock = createVirtualClock(startMs);
  const about = { version: '8', memoryMb: 512, architecture: 'arm64', initDurationMs: 500 } as const;
  const twin = createTwin({ functions: [{ key, ...about, runDurationMs: { p50: 50, p99: 200 } }], seed, clock });
  const server = await listenTwin({ host: '127.0.0.1', port: 0, handle: (request) => twin.handle(request) });
  const place = { accountId: '123456789012', region: 'us-east-1' };
  const doors = createAwsDoors({ ...place, clock, timers: clock, endpointUrlOf: () => server.url });
  const breakerItems = { placesOf: () => [], putsOf: () => [], readStanding: () => undefined };
  const remedies = createRemedies({ doorsOf: () => doors, clock, breakerItems });
  const { signal } = new AbortController();
  const settle = <T>(promise: Promise<T>): Promise<T> => settleOn(clock, promise);
  const lambda = (operation: string, more: object = {}) =>
    ask({ url: server.url, service: 'lambda', operation, params: { FunctionName: 'orders', ...more } });

  const base = { because: 'boto3 reads it', untilMs: startMs + forMs, key };
  const cases: readonly { remedy: RemedyAtAws; read: () => Promise<Json>; member: string; set: unknown }[] = [
    {
      remedy: { ...base, kind: 'weigh-alias', version: '7', weight: 0.35 },
      read: async () => (await lambda('GetAlias', { Name: 'live' })).members,
      member: 'RoutingConfig',
      set: { AdditionalVersionWeights: { 7: 0.35 } },
    },
    {
      remedy: { ...base, kind: 'reserve-concurrency', concurrency: 0 },
      read: async () => (await lambda('GetFunctionConcurrency')).members,
      member: 'ReservedConcurrentExecutions',
      set: 0,
    },
    {
      remedy: { ...base, kind: 'reserve-concurrency', concurrency: 40 },
      read: async () => (await lambda('GetFunctionConcurrency')).members,
      member: 'ReservedConcurrentExecutions',
      set: 40,
    },
  ];
  const mismatches: string[] = [];
  let count = 0;
  const compare = async (one: (typeof cases)[number], when: string, expected: unknown): Promise<void> => {
    count++;
    const found = (await one.read())[one.member];
    if (isDeepStrictEqual(found, expected)) return;
    mismatches.push(`${one.remedy.kind} ${when}: ${one.member} is ${JSON.stringify(found)}`);
  };
  try {
    await settle(readAccountLimits(doors.lambda, signal));
    for (const isOurHand of [true, false]) {
      for (const one of cases) {
        const remedy = { ...one.remedy, untilMs: clock.nowMs() + forMs };
        const before = await settle(remedies.look(remedy, signal));
        const undoing = undoOf(remedy, before);
        if (undoing.kind !== 'booked') throw new Error(`${remedy.kind}: its undo is ${undoing.kind}`);
        const { undo } = undoing;
        await compare(one, 'before', undefined);
        await settle(remedies.book({ kind: 'book-undo', undo, because: remedy.because }, signal));
        await settle(remedies.apply(remedy, before, signal));
        await compare(one, 'while it stands', one.set);
        if (isOurHand) {
          await settle(remedies.giveBack(undo, remedy, signal));
          await settle(remedies.book({ kind: 'cancel-undo', undo, because: remedy.because }, signal));
        }
        const overMs = remedy.untilMs + 2 * msPerMinute;
        while (clock.nowMs() < overMs) {
          clock.advanceTo(clock.nowMs() + msPerSecond);
          twin.advance();
        }
        await compare(one, isOurHand ? 'after we gave it back' : 'after AWS gave it back', undefined);
      }
    }
  } finally {
    await server.close();
  }
  return { count, mismatches };
}
