/** Who is told, from the configuration to the options of the system: without what is secret, for the options are on record. */
import type { Config } from '../config/load.ts';
import type { OncallOptions } from './oncall-options.ts';

export function oncallOptionsOf(
  { functions }: Pick<Config, 'functions'>,
  { targets, owners, heartbeat: _heartbeat, ...settings }: NonNullable<Config['oncall']>,
  tenant: string,
): OncallOptions {
  return {
    ...settings,
    tenant,
    targets: targets.map(({ name, kind, url, isPrivate }) => ({ name, kind, url, isPrivate })),
    owners: owners.map((owner) => {
      const own = functions.flatMap(({ spec, owner: named }) => (named === owner.name ? [spec.key] : []));
      return { ...owner, keys: [...own, ...owner.keys] };
    }),
  };
}
