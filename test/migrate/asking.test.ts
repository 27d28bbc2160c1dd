/** The function that only answers questions: what it refuses, and that it could not write if it wanted to. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MigrateRequest } from '../../lambda/contract/migrate';
import { isReadOnlyAction } from '../../lambda/contract/migrate';
import { type ActionContext, handleRequest } from '../../lambda/migrate/actions';
import { connectDataApi } from '../../lambda/postgres/data-api/database';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { type DataApiEndpoint, startDataApi } from '../support/aws/data-api';
import { compileTexts } from '../support/conductor';
import { connect, createDatabase, majors } from '../support/database';
import { dumpCatalog } from '../support/dump-catalog';
import { quiet } from '../support/quiet';

quiet();
const endpoints: DataApiEndpoint[] = [];
afterAll(() => Promise.all(endpoints.map((endpoint) => endpoint.close())));

const FILES = {
  '0001_people':
    "-- migrate:up\nCREATE TABLE people (id bigint PRIMARY KEY, name text);\n-- migrate:verify\nSELECT trueup.has_column('people', 'name');\n",
  '0002_name':
    '-- migrate:up\nALTER TABLE people ADD COLUMN nick text;\n-- migrate:no-verify A sample.\n-- migrate:down\nALTER TABLE people DROP COLUMN nick;\n',
};

const CHANGING: readonly MigrateRequest[] = [
  {
    action: 'converge',
    request: {
      id: 'r',
      namespace: 'app',
      owner: { account: '1', region: 'r', stackName: 's' },
      adopt: true,
      direction: 'forward',
      manifestHash: '',
    },
  },
  { action: 'baseline', upTo: '0002_name', id: 'b' },
  { action: 'down', name: '0001_people', id: 'd' },
  // Of a version that is yet to be written, or of nobody.
  { action: 'toString' } as never,
  { action: 'repair' } as never,
];
const QUESTIONS: readonly MigrateRequest[] = [
  { action: 'status' },
  { action: 'plan' },
  { action: 'verify' },
  { action: 'drift' },
  { action: 'diagnose', questions: [] },
  { action: 'workload', of: null },
  { action: 'audit' },
  { action: 'new-findings', of: null },
  { action: 'check-workload', statements: null, from: 0 },
];

/** Both transports: with a session that is read only, and without one. */
const transports = {
  pg: async (url: string) => (readOnly: boolean) => connectPg({ url, readOnly }),
  'data-api': async (url: string) => {
    const { hostname, port, username, password, pathname } = new URL(url);
    const endpoint = await startDataApi({
      host: hostname,
      port: Number(port),
      secret: { username, password },
    });
    endpoints.push(endpoint);
    return (readOnly: boolean): Promise<Database> =>
      connectDataApi({ ...endpoint, database: pathname.slice(1), readOnly });
  },
};

describe.each(majors())('PostgreSQL %i', (major) => {
  describe.each(Object.keys(transports) as (keyof typeof transports)[])('%s', (transport) => {
    let url: string;
    let open: (readOnly: boolean) => Promise<Database>;
    let context: ActionContext;
    beforeAll(async () => {
      url = await createDatabase(major);
      open = await transports[transport](url);
      const manifest = await compileTexts(FILES);
      context = {
        settings: { namespace: 'app', ownerRole: null, queryOnly: true },
        manifest,
        connect: () => open(true),
        progress: () => {},
        deadline: Date.now() + 60_000,
      };
      const deploying = {
        ...context,
        settings: { ...context.settings, queryOnly: false },
        connect: () => open(false),
      };
      const request = {
        id: 'first',
        namespace: 'app',
        owner: null,
        direction: 'forward',
        manifestHash: manifest.hash,
      } as const;
      expect(await handleRequest({ action: 'converge', request }, deploying)).toMatchObject({
        outcome: { status: 'done' },
      });
    });

    it('refuses whatever changes the database, and what it does not know', async () => {
      const client = await connect(url);
      const before = await dumpCatalog(client);
      for (const request of CHANGING) {
        expect(isReadOnlyAction(request.action)).toBe(false);
        const connects = { ...context, connect: () => expect.unreachable() as never };
        expect(await handleRequest(request, connects)).toMatchObject({
          action: 'error',
          error: { code: 'privilege', remedy: expect.stringContaining('grantDeploy()') },
        });
      }
      expect(await dumpCatalog(client)).toEqual(before);
    });

    it('answers every question in sessions that cannot write', async () => {
      for (const request of QUESTIONS) {
        const response = await handleRequest(request, context);
        expect(response).toMatchObject({ action: request.action });
      }
      const verified = await handleRequest({ action: 'verify' }, context);
      expect(verified).toMatchObject({
        verification: { verified: ['0001_people'], errors: [], findings: [] },
      });
    });

    it('a session for questions writes nothing, however it is asked to', async () => {
      const db = await open(true);
      const refused = { sqlstate: '25006' };
      await expect(db.query("INSERT INTO people VALUES (1, 'x')")).rejects.toMatchObject(refused);
      // Code of a user's, e.g. a function that a verify section calls, cannot make its transaction writable either.
      const wayOut = "PERFORM set_config('transaction_read_only', 'off', true); DELETE FROM people;";
      await expect(db.execute([{ statements: [`DO $$ BEGIN ${wayOut} END $$`] }])).rejects.toMatchObject({
        sqlstate: '25001',
      });
      await expect(db.execute([{ statements: ['SELECT 1', 'CREATE TABLE t ()'] }])).rejects.toMatchObject(
        refused,
      );
      await expect(
        db.execute([{ statements: ['DO $$ BEGIN DELETE FROM trueup.migrations; END $$'] }]),
      ).rejects.toMatchObject(refused);
      await expect(
        db.executeOutside('CREATE INDEX CONCURRENTLY i ON people (name)', {}),
      ).rejects.toMatchObject(refused);
      await db.close();
    });
  });
});
