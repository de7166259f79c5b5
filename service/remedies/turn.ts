/**
 * Remedies in the engine: what is to be done about trouble, what is asked of the world for it, and what came of it. Everything that is to leave passes the gate, is written
 * down, and is started only when that is durable.
 */
import { forgetRemedies } from '../../actuators/remedy-gate-ledger.ts';
import type { Scene, Turn } from '../engine-scene.ts';
import { turnBreaker } from './breakers.ts';
import { ask, change } from './carry.ts';
import type { RemedyOptions } from './options.ts';
import { turnPlaybooks } from './playbooks.ts';

/** Moves what has to move, and starts what is due. Call it when this second has been judged. */
export function turnRemedies(scene: Scene, turn: Turn): void {
  const { remedies: options } = scene.options;
  if (!options) return;
  tidy(scene, turn, options);
  turnPlaybooks(scene, turn, options);
  for (const spec of options.breakers) turnBreaker(scene, turn, spec, options);
  scene.remedyWishes = turn.remedyWishes;
  for (const job of Object.values(scene.remedies.jobs)) if (!job.isAsked) ask(scene, turn, job);
}

function tidy(scene: Scene, { nowMs }: Turn, { limits }: RemedyOptions): void {
  const { ledger } = scene.remedies;
  const kept = forgetRemedies(ledger, nowMs, limits.cooldownMs);
  if (kept !== ledger) change(scene, { ledger: kept });
}
