/** Lambda, or what is called, refuses calls for want of capacity: more of them than is usual at this hour. */
import type { Json } from '../core/json.ts';
import type { Detector, DetectorOptions } from './detector.ts';
import { createRatioDetector, type RatioForm } from './ratio-detector.ts';

const form: RatioForm = {
  detector: 'throttle-surge',
  ratioFloor: 0.001,
  ratioPrior: 0.005,
  badOf: ({ throttleCount }) => throttleCount,
  column: 'throttleCount',
  verb: 'are throttled',
};

export function createThrottleSurge(options: DetectorOptions, snapshot?: Json): Detector {
  return createRatioDetector(form, options, snapshot);
}
