/**
 * Each kind on a real server: what its example does, the words of the error, what the catalog shows, what the diagnosis
 * says, that the repair repairs, and that the verification tells before from after.
 */
import type { Client, DatabaseError } from 'pg';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DiagnosisRequest } from '../../lambda/contract/diagnosis';
import { makeManifest } from '../../lambda/contract/manifest';
import { DEFECT_KINDS, findDefectKind, listKindsOfSignature } from '../../lambda/defects';
import type { CatalogRow, DefectKind } from '../../lambda/defects/defect';
import { diagnose } from '../../lambda/defects/diagnose';
import { findSignature, SIGNATURES } from '../../lambda/defects/signatures';
import { connectPg } from '../../lambda/postgres/pg';
import { normalizeStatement } from '../../lambda/sql/tokens';
import { withClient } from '../support/client';
import { createDatabase, majors } from '../support/database';
import { INSTALL_SQL } from '../support/installed';
import { CASES } from './kinds';
import { matchedError } from './matched-error';

const failure = (client: Client, sql: string): Promise<DatabaseError | null> =>
  client.query(sql).then(
    () => null,
    (error) => error as DatabaseError,
  );

/** One statement at a time: CONCURRENTLY takes no company, and its failure is part of an example. */
async function make(client: Client, schema: string): Promise<void> {
  for (const statement of schema.split(/;(?:\s*--[^\n]*)?\s*(?:\n|$)/).filter((text) => text.trim() !== '')) {
    if (/CONCURRENTLY/.test(statement)) await failure(client, statement);
    else await client.query(statement);
  }
}

const rows = async (client: Client, kind: DefectKind, ...names: string[]): Promise<CatalogRow[]> =>
  (await client.query<CatalogRow>(kind.catalog.sql, [names[0] ?? null, names[1] ?? null])).rows;

it('a kind and a signature have the id under which they are known', () => {
  expect(DEFECT_KINDS.map(({ id }) => id).sort()).toEqual(Object.keys(CASES).sort());
  for (const { id } of DEFECT_KINDS) expect(findDefectKind(id)?.id).toBe(id);
  for (const signature of SIGNATURES) expect(findSignature(signature.id)).toBe(signature);
});

const NONE = { manifest: makeManifest([]), status: null };

describe.each(majors())('PostgreSQL %i', (major) => {
  let url: string;
  beforeAll(async () => {
    url = await createDatabase(major);
  });
  beforeEach(() =>
    withClient(url, (client) =>
      client.query(
        'DROP SCHEMA IF EXISTS trueup, public CASCADE; CREATE SCHEMA public; DROP EXTENSION IF EXISTS "uuid-ossp"',
      ),
    ),
  );

  it.each(DEFECT_KINDS.map((kind) => [kind.id, kind] as const))('%s', async (_id, kind) => {
    const { example } = kind;
    await withClient(url, async (client) => {
      await client.query(INSTALL_SQL);
      if (kind.catalog.rows === 'defect') expect(await rows(client, kind)).toEqual([]);
      await make(client, example.schema);

      // The error, in the words that the signature knows.
      if (example.statement !== null) {
        const error = await failure(client, example.statement);
        expect(kind.sqlstates).toContain(error?.code);
        expect(matchedError(error!).signature).toBe(kind.log);
        expect(listKindsOfSignature(kind.log!)).toContain(kind);
      }

      // The catalog.
      if (kind.catalog.rows === 'defect') {
        const { column } = example.object;
        const [row, ...rest] = await rows(client, kind, tableOf(kind), ...(column === null ? [] : [column]));
        expect(rest).toEqual([]);
        expect(row).toMatchObject({
          table: example.object.table,
          object: example.object.column ?? example.object.name,
        });
        expect(row!.sentence).toMatch(/^.+\.$/);
      }

      // The verification tells, and the repair repairs.
      const verify = async (): Promise<unknown[]> =>
        (await client.query(kind.verification(example.object))).rows;
      if (kind.id !== 'missing-conflict-predicate') expect(await verify()).toHaveLength(1);
      const { words, sql } = kind.repair(example.object);
      expect(words).toMatch(/\.$/);
      if (kind.id === 'invalid-index') await client.query('DELETE FROM payments WHERE id = 2');
      for (const statement of sql) await client.query(await completed(client, statement));
      expect(await verify()).toEqual([]);
      if (kind.catalog.rows === 'defect') expect(await rows(client, kind)).toEqual([]);
      if (example.statement !== null && sql.length > 0)
        expect(await failure(client, example.statement)).toBeNull();
    });
  });

  it('not-null-too-early names the columns that a foreign key sets to NULL, and no others', async () => {
    const key = (table: string, action: string): string =>
      `CREATE TABLE ${table} (a int NOT NULL, b int NOT NULL, FOREIGN KEY (a, b) REFERENCES p ${action})`;
    await withClient(url, async (client) => {
      await client.query('CREATE TABLE p (a int, b int, PRIMARY KEY (a, b))');
      await client.query(`${key('deleted', 'ON DELETE SET NULL')}; ${key('changed', 'ON UPDATE SET NULL')}`);
      if (major >= 15)
        await client.query(
          `${key('picked', 'ON DELETE SET NULL (b)')}; ${key('twice', 'ON DELETE SET NULL (b) ON UPDATE SET NULL')};
           ${key('other', 'ON DELETE SET DEFAULT (b)')}`,
        );
      const found = await rows(client, findDefectKind('not-null-too-early')!);
      expect(found.map(({ table, object }) => `${table}.${object}`)).toEqual([
        ...['public.changed.a', 'public.changed.b', 'public.deleted.a', 'public.deleted.b'],
        ...(major >= 15 ? ['public.picked.b', 'public.twice.a', 'public.twice.b'] : []),
      ]);
    });
  });

  it.each(DEFECT_KINDS.filter(({ log }) => log !== null).map((kind) => [kind.id, kind] as const))(
    'the diagnosis of %s',
    async (_id, kind) => {
      const { example } = kind;
      const question = await withClient(url, async (client) => {
        await make(client, example.schema);
        const error = await failure(client, example.statement!);
        return questionOf(url, error!, example.statement!);
      });
      const db = await connectPg({ url, readOnly: true, statementTimeoutMs: 5_000 });
      try {
        const diagnosis = await diagnose(db, question, NONE);
        expect(diagnosis.kind).toBe(kind.id);
        expect(diagnosis.repair).toEqual(kind.repair(example.object));
        expect(diagnosis).toMatchSnapshot();
        // Without the statement, what is not seen is said.
        const blind = await diagnose(db, { ...question, statement: null }, NONE);
        // A message that names the function needs no statement.
        if (!['missing-uuid-function'].includes(kind.id))
          expect(blind.notChecked.join()).toMatch(/no statement for this error/);
        const elsewhere = await diagnose(db, { ...question, database: 'other' }, NONE);
        expect(elsewhere.notChecked.join()).toMatch(/from the database other/);
      } finally {
        await db.close();
      }
    },
  );
});

const tableOf = (kind: DefectKind): string => kind.example.object.table!.replace(/^public\./, '');

/** What a person fills in. */
async function completed(client: Client, statement: string): Promise<string> {
  if (!statement.includes('<')) return statement;
  const { rows: found } = await client.query("SELECT conname FROM pg_constraint WHERE contype = 'f'");
  return statement.replace('<name of the key>', found[0].conname);
}

function questionOf(url: string, error: DatabaseError, statement: string): DiagnosisRequest {
  const matched = matchedError(error);
  return {
    signature: matched.signature.id,
    database: new URL(url).pathname.slice(1),
    user: 'postgres',
    table: matched.names.table ?? null,
    column: matched.names.column ?? null,
    constraint: matched.names.constraint ?? null,
    message: matched.text,
    statement: normalizeStatement(statement),
  };
}

describe('the kinds together', () => {
  it('ids are unique, every signature belongs to a kind', () => {
    expect(new Set(DEFECT_KINDS.map(({ id }) => id)).size).toBe(DEFECT_KINDS.length);
    for (const signature of SIGNATURES) {
      expect(listKindsOfSignature(signature).length, signature.id).toBeGreaterThan(0);
      for (const kind of listKindsOfSignature(signature))
        expect(kind.sqlstates.every((state) => signature.messages.some((m) => m.sqlstate === state))).toBe(
          true,
        );
    }
  });
});
