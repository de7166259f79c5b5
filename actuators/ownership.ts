/**
 * Whose the knob is. Two controllers on one number are an outage: Application Auto Scaling moves provisioned concurrency back into its bounds whenever
 * anybody touches them, Terraform at every apply. So nobody acts before it was said who does.
 */
import type { ScalableBounds } from '../core/booking.ts';
import { InputError } from '../core/errors.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import type { FunctionKey } from '../core/series-key.ts';

export type OwnedSpec = Pick<FunctionSpec, 'key' | 'mode' | 'ownership'>;

/**
 * Refuses to start where a function says `enforce` and not whose it is, or says it wrongly. `targets` are the scalable targets as they stand.
 *
 * @throws InputError naming the first such function, and what to write.
 */
export function requireOwnership(specs: readonly OwnedSpec[], targets: ReadonlyMap<FunctionKey, ScalableBounds>): void {
  for (const { key, mode, ownership } of specs) {
    if (mode !== 'enforce') continue;
    const target = targets.get(key);
    if (ownership === undefined || ownership === 'observe') {
      const said = ownership === undefined ? 'no ownership is stated' : 'its ownership is observe';
      const other = target ? `steer (it has a scalable target from ${target.min} to ${target.max})` : 'own';
      throw new InputError(
        'ownership.undeclared',
        `${key}: mode enforce is refused because ${said}; write ownership: ${other}, and see what Terraform needs: foreshock config check --terraform`,
      );
    }
    if (ownership === 'own' && target) {
      throw new InputError(
        'ownership.contested',
        `${key}: ownership own is refused because Application Auto Scaling keeps it between ${target.min} and ${target.max}, and would undo what is set; write ownership: steer, or deregister its scalable target`,
      );
    }
    if (ownership === 'steer' && !target) {
      throw new InputError(
        'ownership.no-target',
        `${key}: ownership steer is refused because it has no scalable target; register one with Application Auto Scaling, or write ownership: own`,
      );
    }
  }
}
