/**
 * Sends several statements that the server receives before the first one begins. It reads the next one from its own
 * buffer, and responds only after the last has ended. They therefore all run even if the client dies in the meantime,
 * and after an error the rest is skipped. A statement that PostgreSQL rejects in a transaction block may only come
 * first, because the server commits it immediately (extended query protocol, "pipelining").
 */
import type { Client, Connection, Submittable } from 'pg';

/** Methods that pg's types leave out. All fields have defaults, and a client can refuse to send COPY data. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  parse(statement: { readonly text: string }): void;
  bind(config: object): void;
  execute(config: object): void;
  sync(): void;
  sendCopyFail(why: string): void;
}
const getWire = (connection: Connection): Wire => connection as unknown as Wire;

export class Pipeline implements Submittable {
  private completed = 0;
  private settle: ((error?: unknown) => void) | undefined;

  constructor(private readonly statements: readonly string[]) {}

  /** Number of completed statements. */
  get done(): number {
    return this.completed;
  }

  /** Runs the statements. @throws the error of the server or of the connection */
  run(client: Client): Promise<void> {
    return new Promise((resolve, reject) => {
      this.settle = (error) => (error === undefined ? resolve() : reject(error));
      client.query(this as Submittable);
    });
  }

  submit(connection: Connection): void {
    const wire = getWire(connection);
    // Short statements go out in one packet: what the server has read survives a connection reset.
    wire.stream.cork();
    for (const text of this.statements) {
      wire.parse({ text });
      wire.bind({});
      wire.execute({});
    }
    wire.sync();
    wire.stream.uncork();
  }

  handleCommandComplete(): void {
    this.completed++;
  }

  handleReadyForQuery(): void {
    this.settle?.();
  }

  handleError(error: unknown): void {
    this.settle?.(error);
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {
    this.completed++;
  }
  handleCopyInResponse(connection: Connection): void {
    getWire(connection).sendCopyFail('there are no rows to copy');
  }
  handleCopyData(): void {}
}
