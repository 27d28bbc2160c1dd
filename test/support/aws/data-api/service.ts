/** The operations of the Data API on a real PostgreSQL, with the limits that the service documents. */
import { randomBytes } from 'node:crypto';
import type {
  BeginTransactionRequest,
  CommitTransactionRequest,
  ExecuteStatementRequest,
  ExecuteStatementResponse,
} from '@aws-sdk/client-rds-data';
import { type Backend, Backends, type Login, send } from './backends';
import { type Bound, bind, columnOf, fieldOf } from './fields';
import { databaseError, ServiceError } from './service-error';

export interface Secret {
  readonly username: string;
  readonly password: string;
}

/** https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.limitations.html and troubleshooting */
export interface Limits {
  /** @default - 45,000 ms */
  readonly callMs: number;
  /** @default - 180,000 ms */
  readonly idleTransactionMs: number;
  /** @default - 65,536 */
  readonly statementLength: number;
  /** @default - 1 MiB */
  readonly responseBytes: number;
  /** @default - 64 KiB */
  readonly rowBytes: number;
}

export const DOCUMENTED_LIMITS: Limits = {
  callMs: 45_000,
  idleTransactionMs: 180_000,
  statementLength: 65_536,
  responseBytes: 1024 * 1024,
  rowBytes: 64 * 1024,
};

export interface ServiceOptions {
  readonly host: string;
  readonly port: number;
  readonly clusterArn: string;
  /** By ARN. */
  readonly secrets: Readonly<Record<string, Secret>>;
  readonly limits: Limits;
}

interface OpenTransaction {
  readonly login: Login;
  readonly backend: Backend;
  busy: boolean;
  timer: NodeJS.Timeout | undefined;
}

export class DataApiService {
  private readonly backends = new Backends();
  private readonly transactions = new Map<string, OpenTransaction>();
  /** Why a transaction is gone. */
  private readonly ended = new Map<string, string>();

  constructor(private readonly options: ServiceOptions) {}

  async beginTransaction(request: BeginTransactionRequest): Promise<object> {
    const login = this.login(request);
    const backend = await this.backends.take(login).catch(asServiceError);
    await backend.client.query('BEGIN').catch(asServiceError);
    const transactionId = randomBytes(24).toString('base64url');
    const transaction = { login, backend, busy: false, timer: undefined };
    this.transactions.set(transactionId, transaction);
    this.watch(transactionId, transaction);
    return { transactionId };
  }

  async commitTransaction(request: CommitTransactionRequest): Promise<object> {
    this.login(request);
    return this.end(request.transactionId!, 'COMMIT', 'Transaction Committed');
  }

  async rollbackTransaction(request: CommitTransactionRequest): Promise<object> {
    this.login(request);
    return this.end(request.transactionId!, 'ROLLBACK', 'Rollback Complete');
  }

  async executeStatement(request: ExecuteStatementRequest): Promise<ExecuteStatementResponse> {
    const login = this.login(request);
    const { sql = '', transactionId } = request;
    if (sql.length > this.options.limits.statementLength) {
      throw new ServiceError(
        'ValidationException',
        `1 validation error detected: Value at 'sql' failed to satisfy constraint: Member must have length less than or equal to ${this.options.limits.statementLength}`,
      );
    }
    const bound = bind(sql, request.parameters ?? []);
    return transactionId === undefined
      ? this.executeAlone(login, bound, request)
      : this.executeIn(transactionId, bound, request);
  }

  close(): void {
    for (const { timer } of this.transactions.values()) clearTimeout(timer);
    this.backends.close();
  }

  private async executeAlone(
    login: Login,
    bound: Bound,
    request: ExecuteStatementRequest,
  ): Promise<ExecuteStatementResponse> {
    const backend = await this.backends.take(login).catch(asServiceError);
    return this.run(backend, login, bound, request, () => this.backends.giveBack(login, backend));
  }

  private async executeIn(
    id: string,
    bound: Bound,
    request: ExecuteStatementRequest,
  ): Promise<ExecuteStatementResponse> {
    const transaction = this.transaction(id);
    transaction.busy = true;
    clearTimeout(transaction.timer);
    return this.run(transaction.backend, transaction.login, bound, request, (error) => {
      transaction.busy = false;
      if (error) this.drop(id, 'Transaction has been aborted due to an error from a previous call.');
      else if (this.transactions.has(id)) this.watch(id, transaction);
    });
  }

  /** @param done called once, when the server has finished: before the answer, or long after it at a timeout */
  private async run(
    backend: Backend,
    login: Login,
    bound: Bound,
    request: ExecuteStatementRequest,
    done: (error?: unknown) => Promise<void> | void,
  ): Promise<ExecuteStatementResponse> {
    let timer: NodeJS.Timeout | undefined;
    const answer = this.answer(backend, login, bound, request, done);
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), this.options.limits.callMs);
    });
    try {
      const first = await Promise.race([answer, late]);
      if (first !== 'late') return first;
    } catch (error) {
      throw databaseError(error);
    } finally {
      clearTimeout(timer);
    }
    if (!request.continueAfterTimeout) {
      await this.cancel(login, backend.pid);
      await answer.catch(() => {});
    }
    throw new ServiceError('StatementTimeoutException', 'Request timed out', 400, {
      dbConnectionId: backend.pid,
    });
  }

  private async answer(
    backend: Backend,
    login: Login,
    bound: Bound,
    request: ExecuteStatementRequest,
    done: (error?: unknown) => Promise<void> | void,
  ): Promise<ExecuteStatementResponse> {
    try {
      const response = await this.respond(await send(backend, bound), request, login);
      await done();
      return response;
    } catch (error) {
      await done(error);
      throw error;
    }
  }

  private async respond(
    result: Awaited<ReturnType<typeof send>>,
    request: ExecuteStatementRequest,
    login: Login,
  ): Promise<ExecuteStatementResponse> {
    if (result.fields.length === 0) {
      return { numberOfRecordsUpdated: result.rowCount ?? 0, generatedFields: [] };
    }
    const enums = await this.enums(
      login,
      result.fields.map((field) => field.dataTypeID),
    );
    const columns = result.fields.map((field) => columnOf(field, enums));
    const records = result.rows.map((row) =>
      row.map((raw, i) => fieldOf(raw, result.fields[i]!.dataTypeID, request.resultSetOptions ?? {})),
    );
    const sizes = result.rows.map((row) => row.reduce((sum, raw) => sum + Buffer.byteLength(raw ?? ''), 0));
    const { rowBytes, responseBytes } = this.options.limits;
    if (sizes.some((size) => size > rowBytes)) {
      throw new ServiceError('UnsupportedResultException', 'Packet for query is too large.');
    }
    if (sizes.reduce((a, b) => a + b, 0) > responseBytes) {
      throw new ServiceError('UnsupportedResultException', 'Database response exceeded size limit.');
    }
    return {
      records,
      numberOfRecordsUpdated: result.command === 'SELECT' ? 0 : (result.rowCount ?? 0),
      ...(request.includeResultMetadata ? { columnMetadata: columns } : {}),
    };
  }

  /** Types that people made: of these only enums are supported. */
  private async enums(login: Login, oids: readonly number[]): Promise<ReadonlySet<number>> {
    const unknown = oids.filter((oid) => oid >= 16_384);
    if (unknown.length === 0) return new Set();
    const backend = await this.backends.take(login);
    const { rows } = await backend.client.query<{ oid: number }>(
      "SELECT oid FROM pg_catalog.pg_type WHERE oid = ANY($1) AND typtype = 'e'",
      [unknown],
    );
    await this.backends.giveBack(login, backend);
    return new Set(rows.map(({ oid }) => Number(oid)));
  }

  private async end(id: string, command: string, transactionStatus: string): Promise<object> {
    const { backend, login } = this.transaction(id);
    this.forget(id, 'One previous call resulted in a termination of your transaction.');
    try {
      await backend.client.query(command);
      return { transactionStatus };
    } catch (error) {
      throw databaseError(error);
    } finally {
      await this.backends.giveBack(login, backend);
    }
  }

  private async cancel(login: Login, pid: number): Promise<void> {
    const backend = await this.backends.take(login);
    await backend.client.query('SELECT pg_cancel_backend($1)', [pid]);
    await this.backends.giveBack(login, backend);
  }

  private transaction(id: string): OpenTransaction {
    const transaction = this.transactions.get(id);
    if (!transaction) {
      const why = this.ended.get(id) ?? 'Transaction may be expired.';
      throw new ServiceError('TransactionNotFoundException', `Transaction ${id} isn't found. ${why}`, 404);
    }
    if (transaction.busy)
      throw new ServiceError('DatabaseErrorException', 'Transaction is still running a query');
    return transaction;
  }

  /** Ends the transaction when nobody uses it. */
  private watch(id: string, transaction: OpenTransaction): void {
    transaction.timer = setTimeout(
      () => this.drop(id, 'Transaction may be expired.'),
      this.options.limits.idleTransactionMs,
    );
    transaction.timer.unref();
  }

  private drop(id: string, why: string): void {
    const transaction = this.transactions.get(id);
    this.forget(id, why);
    if (!transaction) return;
    const { backend, login } = transaction;
    void backend.client
      .query('ROLLBACK')
      .catch(() => {})
      .then(() => this.backends.giveBack(login, backend));
  }

  private forget(id: string, why: string): void {
    clearTimeout(this.transactions.get(id)?.timer);
    this.transactions.delete(id);
    this.ended.set(id, why);
  }

  /** Checks what every request carries. */
  private login(request: {
    resourceArn?: string;
    secretArn?: string;
    database?: string;
    schema?: string;
  }): Login {
    const { resourceArn = '', secretArn = '', database = 'postgres' } = request;
    if (request.schema !== undefined) {
      throw new ServiceError('ValidationException', "The schema parameter isn't supported");
    }
    if (resourceArn !== this.options.clusterArn) {
      throw new ServiceError(
        'HttpEndpointNotEnabledException',
        `HttpEndpoint isn't enabled for cluster ${resourceArn}`,
      );
    }
    const secret = this.options.secrets[secretArn];
    if (!secret) throw new ServiceError('SecretsErrorException', `The secret ${secretArn} wasn't found`);
    const { host, port } = this.options;
    return { host, port, user: secret.username, password: secret.password, database };
  }
}

function asServiceError(error: unknown): never {
  throw databaseError(error);
}
