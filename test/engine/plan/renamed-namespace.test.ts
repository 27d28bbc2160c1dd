/** A renamed folder is a new namespace, whose ledger is empty: it is told from a second schema in the same database. */
import { describe, expect, test } from 'vitest';
import type { ConvergeRequest } from '../../../lambda/contract/converge';
import { plan } from '../../../lambda/engine';
import { findRenameError, type OtherNamespace } from '../../../lambda/engine/plan/renamed-namespace';
import { connect, createDatabase, majors } from '../../support/database';
import { contextFor, run, up } from '../../support/engine';
import { manifestOf, migration, request } from '../../support/manifest';

const shop = { account: '111122223333', region: 'eu-central-1', stackName: 'Shop' };
const prices = migration('0001_prices', { up: ['CREATE TABLE IF NOT EXISTS prices (cents int)'] });
const doubled = migration('0002_doubled', { up: ['UPDATE prices SET cents = cents * 2'] });
const billing = migration('0001_billing', { up: ['CREATE TABLE billing ()'] });
const files = manifestOf(prices, doubled);
const more = manifestOf(prices, doubled, migration('0003_more', { up: ['SELECT 3'] }));

describe('what is refused', () => {
  const applied = Object.fromEntries(files.migrations.map((m) => [m.name, m.checksums.up]));
  const others: OtherNamespace[] = [{ name: 'shop', applied }];
  const table: [string, OtherNamespace[], typeof files, Partial<ConvergeRequest>, boolean][] = [
    ['the folder was renamed', others, files, {}, true],
    ['and has new files', others, more, {}, true],
    ['the other one is still in the template', others, files, { otherNamespaces: ['shop'] }, false],
    ['other migrations', others, manifestOf(billing), {}, false],
    [
      'a file of the same name',
      others,
      manifestOf(migration('0001_prices', { up: ['SELECT 1'] })),
      {},
      false,
    ],
    ['other migrations in the same resource', others, manifestOf(billing), { formerNamespace: 'shop' }, true],
    [
      'the same namespace as before',
      others,
      files,
      { otherNamespaces: ['shop'], formerNamespace: 'store' },
      false,
    ],
    [
      'the former namespace now belongs to another construct',
      others,
      files,
      { otherNamespaces: ['shop'], formerNamespace: 'shop' },
      false,
    ],
    ['nothing else there', [], files, { formerNamespace: 'shop' }, false],
  ];
  test.each(table)('%s', (_, there, manifest, change, refused) => {
    const asked = request(manifest, { namespace: 'store', owner: shop, otherNamespaces: [], ...change });
    const found = findRenameError(there, manifest, asked);
    expect(found?.remedy ?? null).toEqual(refused ? expect.stringContaining("ledgerName: 'shop'") : null);
  });
});

describe.each(majors())('PostgreSQL %i', (major) => {
  const stack = (change: Partial<ConvergeRequest>) => ({ owner: shop, otherNamespaces: [], ...change });

  test('a renamed folder runs nothing, and leaves no trace; under its own namespace it goes on', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await up(url, files, stack({ namespace: 'shop' }));
    await client.query('INSERT INTO prices VALUES (100)');
    const { outcome } = await run(url, more, stack({ namespace: 'store', formerNamespace: 'shop' }));
    expect(outcome).toMatchObject({
      status: 'failed',
      error: {
        code: 'ownership',
        message:
          'namespace store has no ledger in this database, while 2 of its migrations are applied here under namespace shop; they would count as new',
      },
    });
    const { rows } = await client.query(
      'SELECT cents, (SELECT count(*)::int FROM trueup.namespaces) AS n FROM prices',
    );
    expect(rows).toEqual([{ cents: 100, n: 1 }]);
    expect((await up(url, more, stack({ namespace: 'shop' }))).report.applied).toEqual(['0003_more']);
  });

  test('two schemas with the same files, and one beside another stack, are what they seem', async () => {
    const url = await createDatabase(major);
    for (const namespace of ['a', 'b']) {
      const beside = ['a', 'b'].filter((each) => each !== namespace);
      expect(
        (await up(url, files, stack({ namespace, otherNamespaces: beside }))).report.applied,
      ).toHaveLength(2);
    }
    const other = { ...shop, stackName: 'Other' };
    expect((await up(url, files, stack({ namespace: 'c', owner: other }))).report.applied).toHaveLength(2);
    // Nothing is in doubt any more, whatever has become of the others.
    expect((await up(url, more, stack({ namespace: 'b' }))).report.applied).toEqual(['0003_more']);
  });

  test('by hand it is asked of the folder, unless somebody says the namespace', async () => {
    const url = await createDatabase(major);
    await up(url, files, stack({ namespace: 'shop' }));
    const byHand = { namespace: 'store', otherNamespaces: [] };
    const { outcome } = await run(url, files, byHand);
    expect(outcome).toMatchObject({
      error: { remedy: expect.stringContaining('`--namespace shop` if the folder') },
    });
    const planned = await plan(contextFor(url, files), request(files, byHand));
    expect(planned).toMatchObject({ steps: [], errors: [{ code: 'ownership' }] });
    expect((await up(url, files, { namespace: 'store' })).report.applied).toHaveLength(2);
  });
});
