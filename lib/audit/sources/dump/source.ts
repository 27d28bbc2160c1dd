/** Takes a snapshot from a dump, by loading it to an empty database of the target's major version and reading that. */

import { basename } from 'node:path';
import { formatCount, joinKey } from '../../../../lambda/audit/names';
import type { NotCheckedItem } from '../../../../lambda/audit/not-checked';
import type { Database } from '../../../../lambda/postgres/database';
import { quoteIdentifier } from '../../../../lambda/sql/quote';
import { type Snapshot, takeSnapshot } from '../../snapshot';
import { SourceProblem } from '../source-problem';
import { loadDump } from './load';
import type { ScratchDatabase } from './loader';

export interface DumpOptions {
  /** Version of Trueup. */
  readonly version: string;
  /** Called with the number of bytes of each piece that was read. */
  readonly progress?: (bytes: number) => void;
}

/**
 * Takes a snapshot from a dump. The parser must be loaded.
 * @throws {SourceProblem} if the file is not a complete dump, or cannot be loaded
 */
export async function readDumpSnapshot(
  file: string,
  scratch: ScratchDatabase,
  { version, progress }: DumpOptions,
): Promise<Snapshot> {
  await setPublicSchemaOwner(scratch.superuser, scratch.role);
  const loaded = await loadDump(file, scratch, progress);
  const snapshot = await takeSnapshot(scratch.db, { version });
  const { tables: all, views, functions, types, sequences, schemas } = snapshot.catalog;
  if ([all, views, functions, types, sequences, schemas.slice(1)].every(({ length }) => length === 0))
    throw new SourceProblem('creates no objects that can be compared', 'Give a dump written by pg_dump.');
  const rows = new Set(loaded.rows.map(({ schema, name }) => joinKey(schema, name)));
  const tables = all.filter(({ kind }) => kind === 'table');
  const without = tables.filter(({ schema, name }) => !rows.has(joinKey(schema, name)));
  const owned = <T extends { readonly schema?: string; readonly name: string }>(each: T): T => {
    const owner = loaded.owners.get(
      each.schema === undefined ? joinKey(each.name) : joinKey(each.schema, each.name),
    );
    return owner === undefined ? each : { ...each, owner };
  };
  const { owner: _, ...database } = snapshot.catalog.database[0]!;
  const isOwner = (schema: string | undefined, name: string, role: string): boolean =>
    loaded.owners.get(schema === undefined ? joinKey(name) : joinKey(schema, name)) === role;
  return {
    ...snapshot,
    taken: { ...snapshot.taken, role: '' },
    catalog: {
      ...snapshot.catalog,
      database: [{ ...database, name: basename(file), encoding: '', collate: '', ctype: '' }],
      tables: all.map(owned),
      views: views.map(owned),
      functions: functions.map(owned),
      types: types.map(owned),
      sequences: sequences.map(owned),
      schemas: schemas.map(owned),
      roles: loaded.roles.map((name) => ({ name })),
      grants: snapshot.catalog.grants.filter(
        ({ schema, name = '', grantee }) => !isOwner(schema, name, grantee),
      ),
      extensions: [
        ...snapshot.catalog.extensions,
        ...loaded.extensions.map(({ name, schema = 'public' }) => ({ name, schema, version: UNKNOWN_VALUE })),
      ],
    },
    rows: loaded.rows,
    workload: [],
    notChecked: [
      { what: 'encoding and locale', why: 'a dump does not contain them' },
      ...loaded.notChecked,
      ...(without.length === 0 ? [] : [buildMissingRows(without.length, tables.length)]),
    ],
  };
}

const UNKNOWN_VALUE = 'unknown';

const buildMissingRows = (without: number, all: number): NotCheckedItem => ({
  what: without === all ? 'rows of the tables' : `rows of ${formatCount(without, 'table')}`,
  why: 'the dump contains none',
});

/** Gives the schema `public` to the loading role, as restoring a dump usually does. */
const setPublicSchemaOwner = (superuser: Database, role: string): Promise<unknown> =>
  superuser.execute([{ statements: [`ALTER SCHEMA public OWNER TO ${quoteIdentifier(role)}`] }]);
