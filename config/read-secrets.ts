/** The secrets that a configuration refers to: read once, from the environment or from files, and never written anywhere. */
import path from 'node:path';
import type { DocumentFault } from './check.ts';
import type { Path } from './document.ts';
import type { Files } from './files.ts';
import { readOncallSecrets, type OncallSecrets } from './oncall.ts';
import type { ConfigDraft } from './rules.ts';
import { readSecret, Secret } from './secrets.ts';

export interface SecretPorts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly files: Pick<Files, 'readFile'>;
}

/** All that the file refers to, by where it stands. */
export interface ConfigSecrets {
  readonly tokens: readonly Secret[];
  readonly signingKey?: Secret;
  /** Of the webhooks, by the place of their anchor. */
  readonly webhookSecrets: ReadonlyMap<number, Secret>;
  /** Of the feeds, by the place of their calendar. */
  readonly feedTokens: ReadonlyMap<number, Secret>;
  /** Of those who send traces, by their place. */
  readonly senderTokens: ReadonlyMap<number, Secret>;
  /** By which functions read breakers. */
  readonly breakerTokens: readonly Secret[];
  /** Of people, by their place. */
  readonly personTokens: ReadonlyMap<number, Secret>;
  readonly oncall: OncallSecrets;
  readonly faults: readonly DocumentFault[];
}

/** A secret that cannot be read is a fault of the file, named by its place. */
export async function readSecrets(
  draft: ConfigDraft,
  folder: string,
  { env, files }: SecretPorts,
): Promise<ConfigSecrets> {
  const sources = {
    env,
    readFile: (name: string, limit: number) => files.readFile(path.resolve(folder, name), limit),
  };
  const faults: DocumentFault[] = [];
  const read = async (reference: string | undefined, at: Path): Promise<Secret[]> => {
    if (reference === undefined) return [];
    const secret = await readSecret(reference, sources);
    if (secret instanceof Secret) return [secret];
    faults.push({ path: at, at: 'value', ...secret });
    return [];
  };
  const tokens: Secret[] = [];
  for (const [index, reference] of (draft.http?.tokens ?? []).entries()) {
    tokens.push(...(await read(reference, ['http', 'tokens', index])));
  }
  const [signingKey] = await read(draft.audit?.signingKey, ['audit', 'signingKey']);
  const webhookSecrets = new Map<number, Secret>();
  for (const [index, entry] of (draft.audit?.anchors ?? []).entries()) {
    const [secret] = await read(entry?.webhook?.secret, ['audit', 'anchors', index, 'webhook', 'secret']);
    if (secret) webhookSecrets.set(index, secret);
  }
  const feedTokens = new Map<number, Secret>();
  for (const [index, entry] of (draft.calendars ?? []).entries()) {
    const [secret] = await read(entry?.token, ['calendars', index, 'token']);
    if (secret) feedTokens.set(index, secret);
  }
  const senderTokens = new Map<number, Secret>();
  for (const [index, entry] of (draft.telemetry?.otlp?.senders ?? []).entries()) {
    const [secret] = await read(entry?.token, ['telemetry', 'otlp', 'senders', index, 'token']);
    if (secret) senderTokens.set(index, secret);
  }
  const breakerTokens: Secret[] = [];
  for (const [index, reference] of (draft.breakers?.readTokens ?? []).entries()) {
    breakerTokens.push(...(await read(reference, ['breakers', 'readTokens', index])));
  }
  const personTokens = new Map<number, Secret>();
  for (const [index, entry] of (draft.people ?? []).entries()) {
    const [secret] = await read(entry?.token, ['people', index, 'token']);
    if (secret) personTokens.set(index, secret);
  }
  const oncall = await readOncallSecrets(draft.oncall, read, (fault) => faults.push(fault));
  return {
    tokens,
    ...(signingKey && { signingKey }),
    webhookSecrets,
    feedTokens,
    senderTokens,
    personTokens,
    breakerTokens,
    oncall,
    faults,
  };
}
