/** Catalogs and server facts that the builders of repair steps read. */
import type { Catalog } from '../../../lambda/audit/catalog';
import type { SequenceValue } from '../../../lambda/audit/positions';

export interface RepairContext {
  readonly source: Catalog;
  /** Target's catalog as it will be after the preceding steps are deployed. */
  readonly target: Catalog;
  /** Tables that the target has now. */
  readonly existing: Catalog['tables'];
  /** Current default privileges. They stay the same for all CREATE statements, because they are changed last. */
  readonly byDefault: Catalog['grants'];
  /** Positions of the source's sequences. */
  readonly positions: readonly SequenceValue[];
  /** Roles of the target's server. `null` if unknown: then no role is reported as missing. */
  readonly roles: ReadonlySet<string> | null;
  /** Major version of the target. */
  readonly major: number;
}

/** Lists an open decision for each role that the target's server does not have. */
const listMissingRoles = ({ roles }: RepairContext, names: readonly string[]): string[] => [
  ...new Set(
    names.filter(
      (name) => roles !== null && name !== 'public' && !name.startsWith('pg_') && !roles.has(name),
    ),
  ),
];

export const buildRoleQuestions = (context: RepairContext, names: readonly string[]): string[] =>
  listMissingRoles(context, names).map(
    (name) => `role ${name} does not exist on this server: create it, or remove the statements that name it`,
  );
