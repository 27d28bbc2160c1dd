/** Folders of short files, and what each of their migrations is to a defect's object. */
import type { Manifest } from '../../lambda/contract/manifest';
import type { MigrationState, Status } from '../../lambda/contract/status';
import { findDefectKind } from '../../lambda/defects';
import { findRepairingMigrations } from '../../lambda/defects/migrations';
import { type DefectObject, NO_OBJECT } from '../../lambda/defects/object';
import { compileFiles } from '../../lib/compiler';

export const object = (change: Partial<DefectObject>): DefectObject => ({ ...NO_OBJECT, ...change });
export const column = (table: string, name: string): DefectObject =>
  object({ table: `public.${table}`, column: name, columns: [name] });

export const ID = column('t', 'id');
export const AB = object({ table: 'public.t', columns: ['a', 'b'] });
export const TABLE =
  'CREATE TABLE t (id uuid, a int, b int, other_id int, account_id int, email text, tenant_id int)';

/** Each text is `up` of a file of its own, or a whole file where it begins with `--`. */
export const filesOf = (files: readonly string[]): Promise<Manifest> =>
  compileFiles(
    files.map((sql, i) => {
      const up = sql.startsWith('--')
        ? sql
        : `-- migrate:consent destroys a test\n-- migrate:consent rewrites a test\n-- migrate:up\n${sql};\n-- migrate:verify\nSELECT 1 WHERE false;`;
      return { name: `000${i + 1}_m.sql`, bytes: Buffer.from(`${up}\n`) };
    }),
  );

export const statusOf = (
  migrations: readonly { name: string; state: MigrationState; appliedAt?: string | null }[],
): Status => ({ migrations }) as unknown as Status;

/** @returns what each file is to the object: `+` makes, `-` takes away; a file that is nothing to it is left out */
export async function standing(
  id: string,
  about: DefectObject,
  files: readonly string[],
  applied = files.length,
): Promise<readonly string[]> {
  const manifest = await filesOf(files);
  const status = statusOf(
    manifest.migrations.map(({ name }, i) => ({ name, state: i < applied ? 'applied' : 'pending' })),
  );
  return findRepairingMigrations(findDefectKind(id)!, about, { manifest, status }).map(
    ({ name, does, undoneBy }) =>
      `${does === 'takes-away' ? '-' : '+'}${name.slice(3, 4)}${undoneBy === undefined ? '' : `, undone by ${undoneBy.slice(3, 4)}`}`,
  );
}
