/**
 * What live volume says of the plan in force, put on record: a surge that what is held can serve is a notice, one that it cannot is an incident, and the plan is made
 * anew at once where that is worth it.
 */
import { note, type Scene, type Turn } from './engine-scene.ts';
import type { Note } from './incidents.ts';

export function watchSurges(scene: Scene, turn: Turn): void {
  const { plan, planning, health, options, queueWaitMs, incidents, functions } = scene;
  if (!plan) return;
  const { nowMs } = turn;
  const write: Note = (draft) => note(turn, draft);
  const lead = { ...health.leadOf(options.lead, nowMs), queueMs: queueWaitMs };
  for (const news of planning.watch({ nowMs, plan, lead })) {
    const { key, kind, because } = news;
    const isRevised = kind === 'harmful' && news.isRevised;
    write({ kind: 'surge.seen', body: { function: key, surge: kind, isRevised, because } });
    // In shadow nothing of ours serves, and nobody is woken for what would have been.
    if (kind === 'harmful' && functions.get(key)!.spec.mode !== 'shadow')
      incidents.report(write, key, 'surge', because);
    if (kind === 'over') incidents.close(write, key, 'surge', because);
    if (isRevised) scene.planDueAtMs = nowMs;
  }
}
