/**
 * Several statements that the server has in its hands before the first of them begins. It reads the next one from its
 * own buffer and answers nothing before the last has ended; so they all run although the client died meanwhile, and
 * after an error none of the rest does. Statements that PostgreSQL refuses in a transaction block may only come first:
 * the server commits those at once (extended query protocol, "pipelining").
 */
import type { Client, Connection, Submittable } from 'pg';

/** What pg's types leave out: all fields have defaults, and a client that is asked to send rows can refuse. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  parse(statement: { readonly text: string }): void;
  bind(config: object): void;
  execute(config: object): void;
  sync(): void;
  sendCopyFail(why: string): void;
}
const wireOf = (connection: Connection): Wire => connection as unknown as Wire;

export class Pipeline implements Submittable {
  private completed = 0;
  private settle: ((error?: unknown) => void) | undefined;

  constructor(private readonly statements: readonly string[]) {}

  /** Statements that came to their end. */
  get done(): number {
    return this.completed;
  }

  /** @throws the server's error, or the connection's */
  run(client: Client): Promise<void> {
    return new Promise((resolve, reject) => {
      this.settle = (error) => (error === undefined ? resolve() : reject(error));
      client.query(this as Submittable);
    });
  }

  submit(connection: Connection): void {
    const wire = wireOf(connection);
    // One packet where they are short: what the server has read is safe from a connection that is reset.
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
    wireOf(connection).sendCopyFail('there are no rows to copy');
  }
  handleCopyData(): void {}
}
