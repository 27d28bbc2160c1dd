/** What the writers of parts look things up in. */
import type { Catalogue } from '../../../lambda/audit/catalogue';
import type { Position } from '../../../lambda/audit/positions';

export interface Context {
  readonly source: Catalogue;
  /** As it will be when what comes before is deployed. */
  readonly target: Catalogue;
  /** Of the source's sequences. */
  readonly positions: readonly Position[];
  /** Roles of the target's server. @default - not known: none is taken for missing */
  readonly roles: ReadonlySet<string> | null;
  /** Of the target. */
  readonly major: number;
}

/** What to ask about roles that the target's server does not have. */
export const missingRoles = ({ roles }: Context, names: readonly string[]): string[] => [
  ...new Set(
    names.filter(
      (name) => roles !== null && name !== 'public' && !name.startsWith('pg_') && !roles.has(name),
    ),
  ),
];

export const asksForRoles = (context: Context, names: readonly string[]): string[] =>
  missingRoles(context, names).map(
    (name) => `role ${name} does not exist on this server: create it, or take out what names it`,
  );
