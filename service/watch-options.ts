/** From the options of the system to those of the detectors. */
import type { DetectionOptions } from '../detector/detection.ts';
import type { SystemOptions } from './system-options.ts';

export function detectionOptionsOf({ watch }: Pick<SystemOptions, 'watch'>): DetectionOptions {
  return {
    ...(watch?.budget && { budget: watch.budget }),
    ...(watch?.keysMax !== undefined && { keysMax: watch.keysMax }),
    ...(watch?.signals && { signals: watch.signals }),
  };
}
