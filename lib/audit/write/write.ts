/** Builds the migration files for findings. The parser must be loaded; nothing is run. */

import type { AuditFinding } from '../../../lambda/defects/findings';
import { CompileError, compileFiles } from '../../compiler';
import type { SnapshotComparison } from '../audit';
import { buildFiles, type WrittenFile } from './files';
import type { FamilyResolver } from './grouping';
import type { RepairContext } from './repair-context';
import { buildRepairPlan } from './repair-plan';
import type { UnrepairableDifference } from './repair-planner';
import type { RepairStep } from './repair-step';

export interface WrittenMigrations {
  readonly files: readonly WrittenFile[];
  /** Name of the file that repairs a finding. */
  readonly fixes: ReadonlyMap<AuditFinding, string>;
  /** Reason why no file repairs a finding, as a clause. */
  readonly unwritten: ReadonlyMap<AuditFinding, string>;
  /** Differences hidden by a missing parent object, which its repair does not restore. */
  readonly left: readonly UnrepairableDifference[];
}

/** How steps are grouped into files: by table, or one file for each finding. */
export type Grouping = 'table' | 'finding';

/**
 * @param findings findings that are neither suppressed nor hidden
 * @param roles roles of the target's server; `null` if unknown
 */
export async function buildMigrations(
  findings: readonly AuditFinding[],
  compared: SnapshotComparison,
  roles: RepairContext['roles'],
  by: Grouping = 'table',
): Promise<WrittenMigrations> {
  const { parts, groups, unwritten, left, findFamily } = buildRepairPlan(findings, compared, roles);
  const files = await addConsents(parts, by === 'table' ? findFamily : null);
  const names = new Map(files.flatMap(({ groups: of, name }) => of.map((group) => [group, name])));
  const fixes = new Map<AuditFinding, string>();
  for (const [finding, group] of groups) {
    const name = names.get(group);
    if (name !== undefined) fixes.set(finding, name);
  }
  return {
    files,
    fixes,
    left,
    unwritten: new Map(
      findings.flatMap((each) => {
        if (fixes.has(each)) return [];
        return [[each, unwritten.get(each) ?? 'the finding is suppressed or excluded']];
      }),
    ),
  };
}

/** Consents for rules that the source's own definitions break. They are not new to this database's owners. */
const SOURCE_CONSENT_REASONS: Readonly<Record<string, string>> = {
  'opaque-code': 'the definition of the source calls it',
  'opaque-trigger': 'the source has the same trigger',
  'domain-column': 'the source has the column with this domain',
};

/** Adds the consents that the compiler requires in addition to those of the steps. */
async function addConsents(
  parts: readonly RepairStep[],
  findFamily: FamilyResolver | null,
): Promise<readonly WrittenFile[]> {
  const files = buildFiles(parts, findFamily);
  const more = new Map<string, Record<string, string>>();
  try {
    await compileFiles(files.map(({ name, text }) => ({ name, bytes: Buffer.from(text) })));
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    for (const { file, remedy } of error.problems) {
      const group = files.find(({ name }) => name === file)?.groups[0];
      for (const [rule, why] of Object.entries(SOURCE_CONSENT_REASONS))
        if (group !== undefined && remedy.includes(`migrate:consent ${rule} `))
          more.set(group, { ...more.get(group), [rule]: why });
    }
  }
  return more.size === 0 ? files : buildFiles(parts, findFamily, (group) => more.get(group) ?? {});
}
