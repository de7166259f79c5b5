/** Every detector there is, by name. To add one: write it, add its line, and it is held to the contract suite and watched in the benches. */
import { createCapacityNotReady } from './capacity-not-ready.ts';
import { createColdStartStorm } from './cold-start-storm.ts';
import { createCostRate } from './cost-rate.ts';
import { createDeadLetters } from './dead-letters.ts';
import type { DetectorEntry } from './detector.ts';
import { createErrorRatio } from './error-ratio.ts';
import { createLatencyShift } from './latency-shift.ts';
import { createSignal } from './signal.ts';
import { createTelemetryLost } from './telemetry-lost.ts';
import { createThrottleSurge } from './throttle-surge.ts';
import { createThroughput } from './throughput.ts';

export type DetectorName =
  | 'capacity-not-ready'
  | 'cold-start-storm'
  | 'cost-rate'
  | 'dead-letters'
  | 'error-ratio'
  | 'latency-shift'
  | 'signal'
  | 'telemetry-lost'
  | 'throttle-surge'
  | 'throughput';

export const detectors: Readonly<Record<DetectorName, DetectorEntry>> = {
  'capacity-not-ready': { judges: ['node'], create: createCapacityNotReady },
  'cold-start-storm': { judges: ['node'], create: createColdStartStorm },
  'cost-rate': { judges: ['node'], about: 'rate', create: createCostRate },
  'dead-letters': { judges: ['edge', 'node'], create: createDeadLetters },
  'error-ratio': { judges: ['edge', 'node'], create: createErrorRatio },
  'latency-shift': { judges: ['edge', 'node'], create: createLatencyShift },
  signal: { judges: ['signal'], create: createSignal },
  'telemetry-lost': { judges: ['node'], about: 'rate', create: createTelemetryLost },
  'throttle-surge': { judges: ['edge', 'node'], create: createThrottleSurge },
  throughput: { judges: ['node'], about: 'rate', create: createThroughput },
};
