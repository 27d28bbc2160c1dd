/** Every call to the Data API leaves the process here. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  BeginTransactionCommand,
  CommitTransactionCommand,
  ExecuteStatementCommand,
  type ExecuteStatementResponse,
  RDSDataClient,
  type RDSDataClientConfig,
  RollbackTransactionCommand,
  type SqlParameter,
} from '@aws-sdk/client-rds-data';
import { within } from '../../aws-timeouts';
import { isPassing } from './errors';

export interface DataApiTarget {
  readonly clusterArn: string;
  /** Of a secret with `username` and `password`. */
  readonly secretArn: string;
  readonly database: string;
}

export interface DataApiCall {
  readonly sql: string;
  readonly parameters?: SqlParameter[];
  readonly transactionId?: string;
  /** The server goes on with the statement when the 45 seconds of a call are over. @default false */
  readonly continueAfterTimeout?: boolean;
}

/** The service answers within 45 s; past this the network has lost the answer. */
const ANSWER_TIMEOUT_MS = 75_000;

export class DataApiCalls {
  private readonly client: RDSDataClient;

  constructor(
    private readonly target: DataApiTarget,
    /** How long a paused or unavailable database is asked again. */
    private readonly patienceMs: number,
    config: RDSDataClientConfig = {},
  ) {
    // The SDK would repeat a call of which it does not know whether it was executed.
    this.client = new RDSDataClient({
      requestHandler: within(ANSWER_TIMEOUT_MS),
      ...config,
      maxAttempts: 1,
    });
  }

  execute(call: DataApiCall): Promise<ExecuteStatementResponse> {
    return this.patiently(() =>
      this.client.send(
        new ExecuteStatementCommand({
          ...this.names,
          database: this.target.database,
          includeResultMetadata: true,
          resultSetOptions: { longReturnType: 'STRING', decimalReturnType: 'STRING' },
          ...call,
        }),
      ),
    );
  }

  async begin(): Promise<string> {
    const answer = await this.patiently(() =>
      this.client.send(new BeginTransactionCommand({ ...this.names, database: this.target.database })),
    );
    return answer.transactionId!;
  }

  async commit(transactionId: string): Promise<void> {
    await this.patiently(() =>
      this.client.send(new CommitTransactionCommand({ ...this.names, transactionId })),
    );
  }

  async rollback(transactionId: string): Promise<void> {
    await this.client.send(new RollbackTransactionCommand({ ...this.names, transactionId }));
  }

  destroy(): void {
    this.client.destroy();
  }

  private get names() {
    return { resourceArn: this.target.clusterArn, secretArn: this.target.secretArn };
  }

  /** Repeats what was refused before it ran: a paused cluster takes about 15 s to resume, longer after a day. */
  private async patiently<T>(send: () => Promise<T>): Promise<T> {
    const end = Date.now() + this.patienceMs;
    for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, 4_000)) {
      try {
        return await send();
      } catch (error) {
        const waitMs = pauseMs / 2 + Math.random() * (pauseMs / 2);
        if (!isPassing(error) || Date.now() + waitMs > end) throw error;
        await sleep(waitMs);
      }
    }
  }
}
