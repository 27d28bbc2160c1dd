/** A PostgreSQL server of our own for the length of some work, gone afterwards whatever ends it. */
import { type PostgresServer, type PostgresServerOptions, startPostgres } from '../local/postgres-server';
import { EXIT } from './exit-codes';

export async function withOwnServer<T>(
  options: PostgresServerOptions,
  work: (server: PostgresServer) => Promise<T>,
): Promise<T> {
  let interrupted = false;
  let interrupt = (): void => {};
  const asked = new Promise<void>((resolve) => {
    interrupt = () => {
      interrupted = true;
      resolve();
    };
  });
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  let server: PostgresServer | undefined;
  try {
    server = await startPostgres(options);
    if (!interrupted) return (await Promise.race([work(server), asked])) as T;
  } finally {
    await server?.stop();
    // What was interrupted has nothing more to say.
    if (interrupted) process.exit(EXIT.interrupted);
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
  throw new Error('interrupted');
}
