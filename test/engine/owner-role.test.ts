/** Tables belong to the application's role: the login role acts as it, and what is missing for that is named. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { busyManifest } from '../support/busy-manifest';
import { asSuperuser, connect, createDatabase, majors } from '../support/database';
import { run, up } from '../support/engine';
import { manifestOf, migration } from '../support/manifest';

const owned = manifestOf(migration('0001_owned', { up: ['CREATE TABLE owned ()'] }));

describe.each(majors())('PostgreSQL %i', (major) => {
  /** Runs with two fresh roles, and removes them. */
  async function withRoles(
    attributes: string,
    work: (roles: {
      url: string;
      login: string;
      owner: string;
      admin: Awaited<ReturnType<typeof connect>>;
    }) => Promise<void>,
  ): Promise<void> {
    const url = new URL(await createDatabase(major));
    const database = url.pathname.slice(1);
    const admin = await connect(url.href);
    const suffix = randomBytes(4).toString('hex');
    const [owner, login] = [`owner_${suffix}`, `login_${suffix}`];
    await admin.query(
      `CREATE ROLE ${owner}; CREATE ROLE ${login} LOGIN ${attributes} PASSWORD 'x';
       GRANT CREATE ON DATABASE ${database} TO ${login}; GRANT CREATE ON SCHEMA public TO ${owner}`,
    );
    url.username = login;
    url.password = 'x';
    try {
      await work({ url: url.href, login, owner, admin });
    } finally {
      await admin.query(`DROP OWNED BY ${owner}, ${login}`);
      await asSuperuser(major, `DROP OWNED BY ${login}, ${owner}; DROP ROLE ${login}, ${owner}`);
    }
  }

  const remedy = (owner: string, login: string): string =>
    major >= 16
      ? `GRANT "${owner}" TO "${login}" WITH INHERIT TRUE, SET TRUE;`
      : `GRANT "${owner}" TO "${login}"; ALTER ROLE "${login}" INHERIT;`;

  test('without membership the GRANT is named, in the words of this version, and it helps', () =>
    withRoles('', async ({ url, login, owner, admin }) => {
      const refused = await run(url, owned, { ownerRole: owner });
      expect(refused.outcome).toMatchObject({
        status: 'failed',
        error: {
          code: 'privilege',
          message: `role ${login} cannot act as ${owner}`,
          remedy: remedy(owner, login),
        },
      });
      await admin.query(remedy(owner, login));
      await up(url, owned, { ownerRole: owner });
      const { rows } = await admin.query("SELECT tableowner FROM pg_tables WHERE tablename = 'owned'");
      expect(rows).toEqual([{ tableowner: owner }]);
    }));

  test('one of everything: what cannot run in a transaction too, by membership', () =>
    withRoles('', async ({ url, login, owner, admin }) => {
      await admin.query(remedy(owner, login));
      expect((await up(url, busyManifest, { ownerRole: owner })).report.pending).toEqual([]);
      const { rows } = await admin.query(
        `SELECT c.relname AS name, pg_get_userbyid(c.relowner) AS owner, i.indisvalid AS valid
         FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE c.relname ~ '^child' ORDER BY 1`,
      );
      expect(rows).toEqual([
        { name: 'child', owner, valid: null },
        { name: 'child_note', owner, valid: true },
        { name: 'child_parent', owner, valid: true },
        { name: 'child_pkey', owner, valid: true },
      ]);
    }));

  test('a member that does not inherit is refused before anything is done', () =>
    withRoles('NOINHERIT', async ({ url, login, owner, admin }) => {
      await admin.query(`GRANT ${owner} TO ${login}`);
      const { outcome } = await run(url, busyManifest, { ownerRole: owner });
      expect(outcome).toMatchObject({
        status: 'failed',
        error: { code: 'privilege', message: `role ${login} cannot act as ${owner}` },
      });
      expect((await admin.query("SELECT to_regnamespace('trueup') AS made")).rows).toEqual([{ made: null }]);
      if (outcome.status !== 'failed') return;
      // What it says to do is all that is missing.
      await admin.query(outcome.error.remedy);
      await up(url, busyManifest, { ownerRole: owner });
    }));

  test.runIf(major >= 16)(
    'a member that may not SET ROLE, or does not inherit by this grant, is refused',
    () =>
      withRoles('', async ({ url, login, owner, admin }) => {
        for (const options of ['INHERIT TRUE, SET FALSE', 'INHERIT FALSE, SET TRUE']) {
          await admin.query(`GRANT ${owner} TO ${login} WITH ${options}`);
          const { outcome } = await run(url, owned, { ownerRole: owner });
          expect(outcome, options).toMatchObject({
            status: 'failed',
            error: { code: 'privilege', remedy: remedy(owner, login) },
          });
        }
        await admin.query(remedy(owner, login));
        await up(url, owned, { ownerRole: owner });
      }),
  );

  test('a role that is not there', async () => {
    const { outcome } = await run(await createDatabase(major), owned, { ownerRole: 'nobody_of_that_name' });
    expect(outcome).toMatchObject({
      status: 'failed',
      error: {
        code: 'privilege',
        message: 'role nobody_of_that_name does not exist',
        remedy: expect.stringContaining('Create the role'),
      },
    });
  });
});
