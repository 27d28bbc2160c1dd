/** The two actions of watching, as the pager and the schedule invoke them. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { makeManifest } from '../../lambda/contract/manifest';
import { type ActionContext, handleRequest } from '../../lambda/migrate/actions';
import { ConnectionLostError } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { connect, createDatabase, outerMajors } from '../support/database';

const question = (database: string) => ({
  signature: 'not-null',
  database,
  user: 'app',
  table: 't',
  column: 'id',
  message: 'null value in column "id" of relation "t" violates not-null constraint',
  statement: null,
});

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  const written: string[] = [];
  afterEach(() => {
    vi.restoreAllMocks();
    written.length = 0;
  });
  function context(url: string, change: Partial<ActionContext> = {}): ActionContext {
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    return {
      settings: { namespace: 'shop', ownerRole: null },
      manifest: makeManifest([]),
      connect: (options) => connectPg({ url, readOnly: options?.readOnly }),
      progress: () => {},
      deadline: Date.now() + 30_000,
      ...change,
    };
  }

  it('diagnose: answers in order, reads only', async () => {
    const url = await createDatabase(major);
    await (await connect(url)).query('CREATE TABLE t (id uuid PRIMARY KEY)');
    const name = new URL(url).pathname.slice(1);
    const readOnly: unknown[] = [];
    const asked = context(url, {
      connect: (options) => {
        readOnly.push(options?.readOnly);
        return connectPg({ url, readOnly: options?.readOnly });
      },
    });
    const response = await handleRequest(
      { action: 'diagnose', questions: [question(name), question('other')] },
      asked,
    );
    expect(response).toMatchObject({
      action: 'diagnose',
      diagnoses: [
        {
          kind: 'missing-primary-key-default',
          migrations: [],
          notChecked: [expect.stringMatching(/no statement/)],
        },
        { kind: null, notChecked: [expect.stringMatching(/from the database other/)] },
      ],
    });
    expect(new Set(readOnly)).toEqual(new Set([true]));
    const late = await handleRequest(
      { action: 'diagnose', questions: [question(name)] },
      context(url, { deadline: Date.now() }),
    );
    expect(late).toMatchObject({ diagnoses: [{ notChecked: [expect.stringMatching(/No time was left/)] }] });
  });

  it('a database that cannot be reached is an answer', async () => {
    const unreachable = context('', {
      connect: async () => {
        throw new ConnectionLostError('connect ECONNREFUSED 10.0.0.1:5432', 'ECONNREFUSED');
      },
      deadline: Date.now() + 2_000,
    });
    const response = await handleRequest({ action: 'diagnose', questions: [question('shop')] }, unreachable);
    expect(response).toMatchObject({ action: 'error', error: { code: 'connection' } });
  });

  it.each(['drift', 'status', 'plan', 'verify'] as const)(
    '%s waits for a database that wakes up',
    async (action) => {
      const url = await createDatabase(major);
      let failures = 2;
      const waking = context(url, {
        connect: async (options) => {
          if (failures-- > 0) throw new ConnectionLostError('timeout expired');
          return connectPg({ url, readOnly: options?.readOnly });
        },
      });
      expect(await handleRequest({ action }, waking)).toMatchObject({ action });
    },
  );

  it.each(['drift', 'verify'] as const)(
    '%s does not wait past its time, nor for a wrong password',
    async (action) => {
      const answer = async (error: ConnectionLostError): Promise<readonly [unknown, number]> => {
        let attempts = 0;
        const down = context('', {
          connect: async () => {
            attempts++;
            throw error;
          },
          deadline: Date.now() + 1_500,
        });
        return [await handleRequest({ action }, down), attempts] as const;
      };
      const [lost, attempts] = await answer(new ConnectionLostError('timeout expired'));
      expect(lost).toMatchObject({ action: 'error', error: { code: 'connection' } });
      expect(attempts).toBeGreaterThan(1);
      expect(await answer(new ConnectionLostError('no', '28P01'))).toMatchObject([{ action: 'error' }, 1]);
    },
  );

  it('drift: answers, and reports metrics in the embedded format', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query('CREATE TABLE t (id int, CHECK (id > 0))');
    await client.query('ALTER TABLE t ADD CONSTRAINT later CHECK (id > 1) NOT VALID');
    const response = await handleRequest({ action: 'drift' }, context(url));
    expect(response).toMatchObject({
      action: 'drift',
      drift: {
        audit: {
          named: [{ id: 'unvalidated-constraint', object: 'public.t' }],
          // No deployment has made the ledger.
          unpaged: null,
          problem: expect.stringMatching(/^The ledger in schema trueup cannot store findings/),
        },
        logging: [],
      },
    });
    const metrics = written.map((line) => JSON.parse(line)).find((line) => line._aws !== undefined);
    expect(metrics).toMatchObject({
      FunctionName: 'local',
      Drift: 0,
      DriftChecked: 1,
      AuditFindings: 1,
      NewFindings: 1,
    });
    expect(
      metrics._aws.CloudWatchMetrics[0].Metrics.map(({ Name }: { Name: string }) => Name).sort(),
    ).toEqual(
      Object.keys(metrics)
        .filter((name) => !['_aws', 'FunctionName'].includes(name))
        .sort(),
    );
  });
});
