/** A database with an object of every kind, as migrations: another database has the same afterwards. */
import { expect, test } from 'vitest';
import { readCatalog } from '../../lambda/audit/catalog/read';
import { compareCatalogs } from '../../lambda/audit/compare';
import { buildFiles } from '../../lib/audit/write/files';
import { buildAllSteps } from '../../lib/audit/write/repair-plan';
import { buildStructureFiles } from '../../lib/audit/write/structure';
import { compileFiles } from '../../lib/compiler';
import { loadParser } from '../../lib/compiler/read/parser';
import { asSuperuser, connect, createDatabase, majors } from '../support/database';
import { up } from '../support/engine';
import { dropRest, everyKind } from './every-kind';
import { decided } from './round-trip';
import { readOnly } from './support';

test.each(majors())('PostgreSQL %i', async (major) => {
  await loadParser();
  const role = `structure_${major}_${process.pid}`;
  const from = await createDatabase(major);
  const client = await connect(from);
  await client.query(everyKind(major, role));
  const to = await createDatabase(major);
  const target = await connect(to);
  const tried = await createDatabase(major);
  const third = await connect(tried);
  try {
    const { catalog } = await readCatalog(await readOnly(from));
    const { parts, unwritten } = buildAllSteps(catalog, (await readCatalog(await readOnly(to))).catalog);
    expect(unwritten).toEqual([
      'shop.old_orders (a foreign table needs its foreign server and a user mapping)',
    ]);
    for (const { up } of parts) for (const statement of up) await target.query(statement);
    const made = (await readCatalog(await readOnly(to))).catalog;
    expect(compareCatalogs(catalog, made).differences.map(({ message }) => message)).toEqual([
      'Foreign table shop.old_orders is missing.',
    ]);
    // Each statement is one that a migration may have.
    const files = buildFiles(parts, null).map(({ name, text }) => ({
      name,
      bytes: Buffer.from(decided(text)),
    }));
    await compileFiles(files);
    const base = [...buildStructureFiles(catalog, [])].map(([name, text]) => ({
      name,
      bytes: Buffer.from(text),
    }));
    await up(tried, await compileFiles(base));
    const based = (await readCatalog(await readOnly(tried))).catalog;
    // What a server of one's own may not be told, and nothing else.
    expect(compareCatalogs(catalog, based).differences.map(({ message }) => message)).toEqual([
      'Foreign table shop.old_orders is missing.',
      `Event trigger ${role} is missing.`,
      'Publication whole is missing.',
      `Default privileges of postgres do not grant SELECT on tables to ${role}; in the source they do.`,
      'PUBLIC has TEMPORARY on the database; the source does not grant it.',
      'Default privileges of postgres grant EXECUTE on functions to PUBLIC; the source does not grant it.',
      'The setting search_path of this database is missing.',
      `The setting TimeZone of role ${role} in this database is missing.`,
    ]);
  } finally {
    await client.query(dropRest(role));
    await target.query(`DROP OWNED BY "${role}"`);
    await third.query(`DROP OWNED BY "${role}"`);
    await asSuperuser(major, `DROP ROLE "${role}"`);
  }
});
