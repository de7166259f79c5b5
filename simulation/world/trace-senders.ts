/** Who sends the world's spans: functions what they served and called, and those who are called what they answered, each with a token of their own. */
import type { Tokens } from '../../collectors/otlp-tokens.ts';

export const senders = { functions: 'functions', services: 'services' } as const;

/** Nobody but this process can reach the receiver that takes them. */
export const senderTokens: Tokens = {
  [senders.functions]: 'of-the-functions-in-this-world',
  [senders.services]: 'of-the-services-in-this-world',
};
