/** `trueup audit --write FOLDER`: findings become a folder of migrations. The parser must be loaded. */
import { join } from 'node:path';
import type { AuditFinding } from '../../../lambda/defects/findings';
import type { SnapshotComparison } from '../audit';
import { writeFolder } from './folder';
import type { WrittenReport } from './report';
import { BASE_FOLDER, buildStructureFiles, listCatalogRoles } from './structure';
import { buildMigrations, type Grouping } from './write';

export { FolderProblem, requireNewFolder } from './folder';
export { readRoles } from './roles';

/**
 * @param findings findings that are neither suppressed nor hidden
 * @param roles roles of the target's server
 * @throws {FolderProblem}
 */
export async function writeMigrations(
  folder: string,
  findings: readonly AuditFinding[],
  compared: SnapshotComparison,
  roles: ReadonlySet<string>,
  by: Grouping = 'table',
): Promise<{ readonly report: WrittenReport; readonly findings: readonly AuditFinding[] }> {
  const { files, fixes, unwritten, left } = await buildMigrations(findings, compared, roles, by);
  if (files.length > 0) {
    const { target, source } = compared;
    const base = buildStructureFiles(target.catalog, listCatalogRoles((source ?? target).catalog));
    writeFolder(
      folder,
      new Map([
        ...files.map(({ name, text }) => [name, text] as const),
        ...[...base].map(([name, text]) => [join(BASE_FOLDER, name), text] as const),
      ]),
    );
  }
  return {
    report: {
      folder,
      files: files.map(({ name }) => name),
      decisions: files.reduce((sum, each) => sum + each.decisions, 0),
      unwritten: [
        ...[...unwritten].map(([{ id, object }, why]) => ({ id, object, why })),
        ...left.map(({ difference: { id, object, message }, why }) => ({
          id,
          object,
          why: `${message.replace(/\.$/, '')}; ${why}`,
        })),
      ],
    },
    findings: findings.map((each) => {
      const fix = fixes.get(each);
      return fix === undefined ? each : { ...each, fix: join(folder, fix) };
    }),
  };
}

/** Lists the missing objects that no migration can restore, and what to do instead, for audits without `--write`. */
export async function listUnrepairable(
  findings: readonly AuditFinding[],
  compared: SnapshotComparison,
  roles: ReadonlySet<string>,
): Promise<WrittenReport['unwritten']> {
  if (compared.source === null || findings.length === 0) return [];
  const made = await buildMigrations(findings, compared, roles);
  return [...made.unwritten].map(([{ id, object }, why]) => ({ id, object, why }));
}
