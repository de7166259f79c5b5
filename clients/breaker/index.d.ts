export interface BreakersOptions {
  /** Where Foreshock listens: `https://foreshock.internal:8080`. */
  readonly url: string;
  /** One of `breakers.readTokens`. Left out: it runs on the same machine. */
  readonly token?: string;
  /** How long a request waits for news, 0 to 25,000. Left out: 20 s, and 0 in a Lambda function. */
  readonly waitMs?: number;
  /** The least time from one request to the next. Left out: 2 s. */
  readonly everyMs?: number;
  readonly fetch?: typeof globalThis.fetch;
  readonly nowMs?: () => number;
  readonly random?: () => number;
}

export interface Standing {
  readonly name: string;
  readonly state: 'closed' | 'open' | 'half-open';
  /** Share of calls that go through, 0…1. */
  readonly admitRatio: number;
  readonly sinceMs: number;
  /** It means nothing after it. */
  readonly untilMs: number;
  readonly revision: number;
}

export interface Breakers {
  /** Whether this call goes through. Answers at once, and asks for news beside. */
  admits(name: string): boolean;
  /** What was heard last, ended or not. */
  standing(name: string): Standing | undefined;
}

export function createBreakers(options: BreakersOptions): Breakers;
