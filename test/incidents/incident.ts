/**
 * Real incidents that led to Trueup, as data: the broken database, the failing statement, the server's message,
 * and what must hold after the repair. `npm start` plays them; the tests of this folder verify them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';

export type ConnectClient = () => Promise<Client>;

export interface FailingStatement {
  /** The purpose of the statement in the application. */
  readonly what: string;
  readonly sql: string;
  readonly params?: readonly unknown[];
  readonly sqlstate: string;
  /** The server's message. */
  readonly words: string;
  /**
   * Whether it is sent in the transaction that the previous statement aborted.
   * @default false
   */
  readonly sameTransaction?: boolean;
  /**
   * The statement that the application must send after the repair, and the reason.
   * @default - the same statement
   */
  readonly afterRepair?: { readonly sql: string; readonly why: string };
}

/**
 * A repair that only a person can decide on: a preflight reports the problem and the deployment stops. It must be run
 * then, not earlier.
 */
export interface HandRepair {
  readonly what: string;
  readonly sql: string;
}

export interface Behavior {
  /** The behavior after the repair, as a sentence without a full stop. */
  readonly what: string;
  /**
   * Checks the behavior.
   * @throws {Error} if it does not hold
   */
  readonly holds: (connect: ConnectClient) => Promise<void>;
}

export interface Incident {
  readonly id: string;
  readonly title: string;
  /** Name of the database to create for the incident. */
  readonly database: string;
  /** Absolute path of the incident's migrations. */
  readonly folder: string;
  /** Fills an empty database with the broken schema and its data. */
  readonly seed: (client: Client) => Promise<void>;
  readonly failing: readonly FailingStatement[];
  readonly byHand: readonly HandRepair[];
  readonly behaviors: readonly Behavior[];
}

export interface ReproducedError {
  readonly statement: FailingStatement;
  readonly sqlstate: string;
  readonly message: string;
}

/**
 * Runs the failing statements.
 * @throws {Error} if one of them does not fail
 */
export async function reproduceErrors(client: Client, incident: Incident): Promise<ReproducedError[]> {
  const reproduced: ReproducedError[] = [];
  for (const group of groupByTransaction(incident.failing)) {
    await client.query('BEGIN');
    for (const statement of group) {
      const error = await client.query(statement.sql, [...(statement.params ?? [])]).then(
        () => undefined,
        (refused: { code: string; message: string }) => refused,
      );
      if (!error) throw new Error(`${incident.id}: the database is not broken: ${statement.what} succeeds`);
      reproduced.push({ statement, sqlstate: error.code, message: error.message });
    }
    await client.query('ROLLBACK');
  }
  return reproduced;
}

/**
 * Runs the same statements after the repair.
 * @throws the server's error if one of them still fails
 */
export async function runAgain(client: Client, incident: Incident): Promise<void> {
  for (const group of groupByTransaction(incident.failing)) {
    await client.query('BEGIN');
    try {
      for (const { sql, params, afterRepair } of group) {
        await client.query(afterRepair?.sql ?? sql, [...(params ?? [])]);
      }
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    }
  }
}

function groupByTransaction(statements: readonly FailingStatement[]): FailingStatement[][] {
  const groups: FailingStatement[][] = [];
  for (const statement of statements) {
    if (statement.sameTransaction) groups.at(-1)!.push(statement);
    else groups.push([statement]);
  }
  return groups;
}

/** Returns the folder with the repair of a database. */
export const findMigrationsFolder = (database: string): string =>
  join(__dirname, '../../migrations', database);

/** Returns the `up` section of a folder's first file, which creates the database as it was before the repair. */
export function readFoundSchema(database: string): string {
  const file = readFileSync(join(findMigrationsFolder(database), '0001_as_found.sql'), 'utf8');
  return file.split(/^-- migrate:up.*$/m)[1]!.split(/^-- migrate:/m)[0]!;
}

/** Makes the same call on `n` connections at once and returns the results in order. */
export async function callConcurrently<T>(
  connect: ConnectClient,
  n: number,
  call: (client: Client, i: number) => Promise<T>,
): Promise<T[]> {
  const clients = await Promise.all(Array.from({ length: n }, connect));
  try {
    return await Promise.all(clients.map(call));
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

/** Makes a call on one connection, and closes it afterwards. */
export const withClient = async <T>(
  connect: ConnectClient,
  call: (client: Client) => Promise<T>,
): Promise<T> => (await callConcurrently(connect, 1, call))[0]!;

/** Returns the SQLSTATE of a failing statement; `undefined` if it succeeds. */
export const findSqlState = (
  client: Client,
  sql: string,
  params: unknown[] = [],
): Promise<string | undefined> =>
  client.query(sql, params).then(
    () => undefined,
    (error: { code: string }) => error.code,
  );
