/** The drift check and a diagnosis call nothing that others put on the role's search_path. */
import { describe, expect, test } from 'vitest';
import type { DiagnosisRequest } from '../../lambda/contract/diagnosis';
import { matchMessage } from '../../lambda/defects/signatures';
import { createDatabase as createIfMissing } from '../../lambda/migrate/bootstrap';
import { answerQuestions } from '../../lambda/migrate/diagnosis';
import { checkDrift } from '../../lambda/migrate/drift';
import { connectDataApi } from '../../lambda/postgres/data-api/database';
import { connectPg } from '../../lambda/postgres/pg';
import { startDataApi } from '../support/aws/data-api';
import { majors } from '../support/database';
import { up } from '../support/engine';
import { manifestOf, migration } from '../support/manifest';
import { BEFORE, BEHIND, trapped } from '../support/trapped';

const FAILURES = [
  [
    'there is no unique or exclusion constraint matching the ON CONFLICT specification',
    '42P10',
    'INSERT INTO one (n) VALUES ($1) ON CONFLICT (n) DO NOTHING',
  ],
  [
    'null value in column "id" of relation "one" violates not-null constraint',
    '23502',
    'INSERT INTO one (n) VALUES ($1)',
  ],
  ['operator does not exist: uuid = text', '42883', 'SELECT * FROM one WHERE id = $1'],
] as const;

const manifest = manifestOf(
  migration('0001_one', { up: ['CREATE TABLE one (id int NOT NULL, n int, UNIQUE (id))'] }),
);

describe.each(majors())('PostgreSQL %i', (major) => {
  test('drift check and diagnosis, over both transports', async () => {
    const [url, client] = await trapped(major, BEHIND);
    await up(url, manifest);
    await client.query(
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.one_id_key'::regclass",
    );
    const { hostname, port, username, password, pathname } = new URL(url);
    const endpoint = await startDataApi({
      host: hostname,
      port: Number(port),
      secret: { username, password },
    });
    try {
      const open = [
        (readOnly: boolean) => connectPg({ url, readOnly }),
        (readOnly: boolean) => connectDataApi({ ...endpoint, database: pathname.slice(1), readOnly }),
      ];
      for (const connecting of open) {
        const [connect, connectForRecords] = [() => connecting(true), () => connecting(false)];
        const context = {
          connect,
          connectForRecords,
          manifest,
          deadline: Date.now() + 30_000,
          namespace: 'app',
        };
        const { audit, logging } = await checkDrift(context, 'app');
        expect(audit?.named.map(({ message }) => message)).toEqual([expect.stringContaining('one_id_key')]);
        expect(audit?.unpaged).toBe(1);
        expect(logging.join()).not.toMatch(/failed/);
        const questions = FAILURES.map(([message, code, statement]): DiagnosisRequest => {
          const { signature, names, text } = matchMessage(message, code)!;
          const [table, column] = [names.table ?? null, names.column ?? null];
          const database = pathname.slice(1);
          return {
            signature: signature.id,
            database,
            user: 'postgres',
            table,
            column,
            message: text,
            statement,
          };
        });
        const answers = await answerQuestions(questions, context);
        expect(JSON.stringify(answers)).not.toMatch(/could not be read|hijacked/);
      }
    } finally {
      await endpoint.close();
    }
  });

  test('what the first run asks as administrator', async () => {
    const [url] = await trapped(major, BEFORE);
    const admin = await connectPg({ url });
    expect(await createIfMissing(admin, new URL(url).pathname.slice(1), null)).toBe(false);
    await admin.close();
  });
});
