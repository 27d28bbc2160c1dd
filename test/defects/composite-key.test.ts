/** A duplicate key over several columns is everyday, unless the sequence of one of them is seen to be behind. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DiagnosisVerdict } from '../../lambda/contract/diagnosis';
import { makeManifest } from '../../lambda/contract/manifest';
import { diagnose } from '../../lambda/defects/diagnose';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { connect, createDatabase, majors, urlOf } from '../support/database';

describe.each(majors())('PostgreSQL %i', (major) => {
  let url: string;
  const open: Database[] = [];
  beforeAll(async () => {
    url = await createDatabase(major);
    await (
      await connect(url)
    ).query(`CREATE TABLE t (tenant int, id serial, x int UNIQUE, PRIMARY KEY (tenant, id));
      INSERT INTO t (tenant, x) SELECT 1, generate_series(1, 50);
      CREATE TABLE plain (a int, b int, PRIMARY KEY (a, b));
      CREATE TABLE hidden (tenant int, id serial, PRIMARY KEY (tenant, id));
      INSERT INTO hidden SELECT 1, generate_series(1, 50);
      DO $$ BEGIN CREATE ROLE composite_reader LOGIN PASSWORD 'x'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`);
  });
  afterAll(() => Promise.all(open.map((db) => db.close())));

  const unseen = async (
    constraint: string,
    statement: string,
    { as, verdict = null }: { as?: string; verdict?: DiagnosisVerdict | null } = {},
  ): Promise<string> => {
    const db = await connectPg({
      url: as === undefined ? url : urlOf(url, { user: as, password: 'x' }),
      readOnly: true,
    });
    open.push(db);
    const question = {
      signature: 'duplicate-key',
      database: '',
      user: 'postgres',
      table: null,
      column: null,
      constraint,
      message: '',
      statement,
    };
    const diagnosis = await diagnose(db, question, { manifest: makeManifest([]), status: null });
    expect(diagnosis).toMatchObject({ kind: null, verdict });
    return diagnosis.notChecked.join(' ');
  };

  it('the statement supplies the id', async () => {
    expect(await unseen('t_pkey', 'INSERT INTO t (tenant, id) VALUES (?, ?)')).toMatch(
      /supplies the key itself/,
    );
  });
  it('the sequence is ahead', async () => {
    expect(
      await unseen('t_pkey', 'INSERT INTO t (tenant) VALUES (?)', { verdict: 'not-reproduced' }),
    ).toMatch(/No sequence of public\.t is behind/);
  });
  it('no column takes its values from a sequence', async () => {
    expect(await unseen('plain_pkey', 'INSERT INTO plain (a) VALUES (?)')).toMatch(
      /No key plain_pkey takes its values/,
    );
  });
  it('the role may not read it', async () => {
    expect(
      await unseen('hidden_pkey', 'INSERT INTO hidden (tenant) VALUES (?)', { as: 'composite_reader' }),
    ).toMatch(
      /takes its values from public\.hidden_id_seq\. It is not known whether this sequence is behind the highest value/,
    );
  });
});
