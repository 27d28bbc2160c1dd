/** Statements that may fail: what is drawn does not always fit together. */
import type { Client } from 'pg';

export type Attempt = (sql: string) => Promise<boolean>;

/** Each keeps what the ones before it did. Transactions of their own, for what is built on values that were just made. */
export const attemptsOn =
  (client: Client): Attempt =>
  (sql) =>
    client.query(sql).then(
      () => true,
      () => false,
    );
