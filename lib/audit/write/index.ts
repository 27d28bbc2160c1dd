/** `trueup audit --write DIR`: findings become a folder of migrations. The parser must be ready. */
import { join } from 'node:path';
import type { AuditFinding } from '../../../lambda/defects/findings';
import type { Compared } from '../audit';
import { writeFolder } from './folder';
import type { WrittenReport } from './report';
import { BASE, rolesIn, structureOf } from './structure';
import { writtenFor } from './write';

export { FolderProblem, requireNew } from './folder';
export { readRoles } from './roles';

/**
 * @param findings those that are neither accepted nor hidden
 * @param roles of the target's server
 * @throws {FolderProblem}
 */
export async function writeMigrations(
  folder: string,
  findings: readonly AuditFinding[],
  compared: Compared,
  roles: ReadonlySet<string>,
): Promise<{ readonly report: WrittenReport; readonly findings: readonly AuditFinding[] }> {
  const { files, fixes, unwritten, left } = await writtenFor(findings, compared, roles);
  if (files.length > 0) {
    const { target, source } = compared;
    const base = structureOf(target.catalogue, rolesIn((source ?? target).catalogue));
    writeFolder(
      folder,
      new Map([
        ...files.map(({ name, text }) => [name, text] as const),
        ...[...base].map(([name, text]) => [join(BASE, name), text] as const),
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
