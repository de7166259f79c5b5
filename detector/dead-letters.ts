/** Messages are given up: sent to a dead-letter queue or an on-failure destination, where spans show it. */
import type { Json } from '../core/json.ts';
import type { Detector, DetectorOptions } from './detector.ts';
import { createRatioDetector, type RatioForm } from './ratio-detector.ts';

const form: RatioForm = {
  detector: 'dead-letters',
  // Each is an order that waits for a human: a tenth of the share that is borne of failures, which are tried again.
  ratioFloor: 0.000_1,
  ratioPrior: 0.000_5,
  badOf: ({ deadLetterCount }) => deadLetterCount,
  column: 'deadLetterCount',
  verb: 'end as dead letters',
};

export function createDeadLetters(options: DetectorOptions, snapshot?: Json): Detector {
  return createRatioDetector(form, options, snapshot);
}
