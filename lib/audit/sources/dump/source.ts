/** What a database was, by a dump of it: the dump is loaded to an empty database of the target's major, and read there. */

import { basename } from 'node:path';
import { key, plural } from '../../../../lambda/audit/names';
import type { NotSeen } from '../../../../lambda/audit/not-seen';
import type { Database } from '../../../../lambda/postgres/database';
import { quoteIdentifier } from '../../../../lambda/sql/quote';
import { type Snapshot, takeSnapshot } from '../../snapshot';
import { SourceProblem } from '../problem';
import { loadDump } from './load';
import type { ScratchDatabase } from './loader';

export interface DumpOptions {
  /** Of Trueup. */
  readonly version: string;
  /** Called with the number of bytes of each piece that was read. */
  readonly progress?: (bytes: number) => void;
}

/**
 * The parser must be ready.
 * @throws {SourceProblem} where the file is no whole dump, or cannot be loaded
 */
export async function snapshotOfDump(
  file: string,
  scratch: ScratchDatabase,
  { version, progress }: DumpOptions,
): Promise<Snapshot> {
  await ownTheSchemaPublic(scratch.superuser, scratch.role);
  const loaded = await loadDump(file, scratch, progress);
  const snapshot = await takeSnapshot(scratch.db, { version });
  const { tables: all, views, functions, types, sequences, schemas } = snapshot.catalogue;
  if ([all, views, functions, types, sequences, schemas.slice(1)].every(({ length }) => length === 0))
    throw new SourceProblem('makes nothing that can be compared', 'Give a dump that pg_dump wrote.');
  const [database] = snapshot.catalogue.database;
  const rows = new Set(loaded.rows.map(({ schema, name }) => key(schema, name)));
  const tables = all.filter(({ kind }) => kind === 'table');
  const without = tables.filter(({ schema, name }) => !rows.has(key(schema, name)));
  const isOwner = (schema: string | undefined, name: string, role: string): boolean =>
    loaded.owners.get(schema === undefined ? key(name) : key(schema, name)) === role;
  return {
    ...snapshot,
    taken: { ...snapshot.taken, role: '' },
    catalogue: {
      ...snapshot.catalogue,
      database: [{ ...database!, name: basename(file), encoding: '', collate: '', ctype: '' }],
      grants: snapshot.catalogue.grants.filter(
        ({ schema, name = '', grantee }) => !isOwner(schema, name, grantee),
      ),
      extensions: [
        ...snapshot.catalogue.extensions,
        ...loaded.extensions.map(({ name, schema = 'public' }) => ({ name, schema, version: UNKNOWN })),
      ],
    },
    rows: loaded.rows,
    workload: [],
    notSeen: [
      { what: 'encoding and locale', why: 'a dump does not tell' },
      ...loaded.notSeen,
      ...(without.length === 0 ? [] : [withoutRows(without.length, tables.length)]),
    ],
  };
}

const UNKNOWN = 'unknown';

const withoutRows = (without: number, all: number): NotSeen => ({
  what: without === all ? 'rows of the tables' : `rows of ${plural(without, 'table')}`,
  why: 'the dump has none',
});

/** As who restores a dump does. */
const ownTheSchemaPublic = (superuser: Database, role: string): Promise<unknown> =>
  superuser.execute([{ statements: [`ALTER SCHEMA public OWNER TO ${quoteIdentifier(role)}`] }]);
