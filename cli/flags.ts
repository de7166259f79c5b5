/** Values of flags, each refused by its own name. */
import { InputError } from '../core/errors.ts';
import { parseInstant, type EpochMs } from '../core/time.ts';

/** On the command line a time without a zone is UTC, as a bare date is; in a file it would be refused. */
export function instantFlag(flag: string, text: string): EpochMs {
  const atMs = parseInstant(text) ?? parseInstant(`${text}Z`);
  if (atMs === undefined)
    throw new InputError('usage', `${flag} ${text}: expected an instant such as 2025-09-05T12:30:00Z, or a date`);
  return atMs;
}

export function numberFlag(
  flag: string,
  text: string,
  { min, max, isWhole = false }: { readonly min: number; readonly max: number; readonly isWhole?: boolean },
): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= min && value <= max) || (isWhole && !Number.isInteger(value))) {
    throw new InputError('usage', `${flag} ${text}: expected a ${isWhole ? 'whole ' : ''}number from ${min} to ${max}`);
  }
  return value;
}
