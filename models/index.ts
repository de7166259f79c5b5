/** Every model there is, by name. To add one: write it, add its line, and it is held to the contract suite and to the backtest. */
import { createBaseline, type BaselineName } from './baselines.ts';
import type { ModelEntry } from './model.ts';
import { createSessionEvent } from './session-event.ts';

export type ModelName = BaselineName | 'session-event';

export const models: Readonly<Record<ModelName, ModelEntry>> = {
  'profile-40-session': baseline('profile-40-session'),
  'same-event-before': baseline('same-event-before'),
  'seasonal-naive': baseline('seasonal-naive'),
  'session-event': { version: 'session-event/1', create: createSessionEvent },
};

/** The model that plans are made from; the others are what it is measured against. */
export const defaultModelName: ModelName = 'session-event';

function baseline(name: BaselineName): ModelEntry {
  return { version: `${name}/1`, create: (options, snapshot) => createBaseline(name, options, snapshot) };
}
