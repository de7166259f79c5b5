/** What the engine is told of remedies: by whom, how much, and where never. */
import type { RemedyLimits } from '../../actuators/remedy-gate.ts';
import type { Mode } from '../../core/function-spec.ts';
import type { Playbook } from '../../core/playbook.ts';
import type { RemedyKind } from '../../core/remedy.ts';
import type { BreakerGuards } from '../../core/breaker.ts';
import type { BreakerSpec } from '../../core/breaker.ts';
import type { BrakeLimits } from '../brake.ts';

export interface RemedyOptions {
  readonly breakers: readonly BreakerSpec[];
  readonly guards: BreakerGuards;
  readonly limits: RemedyLimits;
  readonly brake: BrakeLimits;
  /** By function: whether remedies of a kind are carried out there. What is not said is `shadow`. */
  readonly modes: Readonly<Record<string, Readonly<Partial<Record<RemedyKind, Mode>>>>>;
  /** Kinds of remedies that want a yes each time, by function. */
  readonly approvals: Readonly<Record<string, readonly RemedyKind[]>>;
  /** How long a remedy waits for it. */
  readonly approvalMs: number;
  readonly playbooks: readonly Playbook[];
  /** Functions whose calls always go through. */
  readonly neverBreak: readonly string[];
}
