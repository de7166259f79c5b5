/** Every capacity policy there is, by name. To add one: write it, and add its line. */
import { InputError } from '../../core/errors.ts';
import { aas } from './aas.ts';
import { awsPredictive } from './aws-predictive.ts';
import { foreshock } from './foreshock.ts';
import { none } from './none.ts';
import { oracle } from './oracle.ts';
import type { Policy, PolicyContext, PolicyEntry } from './policy.ts';
import { sameEventBefore } from './same-event-before.ts';
import { staticPeak } from './static-peak.ts';

export const policies: Readonly<Record<string, PolicyEntry>> = {
  aas,
  'aws-predictive': awsPredictive,
  foreshock,
  none,
  oracle,
  'same-event-before': sameEventBefore,
  'static-peak': staticPeak,
};

interface ReadPolicy {
  readonly isReactive: boolean;
  readonly create: (context: PolicyContext) => Policy;
}

/**
 * Reads `aas`, or `aas:target=0.5:in=3`.
 * @throws InputError for a name, a parameter or a value that is none.
 */
export function readPolicy(text: string): ReadPolicy {
  const [name = '', ...words] = text.split(':');
  const entry = Object.hasOwn(policies, name) ? policies[name]! : undefined;
  if (!entry) throw refusal(text, `"${name}" is none of ${Object.keys(policies).join(', ')}`);
  const settings = Object.fromEntries(Object.entries(entry.parameters).map(([key, one]) => [key, one.default]));
  for (const word of words) {
    const [key = '', value = '', ...rest] = word.split('=');
    const parameter = Object.hasOwn(entry.parameters, key) ? entry.parameters[key]! : undefined;
    if (!parameter || rest.length > 0) {
      const known = Object.keys(entry.parameters).join(', ') || 'no parameters';
      throw refusal(text, `"${word}" is no parameter; ${name} has ${known}`);
    }
    const number = value.trim() === '' ? NaN : Number(value);
    if (!(number >= parameter.min && number <= parameter.max))
      throw refusal(text, `${key} is a number from ${parameter.min} to ${parameter.max}`);
    settings[key] = number;
  }
  return { isReactive: entry.isReactive === true, create: (context) => entry.create(settings, context) };
}

function refusal(text: string, problem: string): InputError {
  return new InputError('policy', `--policy ${text}: ${problem}`);
}
