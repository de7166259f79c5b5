/** What the threads of the receiver are started with, and what they and the service's thread say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { SignalOptions } from '../collectors/business-signals.ts';
import type { DeltaColumns } from '../collectors/delta-columns.ts';
import type { Sampling } from '../collectors/otlp-sampling.ts';
import type { Tokens } from '../collectors/otlp-tokens.ts';
import type { SenderReport } from '../collectors/windower.ts';

export interface ListenerStart {
  readonly host: string;
  readonly port: number;
  readonly tokens: Tokens;
  /** To the folder: bodies go, answers come. */
  readonly bodies: MessagePort;
}

export type ToListener = 'close';

export type FromListener =
  | { readonly kind: 'listening'; readonly url: string }
  /** It could not listen. `code`: of an InputError, or of what the system said. */
  | { readonly kind: 'failed'; readonly isInput: boolean; readonly code: string; readonly message: string }
  /** The port is free, and all that was taken is folded. */
  | { readonly kind: 'closed' };

export interface FolderStart {
  readonly bodies: MessagePort;
  readonly signals: readonly SignalOptions[];
  readonly home: { readonly accountId: string; readonly region: string };
  /** By sender's name; all others are of a sampling that nobody knows. */
  readonly samplings: Readonly<Record<string, Sampling>>;
  /** ARNs of the functions whose aliases are known here: no others are asked for. */
  readonly functionArns: readonly string[];
  readonly aliases: readonly KnownAlias[];
}

export interface KnownAlias {
  readonly functionArn: string;
  readonly version: string;
  /** Undefined: it is known no more, or not yet. */
  readonly alias: string | undefined;
}

export type ToFolder =
  { readonly kind: 'seal' } | { readonly kind: 'aliases'; readonly aliases: readonly KnownAlias[] };

export type FromFolder =
  | { readonly kind: 'sealed'; readonly columns: DeltaColumns; readonly senders: readonly SenderReport[] }
  | { readonly kind: 'wanted'; readonly functionArn: string; readonly version: string };
