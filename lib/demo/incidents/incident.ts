/**
 * The incidents that Trueup was made from, as data: the broken database, the statement that failed, the server's words,
 * and what has to hold after the repair. `npm start` plays them; test/incidents proves them.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';

export type Connect = () => Promise<Client>;

export interface FailingStatement {
  /** What the application wants with it. */
  readonly what: string;
  readonly sql: string;
  readonly params?: readonly unknown[];
  readonly sqlstate: string;
  /** The server's message. */
  readonly words: string;
  /** Sent in the transaction that the statement before it has aborted. @default false */
  readonly sameTransaction?: boolean;
  /** What the application has to send after the repair, and why. @default - the same statement */
  readonly afterRepair?: { readonly sql: string; readonly why: string };
}

/** Something that only a person can decide: a preflight reports it and the deployment stops. To be run then, not before. */
export interface HandRepair {
  readonly what: string;
  readonly sql: string;
}

export interface Behaviour {
  /** What holds after the repair, a sentence without a full stop. */
  readonly what: string;
  /** @throws {Error} when it does not hold */
  readonly holds: (connect: Connect) => Promise<void>;
}

export interface Incident {
  readonly id: string;
  readonly title: string;
  /** Name of a database to make for it. */
  readonly database: string;
  /** Absolute path of its migrations. */
  readonly folder: string;
  /** Makes the broken database with data, in an empty one. */
  readonly seed: (client: Client) => Promise<void>;
  readonly failing: readonly FailingStatement[];
  readonly byHand: readonly HandRepair[];
  readonly behaviours: readonly Behaviour[];
}

export interface Reproduced {
  readonly statement: FailingStatement;
  readonly sqlstate: string;
  readonly message: string;
}

/** Runs the failing statements. @throws {Error} when one of them does not fail */
export async function reproduce(client: Client, incident: Incident): Promise<Reproduced[]> {
  const reproduced: Reproduced[] = [];
  for (const group of transactionsOf(incident.failing)) {
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

/** Runs the same statements after the repair. @throws the server's error when one of them still fails */
export async function runAgain(client: Client, incident: Incident): Promise<void> {
  for (const group of transactionsOf(incident.failing)) {
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

function transactionsOf(statements: readonly FailingStatement[]): FailingStatement[][] {
  const groups: FailingStatement[][] = [];
  for (const statement of statements) {
    if (statement.sameTransaction) groups.at(-1)!.push(statement);
    else groups.push([statement]);
  }
  return groups;
}

/** The folder of a shipped database: two levels higher when this file has been compiled into dist/. */
export function migrationsOf(database: string): string {
  const roots = ['../../..', '../../../..'].map((up) => join(__dirname, up, 'migrations', database));
  const folder = roots.find((path) => existsSync(path));
  if (!folder) throw new Error(`The folder migrations/${database} is missing from this installation.`);
  return folder;
}

/** The first file of a folder is the database as it was found; this is its `up`. */
export function asFound(database: string): string {
  const file = readFileSync(join(migrationsOf(database), '0001_as_found.sql'), 'utf8');
  return file.split(/^-- migrate:up.*$/m)[1]!.split(/^-- migrate:/m)[0]!;
}

/** The same call on `n` connections at once; their answers in order. */
export async function together<T>(
  connect: Connect,
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

/** One connection for the length of `call`. */
export const alone = async <T>(connect: Connect, call: (client: Client) => Promise<T>): Promise<T> =>
  (await together(connect, 1, call))[0]!;

/** The SQLSTATE that a statement is refused with; undefined when it succeeds. */
export const refusal = (client: Client, sql: string, params: unknown[] = []): Promise<string | undefined> =>
  client.query(sql, params).then(
    () => undefined,
    (error: { code: string }) => error.code,
  );
