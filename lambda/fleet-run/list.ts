/** Reads a fleet's tenants from all sources that its owner declared, and validates them before a run begins. */
import { describeError } from '../contract/errors';
import type { FleetMember, FleetPlan, TenantListing } from '../contract/fleet-run';
import type { MigrateRequest, MigrateResponse } from '../contract/migrate';
import { type ListEntry, ListError, MAX_TENANTS, parseEntries } from '../fleet/entries';
import { assertListSize, parseTenants } from '../fleet/tenant-list';
import { FleetError } from './error';
import type { FleetOutbound } from './fleet-outbound';

const LIST_PAGE_SIZE = 1_000;
/** Maximum number of problems of a list that are shown. */
const MAX_SHOWN_PROBLEMS = 5;
/** Maximum share of a server's free connections. */
const MAX_SHARE_OF_FREE = 0.1;

/**
 * Reads the tenants of all lists.
 * @throws {FleetError}
 */
export async function readMembers(
  plan: FleetPlan,
  functions: Readonly<Record<string, string>>,
  outbound: FleetOutbound,
): Promise<FleetMember[]> {
  const servers = Object.keys(plan.servers);
  const [only] = plan.lists;
  // A single list in S3 is read line by line, so that each problem is reported with its line.
  const unit = plan.lists.length === 1 && only?.kind === 's3' ? 'line' : 'row';
  const entries: ListEntry[] = [];
  try {
    for (const each of plan.lists) {
      const read =
        each.kind === 's3'
          ? await readListFromS3(each, outbound)
          : await readListFromServer(each, functions, outbound);
      if (each.kind === 's3' && read.length === 0 && !each.allowEmpty)
        throw new FleetError(
          `The list of tenants s3://${each.bucket}/${each.key} has no tenants. If it may be empty, give it \`allowEmpty: true\`.`,
        );
      const before = unit === 'line' ? null : entries.length;
      for (const [i, entry] of read.entries())
        entries.push(before === null ? entry : { ...entry, line: before + i + 1 });
    }
    return parseTenants(entries, {
      servers,
      unit,
      bounds: plan,
      allowEmpty: plan.lists.length > 0 && plan.lists.every(({ allowEmpty }) => allowEmpty === true),
    }) as FleetMember[];
  } catch (error) {
    if (error instanceof ListError) throw new FleetError(describeInvalidList(error));
    throw error;
  }
}

function describeInvalidList({ message }: ListError, list = 'The list of tenants'): string {
  const lines = message.split('\n');
  const more = lines.length > MAX_SHOWN_PROBLEMS ? `; and ${lines.length - MAX_SHOWN_PROBLEMS} more` : '';
  return `${list} is not valid: ${lines.slice(0, MAX_SHOWN_PROBLEMS).join('; ')}${more}.`;
}

async function readListFromS3(
  { bucket, key }: Extract<TenantListing, { kind: 's3' }>,
  outbound: FleetOutbound,
): Promise<ListEntry[]> {
  const text = await outbound.list(bucket, key);
  assertListSize(Buffer.byteLength(text));
  try {
    return parseEntries(text);
  } catch (error) {
    if (!(error instanceof ListError)) throw error;
    throw new FleetError(describeInvalidList(error, `The list of tenants s3://${bucket}/${key}`));
  }
}

async function readListFromServer(
  { server, source }: Extract<TenantListing, { kind: 'server' }>,
  functions: Readonly<Record<string, string>>,
  outbound: FleetOutbound,
): Promise<ListEntry[]> {
  const entries: ListEntry[] = [];
  let after: string | null = null;
  do {
    const response: MigrateResponse = await queryServer(
      server,
      { action: 'list-tenants', source, after, limit: LIST_PAGE_SIZE },
      functions,
      outbound,
    );
    if (response.action !== 'list-tenants') throw makeUnexpectedAnswerError(server, response);
    const { tenants, next } = response.page ?? {};
    // Any other answer would be requested again forever, or would be taken for the last page.
    if (!Array.isArray(tenants) || !(next === null || (typeof next === 'string' && next !== after)))
      throw new FleetError(`The function of server ${server} returned an incomplete page of tenants.`, true);
    // A source knows its own server; only a query may name another one.
    for (const tenant of tenants)
      entries.push({
        line: 0,
        fields: Object.fromEntries(
          Object.entries({ server, ...tenant }).filter(([, value]) => value !== null && value !== undefined),
        ),
      });
    if (entries.length > MAX_TENANTS)
      throw new FleetError(`Server ${server} names more than ${MAX_TENANTS} tenants.`);
    after = next;
  } while (after !== null);
  return entries;
}

/**
 * Sends a request to a server's function.
 * @throws {FleetError} if it cannot be invoked, or answers with an error
 */
export async function queryServer(
  server: string,
  request: MigrateRequest,
  functions: Readonly<Record<string, string>>,
  outbound: Pick<FleetOutbound, 'invokeMigrate'>,
): Promise<MigrateResponse> {
  const name = functions[server];
  if (name === undefined) throw new FleetError(`The fleet has no server ${server}.`);
  const invoked = await outbound.invokeMigrate(name, request);
  if (invoked.kind !== 'answered')
    throw new FleetError(
      `The function of server ${server} did not return a response: ${invoked.message}. See its log.`,
      true,
    );
  const { response } = invoked;
  if (response.action !== 'error') return response;
  throw new FleetError(
    `Server ${server}: ${describeError(response.error)}`,
    // A request that an older version of the function does not know may succeed once the new version is deployed.
    ['connection', 'unsupported', 'busy'].includes(response.error.code),
  );
}

const makeUnexpectedAnswerError = (server: string, { action }: MigrateResponse): FleetError =>
  new FleetError(`The function of server ${server} answered \`${action}\` to a different request.`, true);

/**
 * Checks that the fleet's concurrency uses at most a tenth of each server's free connections.
 * @throws {FleetError} if it would use more
 */
export async function checkHeadroom(
  plan: FleetPlan,
  members: readonly FleetMember[],
  functions: Readonly<Record<string, string>>,
  outbound: FleetOutbound,
): Promise<void> {
  const checks = Object.entries(plan.servers).map(async ([server, { concurrency }]) => {
    const tenants = members.filter((member) => member.server === server).length;
    if (tenants === 0) return [];
    const response = await queryServer(server, { action: 'server' }, functions, outbound);
    if (response.action !== 'server') throw makeUnexpectedAnswerError(server, response);
    const { freeConnections: free } = response.server;
    const most = Math.max(1, Math.floor(free * MAX_SHARE_OF_FREE));
    const needed = Math.min(concurrency, tenants);
    return needed <= most
      ? []
      : `Server ${server} has ${free} free connections, and ${needed} tenants at once would take more than a tenth of them; set maxConcurrency to ${most}, or raise max_connections.`;
  });
  const wrong = (await Promise.all(checks)).flat();
  if (wrong.length > 0) throw new FleetError(wrong.join(' '));
}
