/** A PostgreSQL server of our own for the length of some work, gone afterwards whatever ends it. */
import {
  type PostgresServer,
  type PostgresServerOptions,
  startPostgres,
} from '../../scratch-postgres/server';
import { leave } from '../terminal/interrupt';
import type { Stream, Terminal } from '../terminal/terminal';

/** @param work is given a terminal that falls silent after Ctrl-C: it would complain that its server is gone. */
export async function withOwnServer<T>(
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
    // What was interrupted has nothing more to say.
    if (interrupted) await leave(terminal);
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
  throw new Error('interrupted');
}
