/** More of the calls fail than is usual at this hour. Throttles are told apart: they have a detector, and a remedy, of their own. */
import type { Json } from '../core/json.ts';
import type { Detector, DetectorOptions } from './detector.ts';
import { createRatioDetector, type RatioForm } from './ratio-detector.ts';

const form: RatioForm = {
  detector: 'error-ratio',
  // One call in a thousand may fail anywhere: below that, nobody is woken.
  ratioFloor: 0.001,
  ratioPrior: 0.02,
  badOf: ({ errorCount, throttleCount }) => Math.max(0, errorCount - throttleCount),
  column: 'errorCount',
  verb: 'fail',
};

export function createErrorRatio(options: DetectorOptions, snapshot?: Json): Detector {
  return createRatioDetector(form, options, snapshot);
}
