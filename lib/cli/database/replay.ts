/**
 * Runs the files of another tool on a temporary server, the way that tool would send them, without superuser rights.
 */
import { Client, DatabaseError } from 'pg';
import { safeServerMessage } from '../../../lambda/postgres/server-words';
import type { MigrationEntry } from '../../adopt/entry';
import { findLine, getTransactionKind, parseStatements } from '../../adopt/statements';
import type { ConnectionTarget } from './connection';

/** A statement, or a whole file, that the scratch server did not run. */
export interface ReplayFailure {
  readonly entry: MigrationEntry;
  /** Line of the statement; `null` for a whole file. */
  readonly line: number | null;
  readonly why: string;
  /** The text, in which the caller looks for names. Never shown. */
  readonly sql: string;
}

/** Limit for one statement; a file with many statements may take longer. */
const STATEMENT_TIMEOUT_MS = 60_000;
/** Limit on the client's side, because a file may switch off statement_timeout. */
const REPLAY_TIMEOUT_MS = 120_000;

/** Returns the SQL of a file, with replacements for statements that only a superuser may run. */
export type RewriteEntry = (entry: MigrationEntry) => string;

export async function replayEntries(
  { pg }: ConnectionTarget,
  entries: readonly MigrationEntry[],
  searchPath: string,
  rewrite: RewriteEntry,
  begins: (entry: MigrationEntry) => void,
): Promise<readonly ReplayFailure[]> {
  const connect = async (): Promise<Client> => {
    const { host, port, user, password, database } = pg;
    const client = new Client({
      ...{ host, port, user, password: password as string, database, ssl: false },
      query_timeout: REPLAY_TIMEOUT_MS,
      options: `-c statement_timeout=${STATEMENT_TIMEOUT_MS} -c client_min_messages=error`,
    });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const notReplayed: ReplayFailure[] = [];
  let client = await connect();
  try {
    for (const entry of entries) {
      begins(entry);
      if (await isConnectionLost(client)) {
        await client.end().catch(() => {});
        client = await connect();
      }
      // Each file starts as in a new session: it is unknown which of them shared one.
      await client.query('RESET ALL');
      await client.query("SELECT pg_catalog.set_config('search_path', $1, false)", [searchPath]);
      notReplayed.push(...(await replayEntry(client, entry, rewrite(entry))));
    }
  } finally {
    await client.end().catch(() => {});
  }
  return notReplayed;
}

/** Tells whether the session is unusable because a query that timed out is still running. */
const isConnectionLost = async (client: Client): Promise<boolean> => {
  try {
    await client.query({ text: 'ROLLBACK', query_timeout: 5_000 } as { text: string });
    return false;
  } catch {
    return true;
  }
};

async function replayEntry(
  client: Client,
  entry: MigrationEntry,
  sql: string,
): Promise<readonly ReplayFailure[]> {
  if (entry.transaction !== 'statement') {
    try {
      await client.query(sql);
      // Ends a transaction that the file left open, as the tool would.
      await client.query('COMMIT');
      return [];
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {});
      return replayStatements(client, entry, sql, error);
    }
  }
  return replayStatements(client, entry, sql, null);
}

/**
 * Runs as many statements as possible: one that this server cannot run must not prevent the rest of its file from
 * running.
 */
async function replayStatements(
  client: Client,
  entry: MigrationEntry,
  sql: string,
  whole: unknown,
): Promise<readonly ReplayFailure[]> {
  const statements = parseStatements(entry.file, sql);
  if (statements === null)
    return [{ entry, line: null, why: whole === null ? UNREADABLE_REASON : describeFailure(whole), sql }];
  const notReplayed: ReplayFailure[] = [];
  for (const statement of statements) {
    if (getTransactionKind(statement) !== undefined) continue;
    try {
      await client.query(statement.sql);
    } catch (error) {
      notReplayed.push({
        entry,
        line: findLine(sql, statement.start),
        why: describeFailure(error),
        sql: statement.sql,
      });
    }
  }
  return notReplayed;
}

const UNREADABLE_REASON = "PostgreSQL's parser cannot read it";

function describeFailure(error: unknown): string {
  if (!(error instanceof DatabaseError)) return 'the server did not respond in time';
  const { code, message, routine } = error;
  const position = error.position === undefined ? {} : { position: Number(error.position) };
  const words = safeServerMessage(code, message, { ...position, ...(routine ? { routine } : {}) });
  return `${words} [SQLSTATE ${code}]`;
}
