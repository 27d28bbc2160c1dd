import { Client, type ClientConfig } from 'pg';

/** A client for one piece of work, closed after it, so that a database is free to be dropped or copied. */
export async function withClient<T>(
  server: string | ClientConfig,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client(server);
  // A server that is stopped while the client waits is no fault of the test.
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
