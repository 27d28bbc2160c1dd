/** The same SQL in each tool's own form of file. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SmallMigration {
  /** `20240101000001_make_t1`: a number as `dbmate new` makes it. */
  readonly name: string;
  readonly statements: readonly string[];
}

/** Fours of a table, two columns, an index, and a constraint: 1.25 statements a migration. */
export function smallMigrations(count: number): SmallMigration[] {
  return Array.from({ length: count }, (_, i) => {
    const n = Math.floor(i / 4) + 1;
    const [kind, statements] = [
      ['make', [`CREATE TABLE t${n} (id bigint PRIMARY KEY, name text NOT NULL)`]],
      [
        'widen',
        [
          `ALTER TABLE t${n} ADD COLUMN state text NOT NULL DEFAULT 'new'`,
          `ALTER TABLE t${n} ADD COLUMN parent bigint`,
        ],
      ],
      ['index', [`CREATE INDEX t${n}_name ON t${n} (name)`]],
      [
        'constrain',
        [
          n % 2 === 0
            ? `ALTER TABLE t${n} ADD CONSTRAINT t${n}_parent FOREIGN KEY (parent) REFERENCES t${n - 1} (id)`
            : `ALTER TABLE t${n} ADD CONSTRAINT t${n}_state CHECK (state <> '')`,
        ],
      ],
    ][i % 4] as [string, string[]];
    return { name: `20240101${String(i + 1).padStart(6, '0')}_${kind}_t${n}`, statements };
  });
}

export interface Folders {
  /** One file with everything, for psql. */
  readonly psql: string;
  /** dbmate's form, which Trueup reads as it is. */
  readonly dbmate: string;
  readonly nodePgMigrate: string;
}

export function writeFolders(root: string, migrations: readonly SmallMigration[]): Folders {
  const folders: Folders = {
    psql: join(root, 'all.sql'),
    dbmate: join(root, 'dbmate'),
    nodePgMigrate: join(root, 'node-pg-migrate'),
  };
  const sql = ({ statements }: SmallMigration) => `${statements.join(';\n')};\n`;
  mkdirSync(folders.dbmate, { recursive: true });
  mkdirSync(folders.nodePgMigrate, { recursive: true });
  writeFileSync(folders.psql, migrations.map(sql).join(''));
  for (const migration of migrations) {
    const { name } = migration;
    writeFileSync(join(folders.dbmate, `${name}.sql`), `-- migrate:up\n${sql(migration)}\n-- migrate:down\n`);
    writeFileSync(join(folders.nodePgMigrate, `${name}.sql`), sql(migration));
  }
  return folders;
}
