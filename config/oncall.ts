/** Who is told of trouble, from the file to plain values; and the secrets of their targets, which leave this as references that only their reader opens. */
import { isLoopback } from '../core/loopback.ts';
import type { DocumentFault } from './check.ts';
import type { Path } from './document.ts';
import type { targetKindKeys } from './oncall-schema.ts';
import type { ConfigDraft } from './rules.ts';
import type { ConfigDocument } from './schema.ts';
import type { Secret } from './secrets.ts';

type OncallDocument = NonNullable<ConfigDocument['oncall']>;
type OncallDraft = ConfigDraft['oncall'];

export interface ConfiguredTarget {
  readonly name: string;
  readonly kind: (typeof targetKindKeys)[number];
  /** Empty where the address is the secret. */
  readonly url: string;
  readonly isPrivate: boolean;
  readonly secrets: readonly Secret[];
  /** By which its answers are believed; none: nothing of it is heard. */
  readonly webhookSecrets: readonly Secret[];
}

interface ConfiguredHours {
  readonly fromMinute: number;
  readonly untilMinute: number;
}

type PlainKeys = 'timeZone' | 'nightHarmedRatioMin' | 'attributes' | 'owners';

export interface OncallSettings extends Pick<OncallDocument, PlainKeys> {
  readonly targets: readonly ConfiguredTarget[];
  readonly defaultOwner: string;
  readonly routes: readonly (Omit<OncallDocument['routes'][number], 'hours'> & { readonly hours?: ConfiguredHours })[];
  readonly night: ConfiguredHours;
  readonly digestAtMinute: number;
  readonly escalateAfterMs: number;
  readonly publicUrl?: string;
  readonly traceUrl?: string;
  readonly heartbeat?: { readonly url: Secret; readonly isPrivate: boolean };
}

type TargetSecrets = Pick<ConfiguredTarget, 'secrets' | 'webhookSecrets'>;

export interface OncallSecrets {
  /** Of each target, by its place. */
  readonly targets: ReadonlyMap<number, TargetSecrets>;
  readonly heartbeat?: Secret;
}

/** What of a target is secret, by its kind. */
const secretKeys = {
  pagerduty: ['routingKey', 'webhookSecret', 'webhookSecretBefore'],
  slack: ['webhookUrl'],
  opsgenie: ['apiKey'],
  alertmanager: ['token'],
  cloudevent: ['secret', 'secretBefore'],
} as const;

/** Those that come in by: we believe by them, and send none. */
const inboundKeys: readonly string[] = ['webhookSecret', 'webhookSecretBefore'];

const kinds = Object.keys(secretKeys) as readonly (keyof typeof secretKeys)[];

export async function readOncallSecrets(
  draft: OncallDraft,
  read: (reference: string | undefined, at: Path) => Promise<readonly Secret[]>,
  fault: (fault: DocumentFault) => void,
): Promise<OncallSecrets> {
  const check = (secret: Secret, path: Path, kind: string): void => {
    const expected = expectedOf(kind, secret.reveal());
    if (expected !== undefined)
      fault({ path, at: 'value', got: 'something else in the environment (not shown)', expected });
  };
  const targets = new Map<number, TargetSecrets>();
  for (const [index, entry] of (draft?.targets ?? []).entries()) {
    for (const kind of kinds) {
      const section = entry?.[kind] as Readonly<Record<string, string | undefined>> | undefined;
      if (!section) continue;
      const secrets: Secret[] = [];
      const webhookSecrets: Secret[] = [];
      for (const key of secretKeys[kind]) {
        const path = ['oncall', 'targets', index, kind, key];
        const found = await read(section[key], path);
        for (const secret of found) check(secret, path, kind);
        (inboundKeys.includes(key) ? webhookSecrets : secrets).push(...found);
      }
      targets.set(index, { secrets, webhookSecrets });
    }
  }
  const path = ['oncall', 'heartbeat', 'url'];
  const [heartbeat] = await read(draft?.heartbeat?.url, path);
  if (heartbeat) check(heartbeat, path, 'slack');
  return { targets, ...(heartbeat && { heartbeat }) };
}

/** What a secret has to look like, where it does not; it is not repeated. */
function expectedOf(kind: string, text: string): string | undefined {
  if (kind === 'slack' && !isSecureAddress(text)) return 'an https address (http only on this machine)';
  if (kind === 'cloudevent' && !isSigningSecret(text)) return 'whsec_ and the base64 of 24 to 64 bytes';
  return undefined;
}

function isSecureAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

function isSigningSecret(text: string): boolean {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
  const length = encoded === undefined ? 0 : Buffer.from(encoded, 'base64').length;
  return length >= 24 && length <= 64;
}

/** As written, but for what is secret. */
export function maskOncall(oncall: OncallDocument, { heartbeat }: OncallSecrets): unknown {
  const targets = oncall.targets.map((entry) => {
    const masked = kinds.flatMap((kind) => {
      const section = entry[kind] as Readonly<Record<string, unknown>> | undefined;
      if (!section) return [];
      const isSecret = (key: string): boolean => (secretKeys[kind] as readonly string[]).includes(key);
      const plain = Object.entries(section).map(([key, value]) => [key, isSecret(key) ? '[secret]' : value] as const);
      return [[kind, Object.fromEntries(plain)] as const];
    });
    return { ...entry, ...Object.fromEntries(masked) };
  });
  return { ...oncall, targets, ...(heartbeat && { heartbeat: { ...oncall.heartbeat, url: String(heartbeat) } }) };
}

export function buildOncall(oncall: OncallDocument, secrets: OncallSecrets): OncallSettings {
  const { timeZone, nightHarmedRatioMin, attributes, owners, publicUrl, traceUrl } = oncall;
  const { heartbeat } = secrets;
  return {
    ...{ timeZone, nightHarmedRatioMin, attributes, owners },
    targets: oncall.targets.map((entry, index) => buildTarget(entry, secrets.targets.get(index) ?? noSecrets)),
    defaultOwner: oncall.defaultOwner ?? owners[0]!.name,
    routes: oncall.routes.map(({ hours, ...route }) => ({
      ...route,
      ...(hours !== undefined && { hours: hoursOf(hours) }),
    })),
    night: hoursOf(oncall.night),
    digestAtMinute: minuteOf(oncall.digestAt),
    escalateAfterMs: oncall.escalateAfterMinutes * 60_000,
    ...(publicUrl !== undefined && { publicUrl }),
    ...(traceUrl !== undefined && { traceUrl }),
    ...(heartbeat && { heartbeat: { url: heartbeat, isPrivate: oncall.heartbeat?.privateNetwork === true } }),
  };
}

const noSecrets: TargetSecrets = { secrets: [], webhookSecrets: [] };

function buildTarget(entry: OncallDocument['targets'][number], secrets: TargetSecrets): ConfiguredTarget {
  const kind = kinds.find((candidate) => entry[candidate] !== undefined)!;
  const section = entry[kind];
  const url = section !== undefined && 'url' in section ? section.url : '';
  // Paths are added to these two; the others are said whole.
  const isBase = kind === 'pagerduty' || kind === 'opsgenie';
  return {
    name: entry.name,
    kind,
    url: isBase ? url.replace(/\/$/, '') : url,
    isPrivate: entry.privateNetwork,
    ...secrets,
  };
}

function hoursOf(text: string): ConfiguredHours {
  const [from = '', until = ''] = text.split('-');
  return { fromMinute: minuteOf(from), untilMinute: minuteOf(until) };
}

function minuteOf(text: string): number {
  const [hour, minute] = text.split(':').map(Number);
  return hour! * 60 + minute!;
}
