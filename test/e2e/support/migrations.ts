/** Folders of migrations for the scenarios, and what the ledger says of them. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rds } from './rds';
import { localAws } from './scenario';

/** Sections of one file. `verify` is a condition that must hold. */
export interface File {
  readonly up: string;
  readonly holds: string;
  readonly down?: string;
  /** E.g. `breaks nobody reads it`. */
  readonly consent?: string;
}

/** @returns the folder, in which file `0001_a` is `0001_a.sql` */
export function migrationFolder(files: Readonly<Record<string, File>>): string {
  const folder = mkdtempSync(join(localAws().folder, 'migrations-'));
  for (const [name, { up, holds, down, consent }] of Object.entries(files)) {
    const verify = `SELECT '${name} does not hold' WHERE NOT (${holds});`;
    const lead = consent === undefined ? '' : `-- migrate:consent ${consent}\n`;
    const sections = [`${lead}-- migrate:up\n${up}`, `-- migrate:verify\n${verify}`];
    if (down !== undefined) sections.push(`-- migrate:down\n${down}`);
    writeFileSync(join(folder, `${name}.sql`), `${sections.join('\n\n')}\n`);
  }
  return folder;
}

/** @returns a file of these statements */
export function workloadFile(statements: readonly string[]): string {
  const file = join(mkdtempSync(join(localAws().folder, 'workload-')), 'app.sql');
  writeFileSync(file, statements.map((each) => `${each};\n`).join(''));
  return file;
}

export interface DeploymentRow {
  readonly direction: string;
  readonly manifest_hash: string;
  readonly outcome: string;
  readonly report: { undone: string[]; kept: { name: string; reason: string }[]; applied: string[] };
}

/** Oldest first. */
export const deployments = (rds: Rds, database: string, namespace: string): Promise<DeploymentRow[]> =>
  rds.run(
    database,
    `SELECT direction, manifest_hash, outcome, result -> 'report' AS report
       FROM trueup.deployments WHERE namespace = $1 ORDER BY seq`,
    [namespace],
  );

/** What was done to each migration, e.g. `{ '0001_a': ['applied'] }`; `unverified` is applied too, proved afterwards. */
export async function histories(
  rds: Rds,
  database: string,
  namespace: string,
): Promise<Record<string, string[]>> {
  const rows = await rds.run<{ migration: string; event: string }>(
    database,
    `SELECT migration, event FROM trueup.events
      WHERE namespace = $1 AND migration IS NOT NULL AND event IN ('applied', 'unverified', 'undone') ORDER BY id`,
    [namespace],
  );
  const histories: Record<string, string[]> = {};
  for (const { migration, event } of rows) {
    histories[migration] ??= [];
    histories[migration].push(event);
  }
  return histories;
}
