/** Runs a temporary PostgreSQL server during some work, and removes it however the work ends. */
import {
  type PostgresServer,
  type PostgresServerOptions,
  startPostgres,
} from '../../scratch-postgres/server';
import { exitInterrupted } from '../terminal/interrupt';
import type { Stream, Terminal } from '../terminal/terminal';

/**
 * Runs `work` with a temporary server.
 * @param work receives a terminal that is silent after Ctrl-C, since the work would report that its server has stopped
 */
export async function withScratchServer<T>(
  terminal: Terminal,
  options: PostgresServerOptions,
  work: (server: PostgresServer, terminal: Terminal) => Promise<T>,
): Promise<T> {
  let interrupted = false;
  let interrupt = (): void => {};
  const asked = new Promise<void>((resolve) => {
    interrupt = () => {
      interrupted = true;
      resolve();
    };
  });
  const untilInterrupted = (stream: Stream): Stream => ({
    ...stream,
    write: (text) => interrupted || stream.write(text),
    line: (text) => interrupted || stream.line(text),
  });
  const own = { ...terminal, out: untilInterrupted(terminal.out), err: untilInterrupted(terminal.err) };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  let server: PostgresServer | undefined;
  try {
    server = await startPostgres(options);
    if (!interrupted) return (await Promise.race([work(server, own), asked])) as T;
  } finally {
    await server?.stop();
    // After an interrupt there is nothing more to report.
    if (interrupted) await exitInterrupted(terminal);
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
  throw new Error('interrupted');
}
