/** Every model there is, by name. To add one: write it, add its line, and it is held to the contract suite and to the backtest. */
import { createBaseline } from './baselines.ts';
import type { ModelEntry } from './model.ts';
import { createSessionEvent } from './session-event.ts';

export const models = {
  'profile-40-session': {
    version: 'profile-40-session/1',
    create: (options, snapshot) => createBaseline('profile-40-session', options, snapshot),
  },
  'same-event-before': {
    version: 'same-event-before/1',
    create: (options, snapshot) => createBaseline('same-event-before', options, snapshot),
  },
  'seasonal-naive': {
    version: 'seasonal-naive/1',
    create: (options, snapshot) => createBaseline('seasonal-naive', options, snapshot),
  },
  'session-event': { version: 'session-event/1', create: createSessionEvent },
} satisfies Record<string, ModelEntry>;

export type ModelName = keyof typeof models;

/** The model that plans are made from; the others are what it is measured against. */
export const defaultModelName: ModelName = 'session-event';
