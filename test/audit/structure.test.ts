/** A database with an object of every kind, as migrations: another database has the same afterwards. */
import { expect, test } from 'vitest';
import { readCatalogue } from '../../lambda/audit/catalogue/read';
import { compare } from '../../lambda/audit/compare';
import { filesOf } from '../../lib/audit/write/files';
import { allParts } from '../../lib/audit/write/plan';
import { structureOf } from '../../lib/audit/write/structure';
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
    const { catalogue } = await readCatalogue(await readOnly(from));
    const { parts, unwritten } = allParts(catalogue, (await readCatalogue(await readOnly(to))).catalogue);
    expect(unwritten).toEqual(['shop.old_orders (a foreign table needs its server, and the login to it)']);
    for (const { up } of parts) for (const statement of up) await target.query(statement);
    const made = (await readCatalogue(await readOnly(to))).catalogue;
    expect(compare(catalogue, made).differences.map(({ message }) => message)).toEqual([
      'Foreign table shop.old_orders is missing.',
    ]);
    // Each statement is one that a migration may have.
    const files = filesOf(parts).map(({ name, text }) => ({ name, bytes: Buffer.from(decided(text)) }));
    await compileFiles(files);
    const base = [...structureOf(catalogue, [])].map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
    await up(tried, await compileFiles(base));
    const based = (await readCatalogue(await readOnly(tried))).catalogue;
    // What a server of one's own may not be told, and nothing else.
    expect(compare(catalogue, based).differences.map(({ message }) => message)).toEqual([
      'Foreign table shop.old_orders is missing.',
      `Event trigger ${role} is missing.`,
      'Publication whole is missing.',
      'PUBLIC has TEMPORARY on database database; in the source that is revoked.',
      'PUBLIC has EXECUTE on default privileges postgres; in the source that is revoked.',
      `New tables of postgres give ${role} no SELECT; in the source they do.`,
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
