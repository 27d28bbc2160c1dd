/** Runs the files of another tool on a server of our own, as that tool would send them, without a superuser's rights. */
import { Client, DatabaseError } from 'pg';
import { safeServerMessage } from '../../../lambda/postgres/server-words';
import type { Entry } from '../../adopt/entry';
import { lineOf, statementsOf, transactionKind } from '../../adopt/statements';
import type { ConnectionTarget } from './connection';

/** A statement, or a whole file, that the scratch server did not run. */
export interface NotReplayed {
  readonly entry: Entry;
  /** Null where it is the whole file. */
  readonly line: number | null;
  readonly why: string;
  /** Its text, for who asks what it names. Never shown. */
  readonly sql: string;
}

/** Of a statement; a file of many may take longer in all. */
const STATEMENT_TIMEOUT_MS = 60_000;
/** Somebody's file may have set the timeout off. */
const GIVE_UP_MS = 120_000;

/** What a file says, with the statements replaced that only a superuser may run. */
export type Rewrite = (entry: Entry) => string;

export async function replay(
  { pg }: ConnectionTarget,
  entries: readonly Entry[],
  searchPath: string,
  rewrite: Rewrite,
  begins: (entry: Entry) => void,
): Promise<readonly NotReplayed[]> {
  const connect = async (): Promise<Client> => {
    const { host, port, user, password, database } = pg;
    const client = new Client({
      ...{ host, port, user, password: password as string, database, ssl: false },
      query_timeout: GIVE_UP_MS,
      options: `-c statement_timeout=${STATEMENT_TIMEOUT_MS} -c client_min_messages=error`,
    });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const notReplayed: NotReplayed[] = [];
  let client = await connect();
  try {
    for (const entry of entries) {
      begins(entry);
      if (await isLost(client)) {
        await client.end().catch(() => {});
        client = await connect();
      }
      // Each file begins as in a new session: which of them shared one is not known.
      await client.query('RESET ALL');
      await client.query("SELECT pg_catalog.set_config('search_path', $1, false)", [searchPath]);
      notReplayed.push(...(await replayEntry(client, entry, rewrite(entry))));
    }
  } finally {
    await client.end().catch(() => {});
  }
  return notReplayed;
}

/** What was given up is still on its way: the session is of no use. */
const isLost = async (client: Client): Promise<boolean> => {
  try {
    await client.query({ text: 'ROLLBACK', query_timeout: 5_000 } as { text: string });
    return false;
  } catch {
    return true;
  }
};

async function replayEntry(client: Client, entry: Entry, sql: string): Promise<readonly NotReplayed[]> {
  if (entry.transaction !== 'statement') {
    try {
      await client.query(sql);
      // A BEGIN without its COMMIT is the tool's to end.
      await client.query('COMMIT');
      return [];
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {});
      return statementByStatement(client, entry, sql, error);
    }
  }
  return statementByStatement(client, entry, sql, null);
}

/** As far as it goes: one statement that this server cannot run must not hide all others of its file. */
async function statementByStatement(
  client: Client,
  entry: Entry,
  sql: string,
  whole: unknown,
): Promise<readonly NotReplayed[]> {
  const statements = statementsOf(entry.file, sql);
  if (statements === null)
    return [{ entry, line: null, why: whole === null ? UNREADABLE : whyNot(whole), sql }];
  const notReplayed: NotReplayed[] = [];
  for (const statement of statements) {
    if (transactionKind(statement) !== undefined) continue;
    try {
      await client.query(statement.sql);
    } catch (error) {
      notReplayed.push({ entry, line: lineOf(sql, statement.start), why: whyNot(error), sql: statement.sql });
    }
  }
  return notReplayed;
}

const UNREADABLE = "PostgreSQL's parser cannot read it";

function whyNot(error: unknown): string {
  if (!(error instanceof DatabaseError)) return 'the server gave no answer in time';
  const { code, message, routine } = error;
  const position = error.position === undefined ? {} : { position: Number(error.position) };
  const words = safeServerMessage(code, message, { ...position, ...(routine ? { routine } : {}) });
  return `${words} [SQLSTATE ${code}]`;
}
