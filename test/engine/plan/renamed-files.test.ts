/** A renamed file is the migration that it was: it is not run again, whoever renames it, on whatever branch, however far it is. */
import { describe, expect, test } from 'vitest';
import type { ConvergeRequest } from '../../../lambda/contract/converge';
import type { Migration } from '../../../lambda/contract/manifest';
import { down, plan, readStatus, verify } from '../../../lambda/engine';
import { planRenames, resolveCurrentName } from '../../../lambda/engine/plan/renamed-files';
import { compile } from '../../compiler/support';
import { connect, createDatabase, majors } from '../../support/database';
import { contextFor, run, up } from '../../support/engine';
import { ledgerOf, rowOf } from '../../support/ledger-row';
import { manifestOf, migration, promising, request } from '../../support/manifest';

const shop = { account: '111122223333', region: 'eu-central-1', stackName: 'Shop' };
const prices = migration('0001_prices', {
  up: ['CREATE TABLE prices (amount int)', 'INSERT INTO prices VALUES (1000)'],
});
const cents = (name: string, sketch = {}) =>
  migration(name, { up: ['UPDATE prices SET amount = amount * 100'], ...sketch });
/** Fails until the database lets it. */
const GO = "SELECT 1 / coalesce(current_setting('trueup.go', true), '0')::int";
const amount = async (url: string) =>
  (await (await connect(url)).query('SELECT amount FROM prices')).rows[0]?.amount;

describe('what is a renamed file', () => {
  const a = cents('0002_cents');
  const other = migration('0003_other', { up: ['SELECT 3'] });
  const plans = (
    files: Migration[],
    rows: Migration[],
    change: Partial<ConvergeRequest> = {},
    state: Parameters<typeof ledgerOf>[1] = {},
  ) => {
    const manifest = manifestOf(...files);
    const { renames, errors } = planRenames(
      manifest,
      ledgerOf(
        rows.map((each) => rowOf(each)),
        state,
      ),
      request(manifest, change),
    );
    return {
      renames: renames.map(({ from, to }) => `${from} -> ${to}`),
      errors: errors.map((e) => e.message),
    };
  };
  const nothing = { renames: [], errors: [] };

  test.each<[string, ReturnType<typeof plans>, ReturnType<typeof plans>]>([
    ['the same text', plans([cents('0009_x')], [a]), { renames: ['0002_cents -> 0009_x'], errors: [] }],
    [
      'a zero more',
      plans([cents('00002_cents')], [a]),
      { renames: ['0002_cents -> 00002_cents'], errors: [] },
    ],
    ['its file is there: two migrations', plans([a, cents('0009_x')], [a]), nothing],
    ['another text, number and name', plans([other], [a]), nothing],
    [
      'the row is undone',
      (() => {
        const manifest = manifestOf(cents('0009_x'));
        const { renames, errors } = planRenames(
          manifest,
          ledgerOf([rowOf(a, { state: 'undone' })]),
          request(manifest),
        );
        return { renames: renames.map(String), errors: errors.map(String) };
      })(),
      nothing,
    ],
    [
      'repeatables match by name only',
      plans([migration('R__b', { up: ['SELECT 1'] })], [migration('R__a', { up: ['SELECT 1'] })]),
      nothing,
    ],
    [
      'a versioned one is no repeatable',
      plans([migration('0005_b', { up: ['SELECT 1'] })], [migration('R__a', { up: ['SELECT 1'] })]),
      nothing,
    ],
    [
      'two rows have the text',
      plans([cents('0009_x')], [a, cents('0003_again')]),
      {
        renames: [],
        errors: [
          '0009_x.sql has the text of applied migrations whose files are missing (0002_cents, 0003_again): it is not known which of them it is',
        ],
      },
    ],
    [
      'two files have the text',
      plans([cents('0008_x'), cents('0009_y')], [a]),
      {
        renames: [],
        errors: [
          '0008_x.sql has the text of applied migrations whose files are missing (0002_cents), like 0009_y.sql: it is not known which of them it is',
          '0009_y.sql has the text of applied migrations whose files are missing (0002_cents), like 0008_x.sql: it is not known which of them it is',
        ],
      },
    ],
    [
      'the same number, another text',
      plans([migration('2_other', { up: ['SELECT 3'] })], [a]),
      {
        renames: [],
        errors: ['2_other.sql has the same number as 0002_cents, which is applied and whose file is missing'],
      },
    ],
    [
      'the same name, another text',
      plans([migration('0007_cents', { up: ['SELECT 3'] })], [a]),
      {
        renames: [],
        errors: [
          '0007_cents.sql has, apart from the number, the same name as 0002_cents, which is applied and whose file is missing',
        ],
      },
    ],
    [
      'another number, name and end, behind the statements that have run of a half-done one',
      (() => {
        const text = (last: string) => ({ up: ['SELECT 1', 'SELECT 2', last] });
        const half = migration('0002_half', text('SELECT 3'));
        const file = migration('0006_whole', text('SELECT 4'));
        const manifest = manifestOf(file, migration('0007_more', { up: ['SELECT 2'] }));
        const row = rowOf(half, {
          state: 'partial',
          statement: 2,
          statementChecksums: half.statements.slice(0, 2).map(({ checksum }) => checksum),
        });
        const { renames, errors } = planRenames(manifest, ledgerOf([row]), request(manifest));
        return { renames: renames.map(String), errors: errors.map(({ message }) => message) };
      })(),
      {
        renames: [],
        errors: [
          '0006_whole.sql begins with the completed statements of 0002_half, which is not finished and whose file is missing',
        ],
      },
    ],
    [
      'a person says which',
      plans([migration('0007_cents', { up: ['SELECT 3'] })], [a], {
        declared: { name: '0007_cents', was: '0002_cents' },
      }),
      { renames: ['0002_cents -> 0007_cents'], errors: [] },
    ],
    [
      'a person says new',
      plans([cents('0009_x')], [a], { declared: { name: '0009_x', was: null } }),
      nothing,
    ],
    [
      'and has said so before',
      plans([cents('0009_x')], [a], {}, { declared: [{ name: '0009_x', was: null }] }),
      nothing,
    ],
    [
      'what a new file was declared to be does not hide the row of that name',
      plans([cents('0009_x')], [a], {}, { declared: [{ name: '0002_cents', was: null }] }),
      { renames: ['0002_cents -> 0009_x'], errors: [] },
    ],
    [
      'no such row',
      plans([cents('0009_x')], [a], { declared: { name: '0009_x', was: '0005_y' } }),
      { renames: [], errors: ['0005_y is not an applied versioned migration whose file is missing'] },
    ],
    [
      'no such file',
      plans([cents('0009_x')], [a], { declared: { name: '0008_x', was: '0002_cents' } }),
      { renames: [], errors: ['0008_x is not a new versioned migration'] },
    ],
    [
      'a file that only a refused deployment had',
      plans(
        [a],
        [a],
        { declared: { name: '0008_x', was: '0002_cents' } },
        { refusedFiles: [{ name: '0008_x', upChecksum: 'x' }] },
      ),
      nothing,
    ],
    [
      'as it was called before, in whatever text',
      plans(
        [migration('0002_cents', { up: ['SELECT 3'] })],
        [cents('0009_x')],
        {},
        {
          renames: [{ from: '0002_cents', to: '0009_x', deployment: 'd' }],
        },
      ),
      { renames: ['0009_x -> 0002_cents'], errors: [] },
    ],
  ])('%s', (_, found, expected) => {
    expect(found).toEqual(expected);
  });

  test('a name is followed through all that came after it', () => {
    const to = (...names: string[]) => names.slice(1).map((name, i) => ({ from: names[i]!, to: name }));
    expect(resolveCurrentName('a', to('a', 'b', 'c'))).toBe('c');
    expect(resolveCurrentName('b', to('a', 'b', 'a'))).toBe('a');
    expect(resolveCurrentName('a', to('a', 'b', 'a'))).toBe('a');
    expect(resolveCurrentName('a', to('a', 'b', 'a', 'b'))).toBe('b');
    expect(resolveCurrentName('x', to('a', 'b'))).toBe('x');
  });
});

describe.each(majors())('PostgreSQL %i', (major) => {
  test('it is not applied again, and plan, run and status say what became of it', async () => {
    const url = await createDatabase(major);
    const verified = (name: string) =>
      cents(name, { verify: "SELECT 'small' FROM prices WHERE amount < 100000" });
    await up(url, manifestOf(prices, verified('0002_cents')));
    const files = manifestOf(prices, verified('0004_to_cents'));
    const said =
      '0004_to_cents is the renamed file of 0002_cents, which is applied; the ledger records the new name';
    expect(await plan(contextFor(url, files), request(files))).toMatchObject({
      steps: [],
      errors: [],
      warnings: [said],
    });
    expect(
      (await readStatus(contextFor(url, files), 'app')).migrations.map(
        ({ name, state }) => `${name} ${state}`,
      ),
    ).toEqual(['0001_prices applied', '0004_to_cents applied']);
    expect((await verify(contextFor(url, files), 'app')).verified).toEqual(['0004_to_cents']);
    const outcome = await up(url, files);
    expect(outcome.report).toMatchObject({ applied: [], warnings: [said], position: '0004_to_cents' });
    expect((await up(url, files)).report).toMatchObject({ applied: [], warnings: [] });
    expect(await amount(url)).toBe(100_000);
    const { rows } = await (await connect(url)).query(
      "SELECT migration, detail FROM trueup.events WHERE event = 'renamed'",
    );
    expect(rows).toEqual([{ migration: '0004_to_cents', detail: { from: '0002_cents' } }]);
  });

  test('two branches take turns, each with its own name for it', async () => {
    const url = await createDatabase(major);
    for (const name of ['0002_cents', '0003_cents', '0002_cents', '0003_cents'])
      await up(url, manifestOf(prices, cents(name)));
    expect(await amount(url)).toBe(100_000);
  });

  test('a half-done one goes on under its new name', async () => {
    const url = await createDatabase(major);
    const half = (name: string, last: string) =>
      migration(name, {
        up: ['UPDATE prices SET amount = amount * 100', { sql: last, execution: 'separate' }],
      });
    await up(url, manifestOf(prices));
    await run(url, manifestOf(prices, half('0002_cents', GO)));
    const client = await connect(url);
    await client.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET trueup.go = '1'`);
    const { report } = await up(url, manifestOf(prices, half('0007_cents', GO)));
    expect(report.applied).toEqual(['0007_cents']);
    expect(await amount(url)).toBe(100_000);
  });

  test('a run that ends between the new name and its outcome is taken up', async () => {
    const url = await createDatabase(major);
    await up(url, manifestOf(prices, cents('0002_cents')));
    const files = manifestOf(prices, cents('0003_cents'), migration('0004_next', { up: ['SELECT 4'] }));
    // As a process leaves it that was killed after its first commit.
    const slice = await run(url, files, { id: 'killed' }, { deadline: Date.now() + 1 });
    const client = await connect(url);
    await client.query(
      "UPDATE trueup.deployments SET outcome = 'running', result = NULL WHERE id = 'killed'",
    );
    expect((await up(url, files, { id: 'killed' })).report.warnings).toEqual([
      expect.stringContaining('0003_cents is the renamed file of 0002_cents'),
    ]);
    expect((await up(url, files, { id: 'again' })).report.warnings).toEqual([]);
    expect(slice.outcome.status).not.toBe('failed');
    expect(await amount(url)).toBe(100_000);
  });

  test('a rollback to the code before gives it its old name again, and undoes the rest', async () => {
    const url = await createDatabase(major);
    const old = manifestOf(prices, cents('0002_cents'));
    await up(url, old, { owner: shop });
    const note = migration('0003_note', {
      up: ['CREATE TABLE note ()'],
      down: ['DROP TABLE note'],
    });
    const next = manifestOf(prices, cents('0002_to_cents'), note);
    await up(url, next, { owner: shop, startedAt: '2026-01-01T00:00:00.000Z' });
    const back = await up(url, old, {
      owner: shop,
      direction: 'rollback',
      failed: { manifestHash: next.hash, reportedSuccess: false },
    });
    expect(back.report).toMatchObject({ undone: ['0003_note'], kept: [] });
    expect(back.report.warnings).toEqual([
      expect.stringContaining('0002_cents is the renamed file of 0002_to_cents'),
    ]);
    await up(url, old, { owner: shop });
    expect(await amount(url)).toBe(100_000);
  });

  test('a rollback undoes what was renamed after the deployment that failed had recorded it', async () => {
    const url = await createDatabase(major);
    const old = manifestOf(prices);
    await up(url, old, { owner: shop });
    const note = (name: string) =>
      migration(name, { up: ['CREATE TABLE note ()'], down: ['DROP TABLE note'] });
    const next = manifestOf(prices, note('0003_note'));
    await up(url, next, { owner: shop, id: 'failed' });
    const client = await connect(url);
    await client.query(`UPDATE trueup.migrations SET name = '0004_note' WHERE name = '0003_note';
      INSERT INTO trueup.events (namespace, deployment, migration, event, detail)
      VALUES ('app', 'by hand', '0004_note', 'renamed', '{"from": "0003_note"}')`);
    const back = await up(url, old, {
      owner: shop,
      direction: 'rollback',
      failed: { manifestHash: next.hash, reportedSuccess: false },
    });
    expect(back.report).toMatchObject({ undone: ['0004_note'], kept: [] });
  });

  test('down finds it by both names, with and without its file', async () => {
    for (const [files, name] of [
      ['0004_note', '0004_note'],
      ['0004_note', '0003_note'],
      [null, '0004_note'],
      [null, '0003_note'],
    ] as const) {
      const url = await createDatabase(major);
      const note = (of: string) =>
        migration(of, { up: ['CREATE TABLE note ()'], down: ['DROP TABLE note'], undo: 'by-name' });
      await up(url, manifestOf(prices, note('0003_note')), { owner: shop });
      if (files === null) await up(url, manifestOf(prices, note('0004_note')), { owner: shop });
      const manifest = files === null ? manifestOf(prices) : manifestOf(prices, note(files));
      const outcome = await down(contextFor(url, manifest), {
        id: 'down',
        namespace: 'app',
        owner: null,
        name,
      });
      expect(outcome).toMatchObject({ status: 'done', report: { undone: ['0004_note'] } });
    }
  });

  test('what only looks like it is refused until a person says what it is', async () => {
    const url = await createDatabase(major);
    await up(url, manifestOf(prices, cents('0002_cents')));
    const bigger = (name: string) =>
      migration(name, {
        up: ['UPDATE prices SET amount = amount * 1000'],
        verify: "SELECT 'small' FROM prices WHERE amount < 100000",
      });
    const files = manifestOf(prices, bigger('0002_mills'));
    const refused = {
      status: 'failed',
      error: {
        code: 'history',
        message:
          '0002_mills.sql has the same number as 0002_cents, which is applied and whose file is missing',
        remedy:
          'Nothing was run. If it is that migration under another name, run `trueup baseline 0002_mills --was 0002_cents`; if it is a new one, `trueup baseline --new 0002_mills`.',
      },
    };
    expect((await run(url, files)).outcome).toMatchObject(refused);
    expect((await run(url, files, { owner: shop })).outcome).toMatchObject({
      error: {
        remedy: expect.stringContaining(
          '--was 0002_cents --stack Shop`; if it is a new one, `trueup baseline --new 0002_mills --stack Shop`; and deploy again.',
        ),
      },
    });
    // Another baseline does not mark it by the way.
    const aside = await run(url, files, { baseline: '0002_mills', baselineOnly: true });
    expect(aside.outcome).toMatchObject({ status: 'done', report: { baselined: [] } });
    const said = await run(url, files, {
      baselineOnly: true,
      declared: { name: '0002_mills', was: '0002_cents' },
    });
    expect(said.outcome).toMatchObject({
      status: 'done',
      report: { recordedEdits: ['0002_mills'], applied: [] },
    });
    expect((await up(url, files)).report).toMatchObject({ applied: [], warnings: [] });
    expect(await amount(url)).toBe(100_000);

    const newer = manifestOf(prices, migration('0002_rest', { up: ['UPDATE prices SET amount = 7'] }));
    expect((await run(url, newer)).outcome).toMatchObject({ status: 'failed' });
    await up(url, newer, { baselineOnly: true, declared: { name: '0002_rest', was: null } });
    expect(await amount(url)).toBe(100_000);
    expect((await up(url, newer)).report.applied).toEqual(['0002_rest']);
    expect(await amount(url)).toBe(7);
  });

  test('a file whose verify section fails does not take the name, so that it can still be the new one', async () => {
    const url = await createDatabase(major);
    await up(url, manifestOf(prices, cents('0002_cents')));
    const files = manifestOf(
      prices,
      migration('0002_more', {
        up: ['INSERT INTO prices VALUES (2)'],
        verify: "SELECT 'no second price' WHERE (SELECT count(*) FROM prices) < 2",
      }),
    );
    const { outcome } = await run(url, files, {
      baselineOnly: true,
      declared: { name: '0002_more', was: '0002_cents' },
    });
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { migration: '0002_more', sqlstate: 'TU001' },
      report: { warnings: [], position: '0002_cents' },
    });
    await up(url, files, { baselineOnly: true, declared: { name: '0002_more', was: null } });
    expect((await up(url, files)).report).toMatchObject({
      applied: ['0002_more'],
      warnings: ['0002_cents is applied, but its file is missing; it stays applied'],
    });
  });

  test('of a stack, it is said to the code that came back, and the next deployment goes by it', async () => {
    const url = await createDatabase(major);
    const old = manifestOf(prices, cents('0002_cents'));
    await up(url, old, { owner: shop });
    const files = manifestOf(
      prices,
      migration('0002_mills', { up: ['SELECT 5'], verify: "SELECT 'x' WHERE false" }),
      migration('0001_2_new', { up: ['UPDATE prices SET amount = 8'] }),
    );
    expect((await run(url, files, { owner: shop })).outcome).toMatchObject({ status: 'failed' });
    expect(
      (await run(url, old, { baselineOnly: true, declared: { name: '0003_typo', was: '0002_cents' } }))
        .outcome,
    ).toMatchObject({ status: 'failed', error: { message: '0003_typo is not a new versioned migration' } });
    const told = await up(url, old, {
      baselineOnly: true,
      declared: { name: '0002_mills', was: '0002_cents' },
    });
    expect(told.report.declared).toBe('0002_mills');
    const done = await up(url, manifestOf(...files.migrations.slice(0, 2)), { owner: shop });
    expect(done.report).toMatchObject({ recordedEdits: ['0002_mills'], applied: [] });
    expect(await amount(url)).toBe(100_000);
  });
});

describe('comments and blanks', () => {
  const text = (comment: string, rest = '') =>
    compile({
      '0001_note.sql': `-- migrate:no-verify a test\n-- migrate:up\nCREATE TABLE note (id int${comment});${rest}\n`,
    });

  test('an edit of those only is told as such, and accepted without a verify section', async () => {
    const url = await createDatabase();
    await up(url, await text(''));
    const edit = await text(' /* the key */ ', ' -- x');
    expect((await run(url, edit)).outcome).toMatchObject({
      error: {
        message: '0001_note.sql was edited after it was applied, but only in comments and whitespace',
        remedy: 'Run `trueup baseline 0001_note`: the new text is recorded. Or restore the file.',
      },
    });
    const accept = { baseline: '0001_note', baselineOnly: true };
    expect((await up(url, edit, accept)).report.recordedEdits).toEqual(['0001_note']);
    expect((await up(url, edit)).report).toMatchObject({ applied: [], warnings: [] });
    const more = await text(', note text');
    expect((await run(url, more, accept)).outcome).toMatchObject({
      error: { message: expect.stringContaining('has no verify section') },
    });
  });

  test('in a stack: said to the code that came back, recorded by the next deployment', async () => {
    const url = await createDatabase();
    const [old, edit] = [await text(''), await text(' /* the key */')];
    await up(url, old, { owner: shop });
    expect((await run(url, edit, { owner: shop })).outcome).toMatchObject({ status: 'failed' });
    const told = await up(url, old, { baseline: '0001_note', baselineOnly: true });
    expect(told.report.approvedEdits).toEqual(['0001_note']);
    expect((await up(url, edit, { owner: shop })).report.recordedEdits).toEqual(['0001_note']);
  });
});

describe('a promise that older code cannot keep', () => {
  const record = (deployment: string) =>
    `SELECT trueup._record('${JSON.stringify({
      namespace: 'app',
      deployment,
      name: '0009_old',
      kind: 'versioned',
      state: 'applied',
      up_checksum: 'x',
      down: null,
      statement: 1,
      statement_checksums: [],
      running: null,
      running_target: null,
      attempts: 0,
      verified: false,
      baselined: false,
      event: 'applied',
      guard: 0,
      expects: null,
    })}')`;

  test('is refused forward, and its rollback goes through; what it promises itself it may change again', async () => {
    const url = await createDatabase();
    const client = await connect(url);
    await up(url, promising(manifestOf(prices), 'SELECT amount FROM prices'), { owner: shop });
    await expect(client.query(record('older'))).rejects.toMatchObject({
      code: 'TU008',
      message: expect.stringContaining('cannot keep what the ledger promises the running application'),
    });
    await client.query(`INSERT INTO trueup.deployments (namespace, id, direction, manifest_hash, entries, request, outcome)
      VALUES ('app', 'back', 'rollback', 'x', '[]', '{}', 'running')`);
    await client.query(record('back'));
    await client.query("SELECT trueup._set_running_workload('app', 'of older code')");
    await client.query("DELETE FROM trueup.migrations WHERE name = '0009_old'");
    await client.query(record('older'));
  });

  test('newer promises stop this code forward only', async () => {
    const url = await createDatabase();
    const client = await connect(url);
    const files = promising(manifestOf(prices), 'SELECT amount FROM prices');
    await up(url, files, { owner: shop });
    await client.query('UPDATE trueup.namespaces SET min_guard_version = 99');
    expect((await run(url, files, { owner: shop })).outcome).toMatchObject({
      status: 'failed',
      error: {
        code: 'ledger',
        message:
          'this version of Trueup cannot keep the workload that the ledger guarantees to the running application, so it applies nothing',
      },
    });
    expect((await run(url, files, { owner: shop, direction: 'rollback' })).outcome.status).toBe('done');
    expect((await run(url, files, { owner: shop, remove: true })).outcome.status).toBe('done');
  });
});
