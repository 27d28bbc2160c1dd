/** An audit, the migrations that it writes, their deployment, and a second audit. */

import type { AuditFinding } from '../../lambda/defects/findings';
import type { Database } from '../../lambda/postgres/database';
import { type AuditWithComparison, audit } from '../../lib/audit/audit';
import { readRoles } from '../../lib/audit/write/roles';
import { buildMigrations, type WrittenMigrations } from '../../lib/audit/write/write';
import { compileFiles } from '../../lib/compiler';
import { up } from '../support/engine';

let runs = 0;

export interface RoundTrip {
  readonly first: AuditWithComparison;
  readonly written: WrittenMigrations;
  /** Of the second audit. */
  readonly left: readonly AuditFinding[];
}

/** The file after somebody agreed with all that it proposes. */
export const decided = (text: string): string => text.replace(/^-- migrate:decide .*\n/gm, '');

/**
 * @param url of the target, as who may change it
 * @throws {Error} where a deployment fails; its cause are the files
 */
export async function roundTrip(
  url: string,
  target: Database,
  options: Parameters<typeof audit>[1],
  settle: () => Promise<unknown> = async () => {},
): Promise<RoundTrip> {
  const first = await audit(target, options);
  const written = await buildMigrations(first.findings, first.compared, await readRoles(target));
  await settle();
  if (written.files.length > 0) {
    const files = written.files.map(({ name, text }) => ({ name, bytes: Buffer.from(decided(text)) }));
    const namespace = `written_${runs++}`;
    await up(url, await compileFiles(files, 'written'), { namespace }).catch((error: Error) => {
      throw new Error(error.message, { cause: written.files });
    });
  }
  const { findings: left } = await audit(target, options);
  return { first, written, left };
}
