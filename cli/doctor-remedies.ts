/**
 * Which remedies the signals of a function can ever support: who could confirm a trouble of it, by what is configured, and what the gate asks for each kind.
 *
 * It speaks of what could be, not of what is: whether senders do send, and for which functions, is shown by /api/senders.
 */
import { confirmationFor, observerCountMin } from '../actuators/remedy-gate-stages.ts';
import type { Config } from '../config/load.ts';
import type { ObserverKind } from '../core/corroboration.ts';
import type { Mode } from '../core/function-spec.ts';
import { remedyKinds, type RemedyKind } from '../core/remedy.ts';

/** `alone`: without a human. `with-a-yes`: after one has said yes. `never`: too few could confirm a trouble of it. */
export type Support = 'alone' | 'with-a-yes' | 'never' | 'not-to-be-broken';

export interface Supported {
  readonly function: string;
  readonly observers: readonly ObserverKind[];
  /** What would add an observer. */
  readonly missing: readonly string[];
  readonly remedies: Readonly<Record<RemedyKind, { readonly mode: Mode; readonly support: Support }>>;
}

const divertingKinds: readonly RemedyKind[] = [
  ...(['move-breaker', 'reserve-concurrency', 'switch-event-source', 'weigh-alias'] as const),
];

export function supportOf(config: Config): readonly Supported[] {
  const { otlp } = config.telemetry;
  // Without senders whoever is on this machine sends under one name.
  const senderCount = otlp ? Math.max(1, otlp.senders.length) : 0;
  return config.functions.map(({ spec: { key }, volume }) => {
    const observers: ObserverKind[] = [
      ...(senderCount > 0 ? (['callee'] as const) : []),
      ...(senderCount > 1 ? (['caller'] as const) : []),
      ...(volume.csv === undefined ? (['cloudwatch'] as const) : []),
    ];
    const { modes, neverBreak, approvals } = config.remedies;
    const supportFor = (kind: RemedyKind): Support => {
      if (neverBreak.includes(key) && divertingKinds.includes(kind)) return 'not-to-be-broken';
      if (observers.length < observerCountMin) return 'never';
      const isConfirmed = confirmationFor[kind] === 'two' || observers.includes('cloudwatch');
      return isConfirmed && approvals[key]?.remedies.includes(kind) !== true ? 'alone' : 'with-a-yes';
    };
    return {
      function: key,
      observers,
      missing: [
        ...(senderCount === 0 ? ['telemetry.otlp: nobody sends its spans'] : []),
        ...(senderCount === 1 ? ['a sender of their own for its callers: one token is one witness'] : []),
        ...(volume.csv === undefined ? [] : ['volume.cloudwatch: AWS counts are not read for it']),
      ],
      remedies: Object.fromEntries(
        remedyKinds.map((kind) => [kind, { mode: modes[key]![kind], support: supportFor(kind) }]),
      ) as Supported['remedies'],
    };
  });
}

/** One line for a function: kinds by what they need. */
export function supportRow({ function: key, observers, missing, remedies }: Supported): readonly string[] {
  const of = (support: Support): string =>
    remedyKinds.filter((kind) => remedies[kind].support === support).join(', ') || 'none';
  return [key, observers.join(', ') || 'nobody', of('alone'), of('with-a-yes'), missing.join('; ') || 'nothing'];
}
